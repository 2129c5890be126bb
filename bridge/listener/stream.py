"""A body that is passed on while it comes, so that a long one never lies in memory."""

from collections.abc import AsyncIterator
from enum import Enum, auto


class BodyFault(Enum):
    """Why a body was not read to its end."""

    TOO_LARGE = auto()
    TOO_SLOW = auto()
    BROKEN = auto()


class BodyCutError(Exception):
    """The body did not come to its end; whoever passes it on must not make it look complete."""


class BodyStream:
    """The parts of a body, in order and once. ``length`` is its bytes where the client said so.

    ``fault`` says why it ended too early; iterating raises BodyCutError then.
    """

    def __init__(self, parts: AsyncIterator[bytes | BodyFault], length: int | None) -> None:
        self._parts = parts
        self.length = length
        self.fault: BodyFault | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts."""
        async for part in self._parts:
            if isinstance(part, BodyFault):
                self.fault = part
                raise BodyCutError
            yield part
