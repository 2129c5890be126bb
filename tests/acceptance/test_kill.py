"""kill -9 at the worst moments: nothing is lost, and no call is made twice. ``test_conservation`` kills at random ones."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.simulator.board import EmergencyCall
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import Plan
from bridge.simulator.faults import Drop, Hang
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import Daemon, daemon_of, simulated_cad, until
from tests.support.judgement import MARK
from tests.support.oracle import Oracle, example
from tests.support.process import BRIDGE, Running

TIMEOUT_SECONDS = 5.0  # of a request; no call is looked for earlier after its attempt
SLOW_SECONDS = 0.3  # what a slow disk takes for one fdatasync
LOOKS = 240  # a minute; looks keep a distance, and the documented five a minute are a long one


def said(daemon: Daemon, phrase: str) -> list[Any]:
    """Return the log lines of a phrase."""
    lines = [msgspec.json.decode(line) for line in daemon.log.splitlines()]
    return [line for line in lines if line["event"] == phrase]


async def reach(daemon: Daemon, wanted: float, name: str, **labels: str) -> None:
    """Wait until a metric has a value."""
    deadline = time.monotonic() + 10.0
    while (found := await daemon.metric(f"cad_bridge_{name}", **labels)) != wanted:
        assert time.monotonic() < deadline, f"{name}{labels} is {found}, not {wanted}"
        await asyncio.sleep(0.05)


async def test_events_that_nobody_could_deliver_survive_the_kill(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        async with daemon_of(tmp_path, "http://127.0.0.1:9") as daemon:
            oracle = Oracle(daemon, cad.cloud)
            await oracle.push(example("panic", "one", ids=["license:1", "license:2"]))
            await oracle.push(example("call_911", "one"), example("status", "one"))
            await reach(daemon, 3, "outbox_events", state="pending")
            await daemon.process.kill()
        async with daemon_of(tmp_path, cad) as daemon:
            owed, oracle = oracle.owed, Oracle(daemon, cad.cloud)
            oracle.owed = owed
            ended = await oracle.settle(within=10.0)

            assert [event["state"] for event in ended] == ["delivered"] * 3
            oracle.judge()
            assert [line["pending"] for line in said(daemon, "outbox resumed")] == [3]
            await reach(daemon, 0, "outbox_events", state="pending")
            await reach(daemon, 3, "outbox_events", state="delivered")


async def lose_four_answers(oracle: Oracle, cloud: Cloud) -> list[str]:
    """Push calls and a kick whose requests end without an answer.

    The CAD acts and cuts the connection, acts and falls silent, cuts the connection without acting; it kicks and
    falls silent.
    """
    cloud.faults.add(Drop(operation="create911Call", acts=True, times=1))
    cloud.faults.add(Drop(operation="create911Call", times=1))
    cloud.faults.add(Hang(operation="createDispatchCall", acts=True, times=1))
    cloud.faults.add(Hang(operation="kickUnit", acts=True, times=1))
    [made] = await oracle.push(example("call_911", "made"))
    await until(lambda: len(cloud.journal.of("create911Call")) == 1, within=5.0)
    others = [example("call_911", "lost"), example("dispatch_call", "board"), example("kick", "kick")]
    events = await oracle.push(*others)
    await until(lambda: len(cloud.journal.of("create911Call")) == 2, within=5.0)
    await until(lambda: bool(cloud.cad.community.board.dispatch()), within=5.0)
    await until(lambda: bool(cloud.cad.community.kicks), within=5.0)
    return [made, *events]


async def test_calls_whose_answer_was_lost_before_a_kill_are_made_once(tmp_path: Path) -> None:
    settings = {"cad": {"timeout": f"{TIMEOUT_SECONDS:.0f}s"}, "cad.limits": {"getCalls": LOOKS}}
    async with simulated_cad(getCalls=LOOKS) as cad, daemon_of(tmp_path, cad, settings) as daemon:
        oracle, journal = Oracle(daemon, cad.cloud), cad.cloud.journal
        made, lost, board, kick = await lose_four_answers(oracle, cad.cloud)
        failures = {"operation": "create911Call", "reason": "reset"}
        await reach(daemon, 2, "cad_request_failures_total", **failures)
        await reach(daemon, 4, "outbox_events", state="pending")
        await daemon.process.kill()
        assert journal.of("getCalls") == [], "it looked before it was killed"
        cad.cloud.clear_faults()
        await daemon.start()
        await oracle.settle(within=TIMEOUT_SECONDS + 15.0)

        oracle.judge()
        states = [oracle.ends[event]["state"] for event in (made, lost, board, kick)]
        assert states == ["delivered", "delivered", "delivered", "failed"]
        assert [len(journal.of(f"create{sort}Call")) for sort in ("911", "Dispatch")] == [3, 1]
        assert len(journal.of("kickUnit")) == 1
        first_look = journal.of("getCalls")[0].monotonic
        assert first_look - journal.of("create911Call")[0].monotonic > TIMEOUT_SECONDS - 0.1
        await check_what_the_operator_sees(daemon, found=[made, board], absent=[lost])
        assert oracle.ends[kick]["error"].startswith("unclear: ")
        assert [line["id"] for line in said(daemon, "event failed")] == [kick]


async def check_what_the_operator_sees(daemon: Daemon, found: list[str], absent: list[str]) -> None:
    assert {line["id"] for line in said(daemon, "call found, it is not sent again")} == {*found}
    assert {line["id"] for line in said(daemon, "call not found, it is sent again")} == {*absent}
    await reach(daemon, 1, "cad_requests_total", operation="create911Call", code="200")
    await reach(daemon, 2, "events_delivered_total", server="server-1", kind="call_911")
    await reach(daemon, 1, "events_delivered_total", server="server-1", kind="dispatch_call")
    await reach(daemon, 1, "events_failed_total", server="server-1", kind="kick", reason="unclear")
    await reach(daemon, 0, "outbox_events", state="pending")
    await reach(daemon, 3, "outbox_events", state="delivered")
    await reach(daemon, 1, "outbox_events", state="failed")


@pytest.mark.parametrize("unclear", ["repeat", "fail"])
async def test_without_leave_to_look_the_configuration_decides(tmp_path: Path, unclear: str) -> None:
    settings = {"cad": {"timeout": "1s"}, "outbox": {"unclear": unclear}}
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, settings) as daemon:
        cad.cloud.cad.community.plan = Plan.STANDARD
        cad.cloud.faults.add(Drop(operation="create911Call", acts=True, times=1))
        oracle = Oracle(daemon, cad.cloud)
        [cut] = await oracle.push(example("call_911", "cut"))
        await until(lambda: bool(cad.cloud.journal.of("create911Call")), within=5.0)
        await oracle.push(example("call_911", "other"))
        await oracle.settle(within=15.0)
        # The answer stays: whoever may not look is not asked for every single call.
        cad.cloud.faults.add(Drop(operation="create911Call", acts=True, times=1))
        [again] = await oracle.push(example("call_911", "again"))
        await oracle.settle(within=15.0)

        oracle.judge(may_look=False)
        for event in (cut, again):
            made = [call for call in cad.cloud.cad.community.calls(time.time()) if is_of(call, event)]
            end = oracle.ends[event]
            assert end["state"] == ("delivered" if unclear == "repeat" else "failed")
            assert end.get("result") == (
                {"callId": made[-1].call_id, "unverified": True}
                if unclear == "repeat"
                else {"unverified": True}
            )
            assert len(made) == (2 if unclear == "repeat" else 1)
        await check_that_it_was_told(daemon, [cut, again], unclear)


def is_of(call: EmergencyCall, event: str) -> bool:
    return (call.content.meta_data or {})[MARK] == event


async def check_that_it_was_told(daemon: Daemon, events: list[str], unclear: str) -> None:
    [told] = said(daemon, "calls cannot be looked up")
    assert told["unclear"] == unclear
    assert "PLUS" in told["detail"]
    again = [line["id"] for line in said(daemon, "call sent again unverified, it may be there twice")]
    failed = [line["id"] for line in said(daemon, "event failed") if line["reason"] == "unclear"]
    assert (again, failed) == ((events, []) if unclear == "repeat" else ([], events))
    await reach(daemon, 1, "cad_requests_total", operation="getCalls", code="403")
    await reach(daemon, 2, "cad_request_failures_total", operation="create911Call", reason="reset")
    await reach(
        daemon, len(failed), "events_failed_total", server="server-1", kind="call_911", reason="unclear"
    )
    await reach(daemon, len(failed), "outbox_events", state="failed")


async def test_a_removal_that_the_cad_made_before_a_kill_is_no_failure(tmp_path: Path) -> None:
    """Asked once more, the CAD knows no such call: that is what was wanted."""
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        oracle, board = Oracle(daemon, cad.cloud), cad.cloud.cad.community.board
        one, other = await oracle.push(example("call_911", "one"), example("call_911", "other"))
        await oracle.settle(within=10.0)
        cad.cloud.faults.add(Drop(operation="remove911Call", acts=True, times=1))
        await oracle.push(example("call_911_remove", "one", call=one))
        await oracle.settle(within=10.0)
        oracle.judge()
        cad.cloud.faults.add(Hang(operation="remove911Call", acts=True, times=1))
        await oracle.push(example("call_911_remove", "other", call=other))
        await until(lambda: not board.emergency(cad.cloud.now()), within=5.0)
        await daemon.process.kill()
        cad.cloud.clear_faults()
        await daemon.start()
        await oracle.settle(within=10.0)

        oracle.judge()
        assert said(daemon, "event failed") == []
        removals = {"server": "server-1", "kind": "call_911_remove"}
        assert await daemon.metric("cad_bridge_events_delivered_total", **removals) == 1
        assert await daemon.metric("cad_bridge_events_failed_total", **removals, reason="not_found") == 0


@asynccontextmanager
async def daemon_on_a_slow_disk(folder: Path, cad: SimulatorServer) -> AsyncGenerator[Daemon]:
    """Run a daemon to which every fdatasync takes long."""
    slow = f"--inject=fdatasync:delay_enter={SLOW_SECONDS * 1000:.0f}ms"
    strace = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "--trace=fdatasync", slow)
    daemon = Daemon(folder, cad.url, {}, (1,))
    daemon.process = Running(folder, (*strace, *command(daemon)), "slow")
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.close()


async def kill_and_mend_the_disk(daemon: Daemon) -> None:
    """Kill a daemon on a slow disk and start it on one that takes its usual time."""
    await daemon.process.kill()
    daemon.process = Running(daemon.folder, command(daemon), "daemon")
    await daemon.start()


def command(daemon: Daemon) -> tuple[str, ...]:
    return (*BRIDGE, "run", "--config", str(daemon.config))


async def test_an_end_that_was_told_holds_after_a_kill(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_on_a_slow_disk(tmp_path, cad) as daemon:
        oracle = Oracle(daemon, cad.cloud)
        contents = [example("status", str(number), status=number % 5) for number in range(20)]
        events = await oracle.push(*contents)
        deadline = time.monotonic() + 15.0
        while not oracle.ends:
            assert time.monotonic() < deadline, "none was told"
            await oracle.look(events[0])
        told = dict(oracle.ends)
        slowness = await daemon.metric("cad_bridge_outbox_commit_seconds_sum")
        await kill_and_mend_the_disk(daemon)
        now = {event: await oracle.look(event) for event in told}
        await oracle.settle(within=10.0)

        assert now == told
        oracle.judge()
        assert slowness > SLOW_SECONDS
        await reach(daemon, 20, "outbox_events", state="delivered")


async def test_what_came_before_the_end_of_its_call_is_no_failure_after_a_kill(tmp_path: Path) -> None:
    """The call is gone when the daemon starts again: nothing about it that had arrived may come once more."""
    async with simulated_cad() as cad, daemon_on_a_slow_disk(tmp_path, cad) as daemon:
        oracle, board = Oracle(daemon, cad.cloud), cad.cloud.cad.community.board
        calls = await oracle.push(example("call_911", "one"), example("dispatch_call", "one"))
        await oracle.settle(within=15.0)
        await oracle.push(
            example("dispatch_note", "one", call=calls[0]),
            example("call_911_remove", "one", call=calls[0]),
            example("dispatch_attach", "one", call=calls[1]),
            example("dispatch_close", "one", calls=[calls[1]]),
        )
        now = cad.cloud.now
        await until(lambda: bool(board.ended(now()) or board.closed()), within=15.0)
        await kill_and_mend_the_disk(daemon)
        await oracle.settle(within=10.0)

        oracle.judge()
        assert said(daemon, "event failed") == []
        await reach(daemon, 6, "outbox_events", state="delivered")
        await reach(daemon, 0, "outbox_events", state="failed")
