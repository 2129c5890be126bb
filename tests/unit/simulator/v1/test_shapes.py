import msgspec
import pytest

from bridge.simulator.v1.shapes import CallsWanted, Kick, Location, NewCall, Status, UnitsWanted


def test_what_may_be_left_out_is_as_the_pages_say() -> None:
    assert msgspec.convert({}, UnitsWanted) == UnitsWanted(
        server_id=1, only_units=True, include_offline=False, limit=100, offset=0
    )
    assert msgspec.convert({}, CallsWanted) == CallsWanted(
        server_id=1, closed_limit=10, closed_offset=0, type=100
    )


def test_a_location_needs_neither_height_nor_heading() -> None:
    data = {"apiId": "STEAM:1", "location": "Alta St", "coordinates": {"x": 1, "y": 2}}

    assert msgspec.convert(data, Location).coordinates.z is None


@pytest.mark.parametrize("status", [5, -1, "1", None])
def test_a_status_is_one_of_the_documented(status: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"apiId": "a", "status": status, "serverId": 1}, Status)


def test_a_kick_has_a_reason_and_a_call_a_caller() -> None:
    with pytest.raises(msgspec.ValidationError, match="reason"):
        msgspec.convert({"apiId": "a"}, Kick)
    with pytest.raises(msgspec.ValidationError, match="caller"):
        msgspec.convert({"isEmergency": True, "location": "", "description": ""}, NewCall)
