"""The rate budgets of all operations, remembered on disk.

Every request's time goes there, and so does every penalty, so that neither a restart nor a kill gives slots back early.
"""

import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from bridge import logs
from bridge.clock import Clock
from bridge.host import boot_id
from bridge.sonoran.budget import WINDOW, Budget, build, build_plain
from bridge.sonoran.pools import SEPARATE, Sharing
from bridge.store import Store, Transaction

FORGOTTEN_AFTER = 600.0  # seconds a row of a past request is kept at most
PAUSED = " paused"  # marks the row of a penalty: no operation's name ends so
CLOCK = " clock "  # marks the row that tells how wall time stood to monotonic time, and when the machine was started
MOST_REFUSED = 10_000  # changes kept for a disk that takes none; a minute has a few hundred
DRIFT = 1.0  # seconds; clocks are always set a little

log = logs.get("budget")


class Ticket(Struct, frozen=True, kw_only=True):
    """A slot taken for one request."""

    operation: str
    id: str
    started_at: float


class Budgets:
    """Every operation's budget, remembered on disk.

    Args:
        limits: requests a minute, by operation name, our share already taken; one under 1 is one request every
            so often.
        interval: seconds between two location requests at least, as configured.
        timeout: seconds a request may last; one that a kill cut off counts as answered no earlier.
        sharing: what counts besides.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Mapping[str, float],
        interval: float,
        timeout: float,
        sharing: Sharing = SEPARATE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._timeout = timeout
        self._pools = _pools_of(sharing)
        self._budgets = _build_all(limits, interval, sharing, self._pools)
        self._open: set[str] = set()  # tickets of requests without an answer
        self._pruned_at = clock.monotonic()
        self._boot = boot_id()
        self._ahead = clock.wall() - clock.monotonic()
        self._refused: deque[Callable[[Transaction], object]] = deque(maxlen=MOST_REFUSED)  # by the disk
        self._clock_row = (
            f"{CLOCK}{self._boot} {min(self._budgets)}"  # the CMS's limits have one of their own
        )

    def reconfigure(self, limits: Mapping[str, float], interval: float, sharing: Sharing = SEPARATE) -> None:
        """Keep to other limits from now on; operations and pools are the same as before."""
        now = self._clock.monotonic()
        pools = _pools_of(sharing)
        for (_, mine), (_, new) in zip(self._pools, pools, strict=True):
            mine.follow(new, now)
        for name, new in _build_all(limits, interval, sharing, pools).items():
            self._budgets[name].follow(new, now)

    async def load(self) -> None:
        """Count what former runs sent in the last minute."""
        rows = await self._store.write(
            lambda tx: tx.query("SELECT operation, started_at, answered_at FROM requests ORDER BY started_at")
        )
        now = self._clock.monotonic()
        for operation, started, answered in rows:
            if self._boot and operation == self._clock_row:  # else nobody knows what happened to time
                self._ahead = float(started or 0) - float(answered or 0)
        wall = now + self._ahead
        for operation, started, answered in rows:
            if str(operation).endswith(PAUSED):
                self._resume(
                    str(operation).removesuffix(PAUSED), float(started or 0), float(answered or 0), wall
                )
                continue
            budget = self._budgets.get(str(operation))
            age = max(0.0, wall - float(started or 0))
            if budget is None or age > WINDOW + self._timeout:
                continue
            # One that was cut off may still be under way: its end lies ahead as long as its timeout does.
            ended_ago = age - self._timeout if answered is None else max(0.0, wall - float(answered))
            budget.restore(now - age, now - ended_ago)
        self.follow_clock()

    def _resume(self, operation: str, since: float, until: float, wall: float) -> None:
        """Keep to a penalty that the CAD gave a former run."""
        seconds = min(until - wall, until - since)
        if seconds > 0 and operation in self._budgets:
            self._budgets[operation].pause(self._clock.monotonic(), seconds)
            log.warning("CAD still limits our rate", operation=operation, seconds=round(seconds, 1))

    def free_at(self, operation: str, now: float, *, ahead: int = 0) -> float:
        """Return when a request of the operation may leave: ``now`` or later, in monotonic seconds."""
        return self._budgets[operation].free_at(now, ahead=ahead)

    def take(self, operation: str) -> Ticket | None:
        """Use a slot, or return None while none is free."""
        now = self._clock.monotonic()
        budget = self._budgets[operation]
        if budget.free_at(now) > now:
            return None
        budget.take(now)
        ticket = Ticket(operation=operation, id=uuid.uuid4().hex, started_at=now)
        self._open.add(ticket.id)
        self._record(ticket)
        return ticket

    def settle(self, ticket: Ticket, sends: int = 1) -> None:
        """End a request that went over the wire ``sends`` times: the HTTP library repeats some by itself.

        One that never left gives its slot back, so that a CAD nobody can reach leaves room for what waits.

        Settling a ticket again changes nothing.
        """
        if ticket.id not in self._open:
            return
        self._open.remove(ticket.id)
        now, wall = self._clock.monotonic(), self._wall()
        budget = self._budgets[ticket.operation]
        if not sends:
            budget.give_back()
            self._post(lambda tx: tx.execute("DELETE FROM requests WHERE id = ?", (ticket.id,)))
            return
        budget.settle(now)
        for _ in range(sends - 1):
            budget.take(now)
            budget.settle(now)
            self._record(Ticket(operation=ticket.operation, id=uuid.uuid4().hex, started_at=now))
        self._post(
            lambda tx: tx.execute("UPDATE requests SET answered_at = ? WHERE id = ?", (wall, ticket.id))
        )
        if now - self._pruned_at > WINDOW:
            self._pruned_at = now
            self._post(lambda tx: _prune(tx, wall))

    def abandon(self, ticket: Ticket) -> None:
        """Give up a request whose answer nobody waits for any more, for this run ends.

        It may still be under way, so that it counts as answered at its timeout, as one that a kill cut off does.
        """
        if ticket.id in self._open:
            self._open.remove(ticket.id)
            ended_at = max(self._clock.monotonic(), ticket.started_at + self._timeout)
            self._budgets[ticket.operation].settle(ended_at)

    def pause(self, operation: str, seconds: float | None) -> float:
        """Keep to a penalty, over a restart too; as ``Budget.pause``."""
        wall = self._wall()
        seconds = self._budgets[operation].pause(self._clock.monotonic(), seconds)
        row = (operation + PAUSED, operation + PAUSED, wall, wall + seconds)
        self._post(lambda tx: tx.execute("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)", row))
        return seconds

    def recovered(self) -> None:
        """The CAD answers again: nobody needs to probe any more."""
        now = self._clock.monotonic()
        for budget in self._budgets.values():
            budget.recovered(now)

    def follow_clock(self) -> None:
        """Keep what is on disk true after wall time jumped: to be called now and then."""
        jump = self._clock.wall() - self._clock.monotonic() - self._ahead
        if abs(jump) <= DRIFT:
            return
        self._ahead += jump
        names = [*self._budgets, *(name + PAUSED for name in self._budgets)]
        mine = f"operation IN ({', '.join('?' * len(names))})"
        change = (
            f"UPDATE requests SET started_at = started_at + ?, answered_at = answered_at + ? WHERE {mine}"  # noqa: S608 -- question marks
        )
        self._post(lambda tx: tx.execute(change, (jump, jump, *names)))
        self._note_clock()

    def save_again(self) -> None:
        """Hand in once more what the disk did not take."""
        refused = list(self._refused)
        self._refused.clear()
        for work in refused:
            self._post(work)

    def _post(self, work: Callable[[Transaction], object]) -> None:
        self._store.post(work, failed=lambda: self._refused.append(work))

    def _wall(self) -> float:
        """Return the time that goes to disk: wall time, but for what it drifted since the rows were last made to fit."""
        self.follow_clock()
        return self._clock.monotonic() + self._ahead

    def _note_clock(self) -> None:
        """Keep how both clocks stood, so that a run after a jump knows how old the rows are."""
        if self._boot:
            now = self._clock.monotonic()
            row = (self._clock_row, self._clock_row, now + self._ahead, now)
            self._post(lambda tx: tx.execute("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)", row))

    def _record(self, ticket: Ticket) -> None:
        wall = self._wall()
        self._post(
            lambda tx: tx.execute(
                "INSERT INTO requests (id, operation, started_at) VALUES (?, ?, ?)",
                (ticket.id, ticket.operation, wall),
            )
        )
        self._note_clock()

    def __getitem__(self, operation: str) -> Budget:
        """Return one operation's budget."""
        return self._budgets[operation]

    def remaining(self) -> dict[str, tuple[int, int]]:
        """Return limit and requests left now, by operation."""
        now = self._clock.monotonic()
        return {name: (budget.limit, budget.remaining(now)) for name, budget in self._budgets.items()}


_Pools = Sequence[tuple[frozenset[str], Budget]]


def _pools_of(sharing: Sharing) -> _Pools:
    return [(pool.operations, build_plain(pool.limit)) for pool in sharing.pools]


def _build_all(
    limits: Mapping[str, float], interval: float, sharing: Sharing, pools: _Pools
) -> dict[str, Budget]:
    return {
        name: build(
            name, limit, interval, sharing.location_rest,
            [pool for operations, pool in pools if name in operations],
        )
        for name, limit in limits.items()
    }  # fmt: skip


def _prune(transaction: Transaction, wall: float) -> None:
    transaction.execute(
        "DELETE FROM requests WHERE started_at < ? OR started_at > ?",
        (wall - FORGOTTEN_AFTER, wall + FORGOTTEN_AFTER),
    )
