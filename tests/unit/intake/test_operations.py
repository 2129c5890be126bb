from typing import Any

import msgspec
import pytest

from bridge.errors import MalformedError, PushError
from bridge.intake import OperationPush, read_operation


def read(body: object) -> OperationPush:
    return read_operation(body if isinstance(body, bytes) else msgspec.json.encode(body))


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"[]", b'{"path":null,"query":[],"body":null}'])
def test_nothing_need_be_said(body: bytes) -> None:
    assert read(body) == OperationPush(path={}, query="", body=b"")


def test_parameters_of_the_path_are_texts() -> None:
    said = read(
        {
            "path": {
                "serverId": 1,
                "callId": 7.0,
                "groupName": " Zo\u00eb/1 ",
                "half": 0.5,
                "on": True,
                "none": "",
            }
        }
    )

    assert said.path == {
        "serverId": "1", "callId": "7", "groupName": " Zo\u00eb/1 ", "half": "0.5", "on": "true", "none": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ({"a": 1, "b": "x"}, "a=1&b=x"),
        ({"a": ["x", 2, None, 3.0], "b": None}, "a=x&a=2&a=3"),
        ({"a&b=": "c&d=e+f g/h?#%"}, "a%26b%3D=c%26d%3De%2Bf%20g%2Fh%3F%23%25"),
        ({"on": True, "off": False}, "on=true&off=false"),
        ({"": ""}, "="),
        ({"a": []}, ""),
        ({"q": "Zo\u00eb \U0001f693"}, "q=Zo%C3%AB%20%F0%9F%9A%93"),
        ({"q": "a\r\nHost: evil\0"}, "q=a%0D%0AHost%3A%20evil%00"),
    ],
)
def test_a_query_is_encoded(query: dict[str, Any], sent: str) -> None:
    assert read({"query": query}).query == sent


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"a": [1.5, None, "\u00eb"]}, '{"a":[1.5,null,"\u00eb"]}'),
        ([{"communityUserId": "a"}], '[{"communityUserId":"a"}]'),
        ([], "{}"),
        ({}, "{}"),
        ({"a": []}, '{"a":[]}'),
        (0, "0"),
        (False, "false"),
        ("", '""'),
        ({"n": 2**70}, '{"n":1180591620717411303424}'),
    ],
)
def test_a_body_goes_out_as_json(body: object, sent: str) -> None:
    assert read({"body": body}).body == sent.encode()


def test_what_is_not_quite_json_goes_out_as_json() -> None:
    assert read(b'{"body":{"x":NaN,"y":-Infinity,"a":1,"a":2}}').body == b'{"x":null,"y":null,"a":2}'
    assert read(b'\xef\xbb\xbf{"body":{}}').body == b"{}"


@pytest.mark.parametrize(
    "body",
    [
        b"7", b'"a"', b"[1]", b"true", b'{"pfad":{}}', b'{"Path":{}}', b'{"path":[1]}', b'{"path":"a"}', b'{"path":{"a":{}}}',
        b'{"path":{"a":null}}', b'{"path":{"a":[]}}', b'{"path":{"a":1e999}}', b'{"query":"a=b"}', b'{"query":{"a":{}}}',
        b'{"query":{"a":[[]]}}', b'{"query":{"a":NaN}}', rb'{"query":{"\ud800":1}}', rb'{"query":{"a":"\udfff"}}',
        b'{"query":{"a":"\xff"}}', rb'{"body":"\ud800"}', rb'{"body":{"\ud800":1}}', b'{"body":"\xff"}',
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(PushError) as caught:
        read(body)

    assert not isinstance(caught.value, MalformedError)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("body", [b"{", b"\0", b"[" * 100_000, b'{"body":' + b"[" * 5000, b"9" * 5000])
def test_what_is_no_json_is_told_where(body: bytes) -> None:
    with pytest.raises(MalformedError, match=r"\(byte \d+\)"):
        read(body)
