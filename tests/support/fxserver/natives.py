"""The natives of the server that scripts of this kind call, with the ways in which they fail.

After code/components/citizen-server-impl and citizen-scripting-core of citizenfx/fivem: a player who is not there
gives nil, 0 or false; an entity that is not there raises; nil or 0 where a string is wanted raises.
"""
# ruff: noqa: N802 -- natives have the names that FiveM gave them

from collections.abc import Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from tests.support.fxserver.arguments import (
    LEADING_NUMBER,
    Caller,
    Native,
    NativeError,
    Natives,
    hash_key,
    leading_number,
    needed,
    number,
    text,
    truth,
    vector,
)
from tests.support.fxserver.world import Entity, Ped, Player, Vehicle, single

SEARCHES = 64  # that may be open at a time, of all resources


class Game(Protocol):
    """The server that natives tell about."""

    @property
    def stored(self) -> MutableMapping[tuple[str, str], str]: ...
    @property
    def players(self) -> Mapping[int, Player]: ...
    @property
    def convars(self) -> Mapping[str, str]: ...
    @property
    def convar_readers(self) -> Mapping[str, AbstractSet[str]]: ...
    @property
    def milliseconds(self) -> int: ...
    @property
    def invoking(self) -> str | None: ...
    @property
    def resource_names(self) -> Sequence[str]: ...
    def allows(self, player: Player, ace: str) -> bool: ...
    def drop(self, player: Player, reason: str = "") -> None: ...
    def state_of(self, resource: str) -> str: ...
    def metadata(self, resource: str, key: str) -> Sequence[str]: ...
    def file_of(self, resource: str, path: str) -> str | None: ...


class PlayerNatives(Natives):
    """What is asked about players."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._indices: list[int] = []

    def GetNumPlayerIndices(self, _: Caller) -> int:
        self._indices = list(self._game.players)
        return len(self._indices)

    def GetPlayerFromIndex(self, _: Caller, index: object) -> str | None:
        position = number(index)
        return str(self._indices[position]) if 0 <= position < len(self._indices) else None

    @truth
    def DoesPlayerExist(self, _: Caller, who: object = None) -> bool:
        return self._player(who) is not None

    def GetPlayerName(self, _: Caller, who: object = None) -> str | None:
        player = self._player(who)
        return player.name if player else None

    def GetPlayerPed(self, _: Caller, who: object = None) -> int:
        player = self._player(who)
        return player.ped.handle if player and player.ped else 0

    def GetPlayerRoutingBucket(self, _: Caller, who: object = None) -> int:
        player = self._player(who)
        return player.bucket if player else 0

    def GetNumPlayerIdentifiers(self, _: Caller, who: object = None) -> int:
        player = self._player(who)
        return len(player.identifiers) if player else 0

    def GetPlayerIdentifier(self, _: Caller, who: object = None, index: object = None) -> str | None:
        player, position = self._player(who), number(index)
        found = player.identifiers if player else []
        return found[position] if 0 <= position < len(found) else None

    def GetPlayerIdentifierByType(self, _: Caller, who: object = None, kind: object = None) -> str | None:
        """Compare the beginning only: ``license`` finds ``license2:`` too where that one comes first."""
        player, wanted = self._player(who), needed(kind, 1)
        found = player.identifiers if player else []
        return next((name for name in found if name.startswith(wanted)), None)

    @truth
    def IsPlayerAceAllowed(self, _: Caller, who: object = None, name: object = None) -> bool:
        player, wanted = self._player(who), needed(name, 1)
        return player is not None and self._game.allows(player, wanted)

    def DropPlayer(self, _: Caller, who: object = None, reason: object = None) -> None:
        player = self._player(who)
        if player is not None:
            self._game.drop(player, text(reason) or "")

    def _player(self, who: object) -> Player | None:
        return self._game.players.get(leading_number(needed(who)))


class EntityNatives(Natives):
    """What is asked about peds and vehicles."""

    @truth
    def DoesEntityExist(self, _: Caller, handle: object = None) -> bool:
        return Entity.of(number(handle)) is not None

    @vector
    def GetEntityCoords(self, _: Caller, handle: object = None) -> tuple[float, float, float]:
        entity = _entity(handle)
        return entity.coords if entity else (0.0, 0.0, 0.0)

    def GetEntityHeading(self, _: Caller, handle: object = None) -> float:
        entity = _entity(handle)
        return single(entity.heading) if entity else 0.0

    def GetEntitySpeed(self, _: Caller, handle: object = None) -> float:
        entity = _entity(handle)
        return single(entity.speed) if entity else 0.0

    def GetEntityModel(self, _: Caller, handle: object = None) -> int:
        entity = _entity(handle)
        return entity.model if entity else 0

    @truth
    def IsPedInAnyVehicle(self, _: Caller, handle: object = None, __: object = None) -> bool:
        return _vehicle_of(handle, last=False) != 0

    def GetVehiclePedIsIn(self, _: Caller, handle: object = None, last: object = None) -> int:
        return _vehicle_of(handle, last=bool(last))

    @truth
    def IsVehicleSirenOn(self, _: Caller, handle: object = None) -> bool:
        vehicle = _entity(handle)
        return isinstance(vehicle, Vehicle) and vehicle.siren

    def GetVehicleNumberPlateText(self, _: Caller, handle: object = None) -> str:
        vehicle = _entity(handle)
        return vehicle.plate if isinstance(vehicle, Vehicle) else ""

    def GetVehicleType(self, _: Caller, handle: object = None) -> str | None:
        vehicle = _entity(handle)
        return vehicle.kind if isinstance(vehicle, Vehicle) else None


class ServerNatives(Natives):
    """What is asked about resources and configuration."""

    def __init__(self, game: Game) -> None:
        self._game = game

    @truth
    def IsDuplicityVersion(self, _: Caller) -> bool:
        return True

    def GetGameTimer(self, _: Caller) -> int:
        """Answer milliseconds as the server does: of 32 bits, signed, so that they turn negative after weeks."""
        return (self._game.milliseconds + 2**31) % 2**32 - 2**31

    def GetHashKey(self, _: Caller, name: object = None) -> int:
        return hash_key(needed(name))

    def GetCurrentResourceName(self, caller: Caller) -> str:
        return caller.resource

    def GetInvokingResource(self, _: Caller) -> str | None:
        return self._game.invoking

    def GetResourceState(self, _: Caller, name: object = None) -> str:
        return self._game.state_of(needed(name))

    def GetNumResourceMetadata(self, _: Caller, name: object = None, key: object = None) -> int:
        return len(self._game.metadata(needed(name), needed(key, 1)))

    def GetResourceMetadata(
        self, _: Caller, name: object = None, key: object = None, index: object = 0
    ) -> str | None:
        found, position = self._game.metadata(needed(name), needed(key, 1)), number(index)
        return found[position] if 0 <= position < len(found) else None

    def LoadResourceFile(self, _: Caller, name: object = None, path: object = None) -> str | None:
        return self._game.file_of(needed(name), needed(path, 1))

    def GetConvar(self, caller: Caller, name: object = None, default: object = None) -> str | None:
        """Answer the default where others were given the right to read it, and this resource was not."""
        return self._readable(caller, needed(name), text(default))

    def GetConvarInt(self, caller: Caller, name: object = None, default: object = 0) -> int:
        found = (self._readable(caller, needed(name), None) or "").lower()
        if found in ("true", "false"):
            return int(found == "true")
        digits = LEADING_NUMBER.match(found)
        return int(digits[0]) if digits else number(default)

    def _readable(self, caller: Caller, name: str, default: str | None) -> str | None:
        readers = self._game.convar_readers.get(name)
        allowed = readers is None or caller.resource in readers
        return self._game.convars.get(name, default) if allowed else default


class StoreNatives(Natives):
    """A resource's own store of keys and values, which outlives it."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._searches: dict[int, list[str]] = {}

    def GetResourceKvpString(self, caller: Caller, key: object = None) -> str | None:
        return self._game.stored.get((caller.resource, needed(key)))

    def SetResourceKvp(self, caller: Caller, key: object = None, value: object = None) -> None:
        self._game.stored[caller.resource, needed(key)] = needed(value, 1)

    def DeleteResourceKvp(self, caller: Caller, key: object = None) -> None:
        self._game.stored.pop((caller.resource, needed(key)), None)

    SetResourceKvpNoSync = SetResourceKvp
    DeleteResourceKvpNoSync = DeleteResourceKvp

    def FlushResourceKvp(self, _: Caller) -> None:
        """Here nothing is lost without it."""

    def StartFindKvp(self, caller: Caller, prefix: object = None) -> int:
        """Answer a handle, or -1 where all are taken."""
        beginning = needed(prefix)
        free = next((handle for handle in range(SEARCHES) if handle not in self._searches), -1)
        if free >= 0:
            keys = [key for resource, key in self._game.stored if resource == caller.resource]
            self._searches[free] = sorted(key for key in keys if key.startswith(beginning))
        return free

    def FindKvp(self, _: Caller, handle: object = None) -> str | None:
        found = self._searches.get(number(handle))
        return found.pop(0) if found else None

    def EndFindKvp(self, _: Caller, handle: object = None) -> None:
        self._searches.pop(number(handle), None)


def server_natives(game: Game) -> dict[str, Native]:
    """Return every native that is stubbed, by name."""
    families = (PlayerNatives(game), EntityNatives(), ServerNatives(game), StoreNatives(game))
    return {name: native for family in families for name, native in family.table().items()}


def _entity(handle: object) -> Entity | None:
    """Return what has a handle: 0 is nothing, and a handle that nothing has raises."""
    wanted = number(handle)
    if wanted == 0:
        return None
    entity = Entity.of(wanted)
    if entity is None:
        raise NativeError(f"Tried to access invalid entity: {wanted}")
    return entity


def _vehicle_of(handle: object, *, last: bool) -> int:
    ped = _entity(handle)
    if not isinstance(ped, Ped):
        return 0
    vehicle = ped.player.last_vehicle if last else ped.player.vehicle
    return vehicle.handle if vehicle is not None and Entity.of(vehicle.handle) else 0
