"""That what the document shows to copy is taken."""

from collections.abc import Callable

import msgspec
import pytest

from bridge.events import EventKind, kind_of
from bridge.intake import read_events, read_heartbeat, read_locations, read_operation, read_panic
from bridge.listener.examples import BODIES, EVENTS
from bridge.operations import OPERATIONS

READERS: dict[str, Callable[[bytes], object]] = {
    "panic": lambda body: read_panic(body, max_coordinate=16000.0),
    "heartbeat": read_heartbeat,
    "operations": read_operation,
}


@pytest.mark.parametrize("kind", EventKind)
def test_every_event_type_has_an_example_that_is_taken(kind: EventKind) -> None:
    (event,) = read_events(msgspec.json.encode(EVENTS[kind]))

    assert kind_of(event) is kind


def test_a_list_of_events_is_taken() -> None:
    assert len(read_events(msgspec.json.encode(EVENTS["list"]))) == 2


@pytest.mark.parametrize("example", BODIES["locations"].values(), ids=BODIES["locations"])
def test_no_record_of_the_examples_is_rejected(example: object) -> None:
    assert read_locations(msgspec.json.encode(example), max_coordinate=16000.0).rejected == []


@pytest.mark.parametrize(
    ("reader", "example"),
    [(name, example) for name in READERS for example in BODIES[name].values()],
)
def test_every_other_example_is_taken(reader: str, example: object) -> None:
    assert READERS[reader](msgspec.json.encode(example)) is not None


def test_there_is_an_example_for_every_kind_of_body_and_operation_named() -> None:
    assert BODIES.keys() == {"locations", *READERS}
    assert BODIES["operations"].keys() <= OPERATIONS.keys()
