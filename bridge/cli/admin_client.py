"""Reads a running daemon's ``/status`` through its admin door."""

import aiohttp
import msgspec
from click import BadParameter, ClickException
from msgspec import Struct
from yarl import URL

from bridge.addresses import reason

DEFAULT_ADMIN = "http://127.0.0.1:30181"
"""Where a daemon with the default configuration has its admin door."""


class Budget(Struct, frozen=True, kw_only=True):
    """Requests a minute that the CAD allows for one operation, and those still free now."""

    limit: int = 0
    remaining: int = 0


class Finding(Struct, frozen=True, kw_only=True):
    """What the CAD's own settings say of the configuration; ``severity`` is problem, warning or note."""

    severity: str = "note"
    text: str = ""


class CadStatus(Struct, frozen=True, kw_only=True):
    """The CAD as the daemon last saw it; ``key`` is accepted, refused or unknown."""

    up: bool | None = None
    key: str = "unknown"
    plan: str | None = None
    last_answer_at: float | None = None
    budgets: dict[str, Budget] = {}
    findings: tuple[Finding, ...] = ()


class SetAside(Struct, frozen=True, kw_only=True):
    """A unit that the CAD refused alone."""

    unit: str = ""
    until: float | None = None


class Batch(Struct, frozen=True, kw_only=True):
    """One location request; ``lag_seconds`` is the age of its oldest location, ``reason`` why it failed."""

    at: float = 0.0
    server: str | None = None
    units: int = 0
    updated: int | None = None
    lag_seconds: float | None = None
    reason: str | None = None


class NextBatch(Struct, frozen=True, kw_only=True):
    """What the next location request holds as things stand."""

    server: str = ""
    units: int = 0
    panicking: bool = False


class LocationsStatus(Struct, frozen=True, kw_only=True):
    """The location buffer: ``interval`` in seconds, instants in Unix seconds."""

    interval: float | None = None
    next_batch_at: float | None = None
    next_batch: NextBatch | None = None
    units: int = 0
    pending: int = 0
    set_aside: tuple[SetAside, ...] = ()
    last_batch: Batch | None = None


class ServerStatus(Struct, frozen=True, kw_only=True):
    """One game server; ``state`` is up, hitching, resource_silent or silent."""

    id: int | str = ""
    name: str = ""
    state: str = "unknown"
    last_push_at: float | None = None
    players: int | None = None
    units: int = 0
    pending: int = 0
    heartbeat_at: float | None = None
    unmatched: int = 0


class Failure(Struct, frozen=True, kw_only=True):
    """An event that the CAD did not take."""

    id: str = ""
    kind: str = ""
    error: str | None = None
    at: float | None = None
    ended_at: float | None = None


class OutboxStatus(Struct, frozen=True, kw_only=True):
    """Events by state, and the newest failures."""

    pending: int = 0
    delivered: int = 0
    failed: int = 0
    expired: int = 0
    superseded: int = 0
    oldest_pending_at: float | None = None
    waiting: dict[str, int] = {}
    hindrance: str = ""
    reasons: dict[str, dict[str, int]] = {}
    recent_failures: tuple[Failure, ...] = ()


class PanicStatus(Struct, frozen=True, kw_only=True):
    """A recent panic; ``latency_seconds`` is from acceptance to the CAD's answer."""

    id: str = ""
    at: float | None = None
    active: bool = True
    units: int = 0
    state: str = "unknown"
    latency_seconds: float | None = None


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, and what to do; ``level`` is problem or warning."""

    level: str = "problem"
    text: str = ""
    advice: str = ""
    since: float | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """Whether all is well, and the sentence that says so; ``level`` is well, warning or problem."""

    level: str = "problem"
    sentence: str = ""
    problems: tuple[Problem, ...] = ()


class Status(Struct, frozen=True, kw_only=True):
    """What ``GET /status`` says; whatever an older daemon leaves out has a default, news are ignored."""

    version: str = "?"
    instance: str = ""
    started_at: float | None = None
    ready: bool | None = None
    reasons: tuple[str, ...] = ()
    cad: CadStatus = CadStatus()
    locations: LocationsStatus = LocationsStatus()
    servers: tuple[ServerStatus, ...] = ()
    outbox: OutboxStatus = OutboxStatus()
    panics: tuple[PanicStatus, ...] = ()
    now: float | None = None
    loop_lag: float = 0.0
    reload_refused: bool = False
    verdict: Verdict | None = None


def decode_status(body: bytes) -> Status:
    """Read the JSON of ``/status``; anything else is one line for a person."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # msgspec lets the second one through
        raise ClickException(
            f"the answer is not the status of a cad-bridge that this version knows: {error}"
        ) from error


async def fetch_status(admin: str) -> bytes:
    """Return the JSON of ``/status`` as it came; every failure is one line for a person."""
    url = http_url(admin) + "/status"
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as response:
            body = await response.read()
    except TimeoutError as error:
        raise ClickException(f"no answer from {url} within {_TIMEOUT.total:.0f} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ClickException(f"no bridge answers at {url}: {why_silent(error)}") from error
    if response.status == _OK:
        return body
    raise ClickException(
        _REFUSALS.get(response.status, "HTTP {status} from {url}").format(status=response.status, url=url)
    )


def http_url(address: str, option: str = "--admin") -> str:
    """Return the address as a URL without a slash at its end; ``HOST:PORT`` alone will do.

    Raises:
        click.BadParameter: It is no URL; the message names the option that it came by.
    """
    url = (address if "://" in address else f"http://{address}").rstrip("/")
    try:
        parts = URL(url)
    except ValueError:
        parts = URL()
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise BadParameter(f"{address!r} is no address such as http://127.0.0.1:30181", param_hint=option)
    return url


def why_silent(error: Exception) -> str:
    """Return why nobody could be asked, without the words of the library that asked."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return reason(error.os_error).lower()
    return str(error) or type(error).__name__


_OK = 200
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_REFUSALS = {
    401: "{url} wants the admin token: ask on the machine that the bridge runs on",
    403: "{url} does not answer under this name: add it to admin.hosts, or ask by a loopback address",
    404: "{url} is no admin door of a cad-bridge (404)",
}
_decoder = msgspec.json.Decoder(Status)
