import msgspec
import pytest

from bridge.events import Event, EventKind, UnitStatus, kind_of, units_of
from tests.support.sending import KINDS, call, panic, status


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_an_event_that_says_so(kind: EventKind) -> None:
    assert kind_of(KINDS[kind]) is kind


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_comes_back_from_its_bytes_as_it_was(kind: EventKind) -> None:
    encoded = msgspec.json.encode(KINDS[kind])

    assert msgspec.json.decode(encoded, type=Event) == KINDS[kind]
    assert msgspec.json.decode(encoded)["type"] == kind


def test_panics_and_statuses_are_about_units_and_calls_about_none() -> None:
    assert units_of(panic("license:1", "license:2")) == ("license:1", "license:2")
    assert units_of(status("license:3")) == ("license:3",)
    assert units_of(call()) == ()


@pytest.mark.parametrize(
    ("word", "code"),
    [("UNAVAILABLE", 0), ("BUSY", 1), ("AVAILABLE", 2), ("ENROUTE", 3), ("ON_SCENE", 4), ("OFFLINE", 100)],
)
def test_a_status_goes_over_the_wire_as_sonorans_number(word: str, code: int) -> None:
    assert UnitStatus(word).code == code


def test_no_status_is_without_a_number() -> None:
    assert len({word.code for word in UnitStatus}) == len(UnitStatus)
