import math
from typing import Any

import pytest

from bridge.errors import PushError
from bridge.events import DispatchCall, EmergencyCall
from bridge.intake.calls import dispatch_call_of, emergency_call_of
from bridge.units import UnitId

JANE: dict[str, object] = {"caller": "Jane", "location": "Alta St", "description": "Shots"}
ROBBERY: dict[str, object] = {"title": "Armed Robbery"}
PLACES: list[dict[str, object]] = [
    {"x": "1.0", "y": 2, "z": 3.0},
    {"coords": {"x": 1, "y": "2", "z": 3, "w": 90}},
    {"coordinates": [1, 2, 3]},
    {"position": {"x": 1.0, "y": 2.0, "z": 3.0}},
]


def emergency(**more: Any) -> EmergencyCall:
    return emergency_call_of(JANE | more)


def dispatch(**more: Any) -> DispatchCall:
    return dispatch_call_of(ROBBERY | more)


# From the public


def test_an_emergency_call_needs_three_texts() -> None:
    assert emergency() == EmergencyCall(caller="Jane", location="Alta St", description="Shots")


def test_an_emergency_call_may_carry_everything() -> None:
    metadata = {"plate": "46EEK572", "hash": -1627000575, "speed": 1.5, "armed": True, "note": "", "no": None}

    call = emergency(
        emergency=0, x="1.5", y=2, z=3, postal=7015, delete_after_minutes="30", metadata=metadata
    )

    assert call == EmergencyCall(
        caller="Jane",
        location="Alta St",
        description="Shots",
        emergency=False,
        x=1.5,
        y=2.0,
        z=3.0,
        postal="7015",
        delete_after_minutes=30,
        metadata={
            "plate": "46EEK572",
            "hash": "-1627000575",
            "speed": "1.5",
            "armed": "true",
            "note": "",
        },
    )


def test_an_emergency_calls_place_that_makes_no_sense_is_ignored() -> None:
    call = emergency(x=math.nan, y="far", z=[], postal="", metadata=[])

    assert (call.x, call.y, call.z, call.postal, call.metadata) == (None, None, None, None, {})


def test_long_texts_of_an_emergency_call_are_cut() -> None:
    call = emergency(caller="x" * 5000, location="x" * 5000, description="x" * 5000)

    assert [len(call.caller), len(call.location), len(call.description)] == [250, 250, 4000]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"caller": ""}, "caller: expected text"),
        ({"location": None}, "location: expected text"),
        ({"description": []}, "description: expected text"),
        ({"emergency": "maybe"}, "emergency: expected true or false"),
        ({"delete_after_minutes": 0}, "delete_after_minutes: expected a whole number from 1 to 525600"),
        (
            {"delete_after_minutes": math.nan},
            "delete_after_minutes: expected a whole number from 1 to 525600",
        ),
        ({"delete_after_minutes": 525_601}, "delete_after_minutes: expected a whole number from 1 to 525600"),
        ({"metadata": "x"}, "metadata: expected an object"),
    ],
)
def test_a_bad_emergency_call_is_refused_with_the_reason(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(PushError) as caught:
        emergency(**more)

    assert str(caught.value) == reason


# On the dispatch board


@pytest.mark.parametrize(
    ("fields", "call"),
    [
        ({"title": "Armed Robbery"}, DispatchCall(title="Armed Robbery")),
        ({"description": "Shots"}, DispatchCall(description="Shots")),
        ({"title": " ", "description": 211}, DispatchCall(description="211")),
    ],
)
def test_a_dispatch_call_needs_a_title_or_a_description(fields: dict[str, Any], call: DispatchCall) -> None:
    assert dispatch_call_of(fields) == call


def test_a_dispatch_call_may_carry_everything() -> None:
    call = dispatch(
        description="Clerk reports a firearm.",
        code=211,
        block=100,
        address="Mission Row",
        postal=9001,
        origin="0",
        status=2.0,
        priority="3",
        ids=["license:a", None],
        id="license:b",
        x="425.1",
        y=-979.2,
        z=30.7,
        radius="75.0",
        metadata={"source": "shop", "armed": False, "radius": "ours counts"},
    )

    assert call == DispatchCall(
        title="Armed Robbery",
        description="Clerk reports a firearm.",
        code="211",
        block="100",
        address="Mission Row",
        postal="9001",
        origin=0,
        status=2,
        priority=3,
        ids=(UnitId("license:a"), UnitId("license:b")),
        x=425.1,
        y=-979.2,
        z=30.7,
        metadata={"source": "shop", "armed": "false", "radius": "75"},
    )


def test_a_body_out_of_sonorans_documents_is_understood() -> None:
    call = dispatch_call_of(
        {
            "origin": 0,
            "status": 1,
            "priority": 1,
            "block": "100",
            "title": "Armed Robbery",
            "notes": None,
            "communityUserIds": "player-1234",
            "metaData": {"source": "integration", "radius": "75"},
        }
    )

    assert call.ids == ("player-1234",)
    assert call.metadata == {"source": "integration", "radius": "75"}


def test_units_named_twice_are_on_the_call_once() -> None:
    call = dispatch(ids={"3": "a", "12": "b"}, communityUserIds=["b", "c"], metadata=[], metaData=None)

    assert call.ids == ("a", "b", "c")
    assert call.metadata == {}


@pytest.mark.parametrize("place", PLACES)
def test_a_calls_place_comes_in_any_form(place: dict[str, Any]) -> None:
    for call in (emergency(**place), dispatch(**place)):
        assert (call.x, call.y, call.z) == (1.0, 2.0, 3.0)


def test_what_cannot_be_read_of_a_dispatch_call_is_left_out() -> None:
    assert dispatch(x=math.nan, y="far", code=[], block={}, address=True, postal=None) == dispatch()


def test_long_texts_of_a_dispatch_call_are_cut() -> None:
    long = dict.fromkeys(["title", "description", "code", "block", "address", "postal"], "x" * 5000)

    call = dispatch(**long)

    texts = (call.title, call.description, call.code, call.block, call.address, call.postal)
    assert [len(text) for text in texts] == [250, 4000, 100, 100, 250, 32]


@pytest.mark.parametrize(
    ("radius", "text"), [(0, "0"), (-0.0, "0"), (75, "75"), (75.25, "75.25"), (1e-9, "0"), (32_000, "32000")]
)
def test_a_radius_goes_into_the_metadata_as_plain_text(radius: float, text: str) -> None:
    assert dispatch(radius=radius).metadata == {"radius": text}


@pytest.mark.parametrize(
    ("name", "low", "high", "meaning"),
    [("origin", 0, 3, ""), ("status", 0, 2, " (pending, active, closed)"), ("priority", 1, 3, "")],
)
def test_a_number_of_sonorans_is_in_its_range(name: str, low: int, high: int, meaning: str) -> None:
    for value in range(low, high + 1):
        assert getattr(dispatch(**{name: value}), name) == value
        assert getattr(dispatch(**{name: f" {value} "}), name) == value
    wrong: list[Any] = [low - 1, high + 1, str(high + 1), 1.5, True, math.nan, "active", [], 10**400]
    for value in wrong:
        with pytest.raises(PushError) as caught:
            dispatch(**{name: value})
        assert str(caught.value) == f"{name}: expected a whole number from {low} to {high}{meaning}"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"title": None}, "title or description: expected text"),
        ({"title": [], "description": "\n"}, "title or description: expected text"),
        ({"ids": ["a", True]}, "ids: number 1 is no id"),
        ({"communityUserIds": [""]}, "communityUserIds: number 0 is no id"),
        ({"radius": -1}, "radius: expected metres from 0 to 32000"),
        ({"radius": "wide"}, "radius: expected metres from 0 to 32000"),
        ({"metadata": "x"}, "metadata: expected an object"),
        ({"metaData": {"a": {}}}, "metadata: expected names and texts"),
    ],
)
def test_a_bad_dispatch_call_is_refused_with_the_reason(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(PushError) as caught:
        dispatch(**more)

    assert str(caught.value) == reason
