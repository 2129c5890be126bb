"""What can be made to go wrong, and which of it befalls a given request.

Nothing here acts: the cloud applies what it is told.
"""

from random import Random
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

EVERY = (
    "*"  # all operations, and paths that are no operation; ``V1:*`` and ``CMS:*`` are those of one interface
)

FAILING = 0.01  # share of requests that fail in bad weather
LATENCY_SECONDS = (0.020, 0.120)  # from the quickest to the slowest answer in bad weather


class _Scope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests: of an operation, of a server (None: of any or none), the next so many (None: until cleared)."""

    operation: str = EVERY
    server: int | None = None
    times: Annotated[int, Meta(ge=1)] | None = None


class Delay(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="delay"):
    """The request waits this long before anything else happens to it, being counted included."""

    seconds: Annotated[float, Meta(ge=0)]


class Answer(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="answer"):
    """This is answered; ``body`` is sent as it is, without one it is as Sonoran words it.

    ``acts``: the CAD did what was asked, and something in front of it gives this answer in place of the CAD's.
    """

    status: Annotated[int, Meta(ge=200, le=599)]
    retry_after: str | None = None
    headers: dict[str, str] = {}
    body: str | None = None
    acts: bool = False


class Hang(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="hang"):
    """The request is read and not answered; the connection is closed when the faults are cleared.

    ``acts``: the CAD did what was asked before it fell silent.
    """

    acts: bool = False


class Drop(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="drop"):
    """The request is read, then the connection is closed; ``acts``: only the answer is lost."""

    acts: bool = False


class Half(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="half"):
    """The CAD acts and sends half of its answer, then the connection is closed."""


class RefuseUnits(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="refuse_units"):
    """A request that names one of these community user ids is a 400 and changes nothing."""

    units: frozenset[str]


class RefuseKey(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="refuse_key"):
    """The right key is answered as a wrong one is: 401."""


class Down(_Scope, frozen=True, kw_only=True, tag_field="fault", tag="down"):
    """The connection is closed as soon as a request shows."""


Fault = Delay | Answer | Hang | Drop | Half | RefuseUnits | RefuseKey | Down
Outcome = Down | RefuseKey | Answer | Hang | Drop | Half

Kind = TypeVar("Kind", Delay, RefuseUnits, Down, RefuseKey)


class Fate(Struct, frozen=True, kw_only=True):
    """What befalls one request: a delay, units that are not liked, at last one thing in place of a proper answer."""

    delay_seconds: float = 0.0
    refused: frozenset[str] = frozenset()
    outcome: Outcome | None = None


class Faults:
    """The faults in force.

    A request takes the oldest fault of each sort that fits it: one delay, one list of refused units, one
    outcome. ``Down`` goes before every other outcome and leaves the others unused, ``RefuseKey`` comes next.
    """

    def __init__(self, operations: frozenset[str]) -> None:
        self._operations = operations
        self._armed: list[_Armed] = []

    def add(self, *faults: Fault) -> None:
        """Put faults in force; ``ValueError`` where one names an operation that does not exist."""
        for fault in faults:
            if fault.operation != EVERY and fault.operation not in self._operations:
                raise ValueError(f"no such operation: {fault.operation}")
        self._armed.extend(_Armed(fault=fault, left=fault.times) for fault in faults)

    def clear(self) -> None:
        """Put all out of force."""
        self._armed.clear()

    def active(self) -> list[Fault]:
        """Return the faults in force with the requests they are still good for."""
        return [msgspec.structs.replace(armed.fault, times=armed.left) for armed in self._armed]

    def take(self, operation: str | None, server: int | None) -> Fate:
        """Return what befalls a request of this operation and server, and use it up."""
        fitting = [armed for armed in self._armed if _fits(armed.fault, operation, server)]
        outcome = self._first(fitting, Down)
        if outcome is not None:
            return Fate(outcome=outcome)
        delay = self._first(fitting, Delay)
        refusal = self._first(fitting, RefuseUnits)
        return Fate(
            delay_seconds=0.0 if delay is None else delay.seconds,
            refused=frozenset[str]() if refusal is None else refusal.units,
            outcome=self._first(fitting, RefuseKey) or self._ending(fitting),
        )

    def _first(self, fitting: "list[_Armed]", kind: type[Kind]) -> Kind | None:
        for armed in fitting:
            fault = armed.fault
            if isinstance(fault, kind):
                self._use(armed)
                return fault
        return None

    def _ending(self, fitting: "list[_Armed]") -> Answer | Hang | Drop | Half | None:
        for armed in fitting:
            fault = armed.fault
            if isinstance(fault, Answer | Hang | Drop | Half):
                self._use(armed)
                return fault
        return None

    def _use(self, armed: "_Armed") -> None:
        if armed.left is not None:
            armed.left -= 1
            if armed.left == 0:
                self._armed.remove(armed)


class Weather:
    """Faults by chance, the same ones for the same seed and order of requests."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def latency(self) -> float:
        """Return how many seconds the next answer takes."""
        return self._random.uniform(*LATENCY_SECONDS)

    def fails(self) -> bool:
        """Tell whether the next request fails with a 500."""
        return self._random.random() < FAILING


class _Armed(Struct, kw_only=True, eq=False):
    fault: Fault
    left: int | None


def _fits(fault: Fault, operation: str | None, server: int | None) -> bool:
    every = fault.operation.endswith(EVERY) and (operation or "").startswith(
        fault.operation.removesuffix(EVERY)
    )
    return (every or fault.operation == operation) and fault.server in {None, server}
