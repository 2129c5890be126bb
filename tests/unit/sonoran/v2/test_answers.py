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
        (b'{"servers": [{"id": "1", "name": 5}]}', [(1, "")]),
        (
            b'{"servers": [null, 5, {}, {"id": "one"}, {"id": null}, [], {"id": 2, "name": "Two"}]}',
            [(2, "Two")],
        ),
        (b'{"servers": []}', []),
        (b'{"servers": {}}', []),
        (b'{"servers": null}', []),
    ],
)
def test_the_servers_are_read_in_both_forms(raw: bytes, servers: list[tuple[int, str]]) -> None:
    read = v2.read_servers(answer(body=raw))

    assert read is not None
    assert [(server.id, server.name) for server in read] == servers


@pytest.mark.parametrize("raw", [*ODD_BODIES, b'{"servers": 5}', b'{"servers": "none"}'])
def test_an_answer_that_shows_no_servers_is_not_a_community_without_any(raw: bytes) -> None:
    assert v2.read_servers(answer(body=raw)) is None


def test_what_the_cad_has_of_a_server() -> None:
    example = {
        "id": 1,
        "name": "Main Server",
        "mapIp": " 203.0.113.10 ",
        "listenerPort": "30120",
        "differingOutbound": True,
        "outboundIp": "198.51.100.7",
        "enableMap": False,
        "isStatic": False,
    }

    assert v2.read_servers(answer(body={"servers": example})) == [
        v2.Server(
            id=1,
            name="Main Server",
            map_ip="203.0.113.10",
            listener_port=30120,
            differing_outbound=True,
            outbound_ip="198.51.100.7",
            enable_map=False,
        )
    ]


@pytest.mark.parametrize(
    ("field", "value", "attribute", "expected"),
    [
        ("listenerPort", 30120, "listener_port", 30120),
        ("listenerPort", "0000", "listener_port", None),  # as Sonoran has a port that nobody has set
        ("listenerPort", 0, "listener_port", None),
        ("listenerPort", "65536", "listener_port", None),
        ("listenerPort", "", "listener_port", None),
        ("listenerPort", "game", "listener_port", None),
        ("enableMap", "false", "enable_map", False),
        ("enableMap", 1, "enable_map", True),
        ("enableMap", "perhaps", "enable_map", None),
        ("enableMap", None, "enable_map", None),
        ("differingOutbound", {}, "differing_outbound", None),
        ("mapIp", None, "map_ip", ""),
        ("outboundIp", 7, "outbound_ip", ""),
    ],
)
def test_a_field_that_makes_no_sense_costs_nothing_else(
    field: str, value: object, attribute: str, expected: object
) -> None:
    read = v2.read_servers(answer(body={"servers": [{"id": 1, "name": "Main", field: value}]}))

    assert read is not None
    assert getattr(read[0], attribute) == expected
    assert read[0].name == "Main"


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
