"""What v1 is asked for everything that the bridge itself says, held against Sonoran's pages of v1."""

from typing import Any

import msgspec
import pytest

from bridge.events import Blip, BlipRow, DispatchClosing, DispatchNote, Event, EventId, EventKind, units_of
from bridge.operations import OPERATIONS, OWN, SET_UNIT_PANIC
from bridge.sonoran import v2
from bridge.sonoran.messages import CadRequest, Line
from bridge.sonoran.v1.asked import UntranslatableError
from bridge.sonoran.v1.questions import OWN as QUESTIONS
from bridge.sonoran.v1.questions import Question, pose
from bridge.sonoran.v1.transport import translate
from bridge.types_v1 import TYPES
from bridge.units import ServerId, UnitId, Vehicle
from tests.support.sending import KINDS, call, panic, status

SERVER = ServerId(3)
MARK = EventId("a" * 32)


def delivered(event: Event) -> Question:
    return translate(v2.deliver(SERVER, event, units_of(event), 0.0, MARK))[1]


def forwarded(operation: str, body: Any, path: str | None = None) -> Question:
    target = (
        OPERATIONS[operation].path.replace("{serverId}", "3").replace("{callId}", "7")
        if path is None
        else path
    )
    request = CadRequest(operation=OPERATIONS[operation], path=target, body=msgspec.json.encode(body))
    return translate(request)[1]


def test_everything_that_the_bridge_asks_by_itself_is_asked_in_v1() -> None:
    assert set(QUESTIONS) == {operation.name for operation in OWN}
    for name, (type_name, _) in QUESTIONS.items():
        assert TYPES[type_name].operation == name


def test_a_question_goes_out_as_sonoran_shows_it_and_leaves_the_key_to_the_wire() -> None:
    question = Question(type="UNIT_PANIC", data=[{"apiId": "a", "isPanic": True}], more={"beside": 1})
    request = pose(question, SET_UNIT_PANIC, Line.URGENT, "examplecad")

    assert (request.method, request.path) == ("POST", "/emergency/unit_panic")
    assert (request.operation, request.line, request.keyed) == (SET_UNIT_PANIC, Line.URGENT, True)
    assert msgspec.json.decode(request.body or b"") == {
        "id": "examplecad",
        "type": "UNIT_PANIC",
        "data": [{"apiId": "a", "isPanic": True}],
        "beside": 1,
    }


def test_locations_have_two_axes_and_nothing_of_the_vehicle() -> None:
    updates = [
        v2.UnitUpdate(
            community_user_id=UnitId(unit),
            location=f"at {unit}",
            coordinates=v2.coordinates(1.25, -2.5, 30.0, 90.0),
            peer_id="7",
            vehicle=Vehicle(model="police"),
        )
        for unit in ("license:1", "license:2")
    ]
    _, question = translate(v2.update_unit_locations(SERVER, updates))

    assert question.type == "UNIT_LOCATION"
    assert question.data == [
        {"apiId": unit, "location": f"at {unit}", "coordinates": {"x": 1.25, "y": -2.5}}
        for unit in ("license:1", "license:2")
    ]


def test_a_location_of_a_unit_without_community_user_id_is_refused() -> None:
    with pytest.raises(UntranslatableError):
        forwarded("updateUnitLocations", {"updates": [{"accountUuid": "u", "location": "x"}]})


def test_units_of_a_panic_are_an_object_each() -> None:
    question = delivered(panic("license:1", "license:2", active=False))

    assert question.type == "UNIT_PANIC"
    assert question.data == [
        {"apiId": "license:1", "isPanic": False},
        {"apiId": "license:2", "isPanic": False},
    ]


def test_a_status_says_which_server() -> None:
    question = delivered(status("license:1", "license:2"))

    assert question.type == "UNIT_STATUS"
    assert question.data == [
        {"apiId": "license:1", "status": 1, "serverId": 3},
        {"apiId": "license:2", "status": 1, "serverId": 3},
    ]


def test_accounts_and_identifiers_are_units_too() -> None:
    assert forwarded("setUnitPanic", {"accountUuid": "u", "isPanic": True}).data == [
        {"account": "u", "isPanic": True}
    ]
    assert forwarded("setUnitStatus", {"identIds": [1, 2], "status": 3}).data == [
        {"identIds": [1, 2], "status": 3, "serverId": 3}
    ]


def test_a_911_call_takes_its_mark_along() -> None:
    question = delivered(call(x=1.5, y=-2.0, postal="7015", delete_after_minutes=30, metadata={"a": "b"}))

    assert question.type == "CALL_911"
    assert question.data == [
        {
            "serverId": 3,
            "isEmergency": True,
            "caller": "Jane",
            "location": "Alta St",
            "description": "Shots",
            "deleteAfterMinutes": 30,
            "metaData": {"a": "b", "x": "1.5", "y": "-2", "postal": "7015", v2.MARK: MARK},
        }
    ]


def test_nothing_in_a_call_makes_it_another_servers() -> None:
    data: Any = delivered(call(extra={"serverId": 9, "more": 1})).data

    assert data[0]["serverId"] == 3
    assert data[0]["more"] == 1


def test_a_dispatch_call_names_its_units_and_takes_its_mark_along() -> None:
    request = msgspec.structs.replace(
        KINDS[EventKind.DISPATCH_CALL], ids=(UnitId("license:1"),), extra={"primary": 5}
    )
    question = delivered(request)

    assert question.type == "NEW_DISPATCH"
    assert question.data == [
        {
            "serverId": 3,
            "origin": 2,
            "status": 1,
            "priority": 1,
            "block": "",
            "address": "",
            "postal": "",
            "title": "Robbery",
            "code": "",
            "description": "Shots fired",
            "notes": [],
            "primary": 5,
            "metaData": {v2.MARK: MARK},
            "units": ["license:1"],
        }
    ]


def test_a_dispatch_call_without_units_names_none() -> None:
    (found,) = delivered(KINDS[EventKind.DISPATCH_CALL]).data

    assert "units" not in found


SMALL: list[tuple[Event, str, list[dict[str, Any]]]] = [
    (KINDS[EventKind.CALL_911_REMOVE], "REMOVE_911", [{"serverId": 3, "callId": 302}]),
    (
        DispatchNote(call=501, note="Caller hides", label="A-10"),
        "ADD_CALL_NOTE",
        [{"serverId": 3, "callId": 501, "label": "A-10", "note": "Caller hides"}],
    ),
    (
        KINDS[EventKind.DISPATCH_NOTE],
        "ADD_CALL_NOTE",
        [{"serverId": 3, "callId": 501, "note": "Caller hides"}],
    ),
    (
        KINDS[EventKind.DISPATCH_ATTACH],
        "ATTACH_UNIT",
        [{"serverId": 3, "callId": 501, "units": ["license:1"]}],
    ),
    (KINDS[EventKind.DISPATCH_DETACH], "DETACH_UNIT", [{"serverId": 3, "units": ["license:1"]}]),
    (
        DispatchClosing(calls=(501, 502)),
        "CLOSE_CALL",
        [{"serverId": 3, "callId": 501}, {"serverId": 3, "callId": 502}],
    ),
    (KINDS[EventKind.KICK], "KICK_UNIT", [{"apiId": "license:1", "reason": "Restart", "serverId": 3}]),
    (
        KINDS[EventKind.PHOTO],
        "SEND_PHOTO",
        [{"apiId": "license:1", "url": "https://pictures.example/1.png"}],
    ),
    (
        Blip(
            x=1.0, y=2.0, z=3.0, icon="i", color="c", tooltip="t", radius=4.0, sub_type="s",
            data=(BlipRow(title="T", text="x"),),
        ),
        "ADD_BLIP",
        [
            {
                "serverId": 3,
                "blip": {
                    "id": -1,
                    "subType": "s",
                    "coordinates": {"x": 1.0, "y": 2.0},
                    "radius": 4.0,
                    "icon": "i",
                    "color": "c",
                    "tooltip": "t",
                    "data": [{"title": "T", "text": "x"}],
                },
            }
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("event", "type_name", "data"), SMALL)
def test_an_event_is_as_sonorans_page_of_v1_shows_it(event: Event, type_name: str, data: Any) -> None:
    question = delivered(event)

    assert (question.type, question.data, question.more) == (type_name, data, {})


def test_accounts_and_identifiers_are_put_on_calls_and_accounts_taken_off() -> None:
    assert forwarded("attachUnits", {"identIds": [1]}).data == [{"serverId": 3, "callId": 7, "identIds": [1]}]
    assert forwarded("detachUnits", {"accountUuid": "u"}).data == [{"serverId": 3, "account": "u"}]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("detachUnits", {"identIds": [1]}),
        ("setUnitPanic", {"roblox": "1", "isPanic": True}),
        ("kickUnit", [{"accountUuid": "u", "reason": "r"}]),
        ("sendPhoto", {"accountUuid": "u", "url": "https://a/b.png"}),
    ],
)
def test_what_v1_cannot_say_is_refused(operation: str, body: Any) -> None:
    with pytest.raises(UntranslatableError) as caught:
        forwarded(operation, body)

    assert caught.value.status == 422


def test_questions() -> None:
    questions = [
        translate(request)[1]
        for request in (
            v2.get_version(),
            v2.get_servers(),
            v2.heartbeat(SERVER, 42),
            v2.get_calls(SERVER, 100, 20),
        )
    ]

    assert [(question.type, question.data) for question in questions] == [
        ("GET_VERSION", []),
        ("GET_SERVERS", []),
        ("HEARTBEAT", [{"playerCount": 42, "serverId": 3}]),
        ("GET_CALLS", [{"serverId": 3, "closedLimit": 100, "closedOffset": 20, "type": 100}]),
    ]
