"""One synthetic player: along the roads with the acceleration of a car or the pace of a walker."""

import math
from enum import Enum
from random import Random

from msgspec import Struct

from bridge.players.roads import RoadMap, turn_between

TOP_SPEED = 60.0  # metres a second; no player is ever faster


class Errand(Enum):
    """What a player spends the whole session with."""

    PATROL = "patrol"
    FOOT = "foot"
    PARKED = "parked"


class VehicleState(Struct, frozen=True, kw_only=True):
    """The vehicle of an update; ``lights`` are the blue ones."""

    model: str
    lights: bool


class LocationUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of a location push, as a FiveM resource writes it; no ``vehicle`` on foot."""

    id: str
    x: float
    y: float
    z: float
    heading: float
    location: str
    vehicle: VehicleState | None = None


class Player:
    """A unit on the road map; ``random`` decides every turn, stop and emergency.

    A panicking player brakes to a standstill and stays there until the panic is over.
    """

    def __init__(self, unit_id: str, errand: Errand, roads: RoadMap, random: Random) -> None:
        self.unit_id = unit_id
        self.errand = errand
        self.panicking = False
        self.speed = 0.0  # metres a second
        self._roads = roads
        self._random = random
        self._model = random.choice(_MODELS)
        self._style = random.uniform(0.8, 1.1)
        self._lights = False
        self._rest = 0.0  # seconds that the player still stands at a call
        self._road = random.choice(roads.roads)
        self._metres = random.uniform(0.0, self._road.length)
        self._stop_at: float | None = None
        self._next = random.choice(roads.onward(self._road))

    def step(self, seconds: float) -> None:
        """Live on for that long, in slices short enough to brake in."""
        if self.errand is Errand.PARKED:
            return
        while seconds > 0:
            piece = min(seconds, _SLICE)
            self._live(piece)
            seconds -= piece

    def update(self) -> LocationUpdate:
        """Return where the player is now, rounded as games print it."""
        place = self._road.at(self._metres)
        on_foot = self.errand is Errand.FOOT
        return LocationUpdate(
            id=self.unit_id,
            x=round(place.x, 2),
            y=round(place.y, 2),
            z=round(place.z, 2),
            heading=round(self._road.heading, 1) % 360.0,
            location=self.place,
            vehicle=None if on_foot else VehicleState(model=self._model, lights=self._lights),
        )

    @property
    def place(self) -> str:
        """The street, with its crossing where one is near."""
        return self._road.text(self._metres)

    def _live(self, seconds: float) -> None:
        if self._rest > 0 and not self.panicking:
            self._rest -= seconds
            if self._rest <= 0:
                self._lights = self.errand is Errand.PATROL and self._random.random() < _EMERGENCY_SHARE
            return
        self._advance(seconds)
        if self._stop_at is not None and self._stop_at - self._metres < _ARRIVED:
            self._arrive()

    def _advance(self, seconds: float) -> None:
        pull, brake = _FOOT_PULL if self.errand is Errand.FOOT else _CAR_PULL
        wanted = 0.0 if self.panicking else min(self._cruise(), self._safe(brake))
        low, high = self.speed - brake * seconds, self.speed + pull * seconds
        self.speed = max(0.0, low, min(wanted, high))
        self._metres += self.speed * seconds
        while self._metres >= self._road.length:
            self._turn()

    def _cruise(self) -> float:
        if self.errand is Errand.FOOT:
            return _WALK * self._style
        return min(TOP_SPEED, self._road.limit * (_HURRY if self._lights else self._style))

    def _safe(self, brake: float) -> float:
        """Return the speed from which the coming corner or stop can still be braked for."""
        corner = turn_between(self._road.heading, self._next.heading)
        at_corner = max(_CORNER, self._next.limit * (1.0 - corner / 90.0))
        speed = math.sqrt(at_corner**2 + 2.0 * brake * max(0.0, self._road.length - self._metres))
        if self._stop_at is None:
            return speed
        return min(speed, max(_CREEP, math.sqrt(2.0 * brake * max(0.0, self._stop_at - self._metres))))

    def _turn(self) -> None:
        self._metres -= self._road.length
        self._road = self._next
        self._next = self._random.choice(self._roads.onward(self._road))
        self._stop_at = None
        if self._random.random() < _STOP_SHARE:
            self._stop_at = self._road.length * self._random.uniform(0.5, 0.9)

    def _arrive(self) -> None:
        self.speed = 0.0
        self._stop_at = None
        self._rest = self._random.uniform(8.0, 45.0)


_MODELS = ("police", "police2", "police3", "sheriff", "sheriff2", "ambulance", "firetruk", "policeb")
_SLICE = 0.25  # seconds
_CAR_PULL = (3.5, 7.0)  # metres a second per second: speeding up, braking
_FOOT_PULL = (1.5, 3.0)
_WALK = 1.6  # metres a second
_HURRY = 1.6  # times the limit, with blue lights
_CORNER = 5.0  # metres a second around a sharp corner
_CREEP = 1.0  # metres a second on the last metre before a stop, so that it is reached
_ARRIVED = 0.5  # metres
_STOP_SHARE = 0.2  # of roads that have a call on them
_EMERGENCY_SHARE = 0.35  # of drives after a call that go with blue lights
