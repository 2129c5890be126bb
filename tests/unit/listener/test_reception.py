from pathlib import Path

import pytest

from bridge.coalescer import Coalescer
from bridge.config import LocationsConfig
from bridge.errors import IdempotencyError, PushError
from bridge.fleet import Fleet
from bridge.intake import LocationPush, Rejection, RejectReason, read_locations
from bridge.listener import Buffers
from bridge.listener.reception import Reception
from bridge.listener.routes import Push
from bridge.outbox import Watch
from bridge.units import LocationReport, UnitId
from tests.support.sending import NAMES, OTHER_SERVER, SERVER, Sending, panic, run_sending, status

KEY = "Idempotency-Key"


def buffers_of(bench: Sending) -> Buffers:
    return Buffers(fleet=Fleet(NAMES), coalescer=Coalescer(LocationsConfig(), NAMES), outbox=bench.outbox)


def at(unit: str, x: float = 1.0) -> LocationReport:
    return LocationReport(unit_id=UnitId(unit), x=x, y=2.0)


def due(buffers: Buffers, bench: Sending) -> list[str]:
    batch = buffers.coalescer.take(SERVER, bench.clock.monotonic(), 10)
    return [location.report.unit_id for location in batch.locations]


def push(body: bytes = b"{}", **headers: str) -> Push:
    return Push(
        server_id=SERVER, body=body, headers={name.replace("_", "-"): headers[name] for name in headers}
    )


def test_locations_are_kept_for_their_server_and_counted(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        buffers = buffers_of(bench)
        reception = Reception(buffers, bench.metrics, bench.clock)
        rejected = [Rejection(index=0, reason=RejectReason.BAD_ID, detail="no")]
        reception.take_locations(
            SERVER, LocationPush(reports=[at("a"), at("b")], rejected=rejected, players=9)
        )
        reception.take_locations(SERVER, LocationPush(reports=[at("b", 99.0)]))

        assert due(buffers, bench) == ["a", "b"]
        assert buffers.fleet[SERVER].players(bench.clock.monotonic()) == 9
        assert buffers.fleet[OTHER_SERVER].last_push_at is None
        assert bench.sample("locations_received_total", server="main") == 3
        assert bench.sample("locations_coalesced_total", server="main") == 1
        assert bench.sample("locations_rejected_total", server="main", reason="bad_id") == 1

    run_sending(tmp_path, case)


def test_those_who_left_go_first_and_a_full_push_keeps_only_whom_it_names(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        buffers = buffers_of(bench)
        reception = Reception(buffers, bench.metrics, bench.clock)
        reception.take_locations(SERVER, LocationPush(reports=[at(unit) for unit in "abc"]))
        reception.take_locations(SERVER, LocationPush(reports=[at("a")], left=[UnitId("a"), UnitId("b")]))
        assert sorted(due(buffers, bench)) == ["a", "c"]

        reception.take_locations(
            SERVER, LocationPush(reports=[at("a", 50.0)], present=[UnitId("c")], full=True)
        )
        assert buffers.coalescer.count(SERVER) == 2
        reception.take_locations(SERVER, LocationPush(full=True))
        assert buffers.coalescer.count(SERVER) == 0

    run_sending(tmp_path, case)


def test_a_heartbeat_is_no_push(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        buffers = buffers_of(bench)
        Reception(buffers, bench.metrics, bench.clock).take_heartbeat(SERVER, 42)

        assert buffers.fleet[SERVER].players(bench.clock.monotonic()) == 42
        assert buffers.fleet[OTHER_SERVER].players(bench.clock.monotonic()) is None

    run_sending(tmp_path, case)


def test_only_panics_mark_their_units(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        buffers = buffers_of(bench)
        reception = Reception(buffers, bench.metrics, bench.clock)
        reception.take_locations(SERVER, LocationPush(reports=[at(unit) for unit in "abc"]))
        reception.mark((status("a"), panic("c"), panic("stranger")))
        assert due(buffers, bench) == ["c", "a", "b"]

    run_sending(tmp_path, case)


def test_a_key_tells_a_request_that_comes_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        reception = Reception(buffers_of(bench), bench.metrics, bench.clock)
        first = await reception.append(push(Idempotency_Key="k"), (status("a"),), Watch())
        again = await reception.append(push(Idempotency_Key="k"), (status("a"),))
        other = await reception.append(push(Idempotency_Key="K"), (status("a"),))
        none = await reception.append(push(), (status("a"),))

        assert first == again
        assert len({first, other, none}) == 3
        with pytest.raises(IdempotencyError):
            await reception.append(push(b"[]", Idempotency_Key="k"), (status("a"),))
        keys = await bench.rows("SELECT key FROM idempotency")
        assert all(len(key) == 64 for (key,) in keys), "a key may be a secret: only its hash is kept"

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u00e9", "a\n"])
def test_a_key_that_cannot_be_one_is_refused(tmp_path: Path, key: str) -> None:
    async def case(bench: Sending) -> None:
        reception = Reception(buffers_of(bench), bench.metrics, bench.clock)
        with pytest.raises(PushError, match=KEY):
            await reception.append(push(Idempotency_Key=key), (status("a"),))
        assert await bench.rows("SELECT * FROM events") == []

    run_sending(tmp_path, case, relaying=False)


def test_why_records_were_rejected_is_remembered_by_unit(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        buffers = buffers_of(bench)
        said = read_locations(
            b'[{"id": "a", "x": 1, "y": 1}, 7, {"id": "b", "x": 99999, "y": 1}, {"x": 1, "y": 1}, null,'
            b' {"id": "c", "x": "?", "y": 1}]',
            max_coordinate=16_000.0,
        )

        Reception(buffers, bench.metrics, bench.clock).take_locations(SERVER, said)

        traces = buffers.coalescer.traces
        reasons = {unit: entry.reason for unit in traces.rejected if (entry := traces.rejected.get(unit))}
        assert reasons == {"b": "out_of_bounds", "c": "bad_coordinates"}
        assert traces.nameless[SERVER].number == 2
        assert traces.nameless[SERVER].reason == "bad_id"

    run_sending(tmp_path, case)
