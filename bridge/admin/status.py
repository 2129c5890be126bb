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


class NextBatchStatus(Struct, frozen=True, kw_only=True):
    """What the next location request holds as things stand; ``panicking``: a unit in it pressed panic."""

    server: str
    units: int
    panicking: bool


class LocationsStatus(Struct, frozen=True, kw_only=True):
    """The location buffer; ``interval`` is seconds. ``next_batch`` is null where nothing is due or all is held."""

    interval: float
    next_batch_at: float
    next_batch: NextBatchStatus | None = None
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
    """An event that failed or expired; ``at`` is its acceptance, ``ended_at`` its end."""

    id: str
    kind: str
    error: str | None
    at: float
    ended_at: float = 0.0


class OutboxStatus(Struct, frozen=True, kw_only=True):
    """Events by state, and the newest failures.

    ``waiting`` counts what is to be sent by kind, ``hindrance`` says what keeps the oldest; ``reasons`` counts, by state
    and since the start, why events did not reach the CAD.
    """

    pending: int
    delivered: int
    failed: int
    expired: int
    superseded: int
    oldest_pending_at: float | None
    waiting: dict[str, int] = {}
    hindrance: str = ""
    reasons: dict[str, dict[str, int]] = {}
    recent_failures: list[FailureStatus]


class PanicStatus(Struct, frozen=True, kw_only=True):
    """A panic that ended lately; ``latency_seconds`` is from acceptance to the CAD's answer."""

    id: str
    at: float
    active: bool
    units: int
    state: str
    latency_seconds: float | None


class ProblemStatus(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, since when where that is known, and what to do; ``level`` is problem or warning."""

    level: str
    text: str
    advice: str
    since: float | None = None


class VerdictStatus(Struct, frozen=True, kw_only=True):
    """Whether all is well: ``level`` is well, warning or problem, ``sentence`` says so or what is wrong."""

    level: str
    sentence: str
    problems: list[ProblemStatus]


class Status(Struct, frozen=True, kw_only=True):
    """Everything at a glance; ``reasons`` say why ``ready`` is false or what else is wrong.

    ``now`` is the bridge's own time, ``loop_lag`` the longest stall of late in seconds; ``reload_refused``: the
    configuration on disk could not be used when it was read last. ``verdict`` sums everything up.
    """

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
    now: float = 0.0
    loop_lag: float = 0.0
    reload_refused: bool = False
    verdict: VerdictStatus | None = None
