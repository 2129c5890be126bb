"""Requests that name community, key and type in their body."""

import time
import tracemalloc
from typing import Any

import msgspec
import pytest

from bridge.config import Secret
from bridge.errors import MalformedError
from bridge.listener.answer import Answer
from bridge.listener.auth import Tokens
from bridge.listener.keyed import Envelope, check, malformed, not_allowed, read_envelope
from bridge.units import ServerId

TOKEN = "made-up-token-of-server-one"
TOKENS = Tokens([(ServerId(1), Secret(TOKEN))])
RIGHT = Envelope(id="examplecad", key=TOKEN, type="UNIT_PANIC", data=[{"apiId": "a"}])


def checked(**changed: str) -> ServerId | Answer:
    envelope = msgspec.structs.replace(RIGHT, **changed)
    return check(envelope, "UNIT_PANIC", "examplecad", TOKENS)


def test_a_body_is_read_as_sonoran_documents_it() -> None:
    body = b'{"id":"examplecad","key":"%s","type":"UNIT_PANIC","data":[{"apiId":"a"}]}' % TOKEN.encode()

    assert read_envelope(body) == RIGHT


def test_the_commas_of_sonoran_s_own_examples_are_no_mistake_and_those_in_texts_stay() -> None:
    body = b'{"type": "T", "data": [{"location": "a,] b,}", "coordinates": {"x": 1, "y": 2, }, }, ] ,\n}'

    assert read_envelope(body).data == [{"location": "a,] b,}", "coordinates": {"x": 1, "y": 2}}]


SHAPES: list[tuple[bytes, list[dict[str, object]]]] = [
    (b"[]", []),
    (b"{}", []),
    (b"null", []),
    (b'[null,{"a":1},null]', [{"a": 1}]),
    (b'{"1":{"a":1},"3":{"a":2}}', [{"a": 1}, {"a": 2}]),
    (b'{"apiId":"a"}', [{"apiId": "a"}]),
    (b"[[]]", [{}]),
]


@pytest.mark.parametrize(("data", "found"), SHAPES)
def test_the_data_are_read_in_every_shape_that_lua_gives_them(data: bytes, found: list[Any]) -> None:
    envelope = read_envelope(b'{"data":%s}' % data)

    assert (envelope.data, envelope.fault) == (found, "")


def test_what_stands_beside_the_data_is_kept() -> None:
    body = b'{"id":"a","key":"b","type":"c","data":[],"recordTypeId":3,"internalKey":"k"}'

    assert read_envelope(body).more == {"recordTypeId": 3, "internalKey": "k"}


def test_an_endless_text_takes_no_more_memory_than_a_few_bodies() -> None:
    body = b'"' + b"a" * 2**20
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError):
            read_envelope(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 10 * len(body)


@pytest.mark.parametrize("data", [b"7", b'"a"', b'["a"]', b"[[1]]"])
def test_data_that_are_no_objects_are_a_fault_and_told_last(data: bytes) -> None:
    envelope = read_envelope(b'{"id":"examplecad","type":"UNIT_PANIC","data":%s}' % data)

    assert envelope.fault == "data: number 0 is no object"
    told = check(envelope, "UNIT_PANIC", "examplecad", TOKENS)
    assert isinstance(told, Answer)
    assert told.body == b"INVALID API KEY"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"7", b"[]", b"{}", b'{"id":[],"key":7,"type":{},"data":null}']
)
def test_what_says_nothing_is_an_empty_envelope(body: bytes) -> None:
    assert read_envelope(body) == Envelope()


@pytest.mark.parametrize("body", [b"{", b"{,,}", b"a=b", b'{"id":"a"},', b"[1,,]"])
def test_what_is_no_json_is_refused_with_its_own_place(body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        read_envelope(body)

    told = malformed(caught.value)
    assert (told.status, told.wrong_key) == (400, True)
    assert b"byte" in told.body


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 300_000, b", " * 300_000, b'"a",' * 200_000])
def test_no_body_makes_the_reader_slow(body: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(MalformedError):
        read_envelope(body)

    assert time.perf_counter() - started < 5.0


def test_the_server_is_known_by_its_token() -> None:
    assert checked() == 1


@pytest.mark.parametrize(
    ("changed", "text", "wrong_key"),
    [
        ({"type": "", "id": "x", "key": "x"}, b"INVALID REQUEST TYPE", True),
        ({"type": "unit_panic"}, b"INVALID REQUEST TYPE", False),
        ({"id": "x", "key": "x"}, b"INVALID COMMUNITY ID", True),
        ({"id": ""}, b"INVALID COMMUNITY ID", False),
        ({"key": "x", "fault": "data: no"}, b"INVALID API KEY", True),
        ({"key": ""}, b"INVALID API KEY", True),
        ({"fault": "data: no"}, b"data: no", False),
    ],
)
def test_type_community_and_key_are_checked_in_sonoran_s_order_and_no_guess_at_a_key_is_fast(
    changed: dict[str, str], text: bytes, *, wrong_key: bool
) -> None:
    told = checked(**changed)

    assert isinstance(told, Answer)
    assert (told.status, told.body, told.wrong_key) == (400, text, wrong_key)
    assert told.content_type == "text/plain; charset=utf-8"


def test_a_path_that_is_none_has_no_type() -> None:
    told = check(RIGHT, None, "examplecad", TOKENS)

    assert isinstance(told, Answer)
    assert (told.body, told.wrong_key) == (b"INVALID REQUEST TYPE", False)


@pytest.mark.parametrize("key", [b'"\\ud800"', '"tökén"'.encode(), b"null", b"{}"])
def test_a_key_that_no_token_can_be_is_none(key: bytes) -> None:
    assert read_envelope(b'{"key":%s}' % key).key == ""


def test_a_scope_that_is_missing_is_named_with_the_key_to_set() -> None:
    told = not_allowed("GET_SERVERS", "lookups", "main")

    assert told.status == 403
    assert told.body == (
        b'GET_SERVERS needs "lookups" in the key allow of server "main" ([[servers]] in bridge.toml)'
    )
