"""The types of Sonoran CAD v1, read from ``types_v1.toml``, which says what each column means."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files

import msgspec
from msgspec import Struct

from bridge.operations import OPERATIONS, Operation, Plan, Repeat, Scope

PER_MINUTE = 60  # requests of all types together; Sonoran advises no more than one a second for long


class TypeV1(Struct, frozen=True, forbid_unknown_fields=True):
    """One type; ``equal`` is the operation of v2 that does the same, None where v2 has none."""

    name: str
    path: str
    plan: Plan | None = None
    operation: str | None = None
    scope: Scope = Scope.OTHER
    repeat: Repeat = Repeat.ONCE

    @property
    def equal(self) -> Operation | None:
        """Return the operation of v2 that does the same."""
        return None if self.operation is None else OPERATIONS[self.operation]


def _load() -> Mapping[str, TypeV1]:
    table = tomllib.loads(files("bridge").joinpath("types_v1.toml").read_text("utf-8"))
    rows = msgspec.convert(
        {name: {"name": name, **columns} for name, columns in table.items()}, dict[str, TypeV1]
    )
    return {name: _complete(row) for name, row in rows.items()}


def _complete(row: TypeV1) -> TypeV1:
    equal = row.equal
    return row if equal is None else msgspec.structs.replace(row, scope=equal.scope, repeat=equal.repeat)


TYPES = _load()
"""Every type by its name."""

BY_PATH = {row.path: row for row in TYPES.values()}
"""Every type by the path it is posted to."""
