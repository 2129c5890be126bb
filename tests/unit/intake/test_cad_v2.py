import json  # noqa: TID251 -- writes lone surrogates
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bridge.errors import MalformedError, PushError
from bridge.events import DispatchCall, EmergencyCall, Panic, Status, UnitStatus
from bridge.intake import (
    read_cad_dispatch_call,
    read_cad_emergency_call,
    read_cad_heartbeat,
    read_cad_panic,
    read_cad_status,
)
from bridge.intake.cad_v2 import MAX_FIELD_BYTES
from bridge.intake.required import MAX_UNITS
from bridge.units import TargetKind, UnitId, target_of

JANE: dict[str, Any] = {"isEmergency": True, "caller": "Jane", "location": "Alta St", "description": "Shots"}
ROBBERY: dict[str, Any] = {"title": "Robbery"}
Reader = Callable[[bytes], object]
READERS: dict[str, Reader] = {
    "panic": read_cad_panic,
    "status": read_cad_status,
    "911": read_cad_emergency_call,
    "dispatch": read_cad_dispatch_call,
    "heartbeat": read_cad_heartbeat,
}
TESTED = pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))


def raw(body: object) -> bytes:
    return msgspec.json.encode(body)


# Units


@pytest.mark.parametrize(
    ("named", "ids"),
    [
        ({"communityUserIds": ["a", "b"]}, "ab"),
        ({"communityUserId": "a"}, "a"),
        ({"apiIds": ["a"]}, "a"),
        ({"apiId": "a"}, "a"),
        ({"communityUserIds": ["a"], "communityUserId": "b", "apiIds": ["c", "a"], "apiId": "d"}, "abcd"),
        ({"communityUserIds": "a"}, "a"),
        ({"communityUserIds": {"1": "a", "12": "b"}}, "ab"),
        ({"communityUserIds": [None, "a"]}, "a"),
        ({"communityUserIds": [7]}, "7"),
        ({"communityUserId": "a", "accountUuid": None, "roblox": "", "identIds": []}, "a"),
    ],
)
def test_units_are_named_as_sonoran_names_them(named: dict[str, Any], ids: str) -> None:
    units = tuple(UnitId(unit) for unit in ids)

    assert read_cad_panic(raw(named | {"isPanic": True})) == Panic(ids=units, active=True)
    assert read_cad_status(raw(named | {"status": 4})) == Status(ids=units, status=UnitStatus.ON_SCENE)


@pytest.mark.parametrize(
    ("named", "targets"),
    [
        ({"accountUuid": "u-1"}, [(TargetKind.ACCOUNT, "u-1")]),
        ({"discord": "235947056630333440"}, [(TargetKind.DISCORD, "235947056630333440")]),
        ({"discord": 235947056630333440}, [(TargetKind.DISCORD, "235947056630333440")]),
        ({"roblox": 7}, [(TargetKind.ROBLOX, "7")]),
        ({"identIds": [4, "5"]}, [(TargetKind.IDENTIFIER, "4"), (TargetKind.IDENTIFIER, "5")]),
        ({"identIds": {"1": 4}}, [(TargetKind.IDENTIFIER, "4")]),
        (
            {"identIds": 4, "communityUserIds": ["a"]},
            [(TargetKind.COMMUNITY_USER, "a"), (TargetKind.IDENTIFIER, "4")],
        ),
    ],
)
def test_a_unit_may_be_named_in_every_way_that_sonoran_knows(
    named: dict[str, Any], targets: list[tuple[TargetKind, str]]
) -> None:
    panic = read_cad_panic(raw(named | {"isPanic": True}))

    assert [target_of(unit_id) for unit_id in panic.ids] == targets
    assert read_cad_status(raw(named | {"status": 4})).ids == panic.ids


@pytest.mark.parametrize("named", [{"identIds": [4, "4", 4]}, {"accountUuid": ["u-1", None, "u-1"]}])
def test_a_unit_that_is_named_twice_stands_there_once(named: dict[str, Any]) -> None:
    assert len(read_cad_panic(raw(named | {"isPanic": True})).ids) == 1


def test_units_have_a_limit_in_whatever_ways_they_are_named() -> None:
    named = {"identIds": list(range(MAX_UNITS)), "isPanic": True}

    assert len(read_cad_panic(raw(named)).ids) == MAX_UNITS
    with pytest.raises(PushError, match=f"at most {MAX_UNITS} units"):
        read_cad_panic(raw(named | {"communityUserId": "a"}))


@pytest.mark.parametrize(
    "named", [{"identIds": ["u"]}, {"roblox": "u"}, {"identIds": [-1]}, {"accountUuid": "a\nb"}]
)
def test_a_name_that_can_be_none_is_refused_by_its_field(named: dict[str, Any]) -> None:
    (field,) = named
    with pytest.raises(PushError, match=f"^{field}: expected"):
        read_cad_panic(raw(named | {"isPanic": True}))


UNNAMED: list[dict[str, Any]] = [
    {},
    {"communityUserIds": []},
    {"communityUserIds": [{}]},
    {"communityUserId": ""},
]


@pytest.mark.parametrize("named", UNNAMED)
def test_a_unit_there_must_be(named: dict[str, Any]) -> None:
    for reader, what in ((read_cad_panic, {"isPanic": True}), (read_cad_status, {"status": 1})):
        with pytest.raises(PushError):
            reader(raw(named | what))


@pytest.mark.parametrize(
    ("value", "active"),
    [(True, True), (1, True), ("true", True), (False, False), (0.0, False), (" FALSE ", False)],
)
def test_a_panic_is_on_or_off(value: object, *, active: bool) -> None:
    panic = read_cad_panic(raw({"apiId": "a", "isPanic": value}))

    assert panic is not None
    assert panic.active is active


@pytest.mark.parametrize("value", [None, "", "maybe", 2, [], {}])
def test_a_panic_that_is_neither_is_refused(value: object) -> None:
    with pytest.raises(PushError, match="isPanic"):
        read_cad_panic(raw({"apiId": "a", "isPanic": value}))


@pytest.mark.parametrize("value", [None, 5, "nowhere", 1.5, []])
def test_a_status_there_must_be(value: object) -> None:
    with pytest.raises(PushError, match="status"):
        read_cad_status(raw({"apiId": "a", "status": value}))


# Calls


def test_a_911_call_is_read_from_sonoran_s_names() -> None:
    more = {"isEmergency": False, "deleteAfterMinutes": "30", "metaData": {"x": "1.5", "y": 2, "none": None}}

    assert read_cad_emergency_call(raw(JANE | more)) == EmergencyCall(
        caller="Jane",
        location="Alta St",
        description="Shots",
        emergency=False,
        delete_after_minutes=30,
        metadata={"x": "1.5", "y": "2"},
    )


def test_a_dispatch_call_is_read_from_sonoran_s_names() -> None:
    body = {
        "origin": 1, "status": "1", "priority": 2, "block": "b", "address": "a", "postal": 7015, "title": "t", "code": "10-4",
        "description": "d", "metaData": {"a": 1}, "communityUserId": "u", "apiIds": ["v"],
    }  # fmt: skip

    assert read_cad_dispatch_call(raw(body)) == DispatchCall(
        origin=1,
        status=1,
        priority=2,
        block="b",
        address="a",
        postal="7015",
        title="t",
        code="10-4",
        description="d",
        metadata={"a": "1"},
        ids=(UnitId("u"), UnitId("v")),
    )


@pytest.mark.parametrize(
    ("reader", "base"), [(read_cad_emergency_call, JANE), (read_cad_dispatch_call, ROBBERY)]
)
def test_what_has_no_name_here_is_kept_as_it_came(reader: Reader, base: dict[str, Any]) -> None:
    more: dict[str, Any] = {
        "colour": "r\u00f8d", "emergency": False, "delete_after_minutes": 0, "metadata": {"a": 1}, "x": 1.5, "coords": [1, 2],
        "radius": -1, "deep": [[{"a": None}]], "big": 2**80, "half": -0.5, "": "", "Caller": "Joe", "ids": ["z"],
    }  # fmt: skip
    call = reader(raw(base | more))

    assert isinstance(call, EmergencyCall | DispatchCall)
    assert call.extra == more
    assert msgspec.structs.replace(call, extra={}) == reader(raw(base)), "they mean nothing to the bridge"


def test_each_call_keeps_only_what_it_has_no_name_for() -> None:
    known = {"notes": ["n"], "communityUserIds": ["u"]}
    emergency = read_cad_emergency_call(raw(JANE | known))
    on_the_board = read_cad_dispatch_call(raw(ROBBERY | known | {"caller": "Jane"}))

    assert emergency.extra == known
    assert on_the_board.extra == {"notes": ["n"], "caller": "Jane"}


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"\ud800": 1}, "Jos\udce9"])
def test_a_field_that_is_no_clean_text_is_refused(value: object) -> None:
    with pytest.raises(PushError, match="valid text"):
        read_cad_emergency_call(json.dumps(JANE | {"odd": value}).encode())


def test_a_field_has_a_limit() -> None:
    fits = "x" * (MAX_FIELD_BYTES - len(raw({"odd": ""})))

    assert read_cad_emergency_call(raw(JANE | {"odd": fits})).extra == {"odd": fits}
    with pytest.raises(PushError, match=r"odd.*at most 16384 bytes"):
        read_cad_emergency_call(raw(JANE | {"odd": fits + "x"}))


def test_a_field_s_long_name_is_not_repeated_at_length() -> None:
    with pytest.raises(PushError) as caught:
        read_cad_emergency_call(raw(JANE | {"n" * 20_000: 1}))

    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("missing", ["caller", "location", "description"])
def test_a_911_call_needs_its_texts(missing: str) -> None:
    with pytest.raises(PushError, match=missing):
        read_cad_emergency_call(raw(JANE | {missing: ""}))


def test_a_dispatch_call_needs_a_title_or_a_description() -> None:
    assert read_cad_dispatch_call(raw({"description": "d"})).description == "d"
    with pytest.raises(PushError, match="title or description"):
        read_cad_dispatch_call(raw({"code": "10-4"}))


# Heartbeats, and all of them


@pytest.mark.parametrize(("value", "players"), [(0, 0), (42, 42), (" 42", 42), (42.0, 42)])
def test_a_heartbeat_has_a_count(value: object, players: int) -> None:
    assert read_cad_heartbeat(raw({"playerCount": value, "plugins": []})) == players


@pytest.mark.parametrize("value", [None, -1, 1.5, "many", 10**9, True])
def test_a_heartbeat_without_a_count_is_refused(value: object) -> None:
    with pytest.raises(PushError, match="playerCount"):
        read_cad_heartbeat(raw({"playerCount": value}))


@TESTED
@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"7", b'"a"', b"true", b"", b"null", b"{}"])
def test_what_is_no_object_with_something_in_it_is_refused(reader: Reader, body: bytes) -> None:
    with pytest.raises(PushError):
        reader(body)


@TESTED
@pytest.mark.parametrize("body", [b"{", b"\0", b"{'a':1}", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_told_where(reader: Reader, body: bytes) -> None:
    with pytest.raises(MalformedError, match=r"\(byte \d+\)"):
        reader(body)
