from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.errors import CadError
from bridge.listener.answer import Answer
from bridge.listener.forward_v1 import MAX_OBJECTS
from bridge.operations import OPERATIONS, OTHER
from tests.support.v1_door import COMMUNITY, refused, replied, v1_door

UUID = "00000000-0000-0000-0000-000000000001"
GET_ACCOUNT = OPERATIONS["getAccount"]
IDENTIFIERS = OPERATIONS["getIdentifiers"]
POSTAL = OPERATIONS["updateCallPostal"]
TEXT = "text/plain; charset=utf-8"


def text(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode()


async def test_a_change_is_answered_in_v1_s_words_object_by_object(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        answer = await v1.ask("SET_CALL_POSTAL", [{"callId": 1, "postal": "a"}, {"callId": 2, "postal": "b"}])

        assert text(answer) == (200, "CALL 1 POSTAL SET TO a\nCALL 2 POSTAL SET TO b")
        assert answer.content_type == TEXT
        assert [request.path[-24:] for request in v1.cad.asked] == [
            f"/dispatch-calls/{n}/postal" for n in (1, 2)
        ]


async def test_a_read_is_answered_as_v1_shows_it_and_says_where_it_came_from(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.on(OPERATIONS["getVersion"], replied({"version": 2, "name": "PLUS"}))

        first, second = await v1.ask("GET_VERSION", []), await v1.ask("GET_VERSION", [])

        assert (text(first), text(second)) == ((200, "3 - PLUS"), (200, "3 - PLUS"))
        assert "Age" in second.headers
        assert len(v1.cad.asked) == 1


async def test_an_account_is_looked_up_where_v2_wants_its_uuid(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.on(GET_ACCOUNT, replied({"uuid": UUID}))
        v1.cad.on(IDENTIFIERS, replied({"SelectedIdent": 1, "Identifiers": []}))

        answer = await v1.ask("GET_IDENTIFIERS", [{"apiId": "a"}])

        assert msgspec.json.decode(answer.body) == {"selectedIdent": 1, "identifiers": []}
        assert v1.cad.asked[-1].path == f"/v2/emergency/accounts/{UUID}/identifiers"


@pytest.mark.parametrize("kind", ["GET_IDENTIFIERS", "GET_CHARACTERS"])
async def test_a_player_whom_nobody_knows_is_not_linked(tmp_path: Path, kind: str) -> None:
    async with v1_door(tmp_path) as v1:
        for operation in (GET_ACCOUNT, OPERATIONS["getCharacters"]):
            v1.cad.on(operation, refused(404, "The account was not found."))

        assert text(await v1.ask(kind, [{"apiId": "a"}])) == (
            400,
            "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY",
        )


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (refused(404, "The call was not found."), (400, "The call was not found.")),
        (refused(403, "Plus"), (400, "API ENDPOINT IS NOT ENABLED FOR THIS COMMUNITY")),
        (refused(401, "no"), (502, "ERROR: the CAD refuses the bridge's own key")),
        (refused(500, "no"), (500, "no")),
        (
            CadError("timeout", sent=True),
            (504, "ERROR: the CAD gave no answer (timeout); it may have acted all the same"),
        ),
        (CadError("connect", sent=False), (502, "ERROR: the CAD gave no answer (connect)")),
    ],
)
async def test_a_refusal_is_told_as_text(tmp_path: Path, end: Any, told: tuple[int, str]) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.on(POSTAL, end)

        assert text(await v1.ask("SET_CALL_POSTAL", {"callId": 1, "postal": "a"})) == told


@pytest.mark.parametrize("as_v1", [False, True])
async def test_a_rate_that_is_used_up_is_told_with_when_to_come_again(tmp_path: Path, as_v1: object) -> None:
    async with v1_door(tmp_path, as_v1=bool(as_v1)) as v1:
        v1.cad.on(POSTAL, replied({"message": "API rate limit exceeded"}, 429))

        the_cad_s, ours = [await v1.ask("SET_CALL_POSTAL", {"callId": 1, "postal": "a"}) for _ in range(2)]

        assert (the_cad_s.status, ours.status) == (429, 429)
        assert (the_cad_s.headers["Retry-After"], ours.headers["Retry-After"]) == ("7", "7")


async def test_what_follows_may_fail_and_the_change_counts(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.on(GET_ACCOUNT, CadError("reset", sent=True))
        v1.cad.on(
            OPERATIONS["addCharacterLink"], replied({"accountUuid": UUID, "syncId": "s", "action": "ADD"})
        )

        answer = await v1.ask("LINK_CHARACTER", {"apiId": "a", "syncId": "s", "action": 0})

        assert text(answer) == (200, f"Linked char sync ID 's' to user 'a' - {UUID}")


@pytest.mark.parametrize("named", [{"apiId": "a"}, {"account": UUID}])
@pytest.mark.parametrize("as_v1", [False, True])
async def test_a_look_up_that_is_shown_to_a_player_is_made_every_time(
    tmp_path: Path, as_v1: object, named: dict[str, object]
) -> None:
    async with v1_door(tmp_path, as_v1=bool(as_v1)) as v1:
        for record in ({"first": "Jo"}, {"first": "Jo", **named}):
            for _ in range(2):
                await v1.ask("LOOKUP", [record])

        assert len(v1.cad.asked) == 3


async def test_a_game_server_waits_for_all_objects_together(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.seconds = 3.0
        answer = await v1.ask(
            "SET_CALL_POSTAL", [{"callId": 1, "postal": "a"}] * 3, User_Agent="FXServer/PerformHttpRequest"
        )

        assert (answer.status, len(v1.cad.asked)) == (504, 2)


async def test_more_objects_than_the_budget_could_carry_are_refused(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        answer = await v1.ask("SET_CALL_POSTAL", [{"callId": 1, "postal": "a"}] * (MAX_OBJECTS + 1))

        assert answer.status == 400
        assert v1.cad.asked == []


async def test_what_v2_has_no_equal_of_is_asked_as_v1(tmp_path: Path) -> None:
    async with v1_door(tmp_path) as v1:
        v1.cad.on(OTHER, replied("John", content_type=TEXT))

        answer = await v1.ask("CHECK_APIID", [{"apiId": "a"}])

        (request,) = v1.cad.asked
        assert text(answer) == (200, "John")
        assert (request.path, request.method, request.keyed) == ("/general/check_apiid", "POST", True)
        assert v1.cad.told() == {"id": COMMUNITY, "type": "CHECK_APIID", "data": [{"apiId": "a"}]}


@pytest.mark.parametrize(
    ("kind", "sent", "data"),
    [
        ("GET_CALLS", [], []),
        ("GET_CALLS", [{"closedLimit": 5}], [{"serverId": 2, "closedLimit": 5}]),
        ("SET_CLOCK", [{"currentUtc": "x", "serverId": None}], [{"serverId": 2, "currentUtc": "x"}]),
        ("SET_STATIONS", {"config": {}}, {"serverId": 2, "config": {}}),
        ("MODIFY_BLIP", {"id": 1, "radius": 2}, [{"id": 1, "radius": 2}]),
        ("SET_POSTALS", [{"code": "1"}], [{"code": "1"}]),
    ],
)
async def test_a_community_on_v1_is_asked_as_it_came_about_the_token_s_own_server(
    tmp_path: Path, kind: str, sent: object, data: object
) -> None:
    async with v1_door(tmp_path, as_v1=True) as v1:
        await v1.ask(kind, sent, server=2)

        assert v1.cad.told() == {"id": COMMUNITY, "type": kind, "data": data}


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (replied("API ID NOT LINKED", 400, TEXT), (400, "API ID NOT LINKED")),
        (replied("INVALID API KEY", 400, TEXT), (502, "ERROR: the CAD refuses the bridge's own key")),
        (replied("INVALID COMMUNITY ID", 400, TEXT), (502, "ERROR: the CAD refuses the bridge's own key")),
        (replied("Done", 200, TEXT), (200, "Done")),
        (replied([1]), (200, "[1]")),
        (
            CadError("reset", sent=True),
            (502, "ERROR: the CAD gave no answer (reset); it may have acted all the same"),
        ),
    ],
)
async def test_an_answer_of_v1_is_told_as_it_came_unless_it_is_about_our_key(
    tmp_path: Path, end: Any, told: tuple[int, str]
) -> None:
    async with v1_door(tmp_path, as_v1=True) as v1:
        v1.cad.on(OPERATIONS["sendPhoto"], end)

        assert text(await v1.ask("SEND_PHOTO", [{"apiId": "a", "url": "https://x"}])) == told


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("SET_CALL_POSTAL", {"callId": "../7", "postal": "1"}, "ERROR: callId: expected a whole number"),
        ("BAN_USER", {"apiId": "a", "isBan": False}, "ERROR: Sonoran CAD v2 lifts no ban."),
    ],
)
async def test_what_cannot_be_asked_is_refused_here(
    tmp_path: Path, kind: str, data: object, told: str
) -> None:
    async with v1_door(tmp_path) as v1:
        assert text(await v1.ask(kind, data)) == (400, told)
        assert v1.cad.asked == []
