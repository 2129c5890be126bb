from typing import Any

import msgspec
import pytest

from bridge.simulator.messages import Ask, ProblemError, Request, json_reply, title_of
from tests.support.cad_requests import NOON

ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def ask(**request: Any) -> Ask:
    given = Request(method="GET", path="/x", **request)
    return Ask(request=given, parameters={"serverId": "7", "callId": "seven"}, now=NOON)


def test_a_header_is_found_whatever_the_case_of_its_name() -> None:
    request = Request(method="GET", path="/", headers={"X-Some": "value"})

    assert request.header("x-sOME") == "value"
    assert request.header("other") is None


def test_a_path_parameter_must_be_an_integer() -> None:
    assert ask().server_id == 7
    with pytest.raises(ProblemError, match="'callId' is not an integer") as caught:
        ask().parameter("callId")
    assert caught.value.status == 400


@pytest.mark.parametrize("text", ["", "-", "1.5", "x", "-1", "²", "1" * 19])
def test_a_query_parameter_must_be_a_natural_number(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        ask(query={"limit": text}).number("limit")
    assert caught.value.status == 400


def test_query_parameters_are_read() -> None:
    asked = ask(query={"limit": "25", "on": "True", "off": "false"})

    assert asked.number("limit") == 25
    assert asked.flag("on") is True
    assert asked.flag("off") is False


def test_a_missing_query_parameter_is_named() -> None:
    with pytest.raises(ProblemError, match="'limit' is required"):
        ask().number("limit")


def test_a_boolean_is_true_or_false() -> None:
    with pytest.raises(ProblemError, match="'on' is not a boolean"):
        ask(query={"on": "1"}).flag("on")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b'"\xe9"'])
def test_a_body_that_is_no_json_is_a_400(body: bytes) -> None:
    with pytest.raises(ProblemError) as caught:
        ask(body=body, headers={"Content-Type": "application/json"}).body(ANYTHING)
    assert caught.value.status == 400


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_a_body_of_another_type_is_a_415(headers: dict[str, str]) -> None:
    with pytest.raises(ProblemError) as caught:
        ask(body=b"{}", headers=headers).body(ANYTHING)
    assert caught.value.status == 415


def test_a_content_type_may_name_a_charset() -> None:
    asked = ask(body=b"{}", headers={"content-type": "Application/JSON; charset=utf-8"})

    assert asked.body(ANYTHING) == {}


def test_a_json_reply_says_that_it_is_json() -> None:
    reply = json_reply({"a": 1}, status=429, headers={"Retry-After": "3"})

    assert reply.status == 429
    assert reply.headers == {"Content-Type": "application/json", "Retry-After": "3"}
    assert reply.body == b'{"a":1}'


def test_a_status_has_words() -> None:
    assert title_of(404) == "Not Found"
    assert title_of(599) == "Error"
