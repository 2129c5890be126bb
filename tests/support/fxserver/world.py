"""Players and vehicles of the stubbed server, as its natives see them."""

import itertools
import struct
from collections.abc import Iterable
from typing import ClassVar
from weakref import WeakValueDictionary

NOT_SYNCED = (0.0, 0.0, -1700.0)  # where a ped is before its client told the server anything


def single(value: float) -> float:
    """Return a number as the game keeps it: of single precision."""
    try:
        found: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return found


class Entity:
    """A ped or a vehicle; once deleted, nothing answers to its handle any more, though scripts may still hold it."""

    _handles = itertools.count(65538)
    _known: ClassVar["WeakValueDictionary[int, Entity]"] = WeakValueDictionary()

    def __init__(self, coords: tuple[float, float, float], heading: float = 0.0) -> None:
        self.handle = next(self._handles)
        self._known[self.handle] = self
        self.coords = coords
        self.heading = heading
        self.model = 0
        self.bucket = 0
        self.speed = 0.0

    @classmethod
    def of(cls, handle: int) -> "Entity | None":
        """Return what has a handle, if it exists."""
        return cls._known.get(handle)

    def delete(self) -> None:
        """Vanish."""
        self._known.pop(self.handle, None)


class Ped(Entity):
    """The body of a player."""

    def __init__(self, player: "Player") -> None:
        super().__init__(NOT_SYNCED)
        self.player = player


class Vehicle(Entity):
    """A vehicle; ``kind`` as GetVehicleType calls it."""

    def __init__(self, plate: str = "LSPD 123", kind: str = "automobile") -> None:
        super().__init__((0.0, 0.0, 0.0))
        self.plate = plate
        self.kind = kind
        self.siren = False
        self.model = 2046537925


class Player:
    """A player who has joined. ``ped`` is None while he has none."""

    def __init__(self, number: int, name: str, identifiers: Iterable[str], aces: Iterable[str]) -> None:
        self.number = number
        self.name = name
        self.identifiers = list(identifiers)
        self.aces = set(aces)
        self.ped: Ped | None = Ped(self)
        self.vehicle: Vehicle | None = None
        self.last_vehicle: Vehicle | None = None
        self.bucket = 0
        self.ping = 40

    def move_to(self, x: float, y: float, z: float = 30.0, heading: float | None = None) -> None:
        """Be somewhere, with the vehicle."""
        for entity in (self.ped, self.vehicle):
            if entity is not None:
                entity.coords = (x, y, z)
                entity.heading = entity.heading if heading is None else heading

    def enter(self, vehicle: Vehicle) -> None:
        self.vehicle = self.last_vehicle = vehicle
        if self.ped is not None:
            vehicle.coords = self.ped.coords

    def leave_vehicle(self) -> None:
        self.vehicle = None
