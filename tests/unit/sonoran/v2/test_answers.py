import pytest

from bridge.sonoran import v2
from tests.support.transport import answer

ODD_BODIES = [b"{}", b"[]", b"", b"no", b"<html>", b"\xff\xfe", b'{"a":' + b"[" * 100_000]


@pytest.mark.parametrize(
    ("raw", "updated"),
    [
        (b'{"updated": 3, "isPanic": true}', 3),
        (b'{"updated": "3"}', 3),
        (b'{"updated": 0}', 0),
        (b'{"updated": null}', None),
        (b'{"updated": "many"}', None),
        *((raw, None) for raw in ODD_BODIES),
    ],
)
def test_how_many_units_the_cad_knew(raw: bytes, updated: int | None) -> None:
    assert v2.read_updated(answer(body=raw)) == updated


@pytest.mark.parametrize(
    ("raw", "call_id"),
    [
        (b'{"callId": 302, "metaData": {}}', 302),
        (b'{"callId": "302"}', 302),
        *((raw, None) for raw in ODD_BODIES),
    ],
)
def test_the_number_of_a_new_call(raw: bytes, call_id: int | None) -> None:
    assert v2.read_call_id(answer(body=raw)) == call_id


@pytest.mark.parametrize(
    ("raw", "blip_id"),
    [
        (b'{"id": 32, "coordinates": {"x": 425.5}}', 32),
        (b'{"id": "32"}', 32),
        (b'{"id": {}}', None),
        *((raw, None) for raw in ODD_BODIES),
    ],
)
def test_the_number_of_a_new_blip(raw: bytes, blip_id: int | None) -> None:
    assert v2.read_blip_id(answer(body=raw)) == blip_id


@pytest.mark.parametrize(
    ("raw", "delivered"),
    [
        (b'{"communityUserId": "license:a", "delivered": 1}', 1),
        (b'{"delivered": "0"}', 0),
        (b'{"delivered": "yes"}', None),
        *((raw, None) for raw in ODD_BODIES),
    ],
)
def test_how_many_places_a_photo_reached(raw: bytes, delivered: int | None) -> None:
    assert v2.read_delivered_photos(answer(body=raw)) == delivered


@pytest.mark.parametrize(
    ("raw", "plan"),
    [
        (b'{"version": 2, "name": "PLUS"}', "PLUS"),
        (b'{"version": 2}', "2"),
        (b'{"version": 0, "name": ""}', "0"),
        (b'{"name": "\xff"}', None),
        *((raw, None) for raw in ODD_BODIES),
    ],
)
def test_the_plan(raw: bytes, plan: str | None) -> None:
    assert v2.read_plan(answer(body=raw)) == plan


@pytest.mark.parametrize(
    ("raw", "servers"),
    [
        (b'{"servers": [{"id": 1, "name": "Main"}, {"id": 2}]}', [(1, "Main"), (2, "")]),
        (b'{"servers": {"id": 1, "name": "Main", "mapUrl": "x"}}', [(1, "Main")]),  # as the example shows it
        (b'{"servers": []}', []),
        (b'{"servers": null}', []),
        *((raw, []) for raw in ODD_BODIES),
    ],
)
def test_the_servers_are_read_in_both_forms(raw: bytes, servers: list[tuple[int, str]]) -> None:
    assert [(server.id, server.name) for server in v2.read_servers(answer(body=raw))] == servers


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"title": "Bad Request", "detail": "No such unit."}', "Bad Request: No such unit."),
        (b'{"title": "Bad Request", "detail": "Bad Request"}', "Bad Request"),
        (b'{"message": "API rate limit exceeded"}', "API rate limit exceeded"),
        (b'{"title": "two\\nlines\\r\\n", "detail": "\\u0000 and a tab\\t"}', "two lines : \x00 and a tab"),
        (b"<html>", "status 400"),
        (b'{"title": ""}', "status 400"),
    ],
)
def test_the_reason_of_a_refusal_is_one_line(raw: bytes, text: str) -> None:
    assert v2.read_problem(answer(400, raw)) == text


def test_the_trace_of_a_problem_is_named_where_no_header_names_one() -> None:
    problem = {"title": "Bad Request", "status": 400, "traceId": "00-4bf9-01"}

    assert v2.read_problem(answer(400, problem)) == "Bad Request (trace 00-4bf9-01)"
    assert v2.read_problem(answer(400, problem, trace_id="t-1")) == "Bad Request (trace t-1)"


def test_a_reason_is_short_and_names_the_trace() -> None:
    refused = answer(400, {"detail": "x" * 10_000}, trace_id="t" * 100)

    assert v2.read_problem(refused) == "x" * v2.MAX_DETAIL + " (trace " + "t" * 64 + ")"
