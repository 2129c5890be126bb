"""What may happen in a history of the delivery machine, as values that shrink well."""

from hypothesis import strategies as st
from msgspec import Struct, structs

from bridge.events import EventKind
from tests.support.model_line import EVERYTHING, FAULTS, MUTE, SCOPES

STATUSES = ("UNAVAILABLE", "BUSY", "ENROUTE")
UNITS = "ABC"
GHOST = "Z"  # a unit that the CAD never knows


class Told(Struct, frozen=True, kw_only=True):
    """An event that the game tells of; what is missing is made up so that no two are alike.

    ``call`` counts back through the server's calls (0: the newest); ``by_number`` names it as Sonoran does.
    """

    kind: EventKind
    units: str = "A"
    value: int = 1
    call: int = 0
    by_number: bool = False


class Push(Struct, frozen=True, kw_only=True):
    """Events in one request; the game goes on without the answer where it does not ``wait``."""

    server: int = 1
    told: tuple[Told, ...]
    wait: bool = True


class Places(Struct, frozen=True, kw_only=True):
    """Where units are: on a street of their own, at house ``spot``."""

    server: int = 1
    units: str
    spot: int


class Pass(Struct, frozen=True):
    """Time passes."""

    seconds: float


class Mood(Struct, frozen=True):
    """The CAD meets all requests of a scope so from now on; None: well."""

    scope: str
    fault: str | None


class Once(Struct, frozen=True):
    """One request of a scope meets a fault."""

    scope: str
    fault: str


class Knows(Struct, frozen=True):
    """The CAD has an account for the unit, or has none."""

    unit: str
    known: bool


class Person(Struct, frozen=True):
    """Somebody closes a dispatch call, or takes a 911 call off the board."""

    call: int


class Shows(Struct, frozen=True):
    """New calls show in getCalls so many seconds late, in this casing, above so many old closed ones."""

    late: float = 0.0
    camel: bool = False
    closed: int = 0


class SlowDisk(Struct, frozen=True):
    """A commit takes so long."""

    seconds: float


class Crash(Struct, frozen=True):
    """The process is killed and comes back later."""

    down: float


class Restart(Struct, frozen=True):
    """The process is stopped in good order and starts again."""


Step = Push | Places | Pass | Mood | Once | Knows | Person | Shows | SlowDisk | Crash | Restart

_NUMBERED = (
    EventKind.CALL_911_REMOVE,
    EventKind.DISPATCH_NOTE,
    EventKind.DISPATCH_ATTACH,
    EventKind.DISPATCH_CLOSE,
)
_SCOPE_OF = {
    **dict.fromkeys(EventKind, "rest"),
    **dict.fromkeys(_NUMBERED, "about calls"),
    EventKind.DISPATCH_DETACH: "about calls",
    EventKind.PANIC: "states",
    EventKind.STATUS: "states",
    EventKind.CALL_911: "calls",
    EventKind.DISPATCH_CALL: "calls",
    EventKind.KICK: "kicks",
}
_UNCLEAR = [
    name for name, fault in FAULTS.items()
    if fault.acts or fault.acts_late or fault.hangs or fault.status in (0, 408, 500, 503)
]  # fmt: skip

_OF_THE_CAD = [kind for kind in EventKind if kind is not EventKind.CLOCK]
_SERVERS = st.sampled_from([1, 1, 1, 2])
_GROUPS = st.sampled_from(["A", "B", "C", "AB", "BC", "ABC", GHOST, "A" + GHOST])
_MOMENTS = st.sampled_from([0.3, 0.0, 0.0006, 0.0012, 0.06, 0.2, 1.0, 3.0, 9.0])
_SOON = st.builds(Pass, _MOMENTS)
_PASSING = st.builds(Pass, _MOMENTS | st.sampled_from([12.0, 30.0, 65.0, 130.0, 700.0]))
_KILL = st.builds(Crash, st.sampled_from([0.3, 0.5, 9.0, 12.0, 100.0]))
_FAULT_NAMES = st.sampled_from(_UNCLEAR) | st.sampled_from(sorted(FAULTS))


@st.composite
def _told(draw: st.DrawFn, kinds: st.SearchStrategy[EventKind]) -> Told:
    kind = draw(kinds)
    numbered = kind in _NUMBERED
    return Told(
        kind=kind,
        units=draw(_GROUPS),
        value=draw(st.sampled_from([1, 0, 2])),
        call=draw(st.sampled_from([0, 0, 1, 2])) if numbered else 0,
        by_number=draw(st.booleans()) if numbered else False,
    )


def _push(kinds: st.SearchStrategy[EventKind], *, most: int = 3) -> st.SearchStrategy[Push]:
    return st.builds(
        Push,
        server=_SERVERS,
        told=st.lists(_told(kinds), min_size=1, max_size=most).map(tuple),
        wait=st.sampled_from([True, True, True, False]),
    )


@st.composite
def _trouble(draw: st.DrawFn) -> tuple[Step, ...]:
    """Return faults, events that meet them, and what comes after."""
    kind = draw(
        st.sampled_from(
            [EventKind.CALL_911, EventKind.DISPATCH_CALL, EventKind.KICK, EventKind.KICK, *_OF_THE_CAD]
        )
    )
    scope = _SCOPE_OF[kind]
    faults: list[Step] = draw(st.lists(st.builds(Once, st.just(scope), _FAULT_NAMES), min_size=1, max_size=2))
    if scope == "calls":
        faults += draw(st.lists(st.builds(Once, st.just("reads"), _FAULT_NAMES), max_size=1))
    after = draw(
        st.sampled_from([(), ("pass",), ("pass", "kill"), ("pass", "kill", "pass"), ("pass", "person")])
    )
    what = {"pass": _PASSING, "kill": _KILL, "person": st.builds(Person, st.integers(0, 3))}
    return (*faults, draw(_push(st.just(kind))), *(draw(what[word]) for word in after))


@st.composite
def _call_story(draw: st.DrawFn) -> tuple[Step, ...]:
    """Return a call and something about it, with or without time between."""
    kind = draw(st.sampled_from([EventKind.CALL_911, EventKind.DISPATCH_CALL]))
    fault = draw(st.lists(st.builds(Once, st.just("calls"), _FAULT_NAMES), max_size=1))
    server = draw(_SERVERS)
    call = Push(server=server, told=(Told(kind=kind),))
    about = draw(
        st.lists(_told(st.sampled_from([*_NUMBERED, EventKind.DISPATCH_DETACH])), min_size=1, max_size=3)
    )
    return (*fault, call, draw(_SOON), Push(server=server, told=tuple(about)))


_WEATHER = st.tuples(
    st.builds(Mood, st.sampled_from([EVERYTHING, *SCOPES]), _FAULT_NAMES | st.none()), _PASSING
)


@st.composite
def _flips(draw: st.DrawFn) -> tuple[Step, ...]:
    """Return states of the same units in quick succession, some of them while others are under way."""
    kind = draw(st.sampled_from([EventKind.PANIC, EventKind.STATUS]))
    steps: list[Step] = draw(st.lists(st.builds(Once, st.just("states"), _FAULT_NAMES), max_size=1))
    for value in draw(st.lists(st.sampled_from([1, 0, 2]), min_size=2, max_size=4)):
        told = Told(kind=kind, units=draw(st.sampled_from(["A", "AB"])), value=value)
        steps += [Push(told=(told,)), Pass(draw(st.sampled_from([0.03, 0.0, 0.1, 0.3])))]
    return tuple(steps)


@st.composite
def _blind(draw: st.DrawFn) -> tuple[Step, ...]:
    """Return a call of unclear end that cannot be looked for, or only late; somebody may end it meanwhile."""
    acting = [name for name, fault in FAULTS.items() if fault.acts or fault.acts_late]
    fault = Once("calls", draw(st.sampled_from(acting)))
    told = Told(kind=draw(st.sampled_from([EventKind.CALL_911, EventKind.DISPATCH_CALL])))
    reads = draw(st.sampled_from(["403", "400", "503", "503", "hangs", MUTE]))
    person = draw(st.sampled_from([(), (Person(0),)]))
    wait = Pass(draw(st.sampled_from([12.0, 30.0, 130.0, 130.0])))
    return (fault, Mood("reads", reads), Push(told=(told,)), wait, *person, Mood("reads", None))


_CUT_SHORT = st.tuples(
    _push(st.sampled_from(_OF_THE_CAD)).map(lambda push: structs.replace(push, wait=False)),
    st.builds(Pass, st.sampled_from([0.0006, 0.0012, 0.0018, 0.0026, 0.06, 0.15])),
    _KILL,
)
_MOVES = st.builds(Places, server=_SERVERS, units=_GROUPS, spot=st.integers(0, 5))
_SHOWS = st.builds(
    Shows,
    late=st.sampled_from([9.9, 0.0, 4.0]),
    camel=st.booleans(),
    closed=st.sampled_from([0, 0, 230]),
)
_PHRASES: st.SearchStrategy[tuple[Step, ...]] = st.one_of(
    st.just(()),
    st.tuples(_push(st.sampled_from(_OF_THE_CAD))),
    _trouble(),
    _trouble(),
    _call_story(),
    _call_story(),
    _WEATHER,
    _CUT_SHORT,
    _flips(),
    _blind(),
    st.tuples(_PASSING),
    st.tuples(_PASSING, _KILL),
    st.tuples(_MOVES, _PASSING, _MOVES),
    st.tuples(st.builds(Once, st.just("locations"), _FAULT_NAMES), _MOVES),
    st.tuples(
        st.one_of(
            st.just(Restart()),
            st.builds(Mood, st.just(EVERYTHING), st.none()),
            st.builds(Knows, st.sampled_from(UNITS), st.booleans()),
            st.builds(Person, st.integers(0, 3)),
            _SHOWS,
            st.builds(SlowDisk, st.sampled_from([2.0, 0.001, 0.05])),
        )
    ),
)

HISTORIES: st.SearchStrategy[list[Step]] = st.lists(_PHRASES, min_size=7, max_size=17).map(
    lambda phrases: [step for phrase in phrases for step in phrase]
)
"""Steps in phrases that hang together; a phrase can shrink to nothing."""
