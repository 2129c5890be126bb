import asyncio
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from bridge.players import DriveSummary, PanicRecord, World, drive
from tests.support.fake_bridge import TOKEN, Answerer, FakeBridge
from tests.support.hurried_clock import HurriedClock


class Drives:
    """Runs drives against one fake bridge."""

    def __init__(self, url: str, bridge: FakeBridge) -> None:
        self.url = url
        self.bridge = bridge
        self.clock = HurriedClock()
        self.progress: list[DriveSummary] = []
        self.panics: list[PanicRecord] = []

    async def run(
        self,
        world: World | None = None,
        *,
        token: str = TOKEN,
        rate_hz: float = 1.0,
        seconds: float | None = 10.0,
        settle_seconds: float = 5.0,
        stop: asyncio.Event | None = None,
    ) -> DriveSummary:
        return await drive(
            self.url,
            token,
            world or World(10, 1, panic_every=0),
            rate_hz=rate_hz,
            seconds=seconds,
            clock=self.clock,
            settle_seconds=settle_seconds,
            stop=stop,
            on_progress=self.progress.append,
            on_panic=self.panics.append,
        )


@pytest.fixture(name="bridge")
def _bridge() -> FakeBridge:
    return FakeBridge()


@pytest.fixture(name="drives")
async def _drives(aiohttp_server: AiohttpServer, bridge: FakeBridge) -> Drives:
    server = await aiohttp_server(bridge.app())
    return Drives(str(server.make_url("/")), bridge)


def first(number: int, answer: tuple[int, dict[str, Any]], after: Answerer) -> Answerer:
    """Answer the first requests one way, and the others another way."""
    left = [answer] * number

    def choose(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return left.pop() if left else after(body)

    return choose


async def test_pushes_come_at_their_rate_and_are_counted(drives: Drives, bridge: FakeBridge) -> None:
    summary = await drives.run(rate_hz=2.0, seconds=10.0)

    assert summary.pushes == len(bridge.pushes) == 20
    assert summary.accepted == sum(len(push["updates"]) for push in bridge.pushes)
    assert summary.seconds == pytest.approx(10.0, abs=0.6)
    assert summary.latency_p50 is not None
    assert summary.well
    assert bridge.most_under_way == 1


async def test_only_the_first_push_is_full_while_all_is_well(drives: Drives, bridge: FakeBridge) -> None:
    await drives.run(seconds=20.0)

    assert [index for index, push in enumerate(bridge.pushes) if push.get("full")] == [0]
    assert bridge.pushes[0]["players"] == 10


async def test_another_instance_is_pushed_everything_again(drives: Drives, bridge: FakeBridge) -> None:
    def restart(push: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        bridge.instance = "two" if len(bridge.pushes) >= 5 else "one"
        return bridge.accept_locations(push)

    bridge.on_locations = restart
    summary = await drives.run(seconds=10.0)

    assert [index for index, push in enumerate(bridge.pushes) if push.get("full")] == [0, 5]
    assert summary.restarts == 1
    assert summary.well


async def test_a_busy_bridge_is_left_alone_as_long_as_it_asks_and_then_pushed_everything(
    drives: Drives, bridge: FakeBridge
) -> None:
    times: list[float] = []

    def busy_second(push: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        times.append(drives.clock.now)
        if len(times) == 2:
            return 503, {"title": "busy", "retry_after": 4}
        return bridge.accept_locations(push)

    bridge.on_locations = busy_second
    summary = await drives.run(seconds=12.0)

    assert times[2] - times[1] >= 4
    assert [bool(push.get("full")) for push in bridge.pushes[:4]] == [True, False, True, False]
    assert summary.busy == 1
    assert summary.last_problem == "HTTP 503 (busy)"


async def test_a_refused_token_ends_the_drive_at_once(drives: Drives, bridge: FakeBridge) -> None:
    summary = await drives.run(
        World(10, 1, panic_every=1), token="another-token-of-24-characters", seconds=None
    )

    assert summary.token_refused
    assert summary.seconds == 0
    assert not summary.well
    assert summary.pushes == 0
    assert bridge.pushes == []


async def test_refused_pushes_and_rejected_records_are_counted(drives: Drives, bridge: FakeBridge) -> None:
    rejecting = 200, {"accepted": 9, "rejected": [{"index": 3, "reason": "id"}], "instance": "one", "api": 1}
    bridge.on_locations = first(
        1, (422, {"title": "no push", "detail": "at all"}), first(1, rejecting, bridge.accept_locations)
    )

    summary = await drives.run(seconds=5.0)

    assert (summary.refused, summary.rejected, summary.pushes) == (1, 1, 4)
    assert summary.last_problem == "HTTP 422 (no push: at all)"
    assert not summary.well


async def test_an_answer_that_is_no_bridges_is_an_error(drives: Drives, bridge: FakeBridge) -> None:
    bridge.on_locations = lambda _push: (200, {"accepted": "many"})

    summary = await drives.run(seconds=3.0)

    assert (summary.errors, summary.pushes) == (3, 0)
    assert summary.last_problem == "the answer is not that of a bridge"


async def test_a_bridge_that_is_away_is_tried_until_time_is_up(drives: Drives) -> None:
    drives.url = "http://127.0.0.1:1"

    summary = await drives.run(seconds=5.0)

    assert (summary.errors, summary.pushes) == (5, 0)
    assert summary.last_problem is not None
    assert not summary.well


async def test_panics_are_pushed_with_a_key_each_and_followed_to_the_cad(
    drives: Drives, bridge: FakeBridge
) -> None:
    summary = await drives.run(World(10, 1, panic_every=4), seconds=60.0)

    assert len(summary.panics) == len(bridge.panics) == len(set(bridge.keys)) > 10
    assert {one.state for one in summary.panics} == {"delivered"}
    assert {one.latency_seconds for one in summary.panics} == {0.25}
    assert {one.event_id for one in summary.panics} == set(bridge.states)
    assert [one.event_id for one in drives.panics] == list(bridge.states)
    assert summary.panics[0].pressed_at == pytest.approx(1_700_001_002.0, abs=2.0)


async def test_at_the_end_every_button_is_released(drives: Drives, bridge: FakeBridge) -> None:
    await drives.run(World(10, 1, panic_every=1), seconds=10.0)

    active: dict[str, bool] = {}
    for panic in bridge.panics:
        active[panic["id"]] = panic["active"]
    assert len(active) > 3
    assert not any(active.values())


async def test_a_panic_that_could_not_be_taken_comes_again_with_the_same_key(
    drives: Drives, bridge: FakeBridge
) -> None:
    bridge.on_panic = first(2, (503, {"title": "outbox full", "retry_after": 1}), bridge.accept_panic)

    summary = await drives.run(World(10, 1, panic_every=1_000), seconds=15.0)

    press, release = summary.panics
    assert (press.state, release.state) == ("delivered", "delivered")
    assert [panic["active"] for panic in bridge.panics] == [True, True, True, False]
    assert len(set(bridge.keys[:3])) == 1
    assert bridge.keys[3] != bridge.keys[0]


async def test_a_release_waits_for_its_press(drives: Drives, bridge: FakeBridge) -> None:
    bridge.on_panic = first(4, (503, {"title": "outbox full", "retry_after": 5}), bridge.accept_panic)

    summary = await drives.run(World(1, 1, panic_every=1_000), seconds=5.0, settle_seconds=60.0)

    assert [panic["active"] for panic in bridge.panics] == [True] * 5 + [False]
    assert summary.well


async def test_a_panic_refused_for_good_is_not_repeated(drives: Drives, bridge: FakeBridge) -> None:
    bridge.on_panic = lambda _panic: (422, {"title": "no such unit"})

    summary = await drives.run(World(10, 1, panic_every=1_000), seconds=5.0)

    assert [(one.state, one.error) for one in summary.panics] == [("refused", "HTTP 422 (no such unit)")] * 2
    assert len(bridge.panics) == 2
    assert not summary.well


async def test_a_panic_that_the_bridge_has_lost_is_told(drives: Drives, bridge: FakeBridge) -> None:
    bridge.on_panic = lambda _panic: (202, {"event": "nobody-knows"})

    summary = await drives.run(World(10, 1, panic_every=1_000), seconds=5.0)

    assert {one.state for one in summary.panics} == {"unknown"}
    assert not summary.well


async def test_an_undelivered_panic_is_waited_for_no_longer_than_it_may_take(
    drives: Drives, bridge: FakeBridge
) -> None:
    def accept_only(_panic: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        bridge.states["late"] = {"id": "late", "state": "pending", "accepted_at": 1.0}
        return 202, {"event": "late"}

    bridge.on_panic = accept_only
    summary = await drives.run(World(10, 1, panic_every=1_000), seconds=5.0, settle_seconds=3.0)

    assert {(one.state, one.latency_seconds) for one in summary.panics} == {("pending", None)}
    assert summary.seconds == pytest.approx(8.0, abs=1.0)


async def test_stop_ends_a_drive_without_end(drives: Drives, bridge: FakeBridge) -> None:
    stop = asyncio.Event()

    def count(push: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if len(bridge.pushes) == 7:
            stop.set()
        return bridge.accept_locations(push)

    bridge.on_locations = count
    summary = await drives.run(World(10, 1, panic_every=3), seconds=None, stop=stop)

    assert 6 <= summary.pushes <= 8
    assert sum(one.active for one in summary.panics) == sum(not one.active for one in summary.panics) > 0


async def test_progress_is_told_about_once_a_second(drives: Drives) -> None:
    summary = await drives.run(rate_hz=10.0, seconds=10.0)

    assert drives.progress[-1] == summary
    assert 8 <= len(drives.progress) <= 13
    assert [one.pushes for one in drives.progress] == sorted(one.pushes for one in drives.progress)


async def test_a_hung_bridge_does_not_hang_the_drive(aiohttp_server: AiohttpServer) -> None:
    hung, stop = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        stop.set()
        await hung.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/locations", hang)
    server = await aiohttp_server(app)
    drives = Drives(str(server.make_url("/")), FakeBridge())

    summary = await drives.run(seconds=None, stop=stop)

    hung.set()
    assert summary.pushes == 0
