from typing import Any

import msgspec
import pytest

from bridge.simulator.shapes import (
    CALL_CLOSING,
    KICKS,
    LOCATION_UPDATES,
    NEW_BLIP,
    NEW_DISPATCH_CALL,
    NEW_EMERGENCY_CALL,
    NEW_NOTE,
    NEW_PHOTO,
    PANIC_CHANGE,
    PLAYER_COUNT,
    STATUS_CHANGE,
    TARGET,
)

PLACE = {"x": 1, "y": 2.5}
KICK = {"communityUserId": "a", "reason": "r"}
DISPATCH_CALL = {
    "origin": 0,
    "status": 1,
    "priority": 1,
    "block": "100",
    "address": "a",
    "postal": "9001",
    "title": "t",
    "code": "211",
    "description": "d",
}

ILL_TYPED: list[tuple[msgspec.json.Decoder[Any], Any]] = [
    (LOCATION_UPDATES, {}),
    (LOCATION_UPDATES, []),
    (LOCATION_UPDATES, {"updates": {"communityUserId": "a", "location": "l", "coordinates": PLACE}}),
    (LOCATION_UPDATES, {"updates": [None]}),
    (LOCATION_UPDATES, {"updates": [{"communityUserId": 1, "location": "l", "coordinates": PLACE}]}),
    (LOCATION_UPDATES, {"updates": [{"communityUserId": "a", "coordinates": PLACE}]}),
    (LOCATION_UPDATES, {"updates": [{"communityUserId": "a", "location": "l"}]}),
    (LOCATION_UPDATES, {"updates": [{"communityUserId": "a", "location": "l", "coordinates": {"x": 1}}]}),
    (LOCATION_UPDATES, {"updates": [{"communityUserId": "a", "location": "l", "coordinates": [1, 2]}]}),
    (LOCATION_UPDATES, {"updates": [{"location": "l", "coordinates": {"x": "1", "y": 2}}]}),
    (LOCATION_UPDATES, {"updates": [{"location": "l", "coordinates": PLACE, "vehicle": {"model": 5}}]}),
    (LOCATION_UPDATES, {"updates": [{"location": "l", "coordinates": PLACE, "peerId": 5}]}),
    (PANIC_CHANGE, {"communityUserIds": ["a"]}),
    (PANIC_CHANGE, {"communityUserIds": "a", "isPanic": True}),
    (PANIC_CHANGE, {"communityUserIds": ["a"], "isPanic": 1}),
    (STATUS_CHANGE, {"communityUserIds": ["a"], "status": 5}),
    (STATUS_CHANGE, {"communityUserIds": ["a"], "status": "BUSY"}),
    (STATUS_CHANGE, {"communityUserIds": ["a"]}),
    (NEW_EMERGENCY_CALL, {"caller": "c", "location": "l", "description": "d"}),
    (NEW_EMERGENCY_CALL, {"isEmergency": "yes", "caller": "c", "location": "l", "description": "d"}),
    (NEW_EMERGENCY_CALL, {"isEmergency": True, "location": "l", "description": "d"}),
    (NEW_EMERGENCY_CALL, {"isEmergency": True, "caller": "c", "description": "d"}),
    (NEW_EMERGENCY_CALL, {"isEmergency": True, "caller": "c", "location": "l"}),
    (
        NEW_EMERGENCY_CALL,
        {"isEmergency": True, "caller": "c", "location": "l", "description": "d", "metaData": {"x": 1}},
    ),
    (
        NEW_EMERGENCY_CALL,
        {"isEmergency": True, "caller": "c", "location": "l", "description": "d", "deleteAfterMinutes": "5"},
    ),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "origin": "0"}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "status": "ACTIVE"}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "priority": 1.5}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "postal": 9001}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "code": None}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "communityUserIds": "a"}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "notes": "n"}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "notes": {"content": "n"}}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "notes": [{"label": "l"}]}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "metaData": {"x": 1.5}}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "metaData": []}),
    (NEW_DISPATCH_CALL, {**DISPATCH_CALL, "trackPrimary": 1}),
    (NEW_NOTE, {}),
    (NEW_NOTE, {"note": 5}),
    (NEW_NOTE, {"note": "n", "noteType": 1}),
    (NEW_NOTE, {"note": "n", "label": 1}),
    (TARGET, {"communityUserIds": "a"}),
    (TARGET, {"communityUserIds": ["a", None]}),
    (TARGET, {"identIds": ["1"]}),
    (CALL_CLOSING, {}),
    (CALL_CLOSING, {"callIds": 1}),
    (CALL_CLOSING, {"callIds": ["1"]}),
    (KICKS, {"communityUserId": "a"}),
    (KICKS, {"reason": "r"}),
    (KICKS, {"communityUserId": ["a"], "reason": "r"}),
    (KICKS, [KICK, {"communityUserId": "b"}]),
    (KICKS, [[KICK]]),
    (NEW_BLIP, {}),
    (NEW_BLIP, {"coordinates": [1, 2]}),
    (NEW_BLIP, {"coordinates": {"x": 1}}),
    (NEW_BLIP, {"coordinates": PLACE, "radius": "50"}),
    (NEW_BLIP, {"coordinates": PLACE, "data": {"title": "t", "text": "x"}}),
    (NEW_BLIP, {"coordinates": PLACE, "data": [{"title": "t", "text": 2}]}),
    (NEW_BLIP, {"coordinates": PLACE, "color": 255}),
    (NEW_PHOTO, {"communityUserId": "a"}),
    (NEW_PHOTO, {"communityUserId": "a", "url": 5}),
    (NEW_PHOTO, {"communityUserId": 1, "url": "u"}),
    (PLAYER_COUNT, {}),
    (PLAYER_COUNT, {"playerCount": "42"}),
    (PLAYER_COUNT, {"playerCount": 4.5}),
]


@pytest.mark.parametrize(("decoder", "body"), ILL_TYPED)
def test_a_missing_or_ill_typed_field_is_refused(decoder: msgspec.json.Decoder[Any], body: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(msgspec.json.encode(body))


def test_unknown_fields_are_let_pass() -> None:
    raw = b'{"playerCount": 1, "coreVersion": "3.0", "plugins": []}'

    assert PLAYER_COUNT.decode(raw).player_count == 1


def test_everything_documented_of_a_location_is_read() -> None:
    raw = b"""{"updates": [{"communityUserId": "a", "location": "l", "peerId": "p",
        "coordinates": {"x": 1, "y": 2, "z": 3, "w": 4}, "vehicle": {"model": "police3", "headingOffset": 1,
        "zOffset": 2, "lightZOffset": 3, "sizeOffset": 4, "lights": true}}]}"""

    update = LOCATION_UPDATES.decode(raw).updates[0]

    assert (update.community_user_id, update.location, update.peer_id) == ("a", "l", "p")
    assert msgspec.structs.astuple(update.coordinates) == (1, 2, 3, 4)
    assert update.vehicle is not None
    assert msgspec.structs.astuple(update.vehicle) == ("police3", 1, 2, 3, 4, True)


def test_a_kick_is_one_or_a_list() -> None:
    one, many = KICKS.decode(msgspec.json.encode(KICK)), KICKS.decode(msgspec.json.encode([KICK, KICK]))

    assert many == [one, one]
