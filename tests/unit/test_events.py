import msgspec
import pytest

from bridge.events import (
    CALLS,
    CANCELLING,
    ONCE,
    STATES,
    Blip,
    BlipRow,
    Clocking,
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCall,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventKind,
    Kick,
    Panic,
    Photo,
    Status,
    UnitStatus,
    calls_of,
    kind_of,
    units_of,
    with_calls,
)
from bridge.operations import OPERATIONS, Repeat
from bridge.sonoran import v2
from bridge.units import ServerId, UnitId

ONE, TWO = UnitId("license:1"), UnitId("license:2")
CREATING = EventId("0123456789abcdef0123456789abcdef")
DIGITS = EventId("0" * 31 + "1")
SAMPLES: dict[EventKind, Event] = {
    EventKind.PANIC: Panic(ids=(ONE, TWO), active=False),
    EventKind.STATUS: Status(ids=(ONE, TWO), status=UnitStatus.ON_SCENE),
    EventKind.CALL_911: EmergencyCall(caller="Jane", location="Alta St", description="Shots", x=1.5),
    EventKind.CALL_911_REMOVE: EmergencyCallRemoval(call=302),
    EventKind.DISPATCH_CALL: DispatchCall(title="Robbery", ids=(ONE,), priority=3, metadata={"a": "b"}),
    EventKind.DISPATCH_NOTE: DispatchNote(call=CREATING, note="Armed", label="Bank"),
    EventKind.DISPATCH_ATTACH: DispatchAttachment(call=501, ids=(ONE, TWO)),
    EventKind.DISPATCH_DETACH: DispatchDetachment(ids=(ONE, TWO)),
    EventKind.DISPATCH_CLOSE: DispatchClosing(calls=(501, CREATING, DIGITS)),
    EventKind.KICK: Kick(id=ONE, reason="Restart"),
    EventKind.BLIP: Blip(x=1.0, y=2.0, radius=50.0, data=(BlipRow(title="Units", text="2"),)),
    EventKind.PHOTO: Photo(id=ONE, url="https://cdn.example.com/a.png"),
    EventKind.CLOCK: Clocking(id=ONE, clocked_in=True),
}


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_an_event_that_says_so(kind: EventKind) -> None:
    assert kind_of(SAMPLES[kind]) is kind


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_comes_back_from_its_bytes_as_it_was(kind: EventKind) -> None:
    encoded = msgspec.json.encode(SAMPLES[kind])

    assert msgspec.json.decode(encoded, type=Event) == SAMPLES[kind]
    assert msgspec.json.decode(encoded)["type"] == kind


@pytest.mark.parametrize("kind", EventKind)
def test_units_have_a_share_in_what_is_done_to_each_of_them(kind: EventKind) -> None:
    several = {EventKind.PANIC, EventKind.STATUS, EventKind.DISPATCH_ATTACH, EventKind.DISPATCH_DETACH}
    expected = (ONE, TWO) if kind in several else (ONE,) if kind is EventKind.KICK else ()

    assert units_of(SAMPLES[kind]) == expected


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_names_the_calls_that_others_created(kind: EventKind) -> None:
    expected: dict[EventKind, tuple[int | EventId, ...]] = {
        EventKind.CALL_911_REMOVE: (302,),
        EventKind.DISPATCH_NOTE: (CREATING,),
        EventKind.DISPATCH_ATTACH: (501,),
        EventKind.DISPATCH_CLOSE: (501, CREATING, DIGITS),
    }

    assert calls_of(SAMPLES[kind]) == expected.get(kind, ())


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_can_be_about_other_calls_and_is_else_the_same(kind: EventKind) -> None:
    event = SAMPLES[kind]
    others = tuple(range(1, len(calls_of(event)) + 1))

    changed = with_calls(event, others)

    assert calls_of(changed) == others
    assert with_calls(changed, calls_of(event)) == event


@pytest.mark.parametrize("kind", EventKind)
def test_a_kind_is_one_thing_only(kind: EventKind) -> None:
    assert [kind in kinds for kinds in (STATES, CALLS, CANCELLING)].count(True) <= 1
    assert kind not in STATES & ONCE


@pytest.mark.parametrize("kind", sorted(ONCE))
def test_a_kind_that_is_made_once_is_an_operation_that_must_not_be_repeated(kind: EventKind) -> None:
    request = v2.deliver(ServerId(1), SAMPLES[kind], [ONE], 0.0, CREATING)

    assert OPERATIONS[request.operation.name].repeat is Repeat.ONCE


@pytest.mark.parametrize(
    ("word", "code"),
    [("UNAVAILABLE", 0), ("BUSY", 1), ("AVAILABLE", 2), ("ENROUTE", 3), ("ON_SCENE", 4), ("OFFLINE", 100)],
)
def test_a_status_goes_over_the_wire_as_sonorans_number(word: str, code: int) -> None:
    assert UnitStatus(word).code == code


def test_no_status_is_without_a_number() -> None:
    assert len({word.code for word in UnitStatus}) == len(UnitStatus)
