import asyncio

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud, Dropped
from bridge.simulator.faults import (
    Answer,
    Delay,
    Down,
    Drop,
    Fault,
    Half,
    Hang,
    RefuseKey,
    RefuseUnits,
    Weather,
)
from bridge.simulator.messages import Request
from tests.support.cad_requests import NOON, call_911, content, location, locations, panic, version
from tests.support.stepping_clock import SteppingClock, settle


def cloud(*faults: Fault, weather: Weather | None = None) -> tuple[Cloud, SteppingClock]:
    clock = SteppingClock()
    some = Cloud(clock, weather=weather)
    some.faults.add(*faults)
    return some, clock


def open_calls(some: Cloud) -> int:
    return len(some.cad.community.calls(NOON))


async def test_without_faults_the_cad_answers_at_once() -> None:
    some, clock = cloud()

    reply = await some.exchange(panic("a"))

    assert content(reply) == {"updated": 1, "isPanic": True}
    assert clock.slept == []


async def test_what_was_received_is_written_down() -> None:
    some, _ = cloud()
    await some.exchange(panic("a"))
    await some.exchange(Request(method="GET", path="/nowhere"))

    first, second = some.journal
    assert (first.operation, first.server, first.status, first.lost) == ("setUnitPanic", 1, 200, False)
    assert (first.wall, first.monotonic) == (NOON, 100.0)
    assert first.decoded() == {"communityUserIds": ["a"], "isPanic": True}
    assert (second.operation, second.status) == (None, 404)


async def test_a_delayed_request_is_counted_when_it_gets_through() -> None:
    some, clock = cloud(Delay(seconds=50, times=1))
    for _ in range(20):
        await some.exchange(panic())

    assert clock.slept == [50]
    assert (await some.exchange(panic())).headers["Retry-After"] == "60"
    assert some.journal.of()[0].wall == NOON


async def test_an_answer_is_given_without_acting() -> None:
    some, _ = cloud(Answer(status=503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT", times=1))

    reply = await some.exchange(call_911())

    assert reply.status == 503
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    assert content(reply)["status"] == 503
    assert open_calls(some) == 0
    assert (await some.exchange(call_911())).status == 200


async def test_an_ordered_429_is_worded_like_a_real_one() -> None:
    some, _ = cloud(Answer(status=429, retry_after="3", headers={"RateLimit-Reset": "4"}))

    reply = await some.exchange(panic())

    assert reply.headers["Content-Type"] == "application/json"
    assert (reply.headers["Retry-After"], reply.headers["RateLimit-Reset"]) == ("3", "4")
    assert content(reply)["message"] == "API rate limit exceeded"
    assert some.cad.limiter.violations == 0


@pytest.mark.parametrize(("code", "kind"), [(200, "application/json"), (500, "application/problem+json")])
async def test_an_answer_may_have_any_body(code: int, kind: str) -> None:
    some, _ = cloud(Answer(status=code, body="<html>"))

    reply = await some.exchange(panic())

    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (code, b"<html>", kind)


@pytest.mark.parametrize(("acts", "calls"), [(False, 0), (True, 1)])
async def test_a_connection_is_dropped_before_or_after_acting(acts: bool, calls: int) -> None:  # noqa: FBT001 -- table
    some, _ = cloud(Drop(acts=acts))

    with pytest.raises(Dropped) as caught:
        await some.exchange(call_911())

    assert caught.value.after_acting is acts
    assert open_calls(some) == calls
    (received,) = some.journal
    assert (received.lost, received.status) == (True, 200 if acts else None)


async def test_after_a_connection_was_dropped_so_many_times_the_next_request_gets_through() -> None:
    some, _ = cloud(
        Drop(operation="create911Call", times=2, acts=True), Drop(operation="create911Call", times=1)
    )
    for _ in range(3):
        assert (await some.exchange(panic())).status == 200
        await _fails(some, call_911())

    assert open_calls(some) == 2
    assert (await some.exchange(call_911())).status == 200
    assert [(received.status, received.lost) for received in some.journal.of("create911Call")] == [
        (200, True),
        (200, True),
        (None, True),
        (200, False),
    ]


@pytest.mark.parametrize(("acts", "calls"), [(False, 0), (True, 1)])
async def test_an_answer_may_stand_in_for_that_of_a_cad_that_acted(acts: bool, calls: int) -> None:  # noqa: FBT001 -- table
    some, _ = cloud(Answer(status=504, acts=acts, times=1))

    reply = await some.exchange(call_911())

    assert (reply.status, content(reply)["status"]) == (504, 504)
    assert open_calls(some) == calls
    assert some.cad.limiter.tallies()["create911Call"].arrivals == 1


async def test_half_an_answer_follows_the_act() -> None:
    some, _ = cloud(Half())

    with pytest.raises(Dropped) as caught:
        await some.exchange(call_911())

    assert caught.value.partial
    assert caught.value.reply is not None
    assert caught.value.reply.status == 200
    assert open_calls(some) == 1


@pytest.mark.parametrize(("acts", "calls"), [(False, 0), (True, 1)])
async def test_a_hanging_request_is_let_go_when_faults_are_cleared(acts: bool, calls: int) -> None:  # noqa: FBT001 -- table
    some, _ = cloud(Hang(acts=acts))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_fails(some, call_911()))
        await settle()
        assert not task.done()
        assert open_calls(some) == calls
        some.clear_faults()

    assert task.result().after_acting is acts
    assert open_calls(some) == calls
    assert (await some.exchange(call_911())).status == 200


async def test_a_request_that_was_still_delayed_when_faults_were_cleared_does_not_hang_on() -> None:
    some, clock = cloud(Hang(), Delay(seconds=5))
    async with asyncio.TaskGroup() as group:
        group.create_task(_fails(some, panic()))
        await clock.asked.wait()
        some.clear_faults()


async def test_a_refused_key_is_a_401_that_acts_not() -> None:
    some, _ = cloud(RefuseKey())

    assert (await some.exchange(version())).status == 401
    assert (await some.exchange(call_911())).status == 401
    assert open_calls(some) == 0


async def test_a_refused_unit_is_a_400_only_for_requests_that_name_it() -> None:
    some, _ = cloud(RefuseUnits(operation="updateUnitLocations", units=frozenset({"b"})))

    assert (await some.exchange(locations(location("a"), location("b")))).status == 400
    assert (await some.exchange(locations(location("a")))).status == 200
    assert (await some.exchange(panic("b"))).status == 200


async def test_while_the_cad_is_down_nothing_gets_there() -> None:
    some, clock = cloud(Delay(seconds=1), Down())

    with pytest.raises(Dropped) as caught:
        await some.exchange(call_911())

    assert not caught.value.after_acting
    assert clock.slept == []
    assert some.cad.limiter.tallies()["create911Call"].arrivals == 0


@pytest.mark.parametrize(
    "fault",
    [Answer(status=500), Answer(status=504, acts=True), Drop(), Drop(acts=True), Half()],
    ids=["answer", "stand-in", "before", "after", "half"],
)
async def test_requests_that_fail_count_against_the_limit(fault: Fault) -> None:
    some, _ = cloud(fault)
    for _ in range(11):
        try:
            await some.exchange(call_911())
        except Dropped:
            continue

    tally = some.cad.limiter.tallies()["create911Call"]
    assert (tally.arrivals, tally.peak, tally.violations) == (11, 11, 1)


async def test_faults_of_unknown_paths_do_no_harm() -> None:
    some, _ = cloud(Answer(status=500))

    assert (await some.exchange(Request(method="GET", path="/nowhere"))).status == 500


async def test_weather_delays_and_fails_the_same_way_for_the_same_seed() -> None:
    async def history() -> tuple[list[int], list[float]]:
        some, clock = cloud(weather=Weather(4))
        some.cad.limiter.enforced = False
        statuses = [(await some.exchange(panic())).status for _ in range(400)]
        return statuses, clock.slept

    statuses, slept = await history()

    assert (statuses, slept) == await history()
    assert len(slept) == 400
    assert set(statuses) == {200, 500}


async def test_what_fails_in_bad_weather_counts_against_the_limit() -> None:
    some, _ = cloud(weather=Weather(4))
    statuses = [(await some.exchange(panic())).status for _ in range(400)]

    assert 500 in statuses
    assert some.cad.limiter.tallies()["setUnitPanic"].arrivals == 400


async def test_a_reset_forgets_everything_but_the_settings() -> None:
    some, _ = cloud(Drop(operation="getVersion"))
    await some.exchange(call_911())

    some.reset()

    assert open_calls(some) == 0
    assert list(some.journal) == []
    assert (await some.exchange(version())).status == 200


async def test_a_cloud_may_be_given_its_cad() -> None:
    cad = Cad(servers=(9,))

    assert Cloud(SteppingClock(), cad).cad is cad


async def _fails(some: Cloud, request: Request) -> Dropped:
    with pytest.raises(Dropped) as caught:
        await some.exchange(request)
    return caught.value
