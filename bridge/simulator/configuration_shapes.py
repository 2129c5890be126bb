"""The bodies of requests that configure a community and its servers, field for field as Sonoran documents them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bridge.simulator.shapes import Coordinates, Number

ServerId = Annotated[int, Meta(ge=1, le=2**31 - 1)]

Anything = dict[str, Any]  # an object whose fields Sonoran leaves to others


class ServerRow(Struct, frozen=True, kw_only=True, rename="camel"):
    """A game server as getServers shows it; ``listener_port`` is text there."""

    id: ServerId
    name: str = ""
    description: str = "A simulated game server"
    signal: str | None = "100"
    map_url: str = ""
    map_ip: str = "127.0.0.1"
    listener_port: str = "30120"
    differing_outbound: bool = False
    outbound_ip: str = ""
    enable_map: bool = True
    map_type: str = "NORMAL"
    is_static: bool = False
    live_map_format: int = 0


class ServerRows(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of setServers."""

    servers: list[ServerRow]
    deploy_map: bool | None = None


class PagerNode(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody, or a group, whom a pager can reach."""

    id: str
    name: str
    description: str = ""
    permission: str = ""
    address: str = ""
    short_code: str = ""
    kind: str = ""
    children: "list[PagerNode] | None" = None


class PagerPermissions(Struct, frozen=True, kw_only=True):
    """Who may page whom; the documents show nothing of what is in it."""

    roles: Any = None
    players: Any = None


class PagerConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of setPagerConfig, and what getPagerConfig answers."""

    nature_words: dict[str, str]
    max_addresses: Number
    max_body_length: Number
    nodes: list[PagerNode] | None = None
    perms: PagerPermissions = PagerPermissions()


class Station(Struct, frozen=True, kw_only=True):
    """A station with the doors that it can open."""

    name: str
    coordinates: Coordinates
    doors: list[str] = []
    icon: str = ""


class Stations(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of setStations."""

    locations: list[Station]
    tones: list[str] = []
    unit_colors: list[str] = []


class Callout(Struct, frozen=True, kw_only=True):
    """A scene that can be played; ``data`` is the game server's own."""

    id: str
    data: Anything = {}


class Callouts(Struct, frozen=True, kw_only=True):
    """The body of setCallouts."""

    callouts: list[Callout]


class StreetSign(Struct, frozen=True, kw_only=True):
    """A sign over a street, with three lines of text."""

    id: int
    coordinates: Coordinates
    label: str = ""
    text1: str = ""
    text2: str = ""
    text3: str = ""


class StreetSigns(Struct, frozen=True, kw_only=True):
    """The body of setStreetSignConfig."""

    signs: list[StreetSign]


class SignChange(Struct, frozen=True, kw_only=True):
    """The body of updateStreetSigns; what is left out stays."""

    ids: list[int]
    text1: str | None = None
    text2: str | None = None
    text3: str | None = None


class PenalCodes(Struct, frozen=True, kw_only=True):
    """The body of setPenalCodes; the example shows null, which clears them."""

    codes: list[Anything] | None


class Postals(Struct, frozen=True, kw_only=True):
    """The body of setPostalConfig; the example shows null, which clears them."""

    postals: list[Anything] | None


SERVER_ROWS = msgspec.json.Decoder(ServerRows)
PAGER_CONFIG = msgspec.json.Decoder(PagerConfig)
STATIONS = msgspec.json.Decoder(Stations)
CALLOUTS = msgspec.json.Decoder(Callouts)
STREET_SIGNS = msgspec.json.Decoder(StreetSigns)
SIGN_CHANGE = msgspec.json.Decoder(SignChange)
PENAL_CODES = msgspec.json.Decoder(PenalCodes)
POSTALS = msgspec.json.Decoder(Postals)
