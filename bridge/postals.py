"""The nearest postal: the code a dispatcher reads on the map instead of two coordinates.

Communities keep their postals as a JSON list of points. A grid with about one point a cell answers in a few
cells what a scan of the list would in thousands of points.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from bridge.errors import ConfigError

KEY = "locations.postals_file"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ROUNDING = 1.0 - 1e-9  # a postal on the line between two cells may be filed under either
SMALLEST_CELL = 1.0  # metres; points closer than that share a cell


class Postal(Struct, frozen=True, gc=False):
    """One postal of the file: its code and its place in metres of the game world."""

    code: str | int
    x: float
    y: float


class _File(Struct, frozen=True):
    postals: list[Postal]


class _Near(NamedTuple):
    squared: float
    postal: Postal


_DECODER = msgspec.json.Decoder(list[Postal] | _File, strict=False)


class Postals:
    """The postals of a map, found by place."""

    def __init__(self, postals: list[Postal]) -> None:
        self._postals = postals
        self._left = min((postal.x for postal in postals), default=0.0)
        self._bottom = min((postal.y for postal in postals), default=0.0)
        self._width = max((postal.x for postal in postals), default=0.0) - self._left
        self._height = max((postal.y for postal in postals), default=0.0) - self._bottom
        count = max(1, len(postals))
        self._cell = max(
            math.sqrt(self._width * self._height / count),
            max(self._width, self._height) / count,
            SMALLEST_CELL,
        )
        self._columns = int(self._width // self._cell) + 1
        self._rows = int(self._height // self._cell) + 1
        self._cells: dict[tuple[int, int], list[Postal]] = {}
        for postal in postals:
            self._cells.setdefault(self._cell_of(postal.x, postal.y), []).append(postal)

    @classmethod
    def load(cls, path: Path) -> "Postals":
        """Read a list of ``{"code", "x", "y"}``, bare or under ``postals``.

        Raises:
            ConfigError: the file cannot be read or is no such list.
        """
        try:
            read = _DECODER.decode(path.read_bytes().removeprefix(BYTE_ORDER_MARK))
        except OSError as error:
            raise ConfigError([f"{KEY}: {path}: {error.strerror or error}"]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError([f"{KEY}: {path}: expected a list of code, x and y: {error}"]) from None
        postals = read.postals if isinstance(read, _File) else read
        if not all(math.isfinite(postal.x) and math.isfinite(postal.y) for postal in postals):
            raise ConfigError([f"{KEY}: {path}: a coordinate is not finite"])
        return cls(postals)

    def __len__(self) -> int:
        return len(self._postals)

    def nearest(self, x: float, y: float) -> str | None:
        """Return the code of the postal nearest to a place in metres; None where there are no postals."""
        best: _Near | None = None
        for ring in range(max(self._columns, self._rows)):
            for cell in self._ring(self._cell_of(x, y), ring):
                for postal in self._cells.get(cell, ()):
                    squared = (postal.x - x) ** 2 + (postal.y - y) ** 2
                    if best is None or squared < best.squared:
                        best = _Near(squared, postal)
            if best is not None and best.squared <= self._closest_outside(x, y, ring):
                break
        return None if best is None else str(best.postal.code)

    def _cell_of(self, x: float, y: float) -> tuple[int, int]:
        """Return the cell of a place, or the cell at the edge that is nearest to it."""
        column = int(min(max(x - self._left, 0.0), self._width) // self._cell)
        row = int(min(max(y - self._bottom, 0.0), self._height) // self._cell)
        return column, row

    def _closest_outside(self, x: float, y: float, ring: int) -> float:
        """Return the squared distance that no postal beyond a ring can be under.

        From the edge of the map inwards it is a whole cell for each ring; a place off the map adds its way there.
        """
        off_x = max(self._left - x, x - self._left - self._width, 0.0)
        off_y = max(self._bottom - y, y - self._bottom - self._height, 0.0)
        return (ring * self._cell * ROUNDING) ** 2 + off_x**2 + off_y**2

    def _ring(self, centre: tuple[int, int], ring: int) -> Iterator[tuple[int, int]]:
        """Go through the cells of the map that are ``ring`` cells from the centre."""
        column, row = centre
        left, right = max(column - ring, 0), min(column + ring, self._columns - 1)
        for at in range(left, right + 1):
            if abs(at - column) == ring:
                low, high = max(row - ring, 0), min(row + ring, self._rows - 1)
                yield from ((at, other) for other in range(low, high + 1))
            else:
                yield from ((at, other) for other in {row - ring, row + ring} if 0 <= other < self._rows)
