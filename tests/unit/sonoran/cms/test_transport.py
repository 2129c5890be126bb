"""How a request looks on the CMS's wire."""

import msgspec
import pytest

from bridge.errors import CadError
from bridge.sonoran import cms
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.units import ServerId
from tests.support.transport import answer


class Wire:
    """Keeps what is sent and answers the same always."""

    def __init__(self, end: CadAnswer | CadError) -> None:
        self.end = end
        self.sent: list[CadRequest] = []

    async def exchange(self, request: CadRequest) -> CadAnswer:
        self.sent.append(request)
        if isinstance(self.end, CadError):
            raise self.end
        return self.end


async def sent_by(end: CadAnswer) -> tuple[CadRequest, CadAnswer]:
    wire = Wire(end)
    told = await cms.CmsTransport(wire, "examplecms").exchange(cms.full_whitelist(ServerId(1)))
    return wire.sent[0], told


async def test_community_and_type_stand_beside_the_data_and_the_wire_adds_the_key() -> None:
    request, told = await sent_by(answer(200, b"[]"))

    assert msgspec.json.decode(request.body or b"") == {
        "id": "examplecms",
        "type": "FULL_WHITELIST",
        "data": [{"serverId": 1}],
    }
    assert request.keyed
    assert (request.path, told.status) == ("/servers/full_whitelist", 200)


@pytest.mark.parametrize(
    "reason",
    [
        b"INVALID API KEY",
        b"INVALID COMMUNITY ID",
        b"API IS NOT ENABLED FOR THIS COMMUNITY",
        b'{"status":400,"message":"Invalid API key"}',
    ],
)
async def test_a_refused_key_has_http_s_own_status_and_the_text_stays(reason: bytes) -> None:
    _, told = await sent_by(answer(400, reason))

    assert (told.status, told.body) == (401, reason)


@pytest.mark.parametrize(
    ("status", "text"), [(400, b"INVALID REQUEST TYPE"), (404, b"INVALID API KEY"), (200, b"")]
)
async def test_every_other_answer_stays_as_it_is(status: int, text: bytes) -> None:
    _, told = await sent_by(answer(status, text))

    assert (told.status, told.body) == (status, text)


async def test_no_answer_stays_none() -> None:
    transport = cms.CmsTransport(Wire(CadError("reset", sent=True)), "examplecms")

    with pytest.raises(CadError, match="reset"):
        await transport.exchange(cms.full_whitelist(ServerId(1)))
