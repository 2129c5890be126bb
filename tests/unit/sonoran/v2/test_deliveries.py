from typing import Any

import msgspec
import pytest

from bridge.events import (
    Blip,
    BlipRow,
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCall,
    EmergencyCallRemoval,
    Event,
    EventId,
    Kick,
    Panic,
    Photo,
    Status,
    UnitStatus,
)
from bridge.sonoran import v2
from bridge.sonoran.messages import CadRequest, Line
from bridge.units import ServerId, UnitId

SEVEN = ServerId(7)
UNITS = [UnitId("license:a"), UnitId("license:b")]
MARK = EventId("0123456789abcdef0123456789abcdef")
MARKED = {"cadBridgeEvent": MARK}
JANE = EmergencyCall(caller="Jane", location="Alta St", description="Shots fired")
ROBBERY = DispatchCall(title="Armed Robbery")
UNKNOWN_CALL = EventId("f" * 32)


def body(request: CadRequest) -> Any:
    return msgspec.json.decode(request.body or b"null")


def deliver(event: Event, age: float = 0.0) -> CadRequest:
    return v2.deliver(SEVEN, event, UNITS, age, MARK)


@pytest.mark.parametrize("active", [True, False])
def test_a_panic(*, active: bool) -> None:
    request = deliver(Panic(ids=(UNITS[0],), active=active))

    assert (request.operation.method, request.path) == ("PATCH", "/v2/emergency/servers/7/units/panic")
    assert body(request) == {"communityUserIds": ["license:a", "license:b"], "isPanic": active}
    assert request.line is Line.URGENT


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (UnitStatus.UNAVAILABLE, 0),
        (UnitStatus.BUSY, 1),
        (UnitStatus.AVAILABLE, 2),
        (UnitStatus.ENROUTE, 3),
        (UnitStatus.ON_SCENE, 4),
        (UnitStatus.OFFLINE, 100),
    ],
)
def test_a_status(status: UnitStatus, code: int) -> None:
    request = deliver(Status(ids=(UNITS[0],), status=status))

    assert (request.operation.method, request.path) == ("PATCH", "/v2/emergency/servers/7/units/status")
    assert body(request) == {"communityUserIds": ["license:a", "license:b"], "status": code}
    assert request.line is Line.ORDINARY


def test_a_plain_911_call() -> None:
    request = deliver(JANE)

    assert (request.operation.method, request.path) == ("POST", "/v2/emergency/servers/7/calls/911")
    assert body(request) == {
        "isEmergency": True,
        "caller": "Jane",
        "location": "Alta St",
        "description": "Shots fired",
        "metaData": MARKED,
    }
    assert request.line is Line.FRESH


def test_a_911_call_with_everything_on_it() -> None:
    call = msgspec.structs.replace(
        JANE,
        emergency=False,
        x=425.1,
        y=-979.0,
        z=30.70004,
        postal="9001",
        delete_after_minutes=15,
        metadata={"phone": "555-0100", "x": "ours counts"},
    )

    place = {"x": "425.1", "y": "-979", "z": "30.7", "postal": "9001"}
    assert body(deliver(call)) == {
        "isEmergency": False,
        "caller": "Jane",
        "location": "Alta St",
        "description": "Shots fired",
        "deleteAfterMinutes": 15,
        "metaData": {"phone": "555-0100"} | place | MARKED,
    }


@pytest.mark.parametrize("call", [JANE, ROBBERY])
def test_the_mark_of_a_call_is_ours_whatever_its_metadata_says(call: EmergencyCall | DispatchCall) -> None:
    theirs = msgspec.structs.replace(call, metadata={v2.MARK: "theirs", "source": "phone"})

    assert body(deliver(theirs))["metaData"] == {"source": "phone"} | MARKED


@pytest.mark.parametrize("call", [JANE, ROBBERY])
@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (100.0, "100"),
        (1000.25, "1000.25"),
        (-0.5, "-0.5"),
        (1e-9, "0"),
        (-1e-9, "0"),
        (12345.6789, "12345.679"),
    ],
)
def test_a_place_on_the_map_is_a_plain_decimal_text(
    call: EmergencyCall | DispatchCall, x: float, text: str
) -> None:
    assert body(deliver(msgspec.structs.replace(call, x=x)))["metaData"] == {"x": text} | MARKED


@pytest.mark.parametrize(
    ("age", "description"),
    [
        (0.0, "Shots fired"),
        (59.9, "Shots fired"),
        (60.0, "(delayed 1 min) Shots fired"),
        (360.0, "(delayed 6 min) Shots fired"),
        (890.0, "(delayed 15 min) Shots fired"),
    ],
)
def test_a_late_911_call_says_so(age: float, description: str) -> None:
    assert body(deliver(JANE, age))["description"] == description


def test_only_a_911_call_says_that_it_is_late() -> None:
    call = DispatchCall(title="Armed Robbery", description="Clerk reports a firearm.")

    assert body(deliver(call, 3600.0)) == body(deliver(call))


def test_a_911_call_is_removed_by_its_number_and_without_a_body() -> None:
    request = deliver(EmergencyCallRemoval(call=302))

    assert (request.operation.method, request.path) == ("DELETE", "/v2/emergency/servers/7/calls/911/302")
    assert (request.body, request.line) == (None, Line.ORDINARY)


def test_a_plain_dispatch_call_has_every_documented_field_but_units() -> None:
    request = deliver(ROBBERY)

    assert (request.operation.method, request.path) == ("POST", "/v2/emergency/servers/7/dispatch-calls")
    assert body(request) == {
        "origin": 2,
        "status": 1,
        "priority": 1,
        "block": "",
        "address": "",
        "postal": "",
        "title": "Armed Robbery",
        "code": "",
        "description": "",
        "notes": None,
        "metaData": MARKED,
    }
    assert request.line is Line.FRESH


def test_a_dispatch_call_with_everything_on_it() -> None:
    call = DispatchCall(
        title="Armed Robbery",
        description="Clerk reports a firearm.",
        code="211",
        block="100",
        address="Mission Row",
        postal="9001",
        origin=0,
        status=2,
        priority=3,
        ids=(UnitId("license:z"),),
        x=425.1,
        y=-979.2,
        z=30.7,
        metadata={"radius": "75", "y": "ours counts"},
    )

    assert body(deliver(call)) == {
        "origin": 0,
        "status": 2,
        "priority": 3,
        "block": "100",
        "address": "Mission Row",
        "postal": "9001",
        "title": "Armed Robbery",
        "code": "211",
        "description": "Clerk reports a firearm.",
        "notes": None,
        "communityUserIds": ["license:z"],
        "metaData": {"radius": "75", "x": "425.1", "y": "-979.2", "z": "30.7"} | MARKED,
    }


def test_a_note_says_what_kind_it_is() -> None:
    request = deliver(DispatchNote(call=501, note="https://x", note_type="link"))

    assert body(request) == {"note": "https://x", "noteType": "link"}


@pytest.mark.parametrize(
    ("label", "shown"), [(None, {}), ("Integration", {"label": "Integration"})], ids=["nobody", "somebody"]
)
def test_a_note_on_a_call(label: str | None, shown: dict[str, str]) -> None:
    request = deliver(DispatchNote(call=501, note="Caller is hiding.", label=label))

    path = "/v2/emergency/servers/7/dispatch-calls/501/notes"
    assert (request.operation.method, request.path) == ("POST", path)
    assert body(request) == {"note": "Caller is hiding.", "noteType": "text"} | shown
    assert request.line is Line.FRESH


def test_units_are_put_on_a_call() -> None:
    request = deliver(DispatchAttachment(call=501, ids=(UNITS[0],)))

    path = "/v2/emergency/servers/7/dispatch-calls/501/attachments"
    assert (request.operation.method, request.path) == ("POST", path)
    assert body(request) == {"communityUserIds": ["license:a", "license:b"]}
    assert request.line is Line.ORDINARY


def test_units_are_taken_off_their_calls() -> None:
    request = deliver(DispatchDetachment(ids=(UNITS[0],)))

    path = "/v2/emergency/servers/7/dispatch-calls/attachments"
    assert (request.operation.method, request.path) == ("DELETE", path)
    assert body(request) == {"communityUserIds": ["license:a", "license:b"]}
    assert request.line is Line.ORDINARY


def test_calls_are_closed() -> None:
    request = deliver(DispatchClosing(calls=(501, 502)))

    path = "/v2/emergency/servers/7/dispatch-calls/close"
    assert (request.operation.method, request.path) == ("POST", path)
    assert body(request) == {"callIds": [501, 502]}
    assert request.line is Line.ORDINARY


def test_a_kick_is_a_list_with_a_row_for_each_unit() -> None:
    request = deliver(Kick(id=UNITS[0], reason="Server restart"))

    assert (request.operation.method, request.path) == ("POST", "/v2/emergency/servers/7/units/kick")
    assert body(request) == [
        {"communityUserId": "license:a", "reason": "Server restart"},
        {"communityUserId": "license:b", "reason": "Server restart"},
    ]
    assert request.line is Line.FRESH


def test_a_plain_blip() -> None:
    request = deliver(Blip(x=441.2, y=-981.9))

    assert (request.operation.method, request.path) == ("POST", "/v2/emergency/servers/7/blips")
    assert body(request) == {
        "coordinates": {"x": 441.2, "y": -981.9, "z": 0.0, "w": 0.0},
        "subType": "",
        "icon": "",
        "color": "",
        "tooltip": "",
        "data": [],
    }
    assert request.line is Line.FRESH


def test_a_blip_with_everything_on_it() -> None:
    blip = Blip(
        x=-1037.5999755859376,
        y=-981.9,
        z=30.7,
        sub_type="scene",
        icon="fa-solid fa-location-crosshairs",
        color="red",
        tooltip="Scene perimeter",
        radius=0.0,
        data=(BlipRow(title="Units", text="2"), BlipRow(title="Lead", text="A-10")),
    )

    assert body(deliver(blip)) == {
        "coordinates": {"x": -1037.6, "y": -981.9, "z": 30.7, "w": 0.0},
        "subType": "scene",
        "icon": "fa-solid fa-location-crosshairs",
        "color": "red",
        "tooltip": "Scene perimeter",
        "radius": 0.0,
        "data": [{"title": "Units", "text": "2"}, {"title": "Lead", "text": "A-10"}],
    }


def test_a_photo_goes_to_its_player_whatever_the_server() -> None:
    request = deliver(Photo(id=UNITS[1], url="https://cdn.example.com/a.png"))

    assert (request.operation.method, request.path) == ("POST", "/v2/general/photos")
    assert body(request) == {"communityUserId": "license:b", "url": "https://cdn.example.com/a.png"}
    assert request.line is Line.FRESH


@pytest.mark.parametrize(
    "event",
    [
        EmergencyCallRemoval(call=UNKNOWN_CALL),
        DispatchNote(call=UNKNOWN_CALL, note="Caller is hiding."),
        DispatchAttachment(call=UNKNOWN_CALL, ids=(UNITS[0],)),
        DispatchClosing(calls=(501, UNKNOWN_CALL)),
    ],
)
def test_a_call_that_is_still_named_by_its_event_is_an_error_that_does_not_name_it(event: Event) -> None:
    with pytest.raises(TypeError) as refusal:
        deliver(event)

    assert UNKNOWN_CALL not in str(refusal.value)


# Fields that are only passed on, and what is told of a call whose answer nobody heard

EXTRA: dict[str, object] = {"colour": "r\u00f8d", "deep": [{"a": None}], "big": 2**63, "callId": 9}


@pytest.mark.parametrize("call", [JANE, ROBBERY])
def test_what_has_no_name_here_is_passed_on(call: EmergencyCall | DispatchCall) -> None:
    sent = body(deliver(msgspec.structs.replace(call, extra=EXTRA)))
    plain = body(deliver(call))

    assert sent == plain | EXTRA


@pytest.mark.parametrize("call", [JANE, ROBBERY])
def test_what_is_passed_on_takes_no_place_of_ours(call: EmergencyCall | DispatchCall) -> None:
    forged: dict[str, object] = {"metaData": {"cadBridgeEvent": "forged"}}

    assert body(deliver(msgspec.structs.replace(call, extra=forged)))["metaData"] == MARKED


def test_a_dispatch_call_may_come_with_notes() -> None:
    assert body(deliver(msgspec.structs.replace(ROBBERY, extra={"notes": ["n"]})))["notes"] == ["n"]


@pytest.mark.parametrize("call", [JANE, ROBBERY])
@pytest.mark.parametrize("call_id", [302, None])
def test_a_call_is_described_as_it_was_sent_and_with_the_cad_s_number(
    call: EmergencyCall | DispatchCall, call_id: int | None
) -> None:
    call = msgspec.structs.replace(call, extra=EXTRA)
    told = msgspec.json.decode(msgspec.json.encode(v2.describe_call(call, MARK, call_id)))

    assert told == body(deliver(call)) | {"callId": call_id}


def test_a_call_that_is_described_does_not_say_that_it_was_late() -> None:
    assert v2.describe_call(JANE, MARK, 1)["description"] == "Shots fired"
