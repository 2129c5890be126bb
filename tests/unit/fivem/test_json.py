"""The stub's json.encode and json.decode are those of FXServer, quirk by quirk."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fxserver.server import FxServer, LuaError
from tests.support.fxserver.trial import started


@pytest.fixture
def game(tmp_path: Path) -> FxServer:
    return started(tmp_path)


def encoded(game: FxServer, expression: str) -> bytes:
    """Return what an expression of Lua becomes, as the bytes it has."""
    (found,) = game.lua(
        f"return (json.encode({expression}):gsub('.', function(c) return ('%02x'):format(c:byte()) end))"
    )
    return bytes.fromhex(found)


ROWS = [
    ("{}", "[]"),
    ("json.decode('{}')", "{}"),
    ("json.decode('[]')", "[]"),
    ("{ a = {} }", '{"a":[]}'),
    ("{ [1] = 'a', [3] = 'c' }", '["a",null,"c"]'),
    ("{ [2] = 5, [9] = 6 }", "[null,5,null,null,null,null,null,null,6]"),
    ("{ [10] = 1 }", "[null,null,null,null,null,null,null,null,null,1]"),
    ("{ [101] = 1.5 }", '{"101":1.5}'),
    (
        "(function() local t = {} for i = 7, 12 do t[i] = i end return t end)()",
        "[null,null,null,null,null,null,7,8,9,10,11,12]",
    ),
    ("{ true, false }", "[true,false]"),
    ("nil", "null"),
    ("10", "10"),
    ("10.0", "10.0"),
    ("-10.5", "-10.5"),
    ("1e20", "100000000000000000000.0"),
    ("1e21", "1e21"),
    ("1.5e300", "1.5e300"),
    ("1e-20", "0.0"),
    ("0.1 + 0.2", "0.3"),
    ("1 / 3", "0.33333333333333"),
    ("-0.0", "-0.0"),
    ("1 << 53", "9007199254740992"),
    ("math.mininteger", "-9223372036854775808"),
    ("0 / 0", "NaN"),
    ("1 / 0", "Infinity"),
    ("-1 / 0", "-Infinity"),
    ("vector3(1.5, 2.0, -3.25)", '{"x":1.5,"y":2.0,"z":-3.25}'),
    ("vector4(1, 2, 3, 90)", '{"x":1.0,"y":2.0,"z":3.0,"w":90.0}'),
    ("vector3(-1037.6, 0, 0)", '{"x":-1037.5999755859375,"y":0.0,"z":0.0}'),
    ("'a\\0b'", '"a\\u0000b"'),
    ("'\\n\\r\\t\\b\\f\\\\\"/'", '"\\n\\r\\t\\b\\f\\\\\\"/"'),
    ("'\\x1f\\x7f'", '"\\u001F\x7f"'),
]


@pytest.mark.parametrize(("expression", "expected"), ROWS)
def test_a_value_becomes_the_very_text_that_fxserver_writes(
    game: FxServer, expression: str, expected: str
) -> None:
    assert encoded(game, expression) == expected.encode()


def test_players_keyed_by_their_number_become_three_shapes_by_who_is_online(game: FxServer) -> None:
    assert encoded(game, "{ [3] = 1, [12] = 2 }") in (b'{"3":1,"12":2}', b'{"12":2,"3":1}')
    assert encoded(game, "{ 1, 2, 3 }") == b"[1,2,3]"


def test_a_key_that_is_there_as_number_and_as_text_is_written_twice(game: FxServer) -> None:
    assert encoded(game, "{ ['1'] = 's', [1] = 'n' }") in (b'{"1":"n","1":"s"}', b'{"1":"s","1":"n"}')
    assert encoded(game, "{ 5, 6, x = 7 }") == b'{"1":5,"2":6,"x":7}'


@pytest.mark.parametrize("bytes_of", ["Jos\\xe9", "Zo\\xc3", "\\xed\\xa0\\xbd"])
def test_bytes_that_are_no_utf_8_are_written_as_they_are(game: FxServer, bytes_of: str) -> None:
    raw = bytes_of.encode().decode("unicode_escape").encode("latin-1")

    assert encoded(game, f"'{bytes_of}'") == b'"' + raw + b'"'


@pytest.mark.parametrize(
    "expression",
    [
        "print",
        "{ a = print }",
        "{ [true] = 1 }",
        "coroutine.create(print)",
        "(function() local t = {} t.t = t return t end)()",
        "(function() local t = {} for _ = 1, 33 do t = { t } end return t end)()",
    ],
)
def test_what_json_does_not_know_raises(game: FxServer, expression: str) -> None:
    with pytest.raises(LuaError):
        encoded(game, expression)


def test_thirty_two_tables_in_one_another_are_fine(game: FxServer) -> None:
    text = encoded(game, "(function() local t = {} for _ = 1, 31 do t = { t } end return t end)()")

    assert text == b"[" * 32 + b"]" * 32


READ: list[tuple[str, Any]] = [
    ('[1, 2.5, "x", true, null]', [[1, 2.5, "x", True]]),
    ('{"a": {"b": []}}', [{"a": {"b": []}}]),
    ('"\\u00e9\\ud83d\\ude00"', ["é😀"]),
    ("[1,2,]", [[1, 2]]),
    ("Infinity", [float("inf")]),
    ("-12e2", [-1200.0]),
    ("null", [None]),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_text_is_read_as_fxserver_reads_it(game: FxServer, text: str, expected: list[Any]) -> None:
    assert game.lua("return (json.decode(...))", text)[:1] == expected


def test_integers_and_floats_stay_what_they_are(game: FxServer) -> None:
    assert game.lua("return math.type(json.decode('5')), math.type(json.decode('5.0'))") == [
        "integer",
        "float",
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[1 2]", "nonsense", '{"a"}', '"\\x"', '"open', "1 2", "<html>", '"\\ud800"']
)
def test_a_broken_text_is_nil_and_a_reason_and_raises_nothing(game: FxServer, text: str) -> None:
    value, offset, reason = game.lua("return json.decode(...)", text)

    assert value is None
    assert isinstance(offset, int)
    assert isinstance(reason, str)


def test_decoding_nothing_is_nothing_and_decoding_a_table_raises(game: FxServer) -> None:
    assert game.lua("return json.decode(nil)")[0] is None
    with pytest.raises(LuaError):
        game.lua("return json.decode({})")
