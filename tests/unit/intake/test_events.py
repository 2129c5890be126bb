import pytest

from bridge.errors import MalformedError, PushError
from bridge.events import (
    Blip,
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
    kind_of,
)
from bridge.intake import read_events
from bridge.units import UnitId

A, B = UnitId("a"), UnitId("b")
TYPES = (
    "the types are blip, call_911, call_911_remove, clock, dispatch_attach, dispatch_call, dispatch_close, "
    "dispatch_detach, dispatch_note, kick, panic, photo, status"
)
KINDS: dict[bytes, Event] = {
    b'{"type":"panic","id":"a"}': Panic(ids=(A,)),
    b'{"type":"status","id":"a","status":3}': Status(ids=(A,), status=UnitStatus.ENROUTE),
    b'{"type":"call_911","caller":"Jane","location":"Alta St","description":"Shots"}': EmergencyCall(
        caller="Jane", location="Alta St", description="Shots"
    ),
    b'{"type":"call_911_remove","call":302}': EmergencyCallRemoval(call=302),
    b'{"type":"dispatch_call","title":"Armed Robbery"}': DispatchCall(title="Armed Robbery"),
    b'{"type":"dispatch_note","call":501,"note":"Armed"}': DispatchNote(call=501, note="Armed"),
    b'{"type":"dispatch_attach","call":"501","ids":["a","b"]}': DispatchAttachment(call=501, ids=(A, B)),
    b'{"type":"dispatch_detach","ids":["a","b"]}': DispatchDetachment(ids=(A, B)),
    b'{"type":"dispatch_close","calls":[501,"c0ffee-1"]}': DispatchClosing(calls=(501, EventId("c0ffee-1"))),
    b'{"type":"kick","id":"a","reason":"Restart"}': Kick(id=A, reason="Restart"),
    b'{"type":"blip","x":1,"y":2}': Blip(x=1.0, y=2.0),
    b'{"type":"photo","id":"a","url":"https://example.com/a.png"}': Photo(
        id=A, url="https://example.com/a.png"
    ),
    b'{"type":"clock","id":"a","in":false}': Clocking(id=A, clocked_in=False),
}


def refusal(body: bytes) -> PushError:
    with pytest.raises(PushError) as caught:
        read_events(body)
    assert not isinstance(caught.value, MalformedError)
    return caught.value


@pytest.mark.parametrize(("body", "event"), KINDS.items(), ids=[kind_of(event) for event in KINDS.values()])
def test_each_kind_is_read(body: bytes, event: Event) -> None:
    assert read_events(body) == (event,)


def test_no_kind_is_left_out() -> None:
    assert {kind_of(event) for event in KINDS.values()} == set(EventKind)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"panic","ids":["a","b"]}',
        b'[{"type":"panic","ids":["a","b"]}]',
        b'{"7":{"type":"panic","ids":["a","b"]}}',
        b'[null,{"type":"panic","ids":{"3":"a","12":"b"},"active":true}]',
        b'{"type":" panic ","ids":["a","b","a"],"id":"b","active":"true"}',
        b'{"type":"panic","ids":["a"],"id":"b","active":1}',
    ],
)
def test_an_event_comes_alone_or_in_a_list(body: bytes) -> None:
    assert read_events(body) == (Panic(ids=(A, B)),)


def test_several_events_keep_their_order() -> None:
    assert read_events(b"[" + b",".join(KINDS) + b"]") == tuple(KINDS.values())


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (b'{"ids":["a"]}', f"type: missing; {TYPES}"),
        (b'{"type":null,"id":"a"}', f"type: missing; {TYPES}"),
        (b'{"type":"panik"}', f"type: unknown 'panik'; {TYPES}"),
        (b'{"type":"a-made-up-token-of-a-server"}', f"type: unknown; {TYPES}"),
        (b"7", f"type: missing; {TYPES}"),
        (b'{"type":"clock","id":"a"}', "in: expected true or false; a mere toggle is refused"),
        (b'{"type":"panic","ids":[]}', "id or ids: expected at least one unit"),
        (b'{"type":"call_911","caller":"Jane"}', "location: expected text"),
        (b'{"type":"dispatch_close","calls":[1,0]}', "calls: number 1 is no call; expected Sonoran's number"),
        (b'{"type":"blip"}', "x and y, or coords: expected two finite numbers"),
    ],
)
def test_every_bad_event_is_named_with_its_index(event: bytes, reason: str) -> None:
    good = b'{"type":"panic","id":"a"}'

    error = refusal(b"[" + b",".join([event, good, b"null", event]) + b"]")

    assert [index for index, _ in error.problems] == [0, 3]
    assert all(found.startswith(reason) for _, found in error.problems), error.problems
    assert "2 of 4 events" in str(error)


def test_without_a_cms_a_clocking_is_refused_with_the_reason_and_nothing_else_is() -> None:
    clocking, panic = b'{"type":"clock","id":"a","in":true}', b'{"type":"panic","id":"a"}'

    with pytest.raises(PushError) as caught:
        read_events(b"[" + panic + b"," + clocking + b"]", cms=False)

    assert caught.value.problems == ((1, "type: clock is for the CMS, and bridge.toml has no section [cms]"),)
    assert len(read_events(panic, cms=False)) == 1


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"[null]", b"7", b'"panic"'])
def test_a_push_without_events_is_refused(body: bytes) -> None:
    assert "expected" in str(refusal(body))


def test_only_so_many_events_fit_into_a_request() -> None:
    event = b'{"type":"panic","id":"a"}'

    assert len(read_events(b"[" + b",".join([event] * 1000) + b"]")) == 1000
    assert "at most 1000" in str(refusal(b"[" + b",".join([event] * 1001) + b"]"))
