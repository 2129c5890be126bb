"""What goes over the wire to Sonoran and comes back, as values."""

from enum import StrEnum

from msgspec import Struct

from bridge.operations import Operation


class Line(StrEnum):
    """Which connections a request may use."""

    URGENT = "urgent"
    ORDINARY = "ordinary"
    FRESH = "fresh"


class CadRequest(Struct, frozen=True, kw_only=True):
    """One request; ``path`` is encoded already."""

    operation: Operation
    path: str
    body: bytes | None = None
    line: Line = Line.ORDINARY


class CadAnswer(Struct, frozen=True, kw_only=True):
    """A complete answer. ``retry_after`` is seconds; ``sends`` counts how often the request went over the wire."""

    status: int
    body: bytes
    retry_after: float | None
    trace_id: str | None
    seconds: float
    sends: int

    @property
    def ok(self) -> bool:
        """Tell whether the CAD took the request."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's own numbers

    @property
    def unavailable(self) -> bool:
        """Tell whether the CAD could not serve the request now; a redirect is the sign of something in between."""
        return self.redirected or self.status == 408 or self.status >= 500  # noqa: PLR2004 -- HTTP's own numbers

    @property
    def redirected(self) -> bool:
        """Tell whether the answer sends us elsewhere, where nobody follows with a key."""
        return 300 <= self.status < 400  # noqa: PLR2004 -- HTTP's own numbers
