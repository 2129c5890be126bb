"""What a drive counted: the tally that the driver keeps and the values that it hands out."""

from collections import deque

from msgspec import Struct


class PanicRecord(Struct, frozen=True, kw_only=True):
    """A panic button pressed or released, and what became of it.

    ``pressed_at`` is Unix seconds. ``state`` is ``sending`` until the bridge took it, ``refused`` when it never
    did, ``unknown`` when the bridge has lost it, else the bridge's own state of the event. ``latency_seconds``
    is from the bridge's acceptance to the CAD's answer.
    """

    unit_id: str
    active: bool
    pressed_at: float
    event_id: str | None = None
    state: str = "sending"
    latency_seconds: float | None = None
    error: str | None = None

    @property
    def open(self) -> bool:
        """Tell whether the bridge still has to bring it to an end."""
        return self.event_id is not None and self.state == "pending"


class DriveSummary(Struct, frozen=True, kw_only=True):
    """What was pushed so far and how it was answered.

    ``pushes`` were answered 200, with ``accepted`` and ``rejected`` records; ``refused`` ones with another 4xx
    answer, ``busy`` ones with 503, ``errors`` with anything else or not at all. ``restarts`` counts how often the
    bridge's ``instance`` changed. The latencies are seconds of the newest pushes, None before the first.
    """

    units: int
    seconds: float
    pushes: int
    accepted: int
    rejected: int
    refused: int
    busy: int
    errors: int
    restarts: int
    latency_p50: float | None
    latency_p99: float | None
    panics: tuple[PanicRecord, ...]
    token_refused: bool
    last_problem: str | None

    @property
    def well(self) -> bool:
        """Tell, at the end, whether the bridge was there and took all that it was given."""
        lost = any(one.state in {"sending", "refused", "unknown"} for one in self.panics)
        return self.pushes > 0 and not (self.refused or self.rejected or self.token_refused or lost)


class Tally:
    """The counters behind a ``DriveSummary``; panics are kept by the number that ``press`` gave them."""

    def __init__(self, units: int) -> None:
        self.pushes = 0
        self.accepted = 0
        self.rejected = 0
        self.refused = 0
        self.busy = 0
        self.errors = 0
        self.restarts = 0
        self.token_refused = False
        self.last_problem: str | None = None
        self.panics: list[PanicRecord] = []
        self._units = units
        self._latencies: deque[float] = deque(maxlen=_LATENCIES_KEPT)

    def pushed(self, accepted: int, rejected: int, latency: float) -> None:
        """Count a push that the bridge took."""
        self.pushes += 1
        self.accepted += accepted
        self.rejected += rejected
        self._latencies.append(latency)

    def press(self, record: PanicRecord) -> int:
        """Note a panic and return its number."""
        self.panics.append(record)
        return len(self.panics) - 1

    def summary(self, seconds: float) -> DriveSummary:
        """Return the counters as they are now, ``seconds`` after the start."""
        latencies = sorted(self._latencies)
        return DriveSummary(
            units=self._units,
            seconds=seconds,
            pushes=self.pushes,
            accepted=self.accepted,
            rejected=self.rejected,
            refused=self.refused,
            busy=self.busy,
            errors=self.errors,
            restarts=self.restarts,
            latency_p50=_quantile(latencies, 0.50),
            latency_p99=_quantile(latencies, 0.99),
            panics=tuple(self.panics),
            token_refused=self.token_refused,
            last_problem=self.last_problem,
        )


_LATENCIES_KEPT = 10_000  # pushes; the quantiles are of these


def _quantile(ordered: list[float], share: float) -> float | None:
    """Return the nearest-rank quantile."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
