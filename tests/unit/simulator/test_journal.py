import hashlib
from typing import Any

import msgspec
import pytest

from bridge.simulator.journal import Journal, Received
from bridge.simulator.messages import Digest, Request
from bridge.simulator.multipart import read_form


def note(journal: Journal, body: bytes = b"", operation: str | None = "op", wall: float = 5.0) -> Received:
    request = Request(method="POST", path="/x", headers={"Authorization": "Bearer k"}, body=body)
    return journal.write(request, (operation, 1), monotonic=1.0, wall=wall)


@pytest.mark.parametrize(
    ("body", "value"), [(b"", None), (b'{"a": [1]}', {"a": [1]}), (b"{", "{"), (b"\xff", "\ufffd")]
)
def test_a_body_is_given_back_as_far_as_it_can_be_read(body: bytes, value: object) -> None:
    assert note(Journal(), body).decoded() == value


def write(**request: Any) -> Received:
    given = Request(method="GET", path="/x", **request)
    return Journal(max_kept_bytes=10).write(given, ("op", 1), monotonic=1.0, wall=5.0)


def test_every_value_of_a_query_is_kept_and_the_query_as_it_came() -> None:
    received = write(query={"a": "1"}, raw_query="a=1&b=%2F+x&a=2&c=")

    assert received.query == {"a": ["1", "2"], "b": ["/ x"], "c": [""]}
    assert received.raw_query == "a=1&b=%2F+x&a=2&c="


def test_a_query_that_came_over_no_wire_is_kept() -> None:
    assert write(query={"type": "100"}).query == {"type": ["100"]}


def test_headers_are_kept_as_they_came() -> None:
    fields = (("X-Some", "1"), ("x-some", "2"), ("content-TYPE", "a/b"))

    received = write(headers={"X-Some": "1"}, fields=fields)

    assert received.headers == fields
    assert received.header("X-SOME") == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("authorization", "Bearer secret", "Bearer ***"),
        ("Authorization", "secret", "***"),
        ("Proxy-Authorization", "Basic secret", "Basic ***"),
    ],
)
def test_no_key_is_kept(name: str, value: str, shown: str) -> None:
    received = write(headers={name: value})

    assert received.headers == ((name, shown),)
    assert "secret" not in repr(received)


@pytest.mark.parametrize(("size", "kept"), [(10, True), (11, False)])
def test_of_a_large_body_length_and_hash_are_kept(size: int, kept: bool) -> None:  # noqa: FBT001 -- table
    body = b"x" * size

    received = write(body=body)

    assert received.body == (body if kept else b"")
    assert (received.length, received.sha256) == (size, hashlib.sha256(body).hexdigest())


def test_a_short_body_is_shown_as_it_came() -> None:
    assert note(Journal(), b'{"a":  1}').text == '{"a":  1}'
    assert note(Journal(), b" " * 65_537).text is None


def test_of_an_upload_that_was_not_kept_the_parts_are_told() -> None:
    form = read_form(
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nv\r\n--b--',
    )

    received = write(form=form, digest=Digest(length=99, sha256="abc"))

    assert [(part.name, part.text) for part in received.parts] == [("n", "v")]
    assert (received.length, received.sha256, received.body) == (99, "abc", b"")


def test_requests_are_kept_in_order_and_numbered() -> None:
    journal = Journal()
    note(journal, operation="one")
    note(journal, operation="two")

    assert [(received.number, received.operation) for received in journal] == [(1, "one"), (2, "two")]


def test_requests_are_chosen_by_operation_number_and_time() -> None:
    journal = Journal()
    for wall, operation in [(1.0, "a"), (2.0, "b"), (3.0, "a"), (4.0, "a")]:
        note(journal, operation=operation, wall=wall)

    assert [received.number for received in journal.of("a")] == [1, 3, 4]
    assert [received.number for received in journal.of(after=2)] == [3, 4]
    assert [received.number for received in journal.of("a", since=3.0)] == [3, 4]


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    journal = Journal(max_requests=2)
    for _ in range(3):
        note(journal)

    assert [received.number for received in journal] == [2, 3]
    assert journal.total == 3


def test_the_oldest_are_forgotten_when_they_are_too_big() -> None:
    journal = Journal(max_bytes=10)
    for body in (b"12345", b"12345", b"1"):
        note(journal, body)

    assert [received.number for received in journal] == [2, 3]


def test_clearing_forgets_all_but_goes_on_counting() -> None:
    journal = Journal(max_bytes=10)
    note(journal, b"123456789")
    journal.clear()
    note(journal, b"123456789")

    assert [received.number for received in journal] == [2]


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 400, b'"\\ud800"'])
def test_a_strange_body_can_be_shown(body: bytes) -> None:
    assert msgspec.json.encode(note(Journal(), body).decoded())
