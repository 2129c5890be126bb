import pytest

from bridge.errors import PushError
from bridge.events import Panic
from bridge.intake import PanicPush, read_panic
from bridge.units import LocationReport, UnitId

A = UnitId("a")
B = UnitId("b")


def read(body: bytes) -> PanicPush:
    return read_panic(body, max_coordinate=16000.0)


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (b'{"id":"a"}', Panic(ids=(A,))),
        (b'{"id":12}', Panic(ids=(UnitId("12"),))),
        (b'{"ids":"a"}', Panic(ids=(A,))),
        (b'{"ids":["a",null,"b"]}', Panic(ids=(A, B))),
        (b'{"ids":{"3":"a","12":"b"}}', Panic(ids=(A, B))),
        (b'{"id":["a","b"]}', Panic(ids=(A, B))),
        (b'{"id":"a","active":null}', Panic(ids=(A,))),
        (b'{"id":"a","active":false}', Panic(ids=(A,), active=False)),
        (b'{"id":"a","active":0}', Panic(ids=(A,), active=False)),
        (b'{"id":"a","active":"false"}', Panic(ids=(A,), active=False)),
    ],
)
def test_a_panic_names_its_units(body: bytes, event: Panic) -> None:
    assert read(body) == PanicPush(event=event)


@pytest.mark.parametrize(
    "location",
    [
        b'"location":{"x":1.5,"y":2,"z":3,"w":90}',
        b'"location":[1.5,2,3,90]',
        b'"location":{"coords":{"x":1.5,"y":2,"z":3,"w":90}}',
        b'"coords":{"x":"1.5","y":2,"z":3,"w":90}',
        b'"x":1.5,"y":2,"z":3,"w":90',
    ],
)
def test_a_panic_may_say_where_its_units_are(location: bytes) -> None:
    said = read(b'{"ids":["a","b"],' + location + b"}")

    assert list(said.reports) == [
        LocationReport(unit_id=unit_id, x=1.5, y=2.0, z=3.0, heading=90.0) for unit_id in (A, B)
    ]
    assert said.text is None


def test_a_height_that_makes_no_sense_is_left_out() -> None:
    (report,) = read(b'{"id":"a","location":[1.5,2,1e300]}').reports

    assert (report.x, report.z) == (1.5, None)


def test_a_panic_may_name_a_street() -> None:
    assert read(b'{"id":"a","location":" Alta\\u0007 St "}') == PanicPush(
        event=Panic(ids=(A,)), text="Alta St"
    )


def test_a_place_may_carry_its_name() -> None:
    said = read(b'{"id":"a","location":{"x":1.5,"y":2,"location":"Alta St"}}')

    assert (len(said.reports), said.text) == (1, "Alta St")


@pytest.mark.parametrize(
    "location",
    [
        b"[]",
        b"{}",
        b"true",
        b"null",
        b'""',
        b'{"x":NaN,"y":1}',
        b"[0,0,-1700]",
        b"[99999,1]",
        b'[[1],{"x":[]}]',
    ],
)
def test_a_place_that_makes_no_sense_does_not_cost_the_panic(location: bytes) -> None:
    assert read(b'{"id":"a","location":' + location + b"}") == PanicPush(event=Panic(ids=(A,)))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "expected"),
        (b"[]", "expected"),
        (b'"a"', "expected"),
        (b'["a"]', "expected"),
        (b'{"active":true}', "id or ids: expected at least one unit"),
        (b'{"ids":["a",""]}', "ids: number 1 is no id"),
        (b'{"id":{}}', "id or ids: expected at least one unit"),
        (b'{"id":"a","active":"perhaps"}', "active: expected true or false"),
        (b'{"id":"a","active":[]}', "active: expected true or false"),
    ],
)
def test_a_panic_of_nobody_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(PushError) as caught:
        read(body)

    assert reason in str(caught.value)


@pytest.mark.parametrize("body", [
    b'{"id": "a", "location": {"x": 1, "y": 2, "z": 3, "heading": 90}}',
    b'{"id": "a", "x": 1, "y": 2, "z": 3, "heading": "90"}',
    b'{"id": "a", "coords": {"x": 1, "y": 2, "z": 3, "w": 90}}',
])  # fmt: skip
def test_a_heading_is_read_beside_the_coordinates_or_in_them(body: bytes) -> None:
    (report,) = read_panic(body, max_coordinate=16000.0).reports

    assert report.heading == 90.0
