import msgspec
import pytest

from bridge.simulator.journal import Journal, Received
from bridge.simulator.messages import Request


def note(journal: Journal, body: bytes = b"", operation: str | None = "op", wall: float = 5.0) -> Received:
    request = Request(method="POST", path="/x", headers={"Authorization": "Bearer k"}, body=body)
    return journal.write(request, (operation, 1), monotonic=1.0, wall=wall)


@pytest.mark.parametrize(
    ("body", "value"), [(b"", None), (b'{"a": [1]}', {"a": [1]}), (b"{", "{"), (b"\xff", "\ufffd")]
)
def test_a_body_is_given_back_as_far_as_it_can_be_read(body: bytes, value: object) -> None:
    assert note(Journal(), body).decoded() == value


def test_the_query_is_kept_and_no_header() -> None:
    request = Request(
        method="GET", path="/x", query={"type": "100"}, headers={"Authorization": "Bearer secret"}
    )
    received = Journal().write(request, ("op", 1), monotonic=1.0, wall=5.0)

    assert received.query == {"type": "100"}
    assert "secret" not in repr(received)


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
