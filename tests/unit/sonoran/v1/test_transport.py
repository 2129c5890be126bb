from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from bridge.errors import CadError
from bridge.events import EventId
from bridge.operations import GET_VERSION, OPERATIONS, OTHER, UPLOAD_BODYCAM_RECORDING
from bridge.sonoran import v2
from bridge.sonoran.messages import CadAnswer, CadRequest, Line, Upload
from bridge.sonoran.v1 import CadV1, is_translated
from bridge.units import ServerId
from tests.support.sending import UNIT, call, panic
from tests.support.transport import answer

SERVER = ServerId(1)
NOT_ENABLED = b"API IS NOT ENABLED FOR THIS COMMUNITY"


class Wire:
    """Keeps what is sent and answers what it was told, then in a word."""

    def __init__(self, *answers: CadAnswer | CadError) -> None:
        self.sent: list[CadRequest] = []
        self._answers = list(answers)

    async def exchange(self, request: CadRequest) -> CadAnswer:
        self.sent.append(request)
        end = self._answers.pop(0) if self._answers else answer(200, b"DONE")
        if isinstance(end, CadError):
            raise end
        return end

    @property
    def bodies(self) -> list[Any]:
        return [msgspec.json.decode(request.body or b"null") for request in self.sent]


def panic_request() -> CadRequest:
    return v2.deliver(SERVER, panic(), (UNIT,), 0.0, EventId("a" * 32))


async def test_a_request_for_v2_leaves_as_one_for_v1() -> None:
    wire = Wire(answer(200, b"UNIT PANIC UPDATED"))
    got = await CadV1(wire, "examplecad").exchange(panic_request())

    (request,) = wire.sent
    assert (request.method, request.path, request.keyed) == ("POST", "/emergency/unit_panic", True)
    assert (request.operation, request.line) == (OPERATIONS["setUnitPanic"], Line.URGENT)
    assert wire.bodies == [
        {"id": "examplecad", "type": "UNIT_PANIC", "data": [{"apiId": "license:1", "isPanic": True}]}
    ]
    assert (got.status, v2.read_updated(got)) == (200, None)


async def test_a_call_leaves_over_a_fresh_line() -> None:
    wire = Wire(answer(200, b"EMERGENCY CALL ADDED ID: 5"))
    request = v2.deliver(SERVER, call(), (), 0.0, EventId("a" * 32))
    got = await CadV1(wire, "examplecad").exchange(request)

    assert wire.sent[0].line is Line.FRESH
    assert v2.read_call_id(got) == 5


async def test_what_was_made_for_v1_goes_and_comes_as_it_is() -> None:
    wire = Wire(answer(400, b"INVALID API KEY"))
    request = CadRequest(
        operation=OTHER, path="/general/check_apiid", method="POST", body=b'{"a":1}', keyed=True
    )
    got = await CadV1(wire, "examplecad").exchange(request)

    assert wire.sent == [request]
    assert (got.status, got.body) == (400, b"INVALID API KEY")


async def test_no_answer_is_none_in_both() -> None:
    with pytest.raises(CadError) as caught:
        await CadV1(Wire(CadError("reset", sent=True)), "examplecad").exchange(panic_request())

    assert (caught.value.reason, caught.value.sends) == ("reset", 1)


async def _parts() -> AsyncIterator[bytes]:
    yield b"film"


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (CadRequest(operation=OPERATIONS["getInfo"], path="/v2/general/info"), 501, "no equal of getInfo"),
        (CadRequest(operation=OTHER, path="/v2/new/things"), 501, "no equal of this path"),
        (
            CadRequest(
                operation=UPLOAD_BODYCAM_RECORDING,
                path=UPLOAD_BODYCAM_RECORDING.path,
                upload=Upload(parts=_parts(), length=None, seconds=1.0),
            ),
            501,
            "no equal of uploadBodycamRecording",
        ),
        (
            CadRequest(
                operation=OPERATIONS["setUnitPanic"],
                path="/v2/emergency/servers/1/units/panic",
                body=b'{"discord":"1","isPanic":true}',
            ),
            422,
            "v1 finds a unit by",
        ),
        (
            CadRequest(
                operation=OPERATIONS["setUnitPanic"], path="/v2/emergency/servers/1/units/panic", body=b"{"
            ),
            400,
            "not JSON",
        ),
    ],
)
async def test_what_v1_cannot_be_asked_is_answered_at_once_and_says_why(
    request_: CadRequest, status: int, words: str
) -> None:
    wire = Wire()
    got = await CadV1(wire, "examplecad").exchange(request_)

    assert (wire.sent, got.status, got.sends) == ([], status, 0)
    assert words in v2.read_problem(got)
    assert 'cad.api = "v1"' in v2.read_problem(got)


def test_an_operation_that_v1_has_not_is_not_translated() -> None:
    assert is_translated(OPERATIONS["getTemplate"])
    assert not is_translated(OPERATIONS["getInfo"])
    assert not is_translated(OTHER)


async def test_calls_that_come_without_metadata_are_marked_as_such() -> None:
    shown: list[dict[str, Any]] = [{"callId": 1, "metaData": {}}]
    cad = CadV1(
        Wire(
            answer(body={"emergencyCalls": [{"callId": 1}]}),
            answer(body={"emergencyCalls": shown}),
            answer(body={"emergencyCalls": [{"callId": 1}]}),
            answer(400, b"ERROR"),
        ),
        "examplecad",
    )
    found = [v2.read_calls(await cad.exchange(v2.get_calls(SERVER, 100, 0))) for _ in range(4)]

    assert [calls and calls.hidden for calls in found] == [True, False, False, None]


@pytest.mark.parametrize(
    ("version", "calls", "panics"),
    [
        (answer(200, b"2 - STANDARD"), 403, 401),
        (answer(200, b"0 - FREE"), 403, 403),
        (answer(200, b"3 - PLUS"), 401, 401),
        (answer(200, b"6 - SONORAN ONE"), 401, 401),
        (answer(200, b"?"), 401, 401),
        (answer(400, NOT_ENABLED), 401, 401),
        (None, 401, 401),
    ],
)
async def test_a_type_that_the_plan_lacks_is_no_sign_of_a_wrong_key(
    version: CadAnswer | None, calls: int, panics: int
) -> None:
    refusals = (answer(400, NOT_ENABLED), answer(400, NOT_ENABLED))
    wire = Wire(*([] if version is None else [version]), *refusals)
    cad = CadV1(wire, "examplecad")
    if version is not None:
        await cad.exchange(v2.get_version())

    assert (await cad.exchange(v2.get_calls(SERVER, 100, 0))).status == calls
    assert (await cad.exchange(panic_request())).status == panics


async def test_a_refused_key_makes_the_plan_unknown_again() -> None:
    wire = Wire(answer(200, b"0 - FREE"), answer(400, NOT_ENABLED), answer(400, NOT_ENABLED))
    cad = CadV1(wire, "examplecad")
    await cad.exchange(v2.get_version())

    assert (await cad.exchange(v2.get_version())).status == 401
    assert (await cad.exchange(panic_request())).status == 401
    assert GET_VERSION.plan is None
