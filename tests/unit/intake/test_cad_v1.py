import math
from typing import Any

import pytest

from bridge.errors import PushError
from bridge.events import (
    Blip,
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCall,
    EmergencyCallRemoval,
    Kick,
    Panic,
    Status,
    UnitStatus,
    units_of,
)
from bridge.intake.cad_v1 import (
    EVENT_TYPES,
    clean,
    encode,
    is_named_otherwise,
    read_beside,
    read_events_v1,
    read_locations_v1,
    read_players_v1,
)
from bridge.intake.events import MAX_EVENTS
from bridge.units import TargetKind, UnitId, target_of

CALL: dict[str, Any] = {"caller": "John", "location": "Alta St", "description": "A fire", "serverId": 1}
CLOSING: dict[str, object] = {"callId": 5}
A, B = UnitId("a"), UnitId("b")

READ: dict[str, tuple[dict[str, Any], object]] = {
    "UNIT_PANIC": ({"apiId": "a", "account": "x", "isPanic": 1}, Panic(ids=(A,))),
    "UNIT_STATUS": ({"apiIds": ["a", "b"], "status": "2"}, Status(ids=(A, B), status=UnitStatus.AVAILABLE)),
    "CALL_911": (
        {**CALL, "isEmergency": False, "metaData": {"x": 1.5}, "deleteAfterMinutes": 5, "other": [1]},
        EmergencyCall(
            caller="John",
            location="Alta St",
            description="A fire",
            emergency=False,
            delete_after_minutes=5,
            metadata={"x": "1.5"},
            extra={"other": [1]},
        ),
    ),
    "NEW_DISPATCH": (
        {
            "serverId": 1,
            "title": "T",
            "status": 0,
            "units": ["a"],
            "trackPrimary": True,
            "primary": -1,
            "metaData": [],
        },
        DispatchCall(title="T", status=0, ids=(A,), extra={"trackPrimary": True}),
    ),
    "ADD_CALL_NOTE": (
        {"callId": 5.0, "note": "N", "label": "L"},
        DispatchNote(call=5, note="N", label="L"),
    ),
    "ATTACH_UNIT": ({"callId": "5", "units": ["a"]}, DispatchAttachment(call=5, ids=(A,))),
    "DETACH_UNIT": ({"units": ["a"], "account": ""}, DispatchDetachment(ids=(A,))),
    "CLOSE_CALL": ({"callId": 5}, DispatchClosing(calls=(5,))),
    "REMOVE_911": ({"callId": 5}, EmergencyCallRemoval(call=5)),
    "KICK_UNIT": ({"apiId": "a", "reason": "AFK"}, Kick(id=A, reason="AFK")),
    "ADD_BLIP": (
        {"serverId": 1, "blip": {"id": -1, "coordinates": {"x": 1, "y": 2}, "subType": "S", "radius": 5}},
        Blip(x=1.0, y=2.0, sub_type="S", radius=5.0),
    ),
}


def test_every_type_that_becomes_events_is_looked_at() -> None:
    assert READ.keys() == EVENT_TYPES


@pytest.mark.parametrize("kind", READ)
def test_an_object_becomes_its_event(kind: str) -> None:
    record, event = READ[kind]

    assert read_events_v1(kind, [record]) == (event,)


@pytest.mark.parametrize("kind", READ)
def test_an_object_that_says_nothing_is_refused(kind: str) -> None:
    with pytest.raises(PushError):
        read_events_v1(kind, [{"serverId": 1}])


def test_every_bad_object_is_named() -> None:
    with pytest.raises(PushError, match=r"2 of 3 objects make no sense, none was taken") as caught:
        read_events_v1("CLOSE_CALL", [{}, {"callId": 5}, {"callId": "no such"}])

    assert [index for index, _ in caught.value.problems] == [0, 2]
    assert "number 0: " in str(caught.value)


def test_a_request_has_at_least_one_object_and_not_too_many() -> None:
    with pytest.raises(PushError, match="at least one"):
        read_events_v1("CLOSE_CALL", [])
    with pytest.raises(PushError, match=f"at most {MAX_EVENTS} objects"):
        read_events_v1("CLOSE_CALL", [CLOSING] * (MAX_EVENTS + 1))


@pytest.mark.parametrize(
    "record", [{"account": "u"}, {"apiId": "", "identIds": [1]}, {"units": [], "accId": "u"}]
)
def test_a_unit_may_be_named_in_a_way_that_only_the_cad_knows(record: dict[str, object]) -> None:
    assert is_named_otherwise("ATTACH_UNIT", record)
    assert not is_named_otherwise("UNIT_PANIC", record)


@pytest.mark.parametrize("record", [{"apiId": "a", "account": "u"}, {}, {"account": "", "identIds": []}])
def test_an_api_id_is_what_the_bridge_knows_and_nothing_is_no_other_way(record: dict[str, object]) -> None:
    assert not is_named_otherwise("ATTACH_UNIT", record)


@pytest.mark.parametrize(
    ("record", "targets"),
    [
        ({"apiId": "a", "account": "u", "identIds": [1]}, [(TargetKind.COMMUNITY_USER, "a")]),
        ({"account": "u", "identIds": [1]}, [(TargetKind.ACCOUNT, "u")]),
        ({"identIds": [1, "2"]}, [(TargetKind.IDENTIFIER, "1"), (TargetKind.IDENTIFIER, "2")]),
    ],
)
def test_a_panic_takes_the_first_of_v1_s_three_ways_to_name_a_unit(
    record: dict[str, object], targets: list[tuple[TargetKind, str]]
) -> None:
    (panic,) = read_events_v1("UNIT_PANIC", [record | {"isPanic": True}])

    assert [target_of(unit_id) for unit_id in units_of(panic)] == targets


def test_a_place_without_height_is_one() -> None:
    said = read_locations_v1(
        [{"apiId": "a", "location": "Alta St", "coordinates": {"x": 1, "y": "2"}}], max_coordinate=100.0
    )

    assert [(one.unit_id, one.x, one.y, one.z, one.text) for one in said.reports] == [
        ("a", 1.0, 2.0, None, "Alta St")
    ]


@pytest.mark.parametrize(
    ("record", "players"),
    [({}, None), ({"playerCount": ""}, None), ({"playerCount": "42"}, 42), ({"players": 7}, 7)],
)
def test_a_heartbeat_may_tell_how_many_play(record: dict[str, object], players: int | None) -> None:
    assert read_players_v1([record]) == players
    assert read_players_v1([]) is None


def test_a_player_count_that_is_none_is_refused() -> None:
    with pytest.raises(PushError, match="playerCount"):
        read_players_v1([{"playerCount": -1}])


def test_what_stands_beside_data_is_read_where_its_type_has_something_there() -> None:
    more: dict[str, object] = {"recordTypeId": 12, "internalKey": "k"}

    assert read_beside("GET_TEMPLATES", more) == {"recordTypeId": 12}
    assert read_beside("JOIN_COMMUNITY", more) == {"internalKey": "k"}
    assert read_beside("GET_CALLS", more) == {}
    assert read_beside("GET_TEMPLATES", {}) == {}
    assert read_beside("GET_TEMPLATES", {"recordTypeId": None}) == {}


def test_a_clean_value_can_be_written_again() -> None:
    odd = {"a\ud800": ["b\udcff", math.nan, -math.inf, True, 1.5, None]}

    assert clean(odd) == {"a\ufffd": ["b\ufffd", None, None, True, 1.5, None]}
    assert encode(clean(odd)) == '{"a\ufffd":["b\ufffd",null,null,true,1.5,null]}'.encode()


def test_what_cannot_be_written_is_refused() -> None:
    deep: object = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(PushError, match="nested too deeply"):
        clean(deep)
    with pytest.raises(PushError, match="valid text and numbers"):
        encode("\ud800")


@pytest.mark.parametrize(
    ("notes", "sent"),
    [
        ("", []),
        (None, []),
        ("Armed", [{"type": "text", "content": "Armed"}]),
        (["", "Armed", {"content": "x"}], [{"type": "text", "content": "Armed"}, {"content": "x"}]),
    ],
)
def test_the_notes_of_a_new_call_may_be_texts_as_of_old(notes: object, sent: list[object]) -> None:
    (call,) = read_events_v1("NEW_DISPATCH", [{"title": "t", "notes": notes}])

    assert isinstance(call, DispatchCall)
    assert call.extra == {"notes": sent}
