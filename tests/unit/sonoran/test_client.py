import asyncio
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from bridge.errors import BudgetError, CadError
from bridge.operations import GET_VERSION, SET_UNIT_PANIC, SET_UNIT_STATUS, UPDATE_UNIT_LOCATIONS
from bridge.sonoran import v2
from bridge.sonoran.breaker import KeyState
from bridge.sonoran.budget import FORBIDDEN_PAUSE, QUICK_PROBES
from bridge.sonoran.budgets import Ticket
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer, CadRequest, Line
from tests.support.cad_client import client_of, sample
from tests.support.stepping_clock import SteppingClock, settle
from tests.support.transport import ScriptedTransport, answer

NAME = GET_VERSION.name
PANIC = CadRequest(operation=SET_UNIT_PANIC, path="/", body=b'{"communityUserIds": ["a"]}', line=Line.URGENT)


class Bench:
    def __init__(self, *reactions: CadAnswer | CadError | Exception | asyncio.Event) -> None:
        self.clock = SteppingClock()
        self.cad = ScriptedTransport(self.clock)
        self.cad.script(GET_VERSION, *reactions)
        self.client: CadClient = client_of(self.cad, self.clock)

    async def ask(self) -> CadAnswer:
        return await self.client.send(v2.get_version())

    def taken(self) -> Ticket:
        ticket = self.client.budgets.take(NAME)
        assert ticket is not None
        return ticket

    def wait(self) -> float:
        """Return the seconds until the next request may leave."""
        now = self.clock.monotonic()
        return self.client.free_at(NAME, now) - now

    def counted(self, name: str, **labels: str) -> float | None:
        return sample(self.client._metrics, name, operation=NAME, **labels)

    @property
    def left(self) -> int:
        return self.client.budgets.remaining()[NAME][1]


async def test_an_answer_is_handed_on_counted_and_timed() -> None:
    bench = Bench(answer(200, {"name": "PRO"}))

    got = await bench.ask()

    assert v2.read_plan(got) == "PRO"
    assert bench.counted("cad_requests_total", code="200") == 1
    assert bench.counted("cad_request_seconds_count") == 1
    assert bench.left == 9
    assert bench.client.breaker.last_answer_at == bench.clock.now


async def test_a_request_without_a_slot_does_not_leave() -> None:
    bench = Bench()
    for _ in range(10):
        await bench.ask()

    with pytest.raises(BudgetError) as full:
        await bench.ask()

    assert len(bench.cad.sent) == 10
    assert full.value.free_at == pytest.approx(bench.clock.monotonic() + 59.55)
    assert bench.client.breaker.down is False


async def test_a_slot_taken_before_is_used() -> None:
    bench = Bench()
    ticket = bench.client.budgets.take(NAME)

    await bench.client.send(v2.get_version(), ticket)

    assert bench.left == 9


async def test_a_failure_is_counted_and_uses_its_slots() -> None:
    bench = Bench(CadError("reset", sent=True, sends=2))

    with pytest.raises(CadError):
        await bench.ask()

    assert bench.counted("cad_request_failures_total", reason="reset") == 1
    assert bench.left == 8


async def test_repeats_of_the_library_use_slots() -> None:
    bench = Bench(answer(sends=3))

    await bench.ask()

    assert bench.left == 7


async def test_an_error_of_the_program_gives_the_slot_its_end_too() -> None:
    bench = Bench(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        await bench.ask()

    bench.clock.now += 60.0
    assert bench.left == 10


async def test_a_request_that_is_cut_off_may_still_arrive_and_counts_until_its_timeout() -> None:
    bench = Bench(asyncio.Event())
    for _ in range(9):
        bench.client.budgets.settle(bench.taken())
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(bench.ask())
        await settle()
        asking.cancel()

    bench.clock.now += 59.95
    assert bench.left == 9
    bench.clock.now += 9.9
    assert bench.left == 9
    bench.clock.now += 0.2
    assert bench.left == 10


async def test_three_failures_in_a_row_mean_that_the_cad_is_down_until_it_answers() -> None:
    bench = Bench(CadError("timeout", sent=True), answer(503), answer(408), answer(404))
    with pytest.raises(CadError):
        await bench.ask()
    states: list[bool] = []
    for _ in range(3):
        await bench.ask()
        states.append(bench.client.breaker.down)

    assert states == [False, True, False]


async def test_a_429_pauses_its_operation_for_as_long_as_the_cad_asks() -> None:
    bench = Bench(answer(429, retry_after=30.0))

    with capture_logs() as logs:
        await bench.ask()

    assert bench.wait() == pytest.approx(30.0)
    assert bench.client.free_at(SET_UNIT_STATUS.name, bench.clock.monotonic()) == bench.clock.monotonic()
    assert bench.counted("cad_requests_total", code="429") == 1
    line = next(line for line in logs if line["event"] == "CAD limits our rate")
    assert (line["operation"], line["seconds"]) == (NAME, 30.0)


async def test_a_429_without_a_time_pauses_longer_each_time_until_one_is_taken() -> None:
    bench = Bench(answer(429), answer(429), answer(200), answer(429))
    waits: list[float] = []
    for _ in range(4):
        await bench.ask()
        waits.append(round(bench.wait(), 3))
        bench.clock.now += bench.wait() + 0.001

    assert waits == [5, 10, 0, 5]


async def test_a_403_slows_its_operation_alone() -> None:
    bench = Bench(answer(403, trace_id="a1"))

    with capture_logs() as logs:
        await bench.ask()

    assert bench.wait() == pytest.approx(FORBIDDEN_PAUSE)
    assert bench.client.free_at(SET_UNIT_STATUS.name, bench.clock.monotonic()) == bench.clock.monotonic()
    assert bench.counted("cad_requests_total", code="403") == 1
    line = next(line for line in logs if line["event"] == "CAD forbids an operation, it is slowed")
    assert (line["operation"], line["trace"]) == (NAME, "a1")


@pytest.mark.parametrize(
    ("end", "fails"),
    [
        (CadError("timeout", sent=True), True),
        (CadError("connect", sent=False), False),  # it used nothing up
        (answer(503), True),
        (answer(429, retry_after=1.0), True),
        (answer(401), False),
        (answer(404), False),
        (answer(200), False),
    ],
)
async def test_what_the_cad_does_not_take_makes_the_next_panics_probes(
    end: CadAnswer | CadError, *, fails: bool
) -> None:
    bench = Bench()
    bench.cad.script(SET_UNIT_PANIC, *[end] * QUICK_PROBES)
    for _ in range(QUICK_PROBES):
        with suppress(CadError):
            await bench.client.send(PANIC)
        bench.clock.now += 1.0

    wait = bench.client.free_at(SET_UNIT_PANIC.name, bench.clock.monotonic()) - bench.clock.monotonic()

    assert (wait > 2.0) == fails


async def test_panics_that_never_left_make_nothing_a_probe_even_with_the_burst_used_up() -> None:
    bench = Bench()
    for _ in range(10):
        await bench.client.send(PANIC)
    bench.clock.now += 13.0  # room for two more
    bench.cad.script(SET_UNIT_PANIC, *[CadError("connect", sent=False)] * 2)

    await asyncio.gather(*(bench.client.send(PANIC) for _ in range(2)), return_exceptions=True)

    assert bench.client.free_at(SET_UNIT_PANIC.name, bench.clock.monotonic()) == bench.clock.monotonic()


@pytest.mark.parametrize("end", [CadError("timeout", sent=True), answer(503)])
async def test_requests_that_left_before_the_last_answer_do_not_mean_that_the_cad_is_down(
    end: CadAnswer | CadError,
) -> None:
    bench = Bench(*[end] * 3)
    tickets = [bench.client.budgets.take(NAME) for _ in range(3)]
    bench.clock.now += 1.0
    await bench.client.send(PANIC)

    for ticket in tickets:
        with suppress(CadError):
            await bench.client.send(v2.get_version(), ticket)

    assert not bench.client.breaker.down


async def test_when_the_cad_is_back_nothing_is_a_probe_any_more() -> None:
    bench = Bench()
    bench.cad.script(SET_UNIT_PANIC, *[answer(503)] * QUICK_PROBES)
    for _ in range(QUICK_PROBES):
        await bench.client.send(PANIC)
    before = bench.client.free_at(SET_UNIT_PANIC.name, bench.clock.monotonic()) - bench.clock.monotonic()

    await bench.ask()

    assert before > 3.0
    assert bench.client.free_at(SET_UNIT_PANIC.name, bench.clock.monotonic()) == bench.clock.monotonic()


async def test_a_401_puts_the_key_in_doubt() -> None:
    bench = Bench(answer(401))

    await bench.ask()

    assert bench.client.breaker.suspected


async def test_a_401_while_the_key_is_refused_already_is_nothing_new() -> None:
    bench = Bench(answer(401))
    bench.client.breaker.refuse_key()

    await bench.ask()

    assert not bench.client.breaker.suspected
    assert bench.client.breaker.key is KeyState.REFUSED


async def test_only_an_answer_on_the_urgent_line_keeps_it_warm() -> None:
    bench = Bench(answer(), CadError("reset", sent=True), answer())

    await bench.ask()
    ordinary = bench.client.urgent_used_at
    with pytest.raises(CadError):
        await bench.client.send(v2.get_version(Line.URGENT))
    failed = bench.client.urgent_used_at
    await bench.client.send(v2.get_version(Line.URGENT))

    assert ordinary == failed == float("-inf")
    assert bench.client.urgent_used_at == bench.clock.monotonic()


def test_the_pace_of_locations_is_asked_of_the_budget() -> None:
    bench = Bench()
    bench.client.budgets.take(UPDATE_UNIT_LOCATIONS.name)
    now = bench.clock.monotonic()

    assert bench.client.free_at(UPDATE_UNIT_LOCATIONS.name, now) == pytest.approx(now + 5.05)


# Somebody else's requests


async def test_a_forwarded_request_is_counted_timed_and_uses_its_slot() -> None:
    bench = Bench(answer(200), CadError("reset", sent=True, sends=2), answer(404))

    for _ in range(3):
        with suppress(CadError):
            await bench.client.forward(v2.get_version(), bench.taken())

    assert bench.counted("cad_requests_total", code="200") == 1
    assert bench.counted("cad_requests_total", code="404") == 1
    assert bench.counted("cad_request_seconds_count") == 2
    assert bench.counted("cad_request_failures_total", reason="reset") == 1
    assert bench.left == 6


async def test_a_forwarded_request_that_never_left_gives_its_slot_back() -> None:
    bench = Bench(CadError("connect", sent=False))

    with pytest.raises(CadError):
        await bench.client.forward(v2.get_version(), bench.taken())

    assert bench.left == 10


@pytest.mark.parametrize(
    "end", [answer(401), answer(403), answer(500), answer(404), CadError("timeout", sent=True)]
)
async def test_what_a_forwarded_request_gets_back_says_nothing_of_the_cad(end: CadAnswer | CadError) -> None:
    bench = Bench(*[end] * 5)

    with capture_logs() as logs:
        for _ in range(5):
            with suppress(CadError):
                await bench.client.forward(v2.get_version(Line.URGENT), bench.taken())

    breaker = bench.client.breaker
    assert (breaker.down, breaker.holding, breaker.key) == (False, False, KeyState.UNKNOWN)
    assert breaker.last_answer_at is None
    assert (bench.left, bench.wait()) == (5, 0.0)
    assert {line["log_level"] for line in logs} == {"debug"}


async def test_a_forwarded_429_pauses_the_operation_and_a_yes_ends_the_doubling() -> None:
    bench = Bench(answer(429), answer(429), answer(200), answer(429), answer(429, retry_after=17.0))
    waits: list[float] = []

    with capture_logs() as logs:
        for _ in range(5):
            await bench.client.forward(v2.get_version(), bench.taken())
            waits.append(bench.wait())
            bench.clock.now += bench.wait()

    assert waits == pytest.approx([5.0, 10.0, 0.0, 5.0, 17.0])
    told = [line["seconds"] for line in logs if line["event"] == "CAD limits our rate"]
    assert told == pytest.approx([5.0, 10.0, 5.0, 17.0])
    assert not bench.client.breaker.down


async def test_a_forwarded_request_that_is_cut_off_counts_until_its_timeout() -> None:
    bench = Bench(asyncio.Event())
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(bench.client.forward(v2.get_version(), bench.taken()))
        await settle()
        asking.cancel()

    bench.clock.now += 69.8
    assert bench.left == 9
    bench.clock.now += 0.2
    assert bench.left == 10


@pytest.mark.parametrize("forwarded", [True, False])
@pytest.mark.parametrize(
    ("end", "told"),
    [
        (answer(200), True),
        (answer(400), True),
        (answer(503), True),
        (CadError("timeout", sent=True), True),  # it may have acted
        (CadError("connect", sent=False), False),
        (ZeroDivisionError(), True),
    ],
)
async def test_who_wants_to_know_hears_of_what_may_have_changed(
    end: CadAnswer | Exception, *, told: bool, forwarded: bool
) -> None:
    bench = Bench()
    bench.cad.script(SET_UNIT_PANIC, end)
    heard: list[str] = []
    for _ in range(2):
        bench.client.on_change(lambda operation: heard.append(operation.name))
    ticket = bench.client.budgets.take(SET_UNIT_PANIC.name)
    assert ticket is not None

    with suppress(CadError, ZeroDivisionError):
        await (bench.client.forward if forwarded else bench.client.send)(PANIC, ticket)

    assert heard == [SET_UNIT_PANIC.name] * 2 * told


async def test_a_change_that_is_cut_off_may_have_been_carried_out() -> None:
    bench = Bench()
    bench.cad.script(SET_UNIT_PANIC, asyncio.Event())
    heard: list[str] = []
    bench.client.on_change(lambda operation: heard.append(operation.name))
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(bench.client.send(PANIC))
        await settle()
        before = list(heard)
        asking.cancel()

    assert (before, heard) == ([], [SET_UNIT_PANIC.name])


async def test_a_read_changes_nothing() -> None:
    bench = Bench()
    heard: list[str] = []
    bench.client.on_change(lambda operation: heard.append(operation.name))

    await bench.ask()
    await bench.client.forward(v2.get_version(), bench.taken())

    assert heard == []
