from http import HTTPStatus
from typing import Any

import pytest
from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.test_utils import make_mocked_request

from bridge.listener.answer import Answer, json_answer
from bridge.listener.problem import problem
from bridge.listener.reply import Reply, respond

TAKEN = json_answer(HTTPStatus.OK, {"accepted": 2})
OTHERS = [
    pytest.param(Answer(status=204), id="nothing to say"),
    pytest.param(problem(HTTPStatus.BAD_REQUEST, "no"), id="a problem"),
    pytest.param(json_answer(HTTPStatus.NOT_FOUND, {}), id="a refusal in JSON"),
    pytest.param(Answer(status=200, body=b"ok", content_type="text/plain"), id="text"),
    pytest.param(
        Answer(status=200, body=b"{}", content_type="application/json", headers={"Retry-After": "5"}),
        id="a header of its own",
    ),
]


class Written:
    """A writer that keeps what is written."""

    def __init__(self) -> None:
        self.whole = b""
        self.output_size = 0
        self.length: int | None = None

    async def write_headers(self, status_line: str, headers: Any) -> None:
        lines = [status_line, *(f"{name}: {value}" for name, value in headers.items())]
        self.whole += ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send_headers(self) -> None:
        """Do nothing: they are written."""

    async def write_eof(self, data: bytes = b"") -> None:
        self.whole += data


async def sent(
    answer: Answer, *, method: str = "POST", version: Any = HttpVersion11, last: bool = False
) -> str:
    writer: Any = Written()
    request = make_mocked_request(method, "/v1/locations", version=version, writer=writer)
    response = respond(answer, request)
    if last:
        response.force_close()
    await response.prepare(request)
    await response.write_eof()
    return writer.whole.decode()


def parts(text: str) -> tuple[str, dict[str, str], str]:
    head, _, body = text.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


async def by_the_library(answer: Answer, *, last: bool) -> str:
    writer: Any = Written()
    request = make_mocked_request("POST", "/v1/locations", writer=writer)
    response = web.Response(
        status=answer.status,
        body=answer.body,
        headers={"Server": "cad-bridge", "Content-Type": str(answer.content_type)},
    )
    if last:
        response.force_close()
    await response.prepare(request)
    await response.write_eof()
    return writer.whole.decode()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("status", [HTTPStatus.OK, HTTPStatus.ACCEPTED])
async def test_a_usual_answer_says_what_the_library_would_say(status: HTTPStatus, *, last: bool) -> None:
    answer = json_answer(status, {"event": "x"})
    status_line, headers, body = parts(await sent(answer, last=last))
    expected_line, expected_headers, expected_body = parts(await by_the_library(answer, last=last))

    assert headers.pop("Date")
    assert expected_headers.pop("Date")
    assert (status_line, headers, body) == (expected_line, expected_headers, expected_body)
    assert ("Connection" in headers) is last


@pytest.mark.parametrize("answer", OTHERS)
async def test_any_other_answer_is_put_together_by_the_library(answer: Answer) -> None:
    request = make_mocked_request("POST", "/v1/locations")

    assert not isinstance(respond(answer, request), Reply)


@pytest.mark.parametrize(("method", "version"), [("HEAD", HttpVersion11), ("POST", HttpVersion10)])
async def test_unusual_requests_are_left_to_the_library(method: str, version: Any) -> None:
    status, headers, body = parts(await sent(TAKEN, method=method, version=version))

    assert status.endswith("200 OK")
    assert headers["Content-Length"] == str(len(TAKEN.body))
    assert body == ("" if method == "HEAD" else TAKEN.body.decode())
    assert not isinstance(respond(TAKEN, make_mocked_request(method, "/", version=version)), Reply)


async def test_an_answer_tells_whether_the_connection_stays() -> None:
    request = make_mocked_request("POST", "/", writer=Written())
    response = respond(TAKEN, request)
    await response.prepare(request)

    assert isinstance(response, Reply)
    assert response.keep_alive is True
