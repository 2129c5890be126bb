import asyncio
from typing import Any

import pytest

from bridge.clock import Clock
from bridge.coalescer import Coalescer
from bridge.errors import CadError
from bridge.fleet import Fleet
from bridge.flusher import REFUSED_PAUSE, REMEMBERED, SET_ASIDE, Flusher, Upcoming
from bridge.metrics import Metrics
from bridge.operations import UPDATE_UNIT_LOCATIONS
from bridge.postals import Postal, Postals
from bridge.sonoran.messages import CadAnswer
from bridge.units import LocationReport, ServerId, UnitId, Vehicle
from tests.support.cad_client import client_of, sample
from tests.support.reports import ONE, THREE, TWO, locations_config, report, reports
from tests.support.stepping_clock import SteppingClock, settle
from tests.support.transport import ScriptedTransport, Sent, answer
from tests.support.virtual_time import START, VirtualClock, run_virtual

INTERVAL = 5.05
NAMES = {ONE: "one", TWO: "two", THREE: "three"}
TOOK_ALL: CadAnswer = answer(body={"updated": 500})


class Bench:
    """A flusher with everything around it; ``turn`` is one interval."""

    def __init__(self, *, clock: Clock | None = None, postals: Postals | None = None, **config: Any) -> None:
        self.stepping = SteppingClock()
        self.clock = clock or self.stepping
        self.cad = ScriptedTransport(self.clock)
        self.client = client_of(self.cad, self.clock)
        self.coalescer = Coalescer(locations_config(**config), NAMES)
        self.metrics = Metrics("0")
        self.flusher = Flusher(
            self.coalescer,
            Fleet(NAMES),
            self.client,
            locations_config(**config),
            self.metrics,
            self.clock,
            postals,
        )
        self.flusher.start()

    def push(self, *pushed: LocationReport, server: ServerId = ONE) -> None:
        self.coalescer.put(server, pushed, self.clock.monotonic())

    def script(self, *reactions: CadAnswer | CadError | Exception) -> None:
        self.cad.script(UPDATE_UNIT_LOCATIONS, *reactions)

    async def turn(self, seconds: float = INTERVAL) -> list[str]:
        """Let an interval pass and return the units in the batch that left, if one did."""
        before = len(self.batches)
        self.stepping.now += seconds + 0.001
        await self.flusher.flush()
        sent = self.batches[before:]
        return units_of(sent[0]) if sent else []

    @property
    def batches(self) -> list[Sent]:
        return self.cad.requests(UPDATE_UNIT_LOCATIONS)

    def counted(self, name: str, **labels: str) -> float | None:
        return sample(self.metrics, name, server="one", **labels)


def units_of(batch: Sent) -> list[str]:
    return [update["communityUserId"].removeprefix("license:") for update in batch.body["updates"]]


def servers_of(batches: list[Sent]) -> list[int]:
    return [int(batch.path.split("/")[4]) for batch in batches]


def names(number: int, prefix: str = "") -> list[str]:
    return [f"license:{prefix}{index:03}" for index in range(number)]


# The pace


def test_batches_leave_at_the_pace_of_the_interval_and_the_first_one_interval_after_the_start() -> None:
    async def main(clock: VirtualClock) -> list[float]:
        bench = Bench(clock=clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.flusher.run())
            for step in range(620):
                bench.push(report(x=step * 10.0))
                await clock.sleep(0.1)
            running.cancel()
        return [batch.at - START for batch in bench.batches]

    times = run_virtual(main)

    assert times == [pytest.approx(INTERVAL * number) for number in range(1, 13)]


def test_when_stopped_it_ends_with_the_answer_of_the_batch_in_flight_or_at_once() -> None:
    async def main(clock: VirtualClock, pushed: int) -> tuple[float, int]:
        bench = Bench(clock=clock)
        bench.cad.seconds = 3.0
        bench.push(*reports(*names(pushed)))
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.flusher.run())
            await clock.sleep(INTERVAL + 1.0)
            bench.flusher.stop()
        assert bench.coalescer.pending(ONE) == 0
        return round(clock.monotonic() - START - INTERVAL, 3), len(bench.batches)

    assert run_virtual(lambda clock: main(clock, 1)) == (3.0, 1)
    assert run_virtual(lambda clock: main(clock, 0)) == (1.0, 0)


async def test_nothing_is_sent_where_nothing_is_due() -> None:
    bench = Bench()

    assert await bench.turn() == []
    assert bench.flusher.last is None


async def test_a_flush_before_its_time_sends_nothing_and_says_when() -> None:
    bench = Bench()
    bench.push(report())
    await bench.turn()
    bench.push(report(x=99.0))

    sent = await bench.flusher.flush()

    assert not sent
    assert bench.flusher.next_at - bench.clock.monotonic() == pytest.approx(INTERVAL - 0.05)


async def test_a_penalty_of_the_cad_delays_the_next_batch() -> None:
    bench = Bench()
    bench.push(report())
    bench.script(answer(429, retry_after=30.0))
    await bench.turn()

    assert await bench.turn(20.0) == []
    assert bench.flusher.next_at - bench.clock.monotonic() == pytest.approx(10.0, abs=0.11)
    assert await bench.turn(10.1) == ["a"]


async def test_while_the_key_is_in_doubt_nothing_is_sent() -> None:
    bench = Bench()
    bench.push(report())
    bench.client.breaker.suspect_key()

    assert await bench.turn() == []
    bench.client.breaker.accept_key()
    assert await bench.turn() == ["a"]


# What a batch says


async def test_a_location_is_sent_in_the_documented_shape() -> None:
    bench = Bench()
    vehicle = Vehicle(model="police3", heading_offset=0.0, lights=True)
    bench.push(
        report(x=441.2, y=-981.9, z=30.7, heading=90.04, text="Mission Row", peer_id="7", vehicle=vehicle)
    )

    await bench.turn()

    assert bench.batches[0].path == "/v2/emergency/servers/1/unit-locations"
    assert bench.batches[0].body == {
        "updates": [
            {
                "communityUserId": "license:a",
                "location": "Mission Row",
                "coordinates": {"x": 441.2, "y": -981.9, "z": 30.7, "w": 90.0},
                "peerId": "7",
                "vehicle": {"model": "police3", "headingOffset": 0.0, "lights": True},
            }
        ]
    }


@pytest.mark.parametrize(
    ("text", "known", "words"),
    [
        ("Alta St", True, "[7015] Alta St"),
        (None, True, "[7015]"),
        ("Alta St", False, "Alta St"),
        (None, False, "12, -8"),
    ],
)
async def test_where_a_unit_is_in_words(text: str | None, words: str, *, known: bool) -> None:
    bench = Bench(postals=Postals([Postal(code="7015", x=0.0, y=0.0)]) if known else None)
    bench.push(report(x=12.4, y=-8.2, text=text))

    await bench.turn()

    assert bench.batches[0].body["updates"][0]["location"] == words


async def test_the_postal_is_that_of_the_place_that_is_sent() -> None:
    bench = Bench(postals=Postals([Postal(code="1", x=0.0, y=0.0), Postal(code="2", x=100.0, y=0.0)]))
    bench.push(report(x=1.0, text="Alta St"))
    bench.push(report(x=99.0))

    await bench.turn()

    assert bench.batches[0].body["updates"][0]["location"] == "[2] Alta St"


# What becomes of it


async def test_a_batch_that_the_cad_took_is_counted_and_told_of() -> None:
    bench = Bench()
    bench.push(*reports("license:a", "license:b", "license:c"))
    bench.script(answer(body={"updated": 2}))
    await bench.turn(7.0)

    assert bench.counted("batches_total") == 1
    assert bench.counted("locations_sent_total") == 3
    assert bench.counted("locations_unmatched_total") == 1
    assert bench.counted("batch_units_sum") == 3
    assert bench.counted("batch_lag_seconds_sum") == pytest.approx(7.0, abs=0.01)
    assert bench.flusher.unmatched[ONE] == 1
    last = bench.flusher.last
    assert last is not None
    assert (last.server, last.units, last.updated, last.reason) == ("one", 3, 2, "")
    assert (last.at, last.lag_seconds) == (bench.stepping.now, pytest.approx(7.0, abs=0.01))


async def test_an_answer_that_does_not_say_how_many_counts_as_all() -> None:
    bench = Bench()
    bench.push(report())
    bench.script(answer(body=b"fine"))

    await bench.turn()

    assert bench.flusher.unmatched[ONE] == 0


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (CadError("timeout", sent=True), "timeout"),
        (CadError("answer_too_large", sent=True), "answer_too_large"),  # the answer, not the batch
        (answer(503), "status_503"),
        (answer(429, retry_after=1.0), "rate_limited"),
        (answer(401), "unauthorized"),
        (answer(409), "conflict"),
    ],
)
async def test_a_failed_batch_goes_with_the_next_and_newer_data_in_it(
    end: CadAnswer | CadError, reason: str
) -> None:
    bench = Bench()
    bench.push(*reports("license:a", "license:b"))
    bench.script(end)
    await bench.turn()
    bench.client.breaker.accept_key()
    bench.push(report("license:b", x=1.0))

    assert bench.counted("batch_failures_total", reason=reason) == 1
    assert bench.counted("locations_sent_total") is None
    assert bench.flusher.last is not None
    assert bench.flusher.last.reason == reason
    assert await bench.turn() == ["a", "b"]
    assert bench.batches[1].body["updates"][1]["coordinates"]["x"] == 1.0
    assert await bench.turn() == []


async def test_a_batch_is_given_back_when_the_flusher_is_stopped() -> None:
    bench = Bench()
    bench.push(report())
    bench.cad.otherwise = asyncio.Event()
    bench.stepping.now += INTERVAL
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.flusher.flush())
        await settle()
        running.cancel()

    bench.cad.otherwise = None
    assert await bench.turn() == ["a"]


async def test_an_outage_leaves_one_fresh_batch_and_no_more() -> None:
    bench = Bench()
    bench.cad.otherwise = CadError("connect", sent=False)
    for second in range(12):
        bench.push(*reports("license:a", "license:b", x=second * 10.0))
        await bench.turn()
    bench.cad.otherwise = None

    assert await bench.turn() == ["a", "b"]
    assert [update["coordinates"]["x"] for update in bench.batches[-1].body["updates"]] == [110.0, 110.0]
    assert await bench.turn() == []


async def test_a_stale_location_is_dropped_and_counted() -> None:
    bench = Bench()
    bench.push(report())

    assert await bench.turn(61.0) == []
    assert bench.counted("locations_dropped_total", reason="stale") == 1


async def test_forgotten_units_are_counted() -> None:
    bench = Bench()
    bench.push(report())
    bench.client.breaker.suspect_key()

    await bench.turn(601.0)

    assert bench.counted("locations_dropped_total", reason="forgotten") == 1


# Several servers


async def test_servers_with_something_due_take_turns() -> None:
    bench = Bench()
    for _ in range(6):
        for server in (ONE, TWO):
            bench.push(report(f"license:{server}", x=bench.stepping.now * 10), server=server)
        await bench.turn()

    assert servers_of(bench.batches) == [1, 2, 1, 2, 1, 2]


async def test_a_server_with_nothing_due_costs_the_others_no_turn() -> None:
    bench = Bench()
    for _ in range(4):
        bench.push(report(x=bench.stepping.now * 10), server=THREE)
        await bench.turn()

    assert servers_of(bench.batches) == [3, 3, 3, 3]


async def test_a_server_with_nothing_but_stale_locations_costs_the_others_no_turn() -> None:
    bench = Bench()
    bench.push(report())
    bench.stepping.now += 61.0
    bench.push(report("license:b"), server=TWO)

    assert await bench.turn() == ["b"]


async def test_a_server_with_a_panic_goes_next() -> None:
    bench = Bench()
    for server in NAMES:
        bench.push(report(f"license:{server}"), server=server)
    bench.coalescer.set_panicking(UnitId("license:3"), active=True)
    await bench.turn()
    bench.push(report("license:3", x=50.0), server=THREE)
    bench.coalescer.set_panicking(UnitId("license:3"), active=False)

    assert [await bench.turn() for _ in range(3)] == [["1"], ["2"], ["3"]]
    assert servers_of(bench.batches) == [3, 1, 2, 3]


async def test_a_panic_right_after_the_servers_own_turn_goes_next_too() -> None:
    bench = Bench()
    for server in (ONE, TWO):
        bench.push(report(f"license:{server}"), server=server)
    await bench.turn()
    bench.push(report("license:1", x=50.0))
    bench.coalescer.set_panicking(UnitId("license:1"), active=True)

    await bench.turn()

    assert servers_of(bench.batches) == [1, 1]


async def test_a_panic_that_lasts_does_not_keep_the_other_servers_off_the_map() -> None:
    bench = Bench()
    for server in (ONE, TWO):
        bench.push(report(f"license:{server}"), server=server)
        bench.coalescer.set_panicking(UnitId(f"license:{server}"), active=True)
    for _ in range(9):
        for server in NAMES:
            bench.push(report(f"license:{server}", x=bench.stepping.now * 10), server=server)
        await bench.turn()

    assert servers_of(bench.batches) == [1, 2, 3, 1, 2, 3, 1, 2, 3]


async def test_panicking_units_are_first_in_their_batch() -> None:
    bench = Bench(max_batch=2)
    bench.push(*reports("license:a", "license:b", "license:c"))
    bench.coalescer.set_panicking(UnitId("license:c"), active=True)

    assert await bench.turn() == ["c", "a"]


@pytest.mark.parametrize("status", [403, 404])
async def test_a_server_that_the_cad_does_not_want_waits_while_the_others_go_on(status: int) -> None:
    bench = Bench()
    bench.push(report("license:1"))
    bench.script(answer(status))
    await bench.turn()
    bench.push(report("license:2"), server=TWO)

    assert await bench.turn(30.0) == ["2"]
    assert await bench.turn(REFUSED_PAUSE - 40.0) == []
    bench.push(report("license:1", x=1.0))
    assert await bench.turn(15.0) == ["1"]


# Refused batches


class Picky:
    """A CAD that refuses some units, and requests with too many."""

    def __init__(self, bench: Bench, *bad: str, status: int = 400, most: int = 1000) -> None:
        self._bench = bench
        self._bad = bad
        self._status = status
        self._most = most
        self.refused: list[int] = []
        bench.flusher._client._transport = self

    async def exchange(self, request: Any) -> CadAnswer:
        await self._bench.cad.exchange(request)
        units = units_of(self._bench.batches[-1])
        if len(units) > self._most:
            self.refused.append(len(units))
            return answer(413)
        if any(unit in self._bad for unit in units):
            self.refused.append(len(units))
            return answer(self._status, {"title": "Bad", "detail": "unit not valid"}, trace_id="t-1")
        return answer(body={"updated": len(units)})


@pytest.mark.parametrize("bad", [["037"], ["000"], ["099"], ["000", "099"], ["000", "001", "050"]])
@pytest.mark.parametrize("status", [400, 413, 422])
async def test_bad_units_among_many_that_move_are_found_and_set_aside(status: int, bad: list[str]) -> None:
    bench = Bench()
    Picky(bench, *bad, status=status)
    bench.push(*reports(*names(100)))
    turns = 0
    while len(bench.coalescer.list_set_aside()) < len(bad):
        await bench.turn()
        turns += 1
        bench.push(*reports(*names(100), x=turns * 10.0))
        assert turns <= 1 + 13 * len(bad)

    assert {entry.unit_id for entry in bench.coalescer.list_set_aside()} == {
        f"license:{unit}" for unit in bad
    }
    assert bench.counted("locations_dropped_total", reason="refused") == len(bad)
    assert len(await bench.turn()) == 100 - len(bad)


async def test_while_the_bad_unit_is_hunted_the_others_are_sent() -> None:
    bench = Bench()
    picky = Picky(bench, "000")
    bench.push(*reports(*names(8)))

    batches = [await bench.turn() for _ in range(8)]

    assert ["".join(unit[-1] for unit in batch) for batch in batches] == [
        "01234567", "0123", "4567", "01", "23", "0", "1", "",
    ]  # fmt: skip
    assert picky.refused == [8, 4, 2, 1]
    assert bench.counted("batch_failures_total", reason="bad_request") == 4


async def test_a_bad_unit_among_the_rest_does_not_lead_the_hunt_astray() -> None:
    bench = Bench()
    picky = Picky(bench, "000", "005")
    bench.push(*reports(*names(8)))

    batches = [await bench.turn() for _ in range(5)]

    assert ["".join(unit[-1] for unit in batch) for batch in batches] == [
        "01234567", "0123", "4567", "01", "0",
    ]  # fmt: skip
    assert picky.refused == [8, 4, 4, 2, 1]


async def test_a_unit_refused_alone_is_set_aside_at_once_and_comes_back_later() -> None:
    bench = Bench()
    bench.push(report())
    bench.script(answer(422))
    await bench.turn()

    assert [entry.unit_id for entry in bench.coalescer.list_set_aside()] == ["license:a"]
    bench.push(report(x=1.0))
    assert await bench.turn(SET_ASIDE - 30.0) == []
    bench.push(report(x=2.0))
    assert await bench.turn(31.0) == ["a"]


async def test_a_request_too_large_is_halved_until_it_fits_and_batches_stay_small_for_a_while() -> None:
    bench = Bench(max_batch=64)
    picky = Picky(bench, most=20)
    bench.push(*reports(*names(200)))

    sizes = [len(await bench.turn()) for _ in range(5)]
    bench.push(*reports(*names(200), x=100.0))
    bench.stepping.now += SET_ASIDE
    bench.push(*reports(*names(200), x=200.0))
    later = len(await bench.turn())

    assert sizes == [64, 32, 16, 16, 16]
    assert later == 64
    assert picky.refused == [64, 32, 64]
    assert bench.coalescer.list_set_aside() == []


async def test_suspects_that_left_or_have_nothing_new_to_tell_do_not_keep_the_others_waiting() -> None:
    bench = Bench()
    bench.push(*reports("license:a", "license:b"))
    bench.script(answer(400))
    await bench.turn()
    bench.coalescer.forget(ONE, [UnitId("license:a")])
    bench.push(report("license:c"))

    assert await bench.turn() == ["b", "c"]
    assert bench.coalescer.list_set_aside() == []


async def test_with_nobody_else_to_send_the_hunt_goes_on_at_once() -> None:
    bench = Bench()
    bench.push(*reports(*"abcd"))
    bench.script(answer(400), answer(400))
    await bench.turn()
    await bench.turn()
    bench.coalescer.forget(ONE, [UnitId("c"), UnitId("d")])

    assert await bench.turn() == ["a"]


async def test_a_hunt_that_finds_nobody_ends() -> None:
    bench = Bench()
    bench.push(*reports(*"ab"))
    bench.script(answer(400))
    batches = [await bench.turn() for _ in range(3)]
    bench.push(*reports(*"ab", x=50.0))

    assert batches == [["a", "b"], ["a"], ["b"]]
    assert await bench.turn() == ["a", "b"]


async def test_a_failure_of_another_kind_does_not_disturb_the_hunt() -> None:
    bench = Bench()
    bench.push(*reports(*"abcd"))
    bench.script(answer(400), answer(500), answer(400))

    assert [await bench.turn() for _ in range(5)] == [
        ["a", "b", "c", "d"], ["a", "b"], ["a", "b"], ["c", "d"], ["a"],
    ]  # fmt: skip


async def test_a_hunt_on_one_server_does_not_touch_the_others() -> None:
    bench = Bench()
    bench.push(*reports("license:a", "license:b"))
    bench.script(answer(400))
    await bench.turn()
    bench.push(*reports("license:c", "license:d"), server=TWO)

    assert [await bench.turn(), await bench.turn()] == [["c", "d"], ["a"]]


# What can be asked of it


async def test_what_the_next_batch_would_hold_is_told_and_nothing_is_changed_by_asking() -> None:
    bench = Bench(max_batch=2)
    bench.script(TOOK_ALL, TOOK_ALL)
    now = bench.clock.monotonic
    assert bench.flusher.upcoming(now()) is None
    bench.push(*reports("license:a", "license:b", "license:c"))
    bench.push(report("license:z"), server=TWO)

    told = [bench.flusher.upcoming(now()) for _ in range(3)]

    assert told == [Upcoming(server_id=ONE, units=2, panicking=False)] * 3
    assert await bench.turn() == ["a", "b"]
    assert bench.flusher.upcoming(now()) == Upcoming(server_id=TWO, units=1, panicking=False)
    bench.coalescer.set_panicking(UnitId("license:c"), active=True)
    assert bench.flusher.upcoming(now()) == Upcoming(server_id=ONE, units=1, panicking=True)
    assert await bench.turn() == ["c"]


async def test_while_everything_is_held_the_next_batch_holds_nothing() -> None:
    bench = Bench()
    bench.push(report())
    bench.client.breaker.refuse_key()

    assert bench.flusher.upcoming(bench.clock.monotonic()) is None


async def test_how_a_batch_went_is_remembered_of_so_many_batches() -> None:
    bench = Bench()
    bench.script(*[TOOK_ALL] * (REMEMBERED + 1))
    taken: list[float] = []
    for number in range(REMEMBERED + 1):
        bench.push(report(x=100.0 * number))
        await bench.turn()
        unit = bench.coalescer.find(report().unit_id)
        assert unit is not None
        assert unit.sent_at is not None
        taken.append(unit.sent_at)

    assert bench.flusher.report_of(ONE, taken[0]) is None
    assert bench.flusher.report_of(ONE, taken[-1]) == bench.flusher.last
    assert bench.flusher.report_of(TWO, taken[-1]) is None


async def test_pauses_and_suspects_are_told() -> None:
    bench = Bench()
    bench.script(answer(400), answer(404))
    bench.push(*reports("license:a", "license:b"))
    bench.push(report("license:z"), server=TWO)
    assert (list(bench.flusher.suspects(ONE)), bench.flusher.paused_until(TWO)) == ([], 0.0)

    await bench.turn()
    await bench.turn()

    assert list(bench.flusher.suspects(ONE)) == ["license:a", "license:b"]
    assert bench.flusher.paused_until(TWO) == bench.clock.monotonic() + REFUSED_PAUSE
