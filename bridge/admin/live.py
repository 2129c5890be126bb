"""The status page's stream: a snapshot first, then each second what has changed.

Nothing runs while nobody looks. Whoever comes first after a second is over builds the next frame; all others share it,
so that ten tabs cost the parts no more than one.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self

import msgspec
from msgspec import Raw, Struct

from bridge.admin.picture import Picture, UnitRow
from bridge.admin.status import Status
from bridge.clock import Clock
from bridge.outbox.inspection import short_unit
from bridge.units import UnitId

PERIOD = 1.0  # seconds between two frames
MOST_WATCHERS = 16  # tabs
HEARTBEAT_EVERY = 10.0  # seconds of silence after which a comment shows that the line stands
HEARTBEAT = b": the line stands\n\n"

_EACH_TIME = frozenset({"now"})  # sections that always differ, and ride along with others
_encode = msgspec.json.encode


class _Place(Struct, frozen=True):
    """A unit as the page knows it: by a number that is shorter than its identifier."""

    number: int
    row: UnitRow


class _Changes(Struct, frozen=True, kw_only=True):
    """What differs from the frame before."""

    sections: frozenset[str]
    added: Sequence[_Place]
    moved: Sequence[_Place]
    renamed: Sequence[_Place]
    gone: Sequence[int]

    @property
    def any(self) -> bool:
        return bool(self.sections or self.added or self.moved or self.renamed or self.gone)


class Frame:
    """Everything at one instant, and what has changed since the frame before."""

    def __init__(self, picture: Picture, at: float, former: "Frame | None") -> None:
        self.at = at
        self.number: int = 1 if former is None else former.number + 1
        self._picture = picture
        self.next_place: int = 1 if former is None else former.next_place
        self.places: dict[UnitId, _Place] = {}
        self._changes = self._compare({} if former is None else former.places)
        self.sections = {full: _sections(picture.status, full=full) for full in (False, True)}
        if former is not None:
            self._changes = msgspec.structs.replace(self._changes, sections=self._differing(former))
        self._snapshots: dict[bool, bytes] = {}
        self._deltas: dict[bool, bytes] = {}

    def snapshot(self, *, full: bool) -> bytes:
        """Return everything, as one event of the stream; identifiers only in ``full`` where they are asked for."""
        if full not in self._snapshots:
            content = {
                "status": self.sections[full],
                "add": [_whole(place, full=full) for place in self.places.values()],
            }
            self._snapshots[full] = _event("snapshot", content)
        return self._snapshots[full]

    def delta(self, *, full: bool) -> bytes:
        """Return what has changed since the frame before, as one event of the stream; empty if nothing has."""
        if not self._changes.any:
            return b""
        if full not in self._deltas:
            self._deltas[full] = _event("delta", self._content(full=full))
        return self._deltas[full]

    def _content(self, *, full: bool) -> dict[str, object]:
        changes, sections = self._changes, self.sections[full]
        content: dict[str, object] = {
            "status": {
                name: sections[name] for name in sections if name in changes.sections or name in _EACH_TIME
            }
        }
        content |= {"add": [_whole(place, full=full) for place in changes.added]} if changes.added else {}
        content |= {"move": [_moved(place) for place in changes.moved]} if changes.moved else {}
        content |= (
            {"text": [(place.number, place.row.text) for place in changes.renamed]} if changes.renamed else {}
        )
        return content | ({"gone": changes.gone} if changes.gone else {})

    def _compare(self, before: Mapping[UnitId, _Place]) -> _Changes:
        added: list[_Place] = []
        moved: list[_Place] = []
        renamed: list[_Place] = []
        for row in self._picture.units:
            known = before.get(row.unit_id)
            if known is None or known.row.server_id != row.server_id:
                place = _Place(self.next_place, row)
                self.next_place += 1
                added.append(place)
            elif known.row == row:
                place = known
            else:
                place = _Place(known.number, row)
                if known.row[:-1] != row[:-1]:
                    moved.append(place)
                if known.row.text != row.text:
                    renamed.append(place)
            self.places[row.unit_id] = place
        gone = [
            place.number
            for unit_id, place in before.items()
            if unit_id not in self.places or self.places[unit_id].number != place.number
        ]
        return _Changes(sections=frozenset(), added=added, moved=moved, renamed=renamed, gone=gone)

    def _differing(self, former: "Frame") -> frozenset[str]:
        mine, theirs = self.sections[True], former.sections[True]
        return frozenset(
            name
            for name, value in mine.items()
            if name not in _EACH_TIME and bytes(value) != bytes(theirs[name])
        )


class Live:
    """Hands frames to those who watch.

    Args:
        look: returns everything as it is now.
        clock: what time it is.
    """

    def __init__(self, look: Callable[[], Picture], clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._frame: Frame | None = None
        self._closing = asyncio.Event()
        self.watchers = 0

    @property
    def crowded(self) -> bool:
        """Tell whether nobody more may watch."""
        return self.watchers >= MOST_WATCHERS

    def close(self) -> None:
        """Have everybody who watches leave."""
        self._closing.set()

    def watch(self, *, full: bool) -> "Watcher":
        """Return a new watcher, to be entered; ``full``: it is told identifiers in full."""
        return Watcher(self, full=full)

    def frame(self) -> Frame:
        """Return the frame of this second."""
        now = self._clock.monotonic()
        if self._frame is None or now >= self._frame.at + PERIOD:
            self._frame = Frame(self._look(), now, self._frame)
        return self._frame

    def forget(self) -> None:
        """Let go of the last frame: nobody watches."""
        self._frame = None

    async def wait(self, seconds: float) -> bool:
        """Wait, and tell whether watching goes on."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
        else:
            await self._clock.sleep(0)
        return not self._closing.is_set()

    def now(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic()


class Watcher:
    """One reader of the stream; one that fell behind is given a snapshot again."""

    def __init__(self, live: Live, *, full: bool) -> None:
        self._live = live
        self._full = full
        self._seen = 0
        self._said_at = 0.0

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._live.watchers += 1
        return self

    def __exit__(self, *_: object) -> None:
        """End; with the last one nothing is kept."""
        self._live.watchers -= 1
        if not self._live.watchers:
            self._live.forget()

    async def next(self) -> bytes | None:
        """Return what to send now, perhaps nothing, a second after the last time; None at the end."""
        frame = self._live.frame()
        if frame.number == self._seen:
            if not await self._live.wait(frame.at + PERIOD - self._live.now()):
                return None
            frame = self._live.frame()
        return self._said(frame)

    def _said(self, frame: Frame) -> bytes:
        in_step = frame.number - self._seen
        self._seen, now = frame.number, self._live.now()
        said = b""
        if in_step:
            said = (
                frame.delta(full=self._full)
                if in_step == 1 and frame.number > 1
                else frame.snapshot(full=self._full)
            )
        if not said and now - self._said_at >= HEARTBEAT_EVERY:
            said = HEARTBEAT
        if said:
            self._said_at = now
        return said


def _sections(status: Status, *, full: bool) -> dict[str, Raw]:
    """Return the fields of the status, encoded one by one."""
    if not full:
        aside = [
            msgspec.structs.replace(one, unit=short_unit(one.unit)) for one in status.locations.set_aside
        ]
        locations = msgspec.structs.replace(status.locations, set_aside=aside)
        status = msgspec.structs.replace(status, locations=locations)
    return {name: Raw(_encode(getattr(status, name))) for name in status.__struct_fields__}


def _whole(place: _Place, *, full: bool) -> tuple[object, ...]:
    row = place.row
    name = row.unit_id if full else short_unit(row.unit_id)
    return (place.number, name, row.server_id, row.text, row.x, row.y, row.heading, row.marks)


def _moved(place: _Place) -> tuple[object, ...]:
    row = place.row
    return (place.number, row.x, row.y, row.heading, row.marks)


def _event(name: str, content: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encode(content) + b"\n\n"
