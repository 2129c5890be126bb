"""When the CAD is asked for its servers, and what the operator is told of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bridge.app.survey import Survey
from bridge.errors import CadError
from bridge.operations import GET_SERVERS, GET_VERSION
from bridge.simulator.community import Plan
from bridge.simulator.faults import Answer
from bridge.sonoran.keeper import Keeper
from tests.support.cad_client import client_of
from tests.support.running_daemon import Running, daemon_config, with_daemon
from tests.support.transport import ScriptedTransport, answer
from tests.support.virtual_time import START, VirtualClock, run_virtual

SERVERS = {"servers": [{"id": 1, "enableMap": True}, {"id": 2, "enableMap": False}]}
MAP_OFF = "CAD: the live map of server 2 (second) is switched off at Sonoran (enableMap), units will not show"
FREE = "CAD: the plan is FREE; live locations and panics need Standard"


@pytest.fixture(name="lines")
def _lines() -> Iterator[list[EventDict]]:
    structlog.reset_defaults()
    with capture_logs() as captured:
        yield captured


class Bench:
    """A survey beside a keeper."""

    def __init__(self, folder: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.cad = ScriptedTransport(clock, seconds=0.0)
        self.cad.always(GET_VERSION, plan("PRO"))
        self.cad.always(GET_SERVERS, answer(body=SERVERS))
        self.client = client_of(self.cad, clock)
        self.keeper = Keeper(self.client, self.client.breaker, clock)
        self.survey = Survey(daemon_config(folder), self.client, self.keeper, clock)

    @property
    def asked(self) -> list[float]:
        return [round(sent.at - START, 3) for sent in self.cad.requests(GET_SERVERS)]

    async def run(self, seconds: float) -> None:
        """Run both, as the daemon does."""
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(loop()) for loop in (self.keeper.run, self.survey.run)]
            await self.clock.sleep(seconds)
            for task in running:
                task.cancel()


def surveying(folder: Path, case: Callable[[Bench], Awaitable[None]]) -> Bench:
    async def main(clock: VirtualClock) -> Bench:
        bench = Bench(folder, clock)
        await case(bench)
        return bench

    return run_virtual(main)


def plan(name: str) -> Any:
    return answer(body={"version": 3, "name": name})


def told(lines: list[EventDict]) -> list[tuple[str, str, str]]:
    return [
        (line["log_level"], line["severity"], line["detail"])
        for line in lines
        if line["event"] == "CAD and configuration compared"
    ]


def unread(lines: list[EventDict]) -> list[str]:
    return [line["detail"] for line in lines if line["event"] == "servers not read, asking again later"]


def test_the_servers_are_asked_for_once_and_each_finding_is_told_once(
    tmp_path: Path, lines: list[EventDict]
) -> None:
    bench = surveying(tmp_path, lambda bench: bench.run(3600.0))

    assert bench.asked == [0]
    assert told(lines) == [("warning", "warning", MAP_OFF)]
    assert [finding.text for finding in bench.survey.findings] == [MAP_OFF]


def test_before_the_cad_is_reached_nothing_is_asked(tmp_path: Path, lines: list[EventDict]) -> None:
    async def case(bench: Bench) -> None:
        bench.cad.script(GET_VERSION, CadError("connect", sent=False), answer(503), answer(503))
        await bench.run(100.0)

    assert surveying(tmp_path, case).asked == [30]
    assert len(told(lines)) == 1


def test_a_note_is_told_without_alarm(tmp_path: Path, lines: list[EventDict]) -> None:
    async def case(bench: Bench) -> None:
        bench.cad.always(GET_VERSION, plan("PLUS"))
        await bench.run(10.0)

    surveying(tmp_path, case)

    assert [(level, severity) for level, severity, _ in told(lines)] == [
        ("info", "note"),
        ("warning", "warning"),
    ]


def test_another_plan_has_everything_told_anew(tmp_path: Path, lines: list[EventDict]) -> None:
    async def case(bench: Bench) -> None:
        bench.cad.script(GET_VERSION, plan("PRO"), answer(body={}), plan("PRO"))
        bench.cad.always(GET_VERSION, plan("FREE"))
        await bench.run(200.0)

    bench = surveying(tmp_path, case)

    assert bench.asked == [0, 75]
    assert told(lines) == [
        ("warning", "warning", MAP_OFF),
        ("warning", "problem", FREE),
        ("warning", "warning", MAP_OFF),
    ]


def test_a_key_that_was_refused_and_is_accepted_has_the_servers_asked_for_again(
    tmp_path: Path, lines: list[EventDict]
) -> None:
    async def case(bench: Bench) -> None:
        bench.cad.script(GET_VERSION, plan("PRO"), answer(401), answer(401))
        await bench.run(200.0)

    assert surveying(tmp_path, case).asked == [0, 32]
    assert told(lines) == [("warning", "warning", MAP_OFF)] * 2


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (answer(503), "status 503"),
        (answer(403, {"title": "Forbidden"}), "Forbidden"),
        (answer(401), "status 401"),
        (answer(body=b"<html>"), "status 200"),
        (CadError("timeout", sent=True), "timeout"),
    ],
)
def test_a_failure_is_tried_again_ever_more_seldom_and_tells_nothing_of_the_cads_health(
    tmp_path: Path, lines: list[EventDict], end: Any, reason: str
) -> None:
    async def case(bench: Bench) -> None:
        bench.cad.always(GET_VERSION, plan("FREE"))
        bench.cad.script(GET_SERVERS, *[end] * 6)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.run(1600.0))
            await bench.clock.sleep(100.0)
            assert told(lines) == [("warning", "problem", FREE)]
            assert not bench.client.breaker.down
            assert not bench.client.breaker.holding
            await running

    bench = surveying(tmp_path, case)

    assert bench.asked[:4] == [0, 5, 20, 80]
    assert bench.asked[4:] == [380, 680, 980]
    assert unread(lines) == [reason]
    assert told(lines) == [("warning", "problem", FREE), ("warning", "warning", MAP_OFF)]
    assert not bench.client.breaker.suspected


def test_after_news_a_failure_is_tried_again_soon(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        bench.cad.script(GET_SERVERS, *[answer(503)] * 20)
        bench.cad.script(GET_VERSION, *[plan("PRO")] * 5)
        bench.cad.always(GET_VERSION, plan("PLUS"))
        await bench.run(146.0)

    assert surveying(tmp_path, case).asked == [0, 5, 20, 80, 125, 130, 145]


def test_a_limit_of_the_cad_is_kept(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        bench.cad.script(GET_SERVERS, answer(429, retry_after=30.0))
        await bench.run(200.0)

    assert surveying(tmp_path, case).asked == [0, 80]


def test_without_a_slot_it_waits_its_turn(tmp_path: Path, lines: list[EventDict]) -> None:
    async def case(bench: Bench) -> None:
        for _ in range(10):
            bench.client.budgets.take(GET_SERVERS.name)
        await bench.run(4.0)

    assert surveying(tmp_path, case).asked == []
    assert unread(lines) == ["no slot is free"]


@pytest.mark.parametrize("state", ["down", "suspected"])
def test_a_cad_that_is_down_or_doubts_the_key_is_left_alone(tmp_path: Path, state: str) -> None:
    async def case(bench: Bench) -> None:
        bench.keeper.on_news(lambda: trouble(bench))
        await bench.run(4.0)
        assert bench.asked == []

    def trouble(bench: Bench) -> None:
        if state == "suspected":
            bench.client.breaker.suspected = True
            return
        for _ in range(3):
            bench.client.breaker.failed("timeout")

    surveying(tmp_path, case)


# In a daemon


def test_a_daemon_tells_once_at_its_start_what_does_not_fit_and_its_status_keeps_it(
    tmp_path: Path, lines: list[EventDict]
) -> None:
    async def story(seen: Running) -> Any:
        seen.cloud.cad.community.servers = (1, 3)
        seen.cloud.cad.community.plan = Plan.PLUS
        await seen.clock.sleep(600.0)
        assert len(seen.received("getServers")) == 1
        assert seen.sample("cad_requests_total", operation="getServers", code="200") == 1
        return await seen.read("/status")

    _, status = with_daemon(daemon_config(tmp_path), story)

    (note, problem) = told(lines)
    assert note[:2] == ("info", "note")
    assert problem == ("warning", "problem", "servers[1].id: the CAD has no server 2; it has 1, 3")
    assert status["cad"]["findings"] == [
        {"severity": "note", "text": note[2]},
        {"severity": "problem", "text": problem[2]},
    ]
    assert status["ready"] is True


def test_a_daemon_whose_cad_hides_the_servers_does_everything_else(
    tmp_path: Path, lines: list[EventDict]
) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(Answer(operation="getServers", status=503))
        event = (await seen.push("/v1/panic", {"id": "license:a"}))["event"]
        await seen.clock.sleep(60.0)
        assert (await seen.look_up(event))["state"] == "delivered"
        assert seen.sample("cad_up") == 1.0
        assert seen.sample("cad_requests_total", operation="getServers", code="503") == 3

    with_daemon(daemon_config(tmp_path), story)

    assert told(lines) == []
    assert len(unread(lines)) == 1
    assert not [line for line in lines if line["event"] == "CAD is down"]
