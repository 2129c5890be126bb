import math

import pytest

from bridge.errors import MalformedError
from bridge.intake.document import read_document


@pytest.mark.parametrize("body", [b"", b" \r\n", b"null", b"{}", b"\xef\xbb\xbf", b"\xef\xbb\xbf null"])
def test_nothing_is_an_empty_object(body: bytes) -> None:
    assert read_document(body) == {}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'{"1":"n","a":1,"1":"s"}', {"1": "s", "a": 1}),
        (b"[1e999,-1e999,Infinity,-Infinity]", [math.inf, -math.inf, math.inf, -math.inf]),
        (b'{"hash":-1627000575,"other":2667966721}', {"hash": -1627000575, "other": 2667966721}),
        (b'"a\nb"', "a\nb"),
        (b"[]", []),
        (b"7", 7),
    ],
)
def test_what_the_game_servers_encoder_writes_is_read(body: bytes, value: object) -> None:
    assert read_document(body) == value


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (b'{"a":', 5),
        (b'\xef\xbb\xbf{"a":', 8),
        (b'{"Jos\xe9":}', 8),
        ('{"Zoë😀":}'.encode(), 12),
        (b"\x00\x00", 0),
        (b"{} {}", 3),
        (b"[" * 500_000, 100),
        (b'{"[[[[":' * 50_000, 800),
        (b'{"n":' + b"7" * 5000 + b"}", 5),
    ],
)
def test_what_is_no_json_is_refused_with_the_byte_where_reading_stopped(body: bytes, offset: int) -> None:
    with pytest.raises(MalformedError) as caught:
        read_document(body)

    assert caught.value.offset == offset
    assert f"(byte {offset})" in str(caught.value)


def test_a_number_of_the_longest_kind_is_read() -> None:
    assert read_document(b"9" * 4300) == int("9" * 4300)
