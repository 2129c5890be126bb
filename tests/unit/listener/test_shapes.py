"""That the schemas say what the readers do, and what the door answers."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_schema_validator import OAS31Validator
from schemathesis.core import NotSet

from bridge.errors import (
    BridgeError,
    IdempotencyError,
    MalformedError,
    OutboxFullError,
    PushError,
    StoreError,
)
from bridge.events import EventId, EventKind, EventState
from bridge.intake import read_events, read_heartbeat, read_locations, read_operation, read_panic
from bridge.listener.answer import Answer
from bridge.listener.native import EventsTaken, EventTaken, LocationsTaken, Refused
from bridge.listener.openapi import describe
from bridge.listener.problem import problem, problem_of, rate_limited
from bridge.listener.shapes import ANSWERED, FIELDS, WHOLE, components
from bridge.outbox import EventView
from bridge.outbox.records import Result

EVENT = EventId("3f2a9c0d5e7b1846a0c2d4e6f8091b3d")
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
READERS: dict[str, Callable[[bytes], object]] = {
    "/v1/locations": lambda body: read_locations(body, max_coordinate=16000.0),
    "/v1/panic": lambda body: read_panic(body, max_coordinate=16000.0),
    "/v1/events": read_events,
    "/v1/heartbeat": read_heartbeat,
    "/v1/operations/{operationId}": read_operation,
}


def complaints(name: str, value: object) -> list[str]:
    """Return what is wrong with a value that should be one of a component."""
    schema: dict[str, Any] = {
        "$ref": f"#/components/schemas/{name}",
        "components": {"schemas": dict(components())},
    }
    instance = msgspec.json.decode(msgspec.json.encode(value))
    return [f"{error.json_path}: {error.message}" for error in OAS31Validator(schema).iter_errors(instance)]


def test_every_event_type_has_its_schema() -> None:
    schema = components()["Event"]

    assert set(schema["discriminator"]["mapping"]) == set(EventKind)
    assert len(schema["anyOf"]) == len(EventKind)


def test_what_no_push_fills_is_not_shown() -> None:
    shown = {name for schema in components().values() for name in schema.get("properties", ())}

    assert "extra" not in shown


def test_what_is_said_besides_the_types_is_said_of_fields_that_exist() -> None:
    known = components()

    for name, fields in FIELDS.items():
        assert fields.keys() <= known[name]["properties"].keys(), name
    assert WHOLE.keys() <= known.keys()


def test_nothing_is_shown_that_nothing_refers_to() -> None:
    text = describe([]).decode()

    assert [name for name in components() if f'"#/components/schemas/{name}"' not in text] == []


def test_the_schemas_themselves_are_valid() -> None:
    for schema in components().values():
        OAS31Validator.check_schema(schema)


@pytest.mark.parametrize("path", READERS)
def test_what_a_schema_allows_is_taken(path: str) -> None:
    schema: Any = schemathesis.openapi.from_dict(msgspec.json.decode(describe([])))

    @settings(max_examples=50, derandomize=True, database=None, deadline=None, suppress_health_check=SLOW)
    @given(case=schema[path]["POST"].as_strategy())
    def take(case: Any) -> None:
        READERS[path](b"" if isinstance(case.body, NotSet) else msgspec.json.encode(case.body))

    take()


@pytest.mark.parametrize(
    ("kind", "record", "complaint"),
    [
        ("Panic", {"type": "panic", "ids": []}, "$.ids"),
        ("Status", {"type": "status", "ids": ["a"], "status": "ASLEEP"}, "$.status"),
        ("Status", {"type": "status", "ids": ["a"], "status": 5}, "$.status"),
        ("EmergencyCall", {"type": "call_911", "caller": " ", "location": "a", "description": "b"}, "$.caller"),
        ("DispatchCall", {"type": "dispatch_call"}, "$"),
        ("DispatchCall", {"type": "dispatch_call", "title": " "}, "$"),
        ("DispatchNote", {"type": "dispatch_note", "call": 0, "note": "a"}, "$.call"),
        ("Blip", {"type": "blip", "x": 16001, "y": 0}, "$.x"),
        ("Photo", {"type": "photo", "id": "a", "url": "ftp://a"}, "$.url"),
        ("Kick", {"type": "panic", "id": "a", "reason": "b"}, "$.type"),
        ("PanicBody", {"active": True}, "$"),
        ("HeartbeatBody", {"players": -1}, "$.players"),
        ("OperationBody", {"header": {}}, "$"),
    ],
)  # fmt: skip
def test_what_a_reader_refuses_a_schema_does_too(kind: str, record: object, complaint: str) -> None:
    found = complaints(kind, record)

    assert found
    assert found[0].startswith(f"{complaint}:")


@pytest.mark.parametrize(
    "error",
    [
        MalformedError("not JSON", 7),
        IdempotencyError("used with another body"),
        PushError("1 of 2 events make no sense", [(1, "type: missing")]),
        OutboxFullError(),
        StoreError(),
    ],
)
def test_every_error_of_a_push_is_a_problem_as_described(error: BridgeError) -> None:
    body = msgspec.json.decode(problem_of(error).body)

    assert complaints("Problem", body) == []
    assert body.keys() <= components()["Problem"]["properties"].keys()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("RateLimited", rate_limited(3.2)),
        ("Problem", problem(HTTPStatus.BAD_GATEWAY, "the CAD gave no answer", reason="timeout")),
        ("Problem", problem(HTTPStatus.CONFLICT, "a newer state", event=EVENT)),
    ],
)
def test_what_an_operation_is_answered_with_is_as_described(name: str, answer: Answer) -> None:
    assert complaints(name, msgspec.json.decode(answer.body)) == []


def test_what_the_door_answers_is_as_described() -> None:
    answers = [
        LocationsTaken(accepted=1, rejected=[Refused(0, "bad_id")], instance="a"),
        EventTaken(event=EVENT),
        EventsTaken(events=[EVENT]),
        EventView(
            id=EVENT,
            type=EventKind.CALL_911,
            state=EventState.DELIVERED,
            attempts=1,
            accepted_at=1.5,
            delivered_at=2.5,
            result=Result(call_id=7, unverified=True),
        ),
    ]

    for answer in answers:
        assert complaints(type(answer).__name__, answer) == []
    assert {type(answer).__name__ for answer in answers} | {"Problem", "RateLimited"} == {
        kind.__name__ for kind in ANSWERED
    }


def test_what_every_answer_has_is_promised() -> None:
    assert set(components()["LocationsTaken"]["required"]) == {"accepted", "rejected", "instance", "api"}
    assert set(components()["EventView"]["required"]) == {"id", "type", "state", "attempts", "accepted_at"}
