"""All players of one synthetic game server, and what that server would push."""

import hashlib
import math
from random import Random

from msgspec import Struct

from bridge.players.player import Errand, LocationUpdate, Player
from bridge.players.roads import RoadMap


class LocationPush(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``POST /v1/locations``."""

    updates: tuple[LocationUpdate, ...]
    players: int
    full: bool = False


class Press(Struct, frozen=True, kw_only=True):
    """A panic button pressed, or released where ``active`` is false: the body of ``POST /v1/panic``."""

    id: str
    active: bool
    location: str


class World:
    """``count`` players whose every move follows from ``seed``; no clock and no network of its own.

    Unit ids are Rockstar licence identifiers as FiveM writes them, ``license:`` and 40 hexadecimal digits, and
    do not depend on ``count``. ``panic_every`` is the mean of seconds between two panics, 0 for none.
    """

    def __init__(self, count: int, seed: int, *, panic_every: float = 12.0) -> None:
        roads = RoadMap()
        random = Random(seed)  # noqa: S311 -- drives cars, protects nothing
        self.players = tuple(
            Player(_unit_id(seed, index), _errand(index), roads, random) for index in range(count)
        )
        self._panic_random = Random(f"panic {seed}")  # noqa: S311 -- the same
        self._panic_every = panic_every
        self._next_panic = min(_FIRST_PANIC, panic_every) if panic_every > 0 else math.inf
        self._panicking: dict[Player, float] = {}
        self._pushed: dict[str, LocationUpdate] = {}
        self._full_in = 0.0

    def step(self, seconds: float) -> None:
        """Move everybody on by that long."""
        for player in self.players:
            player.step(seconds)
        self._full_in -= seconds

    def push(self) -> LocationPush:
        """Return what changed since the last push; everybody on the first one and each 60 s."""
        updates = tuple(player.update() for player in self.players)
        full = self._full_in <= 0
        if full:
            self._full_in = _FULL_EVERY
        changed = updates if full else tuple(one for one in updates if self._pushed.get(one.id) != one)
        self._pushed.update((one.id, one) for one in changed)
        return LocationPush(updates=changed, players=len(self.players), full=full)

    def resend(self) -> None:
        """Make the next push hold everybody: the last one was lost, or the bridge is another one."""
        self._full_in = 0.0

    def presses(self, seconds: float) -> tuple[Press, ...]:
        """Let the panic buttons live on for that long and return what was pressed and released, in order."""
        released = [player for player, left in self._panicking.items() if left <= seconds]
        self._panicking = {
            player: left - seconds for player, left in self._panicking.items() if left > seconds
        }
        pressed: list[Player] = []
        self._next_panic -= seconds
        while self._next_panic <= 0:
            self._next_panic += self._panic_random.expovariate(1.0 / self._panic_every)
            pressed += self._choose(released)
        return tuple(
            [_press(player, active=False) for player in released] + [_press(p, active=True) for p in pressed]
        )

    def releases(self) -> tuple[Press, ...]:
        """Release every button that is still pressed."""
        players = tuple(self._panicking)
        self._panicking.clear()
        return tuple(_press(player, active=False) for player in players)

    def _choose(self, released: list[Player]) -> list[Player]:
        calm = [one for one in self.players if one not in self._panicking and one not in released]
        if not calm:
            return []
        player = self._panic_random.choice(calm)
        self._panicking[player] = self._panic_random.uniform(20.0, 40.0)
        return [player]


_FIRST_PANIC = 2.0  # seconds; a short demo has one too
_FULL_EVERY = 60.0  # seconds


def _unit_id(seed: int, index: int) -> str:
    return "license:" + hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=20).hexdigest()


def _errand(index: int) -> Errand:
    """Share out the errands: of ten players one is parked, one walks, the others drive."""
    return {3: Errand.FOOT, 7: Errand.PARKED}.get(index % 10, Errand.PATROL)


def _press(player: Player, *, active: bool) -> Press:
    player.panicking = active
    return Press(id=player.unit_id, active=active, location=player.place)
