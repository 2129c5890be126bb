"""Whatever bytes come: a value that can be written again, or a PushError, and nothing else."""

import json  # noqa: TID251 -- writes what msgspec refuses to: bare NaN, lone surrogates
from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import PushError
from bridge.events import Event, EventKind
from bridge.intake import (
    read_cad_dispatch_call,
    read_cad_emergency_call,
    read_cad_heartbeat,
    read_cad_locations,
    read_cad_panic,
    read_cad_status,
    read_events,
    read_heartbeat,
    read_locations,
    read_operation,
    read_panic,
)

DROP_IN: list[Callable[[bytes], object]] = [
    partial(read_cad_locations, max_coordinate=16000.0),
    read_cad_panic,
    read_cad_status,
    read_cad_emergency_call,
    read_cad_dispatch_call,
    read_cad_heartbeat,
    read_operation,
]


def read_drop_in(body: bytes) -> None:
    for reader in DROP_IN:
        survive(reader, body)


READERS: dict[str, Callable[[bytes], object]] = {
    "locations": partial(read_locations, max_coordinate=16000.0),
    "panic": partial(read_panic, max_coordinate=16000.0),
    "events": read_events,
    "heartbeat": read_heartbeat,
    "drop-in": read_drop_in,
}
KEYS = """
id ids x y z w coords coordinates position updates left full players heading location vehicle model lights peerId
type active panic status call_911 kick caller description emergency postal metadata delete_after_minutes
call calls note label title text code block address origin priority radius data sub_type subType icon color tooltip
reason url communityUserIds metaData photo blip clock dispatch_call dispatch_close
communityUserId apiId apiIds accountUuid isPanic isEmergency deleteAfterMinutes playerCount path query body
"""
WORDS = st.sampled_from(KEYS.split())
TEXTS = st.text(st.characters() | st.characters(categories=["Cs", "Cc"]), max_size=20) | WORDS
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**310) | st.floats() | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | TEXTS, inner, max_size=8),
    max_leaves=10,
)
NUMBERS = st.integers(-1, 9)
PLAIN: dict[str, st.SearchStrategy[object]] = {
    **dict.fromkeys(["id", "caller", "location", "description", "title", "note", "reason"], TEXTS),
    **dict.fromkeys(["x", "y", "z"], st.floats() | NUMBERS),
    "radius": st.floats(0, 100),
    **dict.fromkeys(["origin", "status", "priority"], st.integers(1, 2)),
    "call": NUMBERS | NUMBERS.map(str),
    "calls": st.lists(NUMBERS | st.sampled_from(["c0ffee", "1e9", "7"])),
    "url": TEXTS.map("https://{}".format) | st.just("http://a"),
    "data": st.lists(st.fixed_dictionaries({"title": TEXTS}, optional={"text": TEXTS}), max_size=2),
}
EVENTS = st.builds(  # what is likely to be taken, and some of it replaced by anything
    dict[str, object].__or__,
    st.fixed_dictionaries({"type": st.sampled_from([*EventKind, "clock"]), **PLAIN}),
    st.dictionaries(WORDS, VALUES, max_size=3),
)
UNHURRIED = settings(deadline=None)  # a busy machine is no finding
TESTED = pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))


def survive(reader: Callable[[bytes], object], body: bytes) -> None:
    try:
        said = reader(body)
    except PushError as error:
        said = (str(error), error.problems)
    assert msgspec.json.encode(said)


@TESTED
@UNHURRIED
@given(body=st.binary())
def test_any_bytes_are_survived(reader: Callable[[bytes], object], body: bytes) -> None:
    survive(reader, body)


@TESTED
@UNHURRIED
@given(value=VALUES | EVENTS | st.lists(EVENTS, max_size=2))
def test_any_json_is_survived(reader: Callable[[bytes], object], value: object) -> None:
    survive(reader, json.dumps(value).encode())
    survive(reader, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@TESTED
@UNHURRIED
@given(value=VALUES | EVENTS, cut=st.integers(0, 200), junk=st.binary(max_size=3))
def test_any_damage_to_json_is_survived(
    reader: Callable[[bytes], object], value: object, cut: int, junk: bytes
) -> None:
    whole = json.dumps(value).encode()

    survive(reader, whole[:cut] + junk + whole[cut:])
    survive(reader, whole[:cut])


@UNHURRIED
@given(value=EVENTS)
def test_an_event_that_is_taken_can_be_stored_and_read_again(value: object) -> None:
    try:
        events = read_events(json.dumps(value).encode())
    except PushError:
        return
    assert msgspec.json.decode(msgspec.json.encode(events), type=tuple[Event, ...]) == events


@TESTED
@pytest.mark.parametrize("opening", [b"[", b'{"updates":', b'{"id":[', b'[{"metadata":{"a":'])
@pytest.mark.parametrize("depth", [50, 400, 990, 1000, 3000, 200_000])
def test_any_depth_is_survived(reader: Callable[[bytes], object], opening: bytes, depth: int) -> None:
    closing = b"".join({b"[": b"]", b"{": b"}"}.get(bytes([byte]), b"") for byte in reversed(opening))

    survive(reader, opening * depth)
    survive(reader, opening * depth + b"1" + closing * depth)


@TESTED
@pytest.mark.parametrize("digits", [20, 400, 4300, 4301, 100_000])
def test_any_number_of_digits_is_survived(reader: Callable[[bytes], object], digits: int) -> None:
    number = b"7" * digits

    for body in (number, b"-" + number, b'{"id":%s,"x":%s}' % (number, number), b'{"players":%s}' % number):
        survive(reader, body)
    survive(reader, b'[{"type":"status","id":%s,"status":%s}]' % (number, number))
    survive(reader, b'{"type":"call_911","caller":%s,"location":1,"description":1}' % number)
