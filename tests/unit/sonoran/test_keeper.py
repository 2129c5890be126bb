import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.errors import CadError
from bridge.operations import GET_VERSION, SET_UNIT_PANIC, UPDATE_UNIT_LOCATIONS
from bridge.sonoran import v2
from bridge.sonoran.breaker import KeyState
from bridge.sonoran.keeper import Keeper
from bridge.sonoran.messages import CadAnswer, CadRequest, Line
from tests.support.cad_client import client_of
from tests.support.transport import ScriptedTransport, answer
from tests.support.virtual_time import START, VirtualClock, run_virtual

PLUS = answer(body={"version": 2, "name": "PLUS"})
PANIC = CadRequest(operation=SET_UNIT_PANIC, path="/", body=b'{"communityUserIds": ["a"]}', line=Line.URGENT)
LOCATIONS = CadRequest(operation=UPDATE_UNIT_LOCATIONS, path="/", body=b"{}")


class Bench:
    """A keeper that runs; ``asked`` tells when it asked, in seconds after its start."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.cad = ScriptedTransport(clock, seconds=0.0)
        self.client = client_of(self.cad, clock)
        self.breaker = self.client.breaker
        self.keeper = Keeper(self.client, self.breaker, clock)
        self.breaker.on_doubt(self.keeper.look)

    @property
    def asked(self) -> list[float]:
        return [round(sent.at - START, 3) for sent in self.cad.requests(GET_VERSION)]


def keeping(case: Callable[[Bench], Awaitable[None]], *reactions: Any) -> Bench:
    """Run a case beside a keeper whose questions meet ``reactions`` first."""

    async def main(clock: VirtualClock) -> Bench:
        bench = Bench(clock)
        bench.cad.script(GET_VERSION, *reactions)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.keeper.run())
            await case(bench)
            running.cancel()
        return bench

    return run_virtual(main)


def wait(seconds: float) -> Callable[[Bench], Awaitable[None]]:
    async def case(bench: Bench) -> None:
        await bench.clock.sleep(seconds)

    return case


def test_it_asks_at_the_start_and_keeps_the_urgent_line_warm() -> None:
    bench = keeping(wait(110.0), PLUS)

    assert bench.asked == [0, 25, 50, 75, 100]
    assert all(sent.line is Line.URGENT for sent in bench.cad.sent)
    assert bench.breaker.key is KeyState.ACCEPTED
    assert bench.keeper.plan == "PLUS"


def test_that_the_cad_was_reached_is_said_once_even_if_it_names_no_plan() -> None:
    with capture_logs() as lines:
        keeping(wait(110.0), *[answer(body={})] * 5)

    assert [line["event"] for line in lines if line["log_level"] == "info"] == ["CAD reached"]


def test_a_panic_keeps_the_line_warm_as_well() -> None:
    async def case(bench: Bench) -> None:
        await bench.clock.sleep(20.0)
        await bench.client.send(PANIC)
        await bench.clock.sleep(5.5)
        await bench.client.send(LOCATIONS)  # on another line
        await bench.clock.sleep(24.5)

    assert keeping(case).asked == [0, 45]


def test_while_the_cad_is_away_it_is_asked_every_ten_seconds() -> None:
    bench = keeping(wait(45.0), CadError("connect", sent=False), answer(503), answer(429, retry_after=2.0))

    assert bench.asked == [0, 10, 20, 30]
    assert bench.breaker.key is KeyState.ACCEPTED


def test_a_cad_that_hangs_is_asked_again_as_soon_as_it_timed_out() -> None:
    async def case(bench: Bench) -> None:
        bench.cad.seconds = 9.0
        await bench.clock.sleep(45.0)

    assert keeping(case, *[CadError("timeout", sent=True)] * 9).asked == [0, 10, 20, 30, 40]


def test_a_refused_key_is_tried_after_2_5_15_and_then_every_60_seconds_and_released_when_it_works() -> None:
    recovered: list[float] = []

    async def case(bench: Bench) -> None:
        bench.breaker.on_recovery(lambda: recovered.append(bench.clock.monotonic() - START))
        await bench.clock.sleep(100.0)
        assert bench.breaker.holding
        await bench.clock.sleep(120.0)

    bench = keeping(case, *[answer(401)] * 6, PLUS)

    assert bench.asked[:7] == [0, 2, 7, 22, 82, 142, 202]
    assert recovered == [202]
    assert not bench.breaker.holding


def test_a_key_refused_a_second_time_is_tried_soon_again() -> None:
    bench = keeping(wait(40.0), answer(401), answer(401), PLUS, answer(401), PLUS)

    assert bench.asked == [0, 2, 7, 32, 34]


def test_a_401_of_another_operation_is_looked_into_at_once() -> None:
    async def case(bench: Bench) -> None:
        await bench.clock.sleep(3.0)
        bench.cad.script(SET_UNIT_PANIC, answer(401))
        await bench.client.send(PANIC)
        assert bench.breaker.holding
        await bench.clock.sleep(0.001)
        assert not bench.breaker.holding

    assert keeping(case).asked == [0, 3]


def test_a_doubt_that_cannot_be_cleared_is_looked_into_again() -> None:
    async def case(bench: Bench) -> None:
        await bench.clock.sleep(1.0)
        bench.breaker.suspect_key()
        await bench.clock.sleep(15.0)

    assert keeping(case, PLUS, answer(500), PLUS).asked == [0, 1, 11]


@pytest.mark.parametrize("end", [answer(500), answer(429, retry_after=300.0), CadError("reset", sent=True)])
def test_while_nobody_can_say_whether_the_key_is_right_nothing_is_held(end: CadAnswer | CadError) -> None:
    async def case(bench: Bench) -> None:
        await bench.clock.sleep(1.0)
        bench.breaker.suspect_key()
        assert bench.breaker.holding
        await bench.clock.sleep(0.5)
        assert not bench.breaker.holding

        bench.breaker.suspect_key()
        await bench.clock.sleep(2.5)
        assert bench.breaker.holding is False

    keeping(case, PLUS, end, end)


def test_it_asks_no_more_often_than_its_budget_allows() -> None:
    async def case(bench: Bench) -> None:
        for _ in range(30):
            bench.breaker.suspect_key()
            await bench.clock.sleep(1.0)
        assert len(bench.asked) == 10
        await bench.clock.sleep(31.0)

    assert keeping(case).asked[10] == 60


def test_the_plan_is_that_of_the_last_answer() -> None:
    bench = keeping(wait(30.0), PLUS, answer(body={"version": 3, "name": "PRO"}))

    assert bench.keeper.plan == "PRO"


def test_an_answer_that_names_no_plan_leaves_it_as_it_was() -> None:
    assert keeping(wait(30.0), PLUS, answer(body={})).keeper.plan == "PLUS"


@pytest.mark.parametrize(
    ("reactions", "news"),
    [
        ([PLUS, PLUS, PLUS, PLUS], [0]),
        ([answer(body={}), answer(body={}), PLUS, answer(body={}), PLUS], [0, 50]),
        ([PLUS, answer(body={"name": "PRO"}), PLUS], [0, 25, 50]),
        ([answer(401), PLUS, answer(401), answer(401), PLUS, PLUS], [2, 34]),
        ([PLUS, answer(503), PLUS, answer(429, retry_after=1.0), PLUS], [0]),
        ([CadError("connect", sent=False), PLUS], [10]),
    ],
)
def test_there_is_news_when_the_cad_is_reached_has_another_plan_or_takes_the_key_again(
    reactions: list[Any], news: list[float]
) -> None:
    heard: list[float] = []

    async def case(bench: Bench) -> None:
        bench.keeper.on_news(lambda: heard.append(round(bench.clock.monotonic() - START, 3)))
        bench.keeper.on_news(lambda: plans.append((bench.keeper.plan, bench.breaker.key)))
        await bench.clock.sleep(99.0)

    plans: list[tuple[str | None, KeyState]] = []
    bench = keeping(case, *reactions, *[PLUS] * 5)

    assert heard == news
    assert plans[-1] == (bench.keeper.plan, KeyState.ACCEPTED)


@pytest.mark.parametrize("status", [200, 401])
def test_a_slot_lost_to_somebody_else_is_no_harm(status: int) -> None:
    async def case(bench: Bench) -> None:
        for _ in range(9):
            await bench.client.send(v2.get_version())
        bench.breaker.suspect_key()
        bench.client.budgets.take(GET_VERSION.name)
        await bench.clock.sleep(71.0)

    bench = keeping(case, answer(status))

    assert bench.breaker.key is KeyState.ACCEPTED
