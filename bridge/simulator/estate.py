"""What a community has configured: its game servers, what each of them is equipped with, codes and postals."""

from collections.abc import Iterable

from msgspec import Struct

from bridge.simulator.configuration_shapes import (
    Anything,
    Callout,
    PagerConfig,
    ServerRow,
    Stations,
    StreetSign,
)

PAGER = PagerConfig(
    nature_words={
        "Emergency": "Emergency",
        "NonEmergency": "Non-Emergency",
        "Administrative": "Administrative",
    },
    max_addresses=5,
    max_body_length=250,
)  # of a server that nobody has set one for


class Equipment(Struct, kw_only=True):
    """What one server is equipped with; signs go by their ids."""

    pager: PagerConfig = PAGER
    stations: Stations | None = None
    callouts: list[Callout] = []
    signs: dict[int, StreetSign] = {}


class Estate:
    """The configured servers, in their order, and the community's codes and postals."""

    def __init__(self, servers: Iterable[ServerRow]) -> None:
        self.servers: tuple[ServerRow, ...] = tuple(servers)
        self.penal_codes: list[Anything] = []
        self.postals: list[Anything] = []
        self.equipment: dict[int, Equipment] = {}
        self._settings = self.servers

    def configure(self, servers: Iterable[ServerRow]) -> None:
        """Set the servers for good: ``forget`` goes back to them."""
        self.servers = self._settings = tuple(servers)

    def equipment_of(self, server_id: int) -> Equipment:
        """Return what a server is equipped with."""
        return self.equipment.setdefault(server_id, Equipment())

    def forget(self) -> None:
        """Go back to the servers that were set for good, with nothing else configured."""
        self.servers = self._settings
        self.equipment.clear()
        self.penal_codes = []
        self.postals = []


def server_row(server_id: int) -> ServerRow:
    """Return the row of a server of which nothing but its id matters."""
    return ServerRow(id=server_id, name=f"Server {server_id}")
