"""The units of a community: every identifier of every account, and the one that each account goes by."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from bridge.simulator.people import Account, People
from bridge.simulator.shapes import Coordinates, Vehicle

AVAILABLE = 2  # UNIT_STATUS of a unit that nobody has set yet
OFFLINE = 100  # UNIT_STATUS of one that is logged out


class UnitData(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an identifier says of its unit, as unit rows show it."""

    unit_num: str
    name: str
    district: str = "Los Santos"
    department: str = "LSPD"
    subdivision: str = "Patrol"
    rank: str = "Officer"
    group: str = ""
    page: int = 0


class Unit(Struct, kw_only=True):
    """A unit as last told, an identifier in the CAD's words; ``ident`` and ``account`` are the CAD's names for it.

    ``unit_id`` is the community user id that its account goes by; ``updated_at`` is Unix time; ``server_id`` is the
    server that spoke of the unit last.
    """

    unit_id: str
    ident: int
    account: str
    server_id: int
    data: UnitData
    status: int = AVAILABLE
    is_panic: bool = False
    is_dispatch: bool = False
    location: str | None = None
    coordinates: Coordinates | None = None
    vehicle: Vehicle | None = None
    peer_id: str | None = None
    aop: str = ""
    updated_at: float = 0.0

    def change_data(self, changes: Mapping[str, object]) -> None:
        """Change what the identifier says of its unit."""
        self.data = msgspec.structs.replace(self.data, **changes)

    def put_into(self, group: str) -> None:
        """Put the unit into a group."""
        self.change_data({"group": group})

    def row(self) -> dict[str, object]:
        """Return the unit as the CAD shows it."""
        return {
            "id": self.ident,
            "accId": self.account,
            "status": self.status,
            "isPanic": self.is_panic,
            "location": self.location or "",
            "coordinates": self.coordinates,
            "aop": self.aop,
            "data": self.data,
            "isDispatch": self.is_dispatch,
        }


class Roster:
    """All units; ``selected`` are those that somebody is out as, by community user id.

    A community user id that is mentioned for the first time goes out as its account's identifier, and gets one if
    there is none.
    """

    def __init__(self, people: People) -> None:
        self.selected: dict[str, Unit] = {}
        self._people = people
        self._units: dict[int, Unit] = {}
        self._by_account: dict[str, list[Unit]] = {}
        self._last_ident = 0

    def unit(self, unit_id: str, server_id: int) -> Unit | None:
        """Return the unit of a community user id, which ``server_id`` speaks of; None: no account has linked it."""
        if unit_id not in self.selected:
            account = self._people.account_of(unit_id)
            if account is None:
                return None
            unit = self.chosen_of(account) or next(iter(self.of(account)), None)
            unit = self.enlist(account, server_id) if unit is None else unit
            self.select(account, unit)
            self.selected[unit_id] = unit
        unit = self.selected[unit_id]
        unit.server_id = server_id
        return unit

    def enlist(self, account: Account, server_id: int) -> Unit:
        """Give an account another identifier."""
        self._last_ident += 1
        ident = self._last_ident
        data = UnitData(unit_num=f"A-{ident}", name=f"Officer {ident}")
        unit = Unit(
            unit_id=account.community_user_id,
            ident=ident,
            account=account.account,
            server_id=server_id,
            data=data,
        )
        self._units[ident] = unit
        self._by_account.setdefault(account.account, []).append(unit)
        return unit

    def select(self, account: Account, unit: Unit) -> None:
        """Have an account go out as one of its identifiers."""
        account.selected_ident = unit.ident
        unit.unit_id = account.community_user_id
        self.selected[unit.unit_id] = unit

    def strike(self, unit: Unit) -> None:
        """Remove an identifier; an account that goes by it goes by none any more."""
        del self._units[unit.ident]
        self._by_account[unit.account].remove(unit)
        self.selected = {name: other for name, other in self.selected.items() if other is not unit}
        account = self._people.account(unit.account)
        if account is not None and account.selected_ident == unit.ident:
            account.selected_ident = None

    def of(self, account: Account) -> list[Unit]:
        """Return the identifiers of an account."""
        return list(self._by_account.get(account.account, ()))

    def chosen_of(self, account: Account) -> Unit | None:
        """Return the identifier that an account goes by."""
        return self._units.get(account.selected_ident or 0)

    def everyone(self) -> list[Unit]:
        """Return all identifiers."""
        return list(self._units.values())

    def is_online(self, unit: Unit) -> bool:
        """Tell whether somebody is out as this unit."""
        return unit.status != OFFLINE and self.selected.get(unit.unit_id) is unit

    def forget(self) -> None:
        """Forget all units; their numbers are never used again."""
        self.selected.clear()
        self._units.clear()
        self._by_account.clear()
