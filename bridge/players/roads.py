"""A small road map in the coordinates of the game world: metres, x to the east, y to the north."""

import math
from itertools import pairwise

from msgspec import Struct


class Point(Struct, frozen=True):
    """A crossing or a bend."""

    x: float
    y: float
    z: float


class Road(Struct, frozen=True, kw_only=True):
    """One direction of a straight piece of street.

    ``limit`` is in metres a second. ``heading`` is the game's: 0 is north, growing counter-clockwise, so 90
    is west. ``cross`` is another street at its end, empty at a bend.
    """

    street: str
    limit: float
    start: Point
    end: Point
    length: float
    heading: float
    cross: str

    def at(self, metres: float) -> Point:
        """Return the place that many metres along."""
        share = min(1.0, max(0.0, metres / self.length))
        return Point(
            self.start.x + (self.end.x - self.start.x) * share,
            self.start.y + (self.end.y - self.start.y) * share,
            self.start.z + (self.end.z - self.start.z) * share,
        )

    def text(self, metres: float) -> str:
        """Name the place as games do: the street, and the crossing where it is near."""
        if not self.cross or self.length - metres > _NEAR_CROSSING:
            return self.street
        return f"{self.street} / {self.cross}"


class RoadMap:
    """All roads, and which of them leave from where another ends."""

    def __init__(self) -> None:
        self.roads = tuple(_lay())
        self._leaving: dict[Point, list[Road]] = {}
        for road in self.roads:
            self._leaving.setdefault(road.start, []).append(road)

    def onward(self, road: Road) -> tuple[Road, ...]:
        """Return the roads to go on with at the end of ``road``; back only where nothing else is left."""
        leaving = self._leaving[road.end]
        return tuple(other for other in leaving if other.end != road.start) or tuple(leaving)


def turn_between(one: float, other: float) -> float:
    """Return the degrees between two headings, 0 to 180."""
    return abs((one - other + 180.0) % 360.0 - 180.0)


_NEAR_CROSSING = 60.0  # metres before a crossing where its name is shown

_CITY = 15.0  # metres a second; about 55 km/h
_AVENUE = 20.0
_FREEWAY = 33.0  # about 120 km/h

_POINTS = {
    "airport": Point(-1030.0, -2740.0, 20.1),
    "airport gate": Point(-930.0, -2310.0, 19.0),
    "docks": Point(180.0, -2690.0, 18.5),
    "elysian": Point(-170.0, -2180.0, 10.2),
    "cypress": Point(830.0, -2090.0, 29.3),
    "el burro": Point(1190.0, -1640.0, 35.0),
    "grove": Point(100.0, -1940.0, 20.8),
    "davis": Point(-60.0, -1620.0, 29.3),
    "davis east": Point(370.0, -1690.0, 29.4),
    "la mesa south": Point(810.0, -1430.0, 27.3),
    "la puerta": Point(-620.0, -1650.0, 25.8),
    "strawberry": Point(100.0, -1400.0, 29.3),
    "strawberry east": Point(490.0, -1320.0, 29.3),
    "olympic west": Point(-560.0, -1240.0, 18.0),
    "olympic": Point(60.0, -1180.0, 33.6),
    "olympic east": Point(800.0, -1190.0, 44.8),
    "canals": Point(-1180.0, -1290.0, 5.1),
    "vespucci": Point(-1010.0, -850.0, 14.3),
    "little seoul": Point(-640.0, -840.0, 24.7),
    "pillbox south": Point(-240.0, -880.0, 30.6),
    "legion": Point(180.0, -1010.0, 29.3),
    "mission row": Point(410.0, -1030.0, 29.4),
    "la mesa": Point(790.0, -1010.0, 26.1),
    "pillbox": Point(-90.0, -640.0, 35.9),
    "textile": Point(400.0, -850.0, 29.3),
    "hospital": Point(280.0, -590.0, 43.1),
    "del perro": Point(-1590.0, -880.0, 10.0),
    "del perro pier": Point(-1660.0, -560.0, 34.0),
    "morningwood": Point(-1300.0, -390.0, 36.6),
    "rockford": Point(-830.0, -170.0, 37.7),
    "rockford south": Point(-640.0, -380.0, 34.8),
    "burton": Point(-330.0, -240.0, 36.1),
    "alta": Point(60.0, -270.0, 47.8),
    "hawick": Point(250.0, -60.0, 69.0),
    "mirror park": Point(1050.0, -480.0, 63.9),
    "tataviam": Point(1430.0, -250.0, 80.0),
    "west vinewood": Point(-560.0, 260.0, 82.9),
    "vinewood": Point(120.0, 200.0, 104.7),
    "vinewood east": Point(620.0, 40.0, 88.0),
    "richman": Point(-1480.0, 180.0, 55.4),
    "hills": Point(-190.0, 700.0, 199.8),
    "lake": Point(830.0, 860.0, 191.0),
    "pacific bluffs": Point(-1990.0, -340.0, 20.3),
    "chumash south": Point(-1950.0, 560.0, 117.0),
    "tongva": Point(-1520.0, 1480.0, 111.0),
    "great chaparral": Point(-330.0, 1830.0, 198.0),
    "harmony west": Point(-230.0, 2860.0, 47.0),
    "harmony": Point(560.0, 2690.0, 42.1),
    "senora": Point(1190.0, 2680.0, 37.9),
    "windfarm": Point(1850.0, 2190.0, 54.0),
    "palomino": Point(1960.0, 860.0, 60.0),
    "zancudo": Point(-1280.0, 2500.0, 22.0),
}

_STREETS: tuple[tuple[str, float, str], ...] = (
    ("New Empire Way", _AVENUE, "airport|airport gate|la puerta|olympic west"),
    ("Elysian Fields Freeway", _FREEWAY, "airport gate|elysian|cypress|el burro"),
    ("Signal Street", _CITY, "elysian|docks|cypress"),
    ("Grove Street", _CITY, "davis|grove|davis east"),
    ("Davis Avenue", _CITY, "elysian|davis|strawberry"),
    ("Innocence Boulevard", _CITY, "la puerta|davis|davis east|la mesa south|el burro"),
    ("Strawberry Avenue", _AVENUE, "strawberry|olympic|legion|hospital"),
    ("Capital Boulevard", _CITY, "strawberry|strawberry east|la mesa south"),
    ("Olympic Freeway", _FREEWAY, "canals|olympic west|olympic|olympic east|el burro"),
    ("Sinner Street", _CITY, "strawberry east|mission row|textile"),
    ("Popular Street", _CITY, "cypress|la mesa south|olympic east|la mesa|mirror park"),
    (
        "Vespucci Boulevard",
        _AVENUE,
        "del perro|vespucci|little seoul|pillbox south|legion|mission row|la mesa",
    ),
    ("Bay City Avenue", _CITY, "canals|vespucci|morningwood|richman"),
    ("Calais Avenue", _CITY, "olympic west|little seoul|rockford south"),
    ("Alta Street", _CITY, "pillbox south|pillbox|alta|hawick"),
    ("San Andreas Avenue", _AVENUE, "little seoul|pillbox|hospital|textile"),
    ("Del Perro Freeway", _FREEWAY, "del perro pier|morningwood|rockford south|pillbox"),
    ("Elgin Avenue", _CITY, "textile|hospital|alta"),
    ("Great Ocean Highway", _FREEWAY, "del perro|del perro pier|pacific bluffs|chumash south|tongva|zancudo"),
    ("Portola Drive", _CITY, "rockford south|rockford|west vinewood"),
    ("Hawick Avenue", _AVENUE, "rockford|burton|alta|hawick|vinewood east"),
    ("Eclipse Boulevard", _AVENUE, "pacific bluffs|richman|west vinewood|vinewood"),
    ("Vinewood Boulevard", _AVENUE, "burton|vinewood|hawick|mirror park"),
    ("Mirror Park Boulevard", _CITY, "hospital|mirror park|tataviam|vinewood east"),
    ("North Conker Avenue", _CITY, "west vinewood|hills|vinewood"),
    ("Baytree Canyon Road", _AVENUE, "hills|great chaparral|tongva"),
    ("Mount Haan Road", _CITY, "vinewood|lake|hills"),
    ("Los Santos Freeway", _FREEWAY, "olympic east|mirror park|lake|harmony"),
    ("Senora Road", _AVENUE, "great chaparral|harmony west"),
    ("Route 68", _FREEWAY, "zancudo|harmony west|harmony|senora|windfarm"),
    ("Palomino Freeway", _FREEWAY, "el burro|tataviam|palomino|windfarm"),
)


def _lay() -> list[Road]:
    """Lay every street in both directions."""
    pieces = [
        (name, limit, _POINTS[one], _POINTS[other])
        for name, limit, way in _STREETS
        for one, other in pairwise(way.split("|"))
    ]
    streets_at: dict[Point, set[str]] = {}
    for name, _, one, other in pieces:
        streets_at.setdefault(one, set()).add(name)
        streets_at.setdefault(other, set()).add(name)
    both_ways = [(name, limit, *ends) for name, limit, a, b in pieces for ends in ((a, b), (b, a))]
    return [_road(name, limit, a, b, streets_at[b]) for name, limit, a, b in both_ways]


def _road(street: str, limit: float, start: Point, end: Point, streets_at_end: set[str]) -> Road:
    east, north = end.x - start.x, end.y - start.y
    return Road(
        street=street,
        limit=limit,
        start=start,
        end=end,
        length=math.hypot(east, north, end.z - start.z),
        heading=math.degrees(math.atan2(-east, north)) % 360.0,
        cross=min(streets_at_end - {street}, default=""),
    )
