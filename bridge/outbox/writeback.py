"""What the outbox writes without waiting: how attempts and events ended. What the disk refuses is tried again."""

from collections.abc import Callable

from bridge.events import EventId, EventState
from bridge.outbox.ledger import Ending, end
from bridge.outbox.records import EventView
from bridge.store import Store, Transaction
from bridge.units import ServerId

Work = Callable[[Transaction], object]
Committed = Callable[[], None]


class Writeback:
    """Hands work to the store; endings are remembered until they are committed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refused: list[tuple[Work, Committed | None]] = []
        self._endings: dict[EventId, tuple[ServerId, EventView]] = {}

    def save(self, work: Work, committed: Committed | None = None) -> None:
        """Have ``work`` committed, however often it takes."""
        if self._refused:  # in the order in which things happened
            self._refused.append((work, committed))
        else:
            self._hand_in(work, committed)

    @property
    def ending(self) -> bool:
        """Tell whether an event's last word is not on disk yet."""
        return bool(self._endings)

    def save_ending(self, ending: Ending, server_id: ServerId, view: EventView, committed: Committed) -> None:
        """Write an event's last word, and call ``committed`` when it is on disk."""
        self._endings[view.id] = (server_id, view)

        def done() -> None:
            del self._endings[view.id]
            committed()

        self.save(end(ending), done)

    def save_again(self) -> None:
        """Hand in once more what the disk did not take."""
        refused, self._refused = self._refused, []
        for work, committed in refused:
            self._hand_in(work, committed)

    def find(self, server_id: ServerId, event_id: EventId) -> EventView | None:
        """Return how one of the server's events ended, while that is not committed."""
        owner, view = self._endings.get(event_id, (None, None))
        return view if owner == server_id else None

    def count(self, state: EventState) -> int:
        """Return how many endings of a state are not committed."""
        return sum(view.state is state for _, view in self._endings.values())

    def _hand_in(self, work: Work, committed: Committed | None) -> None:
        self._store.post(work, committed=committed, failed=lambda: self._refused.append((work, committed)))
