"""Which ways the code was gone: an input that goes a new one is worth changing further."""

import sys
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, Self

import bridge

WATCHED = tuple(
    str(Path(bridge.__file__).parent / part)
    for part in ("intake", "listener", "sonoran", "outbox", "units", "events")
)


class Trail:
    """Sees the steps from line to line in the watched modules while it is entered."""

    def __init__(self) -> None:
        self._known: set[tuple[CodeType, int, int]] = set()
        self._before = 0

    @property
    def steps(self) -> int:
        """Return how many different steps were seen."""
        return len(self._known)

    @property
    def is_new(self) -> bool:
        """Tell whether the last time had a step that none before had."""
        return len(self._known) > self._before

    def __enter__(self) -> Self:
        self._before = len(self._known)
        sys.settrace(self._enter_frame)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(None)

    def _enter_frame(self, frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(WATCHED):
            return None
        known, last = self._known, 0

        def step(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal last
            if event == "line":
                known.add((code, last, frame.f_lineno))
                last = frame.f_lineno
            return step

        return step
