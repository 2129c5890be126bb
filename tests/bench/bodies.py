"""What is pushed: moving units, written as each door and each baseline wants them."""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

SEPARATOR = b"\x1e"  # between the bodies in a file that load is made from
NUMBER = "########"  # what whoever makes the load puts a running number of eight digits for
STREETS = ("Innocence Blvd / Strawberry", "Vespucci Blvd / Mission Row", "Route 68 / Harmony", "Elgin Ave")
TIMESTAMP = 1_700_000_000_000  # milliseconds; vmagent wants one

Position = dict[str, object]


class Shape(Struct, frozen=True, kw_only=True):
    """How positions are pushed somewhere."""

    method: str
    path: str
    write: Callable[[Sequence[Position]], bytes]


@cache
def unit_name(number: int) -> str:
    """Return an identifier as FiveM gives them."""
    return f"license:{hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()}"


def positions(units: range, step: int) -> list[Position]:
    """Return where units are at a step: each is well over every threshold away from where it was before."""
    return [_position(number, step) for number in units]


def _position(number: int, step: int) -> Position:
    angle = number * 0.7 + step * 0.9
    return {
        "id": unit_name(number),
        "x": round(1500.0 * math.cos(angle) + number % 977, 2),
        "y": round(1500.0 * math.sin(angle) - number % 1013, 2),
        "z": round(30.0 + number % 41, 2),
        "heading": round(math.degrees(angle) % 360, 2),
        "location": STREETS[(number + step) % len(STREETS)],
    }


def _write_native(records: Sequence[Position]) -> bytes:
    return msgspec.json.encode({"updates": records, "players": len(records)})


def _write_drop_in(records: Sequence[Position]) -> bytes:
    return msgspec.json.encode({"updates": [_as_sonoran_writes(record) for record in records]})


def _as_sonoran_writes(record: Position) -> Position:
    place = {"x": record["x"], "y": record["y"], "z": record["z"], "w": record["heading"]}
    return {"communityUserId": record["id"], "location": record["location"], "coordinates": place}


def _write_series(records: Sequence[Position]) -> bytes:
    """Write a series for each number, since a sample has one: what can be read back as a place."""
    numbers = ("x", "y", "z", "heading")
    return _lines(_series(record, f"position_{name}", record[name]) for record in records for name in numbers)


def _write_packed(records: Sequence[Position]) -> bytes:
    """Write all numbers of a unit as samples of one series: the least work, but nobody can tell them apart again."""
    return _lines(
        _series(record, "position", record["x"], record["y"], record["z"], record["heading"])
        for record in records
    )


def _series(record: Position, name: str, *values: object) -> Position:
    labels = {"__name__": name, "id": record["id"], "location": record["location"]}
    return {"metric": labels, "values": values, "timestamps": [TIMESTAMP + i for i in range(len(values))]}


def _lines(series: Iterable[Position]) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in series)


NATIVE = Shape(method="POST", path="/v1/locations", write=_write_native)
DROP_IN = Shape(method="PATCH", path="/v2/emergency/servers/1/unit-locations", write=_write_drop_in)
SERIES = Shape(method="POST", path="/api/v1/import", write=_write_series)
PACKED = Shape(method="POST", path="/api/v1/import", write=_write_packed)


def write_pushes(path: Path, shape: Shape, size: int, units: int, steps: int) -> Path:
    """Write a file of pushes of ``size`` positions: all units in turn, ``steps`` times, at another place each time.

    A file that is there already is taken for the same.
    """
    if not path.exists():
        pushes = [
            shape.write(positions(range(first, min(first + size, units)), step))
            for step in range(steps)
            for first in range(0, units, size)
        ]
        path.write_bytes(SEPARATOR.join(pushes))
    return path
