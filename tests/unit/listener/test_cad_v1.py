from pathlib import Path

import msgspec
import pytest

from bridge.errors import CadError
from bridge.listener.answer import Answer
from bridge.operations import (
    ATTACH_UNITS,
    CREATE_911_CALL,
    CREATE_BLIP,
    CREATE_DISPATCH_CALL,
    Scope,
)
from bridge.types_v1 import TYPES
from bridge.units import ServerId
from tests.support.v1_door import COMMUNITY, TOKENS, refused, replied, v1_door

PANIC_PATH = TYPES["UNIT_PANIC"].path
CALL = {"isEmergency": True, "caller": "John", "location": "Alta St", "description": "A fire"}
PLACE = {"apiId": "STEAM:1", "location": "Alta St", "coordinates": {"x": 10, "y": 20}}


def text(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode()


def envelope(**changed: object) -> bytes:
    data = [{"apiId": "a", "isPanic": True}]
    usual = {"id": COMMUNITY, "key": TOKENS[ServerId(1)], "type": "UNIT_PANIC", "data": data}
    return msgspec.json.encode(usual | changed)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"type": "UNIT_STATUS", "id": "x", "key": "y"}, "INVALID REQUEST TYPE"),
        ({"id": "x", "key": "y"}, "INVALID COMMUNITY ID"),
        ({"key": "y"}, "INVALID API KEY"),
        ({"type": "UNIT_STATUS"}, "INVALID REQUEST TYPE"),
        ({"id": "x"}, "INVALID COMMUNITY ID"),
        (
            {"data": [{"apiId": "a", "isPanic": True, "serverId": 2}]},
            "serverId: the key is another server's",
        ),
        ({"data": [{"apiId": "a", "isPanic": True}, 7]}, "data: number 1 is no object"),
        ({"data": []}, "data: expected at least one object"),
        ({"data": [{"apiId": "a"}]}, "isPanic: expected true or false"),
    ],
)
async def test_a_wrong_request_is_refused_in_sonoran_s_order_and_words(
    tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    async with v1_door(tmp_path) as v1:
        answer = await v1.post(PANIC_PATH, envelope(**changed))

        assert text(answer) == (400, told)
        assert answer.wrong_key == (changed.get("key") == "y"), "whoever shows no token is slowed"
        assert answer.content_type == "text/plain; charset=utf-8"
        assert (v1.pending, v1.cad.asked) == (0, [])


async def test_a_body_that_is_no_json_shows_no_key(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        answer = await v1.post(PANIC_PATH, b'{"id": nonsense')

        assert (answer.status, answer.wrong_key) == (400, True)
        assert b"byte" in answer.body


@pytest.mark.parametrize(
    "path", ["/emergency/UNIT_PANIC", "/emergency//unit_panic", "/emergency/Unit_Panic/"]
)
async def test_a_path_is_found_in_the_spellings_that_sonoran_takes(tmp_path: Path, path: str) -> None:
    async with v1_door(tmp_path) as v1:
        assert text(await v1.post(path, envelope())) == (200, "UNIT PANIC UPDATED")


async def test_a_path_that_is_none_takes_no_type(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        assert text(await v1.post("/emergency/unit_panics", envelope())) == (400, "INVALID REQUEST TYPE")


async def test_what_the_token_does_not_open_names_the_key_to_set(tmp_path: Path) -> None:
    async with v1_door(tmp_path, allow=frozenset({Scope.LOOKUPS})) as v1:
        answer = await v1.ask("UNIT_PANIC", [{"apiId": "a", "isPanic": True}], server=2)

        assert text(answer) == (
            403,
            'UNIT_PANIC needs "emergency" in the key allow of server "other" ([[servers]] in bridge.toml)',
        )


async def test_locations_wait_for_the_next_batch(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        answer = await v1.ask("UNIT_LOCATION", [PLACE, {"apiId": "STEAM:2", "coordinates": {"x": "no"}}])

        batch = v1.coalescer.take(ServerId(1), v1.clock.monotonic(), 500)
        assert text(answer) == (200, "UNIT LOCATION UPDATED")
        assert batch is not None
        assert [(one.report.unit_id, one.report.x, one.report.text) for one in batch.locations] == [
            ("STEAM:1", 10.0, "Alta St")
        ]


async def test_who_panics_is_seen_first_in_the_next_batch(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        await v1.ask("UNIT_LOCATION", [PLACE, PLACE | {"apiId": "STEAM:2"}])
        await v1.ask("UNIT_PANIC", [{"apiId": "STEAM:2", "isPanic": True}])

        batch = v1.coalescer.take(ServerId(1), v1.clock.monotonic(), 1)
        assert batch is not None
        assert [one.report.unit_id for one in batch.locations] == ["STEAM:2"]


async def test_locations_none_of_which_makes_sense_are_refused_with_the_reasons(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        answer = await v1.ask(
            "UNIT_LOCATION", [{"apiId": "a"}, {"account": "b", "coordinates": {"x": 1, "y": 2}}]
        )

        assert answer.status == 400
        assert b"number 0: bad_coordinates" in answer.body
        assert b"number 1: bad_id" in answer.body


async def test_several_objects_are_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    async with v1_door(tmp_path, relaying=False) as v1:
        good, bad = {"apiId": "a", "isPanic": True}, {"apiId": "b", "isPanic": "perhaps"}

        answer = await v1.ask("UNIT_PANIC", [good, bad])
        kept_of_the_first = v1.pending
        await v1.ask("UNIT_PANIC", [good, {"apiId": "b", "isPanic": False}])

        assert text(answer) == (
            400,
            "1 of 2 objects make no sense, none was taken: number 1: isPanic: expected true or false",
        )
        assert (kept_of_the_first, v1.pending) == (0, 2)


@pytest.mark.parametrize(
    ("kind", "record", "told"),
    [
        ("UNIT_STATUS", {"apiId": "a", "status": 3, "serverId": 1}, "UNIT STATUS UPDATED"),
        ("ADD_CALL_NOTE", {"callId": 5, "note": "N", "label": "A-1"}, "NOTE 'N' added to call #5"),
        ("ATTACH_UNIT", {"callId": 5, "units": ["a"]}, "UNITS ATTACHED"),
        ("DETACH_UNIT", {"units": ["a"]}, "UNITS DETACHED"),
        ("CLOSE_CALL", {"callId": 5}, "UNITS ATTACHED"),
        ("REMOVE_911", {"callId": "5"}, "API ID(s) set!"),
        ("KICK_UNIT", {"apiId": "a", "reason": "AFK"}, "UNIT KICKED"),
    ],
)
async def test_an_event_is_answered_from_disk_while_the_cad_is_away(
    tmp_path: Path, kind: str, record: dict[str, object], told: str
) -> None:
    async with v1_door(tmp_path, relaying=False) as v1:
        assert text(await v1.ask(kind, record)) == (200, told)
        assert (v1.pending, v1.cad.asked) == (1, [])


async def test_a_panic_or_status_is_kept_whatever_its_unit_is_named_by(tmp_path: Path) -> None:
    async with v1_door(tmp_path, relaying=False) as v1:
        panics = [{"account": "u-u-i-d", "isPanic": True}, {"apiId": "a", "identIds": [1], "isPanic": True}]

        assert text(await v1.ask("UNIT_PANIC", panics)) == (200, "UNIT PANIC UPDATED")
        answer = await v1.ask("UNIT_STATUS", {"identIds": [1, 2], "status": 0})
        assert text(answer) == (200, "UNIT STATUS UPDATED")
        assert (v1.pending, v1.cad.asked) == (3, [])


async def test_units_by_account_that_the_bridge_cannot_keep_are_passed_on_and_the_others_do_not_wait(
    tmp_path: Path,
) -> None:
    async with v1_door(tmp_path, relaying=False) as v1:
        v1.cad.on(ATTACH_UNITS, CadError("connect", sent=False))
        records = [{"callId": 5, "account": "u-u-i-d"}, {"callId": 5, "units": ["a"]}]

        answer = await v1.ask("ATTACH_UNIT", records)

        assert text(answer) == (502, "ERROR: the CAD gave no answer (connect)")
        assert v1.cad.told() == {"accountUuid": "u-u-i-d"}
        assert v1.pending == 1


async def test_a_call_is_answered_with_its_number(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.on(CREATE_911_CALL, replied({"callId": 41}), replied({"callId": 42}))
        v1.cad.on(CREATE_DISPATCH_CALL, replied({"callId": 43}))

        several = await v1.ask(
            "CALL_911", [CALL, CALL | {"metaData": {"x": 1.5, "y": 2}, "deleteAfterMinutes": 5}]
        )
        dispatch = await v1.ask("NEW_DISPATCH", {"title": "T", "units": ["a"], "notes": [], "primary": 3})

        assert text(several) == (200, "EMERGENCY CALL ADDED ID: 41\nEMERGENCY CALL ADDED ID: 42")
        assert v1.cad.told(1)["metaData"]["x"] == "1.5"
        assert text(dispatch) == (200, "NEW DISPATCH CREATED - ID: 43")
        assert (v1.cad.told()["communityUserIds"], v1.cad.told()["primary"]) == (["a"], 3)
        assert "serverId" not in v1.cad.told()


async def test_a_call_that_takes_too_long_is_answered_with_its_event(tmp_path: Path) -> None:
    async with v1_door(tmp_path, relaying=False) as v1:
        one, two = await v1.ask("CALL_911", [CALL]), await v1.ask("CALL_911", [CALL, CALL])

        assert (one.status, two.status, one.content_type) == (202, 202, "application/json")
        assert msgspec.json.decode(one.body).keys() == {"event"}
        assert len(msgspec.json.decode(two.body)["events"]) == 2


async def test_a_call_that_the_cad_refuses_is_refused_with_its_reason(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.on(CREATE_911_CALL, refused(400, "No such server."))

        answer = await v1.ask("CALL_911", [CALL])

        assert answer.status == 400
        assert b"No such server." in answer.body


async def test_a_blip_is_answered_as_the_cad_shows_it_or_as_it_was_sent(tmp_path: Path) -> None:
    blip = {"id": -1, "coordinates": {"x": 1, "y": 2}, "icon": "i", "tooltip": "T"}
    async with v1_door(tmp_path) as v1:
        v1.cad.on(CREATE_BLIP, replied({"id": 9, "coordinates": {"x": 1.0, "y": 2.0}}), replied({"id": 10}))

        shown = await v1.ask("ADD_BLIP", [{"serverId": 1, "blip": blip}])
        sent = await v1.ask("ADD_BLIP", [{"serverId": 1, "blip": blip}])

        assert msgspec.json.decode(shown.body) == [{"id": 9, "coordinates": {"x": 1.0, "y": 2.0}}]
        assert msgspec.json.decode(sent.body) == [blip | {"id": 10}]


async def test_a_heartbeat_is_taken_with_its_players_or_as_a_sign_of_life(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        assert text(await v1.ask("HEARTBEAT", [])) == (200, "HEARTBEAT RECEIVED")
        alive = v1.fleet[ServerId(1)].last_push_at
        assert text(await v1.ask("HEARTBEAT", {"playerCount": "42"})) == (200, "HEARTBEAT RECEIVED")
        wrong = await v1.ask("HEARTBEAT", {"playerCount": "many"})

        assert alive is not None
        assert v1.fleet[ServerId(1)].players(alive + 1.0) == 42
        assert text(wrong) == (400, "playerCount: expected a whole number")


async def test_a_full_outbox_is_told_as_text_with_when_to_come_again(tmp_path: Path) -> None:
    async with v1_door(tmp_path, relaying=False, max_events=10) as v1:
        answer = await v1.ask("CLOSE_CALL", [{"callId": number} for number in range(1, 30)])

        assert text(answer) == (503, "ERROR: the outbox is full")
        assert answer.headers["Retry-After"] == "5"


async def test_a_request_that_comes_again_with_its_key_adds_nothing(tmp_path: Path) -> None:
    async with v1_door(tmp_path, relaying=False) as v1:
        for _ in range(2):
            await v1.ask("UNIT_PANIC", [{"apiId": "a", "isPanic": True}], Idempotency_Key="k")

        assert v1.pending == 1


@pytest.mark.parametrize(
    "data",
    [
        b'{"apiId":"a","isPanic":true}',
        b'{"1":{"apiId":"a","isPanic":1}}',
        b'[null,{"apiId":"a","isPanic":"true",}]',
    ],
)
async def test_fivem_s_odd_shapes_are_what_they_stand_for(tmp_path: Path, data: bytes) -> None:
    async with v1_door(tmp_path, relaying=False) as v1:
        head = f'{{"id":"{COMMUNITY}","key":"{TOKENS[ServerId(1)]}","type":"UNIT_PANIC","data":'.encode()

        assert text(await v1.post(PANIC_PATH, head + data + b"}")) == (200, "UNIT PANIC UPDATED")
        assert v1.pending == 1


async def test_bare_nan_and_halves_of_characters_cost_nothing(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        head = f'{{"id":"{COMMUNITY}","key":"{TOKENS[ServerId(1)]}","type":"UNIT_LOCATION","data":'.encode()
        body = head + b'[{"apiId":"a","location":"A\xff","coordinates":{"x":1,"y":2,"z":NaN}}]}'

        assert text(await v1.post(TYPES["UNIT_LOCATION"].path, body)) == (200, "UNIT LOCATION UPDATED")
        batch = v1.coalescer.take(ServerId(1), v1.clock.monotonic(), 500)
        assert batch is not None
        assert batch.locations[0].report.text == "A\ufffd"
