import pytest

from bridge.errors import MalformedError, PushError
from bridge.events import EmergencyCall, Panic, Status, UnitStatus
from bridge.intake import read_events
from bridge.units import UnitId

CALL = b'"type":"call_911","caller":"Jane","location":"Alta St","description":"Shots"'


def refusal(body: bytes) -> PushError:
    with pytest.raises(PushError) as caught:
        read_events(body)
    assert not isinstance(caught.value, MalformedError)
    return caught.value


def read_call(more: bytes) -> EmergencyCall:
    (call,) = read_events(b"{" + CALL + b"," + more + b"}")
    assert isinstance(call, EmergencyCall)
    return call


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
    assert read_events(body) == (Panic(ids=(UnitId("a"), UnitId("b"))),)


def test_several_events_keep_their_order() -> None:
    events = read_events(b'[{"type":"panic","id":"a","active":false},{"type":"status","id":1,"status":3}]')

    assert events == (
        Panic(ids=(UnitId("a"),), active=False),
        Status(ids=(UnitId("1"),), status=UnitStatus.ENROUTE),
    )


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"0", UnitStatus.UNAVAILABLE),
        (b"1", UnitStatus.BUSY),
        (b"2.0", UnitStatus.AVAILABLE),
        (b'"3"', UnitStatus.ENROUTE),
        (b"4", UnitStatus.ON_SCENE),
        (b"100", UnitStatus.OFFLINE),
        (b'"on scene"', UnitStatus.ON_SCENE),
        (b'"On-Scene"', UnitStatus.ON_SCENE),
        (b'"ON_SCENE"', UnitStatus.ON_SCENE),
        (b'"en_route"', UnitStatus.ENROUTE),
    ],
)
def test_a_status_is_a_number_or_a_name(value: bytes, status: UnitStatus) -> None:
    assert read_events(b'{"type":"status","id":"a","status":' + value + b"}") == (
        Status(ids=(UnitId("a"),), status=status),
    )


def test_a_call_needs_three_texts() -> None:
    (call,) = read_events(b"{" + CALL + b"}")

    assert call == EmergencyCall(caller="Jane", location="Alta St", description="Shots")


def test_a_call_may_carry_everything() -> None:
    call = read_call(
        b'"emergency":0,"x":"1.5","y":2,"z":3,"postal":7015,"delete_after_minutes":"30",'
        b'"metadata":{"plate":"46EEK572","hash":-1627000575,"speed":1.5,"armed":true,"note":"","none":null}'
    )

    assert call == EmergencyCall(
        caller="Jane",
        location="Alta St",
        description="Shots",
        emergency=False,
        x=1.5,
        y=2.0,
        z=3.0,
        postal="7015",
        delete_after_minutes=30,
        metadata={
            "plate": "46EEK572",
            "hash": "-1627000575",
            "speed": "1.5",
            "armed": "true",
            "note": "",
        },
    )


@pytest.mark.parametrize(
    "place",
    [
        b'"coords":{"x":1,"y":"2","z":3,"w":90}',
        b'"coordinates":[1,2,3]',
        b'"position":{"x":1.0,"y":2.0,"z":3.0}',
    ],
)
def test_a_calls_place_comes_in_any_form(place: bytes) -> None:
    call = read_call(place)

    assert (call.x, call.y, call.z) == (1.0, 2.0, 3.0)


def test_a_calls_place_that_makes_no_sense_is_ignored() -> None:
    call = read_call(b'"x":NaN,"y":"far","z":[],"postal":"","metadata":[]')

    assert (call.x, call.y, call.z, call.postal, call.metadata) == (None, None, None, None, {})


def test_long_texts_are_cut() -> None:
    body = b'{"type":"call_911","caller":"%s","location":"%s","description":"%s"}' % ((b"x" * 5000,) * 3)

    (call,) = read_events(body)

    assert isinstance(call, EmergencyCall)
    assert [len(call.caller), len(call.location), len(call.description)] == [250, 250, 4000]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (b'"caller":""', "caller: expected text"),
        (b'"location":null', "location: expected text"),
        (b'"description":[]', "description: expected text"),
        (b'"emergency":"maybe"', "emergency: expected true or false"),
        (b'"delete_after_minutes":0', "delete_after_minutes: expected a whole number from 1 to 525600"),
        (b'"delete_after_minutes":NaN', "delete_after_minutes: expected a whole number from 1 to 525600"),
        (b'"metadata":"x"', "metadata: expected an object"),
        (b'"metadata":{"a":{}}', "metadata: expected names and texts"),
        (b'"metadata":{"":"a"}', "metadata: expected names and texts"),
        (
            b'"metadata":{' + b",".join(b'"%d":1' % number for number in range(51)) + b"}",
            "metadata: at most 50 entries, found 51",
        ),
    ],
)
def test_a_bad_call_is_refused_with_the_reason(more: bytes, reason: str) -> None:
    assert refusal(b"{" + CALL + b"," + more + b"}").problems == ((0, reason),)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (b'{"ids":["a"]}', "type: missing; the types are call_911, panic, status"),
        (b'{"type":null,"id":"a"}', "type: missing; the types are call_911, panic, status"),
        (b'{"type":"panik"}', "type: unknown 'panik'; the types are call_911, panic, status"),
        (b'{"type":"a-made-up-token-of-a-server"}', "type: unknown; the types are call_911, panic, status"),
        (b'{"type":"kick","id":"a"}', "type: kick is not supported by this version"),
        (b'{"type":"clock"}', "type: clock is not supported by this version"),
        (b'{"type":"panic"}', "id or ids: expected at least one unit"),
        (b'{"type":"panic","ids":[]}', "id or ids: expected at least one unit"),
        (b'{"type":"panic","ids":["a",true]}', "ids: number 1 is no id"),
        (b'{"type":"panic","id":"a","active":2}', "active: expected true or false"),
        (b'{"type":"status","status":3}', "id or ids: expected at least one unit"),
        (b'{"type":"status","id":"a","status":5}', "status: expected one of UNAVAILABLE (0), BUSY (1)"),
        (b'{"type":"status","id":"a","status":true}', "status: expected one of"),
        (b'{"type":"status","id":"a"}', "status: expected one of"),
        (b"7", "type: missing; the types are call_911, panic, status"),
    ],
)
def test_every_bad_event_is_named_with_its_index(event: bytes, reason: str) -> None:
    good = b'{"type":"panic","id":"a"}'

    error = refusal(b"[" + b",".join([event, good, b"null", event]) + b"]")

    assert [index for index, _ in error.problems] == [0, 3]
    assert all(found.startswith(reason) for _, found in error.problems)
    assert "2 of 4 events" in str(error)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"[null]", b"7", b'"panic"'])
def test_a_push_without_events_is_refused(body: bytes) -> None:
    assert "expected" in str(refusal(body))


def test_only_so_many_events_fit_into_a_request() -> None:
    event = b'{"type":"panic","id":"a"}'

    assert len(read_events(b"[" + b",".join([event] * 1000) + b"]")) == 1000
    assert "at most 1000" in str(refusal(b"[" + b",".join([event] * 1001) + b"]"))


def test_only_so_many_units_fit_into_an_event() -> None:
    ids = b",".join(b"%d" % number for number in range(1001))

    (problem,) = refusal(b'{"type":"panic","ids":[' + ids + b"]}").problems

    assert problem == (0, "ids: at most 1000 units fit into one event, found 1001")
