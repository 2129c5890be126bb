"""What goes over the wire to Sonoran and comes back, as values."""

from collections.abc import AsyncIterable
from enum import StrEnum

from msgspec import Struct

from bridge.operations import Operation


class Line(StrEnum):
    """Which connections a request may use."""

    URGENT = "urgent"
    ORDINARY = "ordinary"
    FRESH = "fresh"


class Upload(Struct, frozen=True, kw_only=True):
    """A body that is passed on while it comes; ``length`` is its bytes where they are known beforehand.

    ``seconds`` is how long the whole request may take. Whatever ``parts`` raises cuts the request off.
    """

    parts: AsyncIterable[bytes]
    length: int | None
    seconds: float


class CadRequest(Struct, frozen=True, kw_only=True):
    """One request; ``path`` is encoded already, with its query. An empty ``method`` is the operation's own.

    The key goes into a header, or for ``keyed`` ones into the object that the body is, when it leaves.
    """

    operation: Operation
    path: str
    body: bytes | None = None
    line: Line = Line.ORDINARY
    method: str = ""
    content_type: str = "application/json"
    upload: Upload | None = None
    keyed: bool = False


class CadAnswer(Struct, frozen=True, kw_only=True):
    """A complete answer. ``retry_after`` is seconds; ``sends`` counts how often the request went over the wire."""

    status: int
    body: bytes
    retry_after: float | None
    trace_id: str | None
    seconds: float
    sends: int
    content_type: str | None = None

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
