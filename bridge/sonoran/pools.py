"""How the operations share the limit of Sonoran CAD v1, which counts all requests of a key together.

Locations and panics have their parts for themselves. All others share the rest, in which the more urgent ones keep a
reserve: what game servers ask for by themselves can use up one half of it, and with all that may wait four fifths, so
that a call, a look for one or a look at the key finds a slot.
"""

import math
from collections.abc import Mapping

from msgspec import Struct

from bridge.operations import (
    CREATE_911_CALL,
    CREATE_DISPATCH_CALL,
    DOCUMENTED_LIMITS,
    GET_CALLS,
    GET_VERSION,
    OWN,
    SET_UNIT_PANIC,
    UPDATE_UNIT_LOCATIONS,
)
from bridge.types_v1 import PER_MINUTE

LOCATION_REST = 5.0  # seconds that Sonoran wants between two location requests of v1
LEAST_SHARED = (
    8  # requests a minute that panics leave to the others, however many they are configured to have
)
ROUTINE_PART, FORWARDED_PART = 0.8, 0.5  # of what is shared
ROUNDING = 1e-9  # requests: 29 % of 100 are 29, though not in binary fractions

_LOCATIONS, _PANIC = UPDATE_UNIT_LOCATIONS.name, SET_UNIT_PANIC.name
_URGENT = frozenset({CREATE_911_CALL.name, CREATE_DISPATCH_CALL.name, GET_CALLS.name, GET_VERSION.name})
_OWN = frozenset(operation.name for operation in OWN)
_SHARED = frozenset(DOCUMENTED_LIMITS) - {_LOCATIONS, _PANIC}


class Pool(Struct, frozen=True, kw_only=True):
    """A limit that several operations have together, in requests a minute."""

    limit: float
    operations: frozenset[str]


class Sharing(Struct, frozen=True, kw_only=True):
    """What counts besides each operation's own limit.

    ``location_rest`` is the seconds after an answer in which no other location request leaves: however long either is
    on its way, the CAD sees them at least that far apart.
    """

    pools: tuple[Pool, ...] = ()
    location_rest: float = 0.0


SEPARATE = Sharing()
"""Nothing counts together, as in v2."""


def whole(limit: float) -> float:
    """Return whole requests a minute, or a part of one."""
    return math.floor(limit + ROUNDING) or limit


def limits_v1(overrides: Mapping[str, int], share: float) -> dict[str, float]:
    """Return the requests a minute of each operation in v1.

    Locations have at most 12, panics at most what leaves the others something, and those never more than is left: all
    are 60 together. Inside that, other operations keep to what v2 documents, for v1 documents nothing.
    """
    locations, panics, shared = _parts(overrides)
    ours = {name: min(overrides.get(name, limit), shared) for name, limit in DOCUMENTED_LIMITS.items()}
    ours |= {_LOCATIONS: locations, _PANIC: panics}
    return {name: whole(limit * share) for name, limit in ours.items()}


def sharing_v1(overrides: Mapping[str, int], share: float) -> Sharing:
    """Return what the operations of v1 have together."""
    shared = whole(_parts(overrides)[2] * share)
    pools = (
        Pool(limit=shared, operations=_SHARED),
        Pool(limit=whole(shared * ROUTINE_PART), operations=_SHARED - _URGENT),
        Pool(limit=whole(shared * FORWARDED_PART), operations=_SHARED - _OWN),
    )
    return Sharing(pools=pools, location_rest=LOCATION_REST)


def _parts(overrides: Mapping[str, int]) -> tuple[int, int, int]:
    """Return the requests a minute of locations, of panics and of all others together."""
    documented = DOCUMENTED_LIMITS[_LOCATIONS]
    locations = min(overrides.get(_LOCATIONS, documented), documented)
    most = PER_MINUTE - locations - LEAST_SHARED
    panics = min(overrides.get(_PANIC, DOCUMENTED_LIMITS[_PANIC]), most)
    return locations, panics, PER_MINUTE - locations - panics
