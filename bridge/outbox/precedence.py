"""Which pending events wait for others to end: for the earlier ones about the same thing, or for their call."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from bridge.outbox.pending import PendingEvent


class Precedence:
    """Who waits for whom; an event that waits for nobody may be sent.

    What is about one thing stands in a line in which only the first may go. Who leaves from the middle, because it
    expired or lost its call, lets nobody overtake.
    """

    def __init__(self) -> None:
        self._lines: dict[
            Hashable, OrderedDict[int, PendingEvent]
        ] = {}  # by key; inside by row, oldest first
        self._followers: dict[int, list[PendingEvent]] = {}  # by the row of the call they wait for

    def add(self, event: PendingEvent, calls: Iterable[PendingEvent]) -> None:
        """Let an event wait for all earlier ones about each of its things, and for the pending ``calls`` it is about."""
        self.join(event, event.order_keys)
        for key in event.led_keys:
            self._lines.setdefault(key, OrderedDict())[event.seq] = event
        for seq in {call.seq for call in calls}:
            event.waits_for.add(seq)
            self._followers.setdefault(seq, []).append(event)

    def join(self, event: PendingEvent, keys: Iterable[Hashable]) -> None:
        """Let an event wait for all that stand in these lines by now."""
        for key in keys:
            line = self._lines.setdefault(key, OrderedDict())
            if line and event.seq not in line:
                event.waits_for.add(key)
            line[event.seq] = event

    def end(self, event: PendingEvent) -> list[PendingEvent]:
        """Forget an event that ended and return those that waited for it, oldest first."""
        followers = self._followers.pop(event.seq, [])
        for follower in followers:
            follower.waits_for.discard(event.seq)
        return sorted({*followers, *self._leave_lines(event)}, key=lambda follower: follower.seq)

    def _leave_lines(self, event: PendingEvent) -> list[PendingEvent]:
        """Take an event out of its lines and return those that are first by now."""
        successors: list[PendingEvent] = []
        for key in {*event.order_keys, *event.led_keys}:
            line = self._lines[key]
            del line[event.seq]
            first = next(iter(line.values()), None)
            if first is None:
                del self._lines[key]
            elif key in first.waits_for:
                first.waits_for.discard(key)
                successors.append(first)
        return successors
