"""What ``GET /status`` tells: the state of the daemon as values. Instants are Unix seconds."""

from msgspec import Struct


class BudgetStatus(Struct, frozen=True, kw_only=True):
    """Requests a minute that we allow ourselves, and those still free now."""

    limit: int
    remaining: int


class FindingStatus(Struct, frozen=True, kw_only=True):
    """What the CAD's own settings say of the configuration; ``severity`` is problem, warning or note."""

    severity: str
    text: str


class CadStatus(Struct, frozen=True, kw_only=True):
    """The CAD as last seen; ``up`` is null before it was heard of, ``key`` is accepted, refused or unknown.

    ``budgets`` are those of what the bridge sends by itself, and of what was forwarded in the last minute.
    """

    up: bool | None
    key: str
    plan: str | None
    last_answer_at: float | None
    budgets: dict[str, BudgetStatus]
    findings: list[FindingStatus]


class SetAsideStatus(Struct, frozen=True, kw_only=True):
    """A unit that stays out of the batches until then, because the CAD refuses its location."""

    unit: str
    until: float


class BatchStatus(Struct, frozen=True, kw_only=True):
    """The last location request; ``reason`` is null where the CAD took it."""

    at: float
    server: str
    units: int
    updated: int | None
    lag_seconds: float
    reason: str | None


class LocationsStatus(Struct, frozen=True, kw_only=True):
    """The location buffer; ``interval`` is seconds."""

    interval: float
    next_batch_at: float
    units: int
    pending: int
    set_aside: list[SetAsideStatus]
    last_batch: BatchStatus | None


class ServerStatus(Struct, frozen=True, kw_only=True):
    """One game server; ``state`` is up, hitching, resource_silent or silent."""

    id: int
    name: str
    state: str
    last_push_at: float | None
    players: int | None
    units: int
    pending: int
    heartbeat_at: float | None
    unmatched: int


class FailureStatus(Struct, frozen=True, kw_only=True):
    """An event that failed or expired."""

    id: str
    kind: str
    error: str | None
    at: float


class OutboxStatus(Struct, frozen=True, kw_only=True):
    """Events by state, and the newest failures."""

    pending: int
    delivered: int
    failed: int
    expired: int
    superseded: int
    oldest_pending_at: float | None
    recent_failures: list[FailureStatus]


class PanicStatus(Struct, frozen=True, kw_only=True):
    """A panic that ended lately; ``latency_seconds`` is from acceptance to the CAD's answer."""

    id: str
    at: float
    active: bool
    units: int
    state: str
    latency_seconds: float | None


class Status(Struct, frozen=True, kw_only=True):
    """Everything at a glance; ``reasons`` say why ``ready`` is false or what else is wrong."""

    version: str
    instance: str
    started_at: float
    ready: bool
    reasons: list[str]
    cad: CadStatus
    locations: LocationsStatus
    servers: list[ServerStatus]
    outbox: OutboxStatus
    panics: list[PanicStatus]
