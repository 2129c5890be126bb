"""The status page's stream: a snapshot first, then each second what has changed.

Nothing runs while nobody looks. Whoever comes first after a second is over builds the next frame; all others share it,
so that ten tabs cost the parts no more than one. However many units there are, a frame is built and told in slices, between
which the event loop turns.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
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
SLICE = 1000  # units that are looked at, or told of in one event, at a time
MOST_WATCHERS = 16  # tabs
HEARTBEAT_EVERY = 10.0  # seconds of silence after which a comment shows that the line stands
HEARTBEAT = b": the line stands\n\n"

_EACH_TIME = frozenset({"now"})  # sections that always differ, and ride along with others
_encode = msgspec.json.encode


class _Place(Struct, frozen=True, gc=False):
    """A unit as the page knows it: by a number that is shorter than its identifier."""

    number: int
    row: UnitRow


class Frame:
    """Everything at one instant, and what has changed since the frame before.

    Args:
        picture: what there is to see.
        at: when it was seen, in monotonic seconds.
        former: the frame before, if there is one.
    """

    def __init__(self, picture: Picture, at: float, former: "Frame | None") -> None:
        self.at = at
        self.number: int = 1 if former is None else former.number + 1
        self.next_place: int = 1 if former is None else former.next_place
        self.places: dict[UnitId, _Place] = {}
        self.sections = {full: _sections(picture.status, full=full) for full in (False, True)}
        self._changed_sections = frozenset[str]() if former is None else self._differing(former)
        self._added: list[_Place] = []
        self._moved: list[_Place] = []
        self._renamed: list[_Place] = []
        self._gone: list[int] = []
        self._told: dict[tuple[bool, int], bytes] = {}
        self._units = picture.units
        self._before: Mapping[UnitId, _Place] = {} if former is None else former.places

    def build(self) -> Iterator[None]:
        """Look at the units, and compare them with those of the frame before, one slice at a step."""
        for index, row in enumerate(self._units, start=1):
            self._compare(row)
            if not index % SLICE:
                yield
        for index, (unit_id, place) in enumerate(self._before.items(), start=1):
            if unit_id not in self.places or self.places[unit_id].number != place.number:
                self._gone.append(place.number)
            if not index % SLICE:
                yield
        self._units, self._before = (), {}

    def snapshot(self, *, full: bool) -> Iterator[bytes]:
        """Go through everything as events of the stream; identifiers only in ``full`` where they are asked for."""
        places = list(self.places.values())
        for at in range(0, max(1, len(places)), SLICE):
            added = [_whole(place, full=full) for place in places[at : at + SLICE]]
            if at:
                yield _event("delta", {"status": {}, "add": added})
            else:
                yield _event("snapshot", {"status": self.sections[full], "add": added})

    def delta(self, *, full: bool) -> Iterator[bytes]:
        """Go through what has changed since the frame before as events of the stream, which all who watch share."""
        most = max(len(self._added), len(self._moved), len(self._renamed), len(self._gone))
        if not most and not self._changed_sections:
            return
        for at in range(0, max(1, most), SLICE):
            if (full, at) not in self._told:
                self._told[full, at] = _event("delta", self._content(at, full=full))
            yield self._told[full, at]

    def _content(self, at: int, *, full: bool) -> dict[str, object]:
        here = slice(at, at + SLICE)
        lists: dict[str, list[object]] = {
            "add": [_whole(place, full=full) for place in self._added[here]],
            "move": [_moved(place) for place in self._moved[here]],
            "text": [(place.number, place.row.text) for place in self._renamed[here]],
            "gone": [*self._gone[here]],
        }
        sections = self.sections[full]
        told = self._changed_sections | _EACH_TIME if not at else frozenset[str]()
        status = {name: section for name, section in sections.items() if name in told}
        return {"status": status, **{name: entries for name, entries in lists.items() if entries}}

    def _compare(self, row: UnitRow) -> None:
        known = self._before.get(row.unit_id)
        if known is None or known.row.server_id != row.server_id:
            place = _Place(self.next_place, row)
            self.next_place += 1
            self._added.append(place)
        elif known.row == row:
            place = known
        else:
            place = _Place(known.number, row)
            if _moved(known) != _moved(place):
                self._moved.append(place)
            if known.row.text != row.text:
                self._renamed.append(place)
        self.places[row.unit_id] = place

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
        self._building = asyncio.Lock()
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

    async def frame(self) -> Frame:
        """Return the frame of this second."""
        async with self._building:
            now = self._clock.monotonic()
            if self._frame is None or now >= self._frame.at + PERIOD:
                frame = Frame(self._look(), now, self._frame)
                for _ in frame.build():
                    await self._clock.sleep(0)
                self._frame = frame
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
        self._rest: Iterator[bytes] = iter(())

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
        """Return what to send now, perhaps nothing: the rest of a frame, or a second later the next; None at the end."""
        said = next(self._rest, b"")
        if not said:
            frame = await self._live.frame()
            if frame.number == self._seen:
                if not await self._live.wait(frame.at + PERIOD - self._live.now()):
                    return None
                frame = await self._live.frame()
            said = self._begin(frame)
        elif not await self._live.wait(0):
            return None
        return self._said(said)

    def _begin(self, frame: Frame) -> bytes:
        """Return the first event about a frame that is to be told, if it has any; the others are the rest."""
        in_step = frame.number - self._seen
        self._seen = frame.number
        if in_step:
            follows = in_step == 1 and frame.number > 1
            self._rest = frame.delta(full=self._full) if follows else frame.snapshot(full=self._full)
        return next(self._rest, b"")

    def _said(self, said: bytes) -> bytes:
        now = self._live.now()
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
