import math
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.errors import MalformedError, PushError
from bridge.intake import LocationPush, RejectReason, read_cad_locations, read_locations
from bridge.intake import locations as module
from bridge.intake.document import read_document
from bridge.units import LocationReport, UnitId, Vehicle

LIMIT = 16000.0


def read(body: bytes) -> LocationPush:
    return read_locations(body, max_coordinate=LIMIT)


def one(body: bytes) -> LocationReport:
    said = read(body)
    assert list(said.rejected) == []
    (report,) = said.reports
    return report


def reasons(said: LocationPush) -> list[tuple[int, str]]:
    return [(entry.index, entry.reason.value) for entry in said.rejected]


def report(unit_id: str, x: float = 1.5, y: float = 2.0, **fields: Any) -> LocationReport:
    return LocationReport(unit_id=UnitId(unit_id), x=x, y=y, **fields)


def ids(reports: Sequence[LocationReport]) -> list[str]:
    return [entry.unit_id for entry in reports]


def test_a_record_may_carry_everything() -> None:
    body = b"""{"updates": [{"id": "license:1", "x": 1.5, "y": 2, "z": 30.25, "heading": 90, "bucket": 0,
        "location": "Alta St", "peerId": 12, "vehicle": {"model": "POLICE", "headingOffset": 1, "lights": true}}],
        "left": ["license:2", 3], "full": true, "players": 42}"""

    said = read(body)

    assert said == LocationPush(
        reports=[
            report(
                "license:1",
                z=30.25,
                heading=90.0,
                text="Alta St",
                peer_id="12",
                vehicle=Vehicle(model="POLICE", heading_offset=1.0, lights=True),
            )
        ],
        rejected=[],
        present=[],
        left=[UnitId("license:2"), UnitId("3")],
        full=True,
        players=42,
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="no body"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="empty object"),
        pytest.param(b"[]", id="empty table"),
        pytest.param(b'{"updates":[]}', id="empty list"),
        pytest.param(b'{"updates":{}}', id="empty object for a list"),
        pytest.param(b'{"updates":null}', id="null for a list"),
        pytest.param(b'{"updates":[null,null]}', id="holes alone"),
        pytest.param(b'{"meta":[]}', id="unknown field"),
    ],
)
def test_an_empty_push_says_that_the_server_lives(body: bytes) -> None:
    assert read(body) == LocationPush(reports=[], rejected=[], present=[], left=[], full=False, players=None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"updates":[{"id":"a","x":1.5,"y":2},{"id":"b","x":1.5,"y":2}]}', id="list"),
        pytest.param(b'[{"id":"a","x":1.5,"y":2},{"id":"b","x":1.5,"y":2}]', id="bare list"),
        pytest.param(
            b'{"updates":[null,{"id":"a","x":1.5,"y":2},null,null,{"id":"b","x":1.5,"y":2}]}', id="holes"
        ),
        pytest.param(
            b'{"updates":{"3":{"id":"a","x":1.5,"y":2},"12":{"id":"b","x":1.5,"y":2}}}',
            id="keyed by server id",
        ),
        pytest.param(b'{"3":{"id":"a","x":1.5,"y":2},"12":{"id":"b","x":1.5,"y":2}}', id="bare, keyed"),
        pytest.param(
            b'[{"id":"a","coords":{"x":1.5,"y":2}},{"id":"b","coordinates":[1.5,2]}]', id="vectors, mixed"
        ),
    ],
)
def test_a_list_comes_in_all_the_shapes_of_a_lua_table(body: bytes) -> None:
    assert list(read(body).reports) == [report("a"), report("b")]


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"a","x":1.5,"y":2}',
        b'{"updates":{"id":"a","x":1.5,"y":2}}',
        b'{"updates":[{"id":"a","x":"1.5","y":" 2 "}]}',
        b'{"updates":[{"id":" a ","x":1.5,"y":2}]}',
        b'{"updates":[{"id":"a","coords":{"x":1.5,"y":2.0}}]}',
        b'{"updates":[{"id":"a","coords":[1.5,2.0]}]}',
        b'{"updates":[{"id":"a","coordinates":{"x":1.5,"y":2.0}}]}',
        b'{"updates":[{"id":"a","position":[1.5,2.0,null,null]}]}',
        b'{"updates":[{"id":"a","x":1.5,"y":2,"z":NaN,"heading":Infinity,"vehicle":[],"location":""}]}',
        b'{"updates":[{"id":"a","x":1.5,"y":2,"z":1e300,"heading":"north","vehicle":{},"location":false}]}',
        b'{"updates":[{"id":"a","x":1.5,"y":2,"vehicle":"car","peerId":[],"location":" \\u0007"}]}',
        b'{"updates":[{"id":"z","x":9,"id":"a","x":1.5,"y":2}]}',
    ],
)
def test_one_record_is_read_whatever_its_shape(body: bytes) -> None:
    assert one(body) == report("a")


@pytest.mark.parametrize(
    ("record", "heading"),
    [
        (b'"heading":90.5', 90.5),
        (b'"heading":"90.5"', 90.5),
        (b'"w":45', 45.0),
        (b'"heading":NaN,"w":45', 45.0),
        (b'"heading":90.5,"w":45', 90.5),
    ],
)
def test_the_heading_may_be_where_a_vector4_has_it(record: bytes, heading: float) -> None:
    assert one(b'[{"id":"a","x":1.5,"y":2,' + record + b"}]").heading == heading


def test_the_fourth_member_of_a_list_is_the_heading() -> None:
    assert one(b'[{"id":"a","coords":[1.5,2,3,45]}]') == report("a", z=3.0, heading=45.0)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'"^1[PD] \\u0007Bob"', "^1[PD] Bob"),
        (b'"Jos\xe9"', "Jos�"),
        (b'"Zo\xc3"', "Zo�"),
        (b'"\xed\xa0\xbd"', "���"),
        (b'"\\ud83d"', "�"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"7015", "7015"),
        (b'"' + b"x" * 300 + b'"', "x" * 250),
    ],
)
def test_text_that_a_script_broke_is_mended(body: bytes, text: str) -> None:
    assert one(b'[{"id":"a","x":1.5,"y":2,"location":' + body + b"}]").text == text


@pytest.mark.parametrize(
    ("vehicle", "expected"),
    [
        (b'{"model":"  POLICE\\u0000 ","lights":" red "}', Vehicle(model="POLICE", lights="red")),
        (b'{"model":2046537925,"lights":1}', Vehicle(model="2046537925", lights=True)),
        (b'{"model":"","zOffset":"1.5","lightZOffset":null,"sizeOffset":NaN}', Vehicle(z_offset=1.5)),
        (b'{"model":"","lights":" "}', None),
        (b'{"model":null}', None),
        (b'{"plate":"46EEK572"}', None),
    ],
)
def test_a_vehicle_keeps_what_makes_sense_of_it(vehicle: bytes, expected: Vehicle | None) -> None:
    assert one(b'[{"id":"a","x":1.5,"y":2,"vehicle":' + vehicle + b"}]").vehicle == expected


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"7", "not_an_object"),
        (b'"a"', "not_an_object"),
        (b"[]", "not_an_object"),
        (b'{"x":1,"y":2}', "bad_id"),
        (b'{"id":null,"x":1,"y":2}', "bad_id"),
        (b'{"id":true,"x":1,"y":2}', "bad_id"),
        (b'{"id":" ","x":1,"y":2}', "bad_id"),
        (b'{"id":"a\\u0000b","x":1,"y":2}', "bad_id"),
        (b'{"id":"' + b"x" * 129 + b'","x":1,"y":2}', "bad_id"),
        (b'{"id":"a"}', "bad_coordinates"),
        (b'{"id":"a","x":1}', "bad_coordinates"),
        (b'{"id":"a","x":1,"y":null}', "bad_coordinates"),
        (b'{"id":"a","x":1,"y":"far"}', "bad_coordinates"),
        (b'{"id":"a","x":1,"y":[]}', "bad_coordinates"),
        (b'{"id":"a","coords":[1]}', "bad_coordinates"),
        (b'{"id":"12","coords":{"x":NaN,"y":-Infinity,"z":1e300}}', "bad_coordinates"),
        (b'{"id":12,"coords":{"x":0.0,"y":0.0,"z":-1700.0}}', "out_of_bounds"),
        (b'{"id":12,"x":5,"y":6,"z":-1700}', "out_of_bounds"),
        (b'{"id":12,"x":-1054.378,"y":-27648.0,"z":4.86}', "out_of_bounds"),
        (b'{"id":12,"x":16000.5,"y":0}', "out_of_bounds"),
        (b'{"id":12,"x":0,"y":0}', "out_of_bounds"),
        (b'{"id":12,"x":0,"y":-0.0,"z":0}', "out_of_bounds"),
        (b'{"id":12,"x":"0","y":"0","z":NaN}', "out_of_bounds"),
    ],
)
def test_a_record_that_makes_no_sense_is_left_out_alone(record: bytes, reason: str) -> None:
    said = read(b'[null,{"id":"good","x":1.5,"y":2},' + record + b',{"id":"fine","x":1.5,"y":2}]')

    assert reasons(said) == [(2, reason)]
    assert ids(said.reports) == ["good", "fine"]


@pytest.mark.parametrize("place", [b'"x":0,"y":0,"z":71', b'"x":0,"y":1', b'"x":16000,"y":-16000,"z":-200'])
def test_unlikely_places_are_places_all_the_same(place: bytes) -> None:
    assert one(b'[{"id":"a",' + place + b"}]").unit_id == "a"


def test_units_of_rejected_records_are_still_there() -> None:
    said = read(b'[{"id":"a","x":0,"y":0},{"id":"b"},{"id":"","x":1,"y":2},7]')

    assert said.present == ["a", "b"]
    assert len(said.rejected) == 4


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'{"updates":[],"left":["a",null,"",7,true]}', ["a", "7"]),
        (b'{"left":{"3":"a","12":"b"}}', ["a", "b"]),
        (b'{"left":"a"}', ["a"]),
        (b'{"left":[{"id":"a"}]}', ["a"]),
        (b'{"left":[]}', []),
    ],
)
def test_those_who_left_are_named_in_any_shape(body: bytes, left: list[str]) -> None:
    assert read(body).left == left


@pytest.mark.parametrize(
    ("value", "full"),
    [(b"true", True), (b"1", True), (b'"true"', True), (b"false", False), (b'"yes"', False)],
)
def test_a_full_roster_says_so(value: bytes, full: object) -> None:
    assert read(b'{"updates":[],"full":' + value + b"}").full is full


@pytest.mark.parametrize(
    ("value", "players"),
    [(b"42", 42), (b'"42"', 42), (b"42.0", 42), (b"-1", None), (b"1e400", None), (b'[null,{"x":1.5}]', None)],
)
def test_players_that_are_no_number_are_nobody(value: bytes, players: int | None) -> None:
    assert read(b'{"updates":[],"players":' + value + b"}").players == players


@pytest.mark.parametrize(
    "body",
    [
        b'{"players":[null,{"x":1.5},null,null,null,null,null,null,{"x":1.5}]}',
        b'{"players":{"3":{"x":1.5},"12":{"x":1.5}}}',
        b'{"players":[]}',
        b'{"1":"n","a":1,"1":"s"}',
        b'{"hash":-1627000575}',
        b'{"hash":2667966721}',
        b'{"name":"Jos\xe9"}',
        b'{"name":"Zo\xc3"}',
        b'{"name":"\xed\xa0\xbd"}',
    ],
)
def test_what_other_scripts_send_is_an_empty_push(body: bytes) -> None:
    said = read(body)

    assert not said.reports
    assert said.players is None


def test_holes_and_keys_stand_for_the_same_players() -> None:
    holes = read(b'[null,{"x":1.5},null,null,null,null,null,null,{"x":1.5}]')
    keyed = read(b'{"updates":{"3":{"x":1.5},"12":{"x":1.5}}}')

    assert reasons(holes) == [(1, "bad_id"), (8, "bad_id")]
    assert reasons(keyed) == [(0, "bad_id"), (1, "bad_id")]


@pytest.mark.parametrize(
    "body", [b"7", b'"text"', b"true", b"NaN", b'{"updates":"a"}', b'{"updates":7}', b'{"updates":true}']
)
def test_what_is_no_push_at_all_is_told_what_was_expected(body: bytes) -> None:
    with pytest.raises(PushError, match=r"expected .*updates") as caught:
        read(body)

    assert not isinstance(caught.value, MalformedError)


@pytest.mark.parametrize(
    "body", [b'{"updates":[', b"[" * 500_000, b'{"updates":' * 200_000, b"\x00", b"\xff"]
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        read(body)


NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, -1700.0, 1.5])
    | st.integers()
)
IDS = st.sampled_from(["a", "license:1", "", " a ", "a\x00"]) | st.text(max_size=140) | st.integers()
POINTS = st.fixed_dictionaries(
    {"x": NUMBERS, "y": NUMBERS}, optional={"z": NUMBERS | st.none(), "w": NUMBERS}
)
VEHICLES = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text() | st.none(),
        "headingOffset": NUMBERS,
        "zOffset": NUMBERS | st.none(),
        "lightZOffset": NUMBERS,
        "sizeOffset": NUMBERS,
        "lights": st.booleans() | st.text() | st.none(),
        "plate": st.text(),
    },
)
RECORDS = st.fixed_dictionaries(
    {"id": IDS},
    optional={
        **{name: NUMBERS | st.none() for name in ("x", "y", "z", "w", "heading")},
        **{name: POINTS | st.none() for name in ("coords", "coordinates", "position")},
        "location": st.text(max_size=260) | st.none(),
        "vehicle": VEHICLES | st.none(),
        "peerId": st.text(max_size=140) | st.integers() | st.none(),
        "bucket": st.integers(),
    },
)
PUSHES = st.lists(RECORDS | st.none(), max_size=4) | st.fixed_dictionaries(
    {"updates": st.lists(RECORDS | st.none(), max_size=4)},
    optional={"left": st.lists(IDS), "full": st.booleans(), "players": st.integers() | st.none()},
)


TIDY_VEHICLES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {}, optional={"model": st.sampled_from(["A", ""]), "lights": st.booleans()}
)
TIDY_RECORDS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b c", " d"]), "x": NUMBERS, "y": NUMBERS},
    optional={
        "z": NUMBERS,
        "w": NUMBERS,
        "heading": NUMBERS,
        "location": st.sampled_from(["Alta St", "", " x", "é"]),
        "vehicle": TIDY_VEHICLES,
        "peerId": st.sampled_from(["1", "", " 1"]),
    },
)
TIDY_PUSHES: st.SearchStrategy[Any] = st.fixed_dictionaries({"updates": st.lists(TIDY_RECORDS, max_size=2)})


@settings(deadline=None)  # a busy machine is no finding
@given(push=PUSHES | TIDY_PUSHES)
@example(push=[{"id": "a", "x": 0.0, "y": 0.0, "coords": {"x": 1.0, "y": 2.0}}])
@example(push={"updates": [{"id": "a", "x": 1, "y": 2, "location": "", "vehicle": {"model": "\x00"}}]})
def test_the_fast_way_and_the_tolerant_one_agree(push: object) -> None:
    body = msgspec.json.encode(push)

    head, records = module._split(read_document(body))

    assert read(body) == module._sift(records, head, ("id",), LIMIT)


@settings(deadline=None)  # a busy machine is no finding
@given(push=PUSHES)
def test_what_is_read_is_finite_clean_and_can_be_written_again(push: object) -> None:
    said = read(msgspec.json.encode(push))

    assert msgspec.json.encode(said)
    for entry in said.reports:
        assert abs(entry.x) <= LIMIT
        assert abs(entry.y) <= LIMIT
        assert entry.text is None or entry.text == entry.text.strip() != ""
        assert all(value is None or math.isfinite(value) for value in (entry.z, entry.heading))


# What is kept as it comes

CLEAN = {"id": "license:1", "x": 1.5, "y": 2.0}
KEPT_AS_THEY_COME = [
    pytest.param({}, id="least"),
    pytest.param({"z": 30.25, "heading": 90, "location": "Alta St", "peerId": "12"}, id="all"),
    pytest.param({"x": 1, "y": -16000, "z": 16000}, id="whole numbers, to the bounds"),
    pytest.param({"vehicle": {"model": "POLICE", "lights": True}, "z": None}, id="vehicle"),
    pytest.param({"vehicle": {"headingOffset": 1.5, "lights": "blue"}}, id="odd vehicle"),
    pytest.param({"location": "x" * 250, "id": "x" * 128, "peerId": "x" * 128}, id="longest"),
]
MENDED = [
    pytest.param({"id": " license:1"}, id="blank before the id"),
    pytest.param({"id": "license:1 "}, id="blank after the id"),
    pytest.param({"id": 12}, id="number for an id"),
    pytest.param({"id": "x" * 129}, id="long id"),
    pytest.param({"id": ""}, id="no id"),
    pytest.param({"location": " Alta St"}, id="blank before the text"),
    pytest.param({"location": "Alta St "}, id="blank after the text"),
    pytest.param({"location": " "}, id="blank text"),
    pytest.param({"location": ""}, id="empty text"),
    pytest.param({"location": "x" * 251}, id="long text"),
    pytest.param({"location": "a\tb"}, id="tab"),
    pytest.param({"location": "a\x7fb"}, id="delete"),
    pytest.param({"location": "Stra\u200be"}, id="invisible"),
    pytest.param({"peerId": 12}, id="number for a peer"),
    pytest.param({"peerId": " 12"}, id="blank before the peer"),
    pytest.param({"peerId": "12 "}, id="blank after the peer"),
    pytest.param({"peerId": ""}, id="empty peer"),
    pytest.param({"peerId": "x" * 129}, id="long peer"),
    pytest.param({"vehicle": {}}, id="no vehicle"),
    pytest.param({"vehicle": {"model": " "}}, id="blank model"),
    pytest.param({"vehicle": {"model": "A "}}, id="blank after the model"),
    pytest.param({"vehicle": {"model": "A", "lights": " on"}}, id="blank before the lights"),
    pytest.param({"x": 0, "y": 0}, id="not placed"),
    pytest.param({"x": 0, "y": 0, "z": -1700}, id="not placed, with a height"),
    pytest.param({"z": -1700}, id="not placed, by its height"),
    pytest.param({"z": 16001}, id="too high"),
    pytest.param({"z": -16001}, id="too low"),
    pytest.param({"x": 16001}, id="too far east"),
    pytest.param({"y": -16001}, id="too far south"),
    pytest.param({"w": 90}, id="heading of a vector4"),
    pytest.param({"x": None}, id="no x"),
    pytest.param({"x": None, "y": None, "coords": {"x": 1, "y": 2}}, id="coords"),
]


def tolerant(body: bytes, limit: float = LIMIT) -> LocationPush:
    head, records = module._split(read_document(body))
    return module._sift(records, head, ("id",), limit)


@pytest.mark.parametrize("fields", KEPT_AS_THEY_COME)
def test_what_needs_no_mending_is_kept_as_it_comes(fields: dict[str, Any]) -> None:
    push = {"updates": [{**CLEAN, **fields}], "left": ["license:2", 3], "full": True, "players": 4}
    body = msgspec.json.encode(push)

    assert module._read_clean(body) == tolerant(body)


@pytest.mark.parametrize("fields", MENDED)
def test_what_needs_mending_is_mended(fields: dict[str, Any]) -> None:
    body = msgspec.json.encode({"updates": [CLEAN, {**CLEAN, **fields}]})

    assert module._read_clean(body) is None
    assert read(body) == tolerant(body)


@pytest.mark.parametrize("beside", [b'"full":1', b'"players":-1', b'"players":100001', b'"left":{"1":"a"}'])
def test_a_push_whose_own_fields_are_odd_is_mended(beside: bytes) -> None:
    body = b'{"updates":[{"id":"a","x":1,"y":2}],%b}' % beside

    assert module._read_clean(body) is None
    assert read(body) == tolerant(body)


@pytest.mark.parametrize("x", [90.0, 110.0, 15999.0])
def test_bounds_that_are_narrower_than_the_world_hold(x: float) -> None:
    body = msgspec.json.encode({"updates": [{"id": "a", "x": x, "y": 2.0}]})

    assert read_locations(body, max_coordinate=100.0) == tolerant(body, 100.0)


def test_bounds_that_are_wider_than_the_world_hold() -> None:
    body = msgspec.json.encode({"updates": [{"id": "a", "x": 17000.0, "y": 2.0}]})

    assert [entry.x for entry in read_locations(body, max_coordinate=20000.0).reports] == [17000.0]


# As clients of Sonoran CAD v2 write them


def read_cad(body: object) -> LocationPush:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return read_cad_locations(raw, max_coordinate=LIMIT)


def test_a_record_of_the_cad_s_own_interface_may_carry_everything() -> None:
    vehicle = {
        "model": "police",
        "headingOffset": 1,
        "zOffset": 2,
        "lightZOffset": 3,
        "sizeOffset": 4,
        "lights": True,
    }
    update = {
        "communityUserId": "license:1",
        "location": "Alta St",
        "coordinates": {"x": 1.5, "y": 2, "z": 3, "w": 90},
        "peerId": 7,
        "vehicle": vehicle,
        "unknown": [1],
    }
    said = read_cad({"updates": [update], "unknown": 1, "full": True, "left": ["a"], "players": 9})

    assert (list(said.rejected), said.full, list(said.left), said.players) == ([], False, [], None)
    (found,) = said.reports
    assert (found.unit_id, found.x, found.y, found.z, found.heading) == ("license:1", 1.5, 2.0, 3.0, 90.0)
    assert (found.text, found.peer_id) == ("Alta St", "7")
    assert found.vehicle == Vehicle(
        model="police", heading_offset=1, z_offset=2, light_z_offset=3, size_offset=4, lights=True
    )


@pytest.mark.parametrize(
    "named",
    [
        {"communityUserId": "a"},
        {"apiId": "a"},
        {"communityUserId": "a", "apiId": "b"},
        {"communityUserId": "", "apiId": "a"},
        {"communityUserId": None, "apiId": "a"},
        {"communityUserId": [], "apiId": "a"},
        {"communityUserId": "a", "id": "b"},
    ],
)
def test_a_unit_is_named_by_its_community_user_id_or_the_older_name_of_it(named: dict[str, Any]) -> None:
    said = read_cad({"updates": [named | {"coordinates": {"x": 1, "y": 2}}]})

    assert ids(said.reports) == ["a"]


@pytest.mark.parametrize(
    "named",
    [{}, {"id": "a"}, {"accountUuid": "a"}, {"roblox": 1}, {"identIds": [1]}, {"communityUserId": ""}],
)
@pytest.mark.parametrize("tolerant", [False, True])
def test_a_unit_that_is_named_otherwise_is_rejected_alone(named: dict[str, Any], *, tolerant: bool) -> None:
    good = {"communityUserId": "b", "coordinates": {"x": 1, "y": "2" if tolerant else 2}}
    said = read_cad({"updates": [named | {"coordinates": {"x": 1, "y": 2}}, good]})

    assert (reasons(said), ids(said.reports)) == ([(0, "bad_id")], ["b"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"updates":{"1":{"communityUserId":"a","coordinates":[1,2]},"12":{"apiId":"b","x":1,"y":2}}}',
        b'{"updates":[null,{"communityUserId":"a","coords":{"x":"1","y":2}},{"apiId":"b","heading":NaN,"position":[1,2]}]}',
        b'\xef\xbb\xbf{"updates":[{"communityUserId":"a","x":1,"y":2},{"communityUserId":"b","x":1,"y":2,"location":"\xff"}]}',
    ],
)
def test_what_scripts_make_of_the_cad_s_interface_is_understood(body: bytes) -> None:
    assert ids(read_cad(body).reports) == ["a", "b"]


def test_one_update_may_stand_without_its_list_as_sonoran_s_example_shows_it() -> None:
    update = {"communityUserId": "a", "location": "Alta St", "coordinates": {"x": 1, "y": 2, "z": 3, "w": 4}}

    assert ids(read_cad({"updates": update}).reports) == ["a"]


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"", b'{"update":[]}', b'{"updates":7}', b'{"updates":null}', b'{"updates":"a"}', b"[1]"],
)
def test_what_holds_no_updates_is_told_what_was_expected(body: bytes) -> None:
    with pytest.raises(PushError, match="communityUserId"):
        read_cad(body)


CAD_RECORDS = RECORDS.flatmap(
    lambda record: st.fixed_dictionaries({}, optional={"communityUserId": IDS, "apiId": IDS, "id": IDS}).map(
        lambda named: {**{name: record[name] for name in record if name != "id"}, **named}
    )
)


@settings(deadline=None)  # a busy machine is no finding
@given(updates=st.lists(CAD_RECORDS | st.none(), max_size=4))
@example(updates=[{"communityUserId": " ", "apiId": "a", "x": 1, "y": 2}])
@example(updates=[{"communityUserId": 0, "x": 1, "y": 2}])
def test_the_fast_way_and_the_tolerant_one_agree_on_the_cad_s_interface(updates: list[Any]) -> None:
    assert read_cad({"updates": updates}) == module._sift(updates, {}, ("communityUserId", "apiId"), LIMIT)


def test_every_reason_has_its_words() -> None:
    assert set(module.DETAILS) == set(RejectReason)
