"""What readiness, status and metrics tell of a daemon's state."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge import __version__
from bridge.app.parts import Parts
from bridge.app.view import View
from bridge.clock import SystemClock
from bridge.config import CmsConfig, OutboxConfig, Proxy, Secret
from bridge.errors import StoreError
from bridge.events import Panic
from bridge.fleet import Probe
from bridge.simulator.faults import Answer, RefuseKey, RefuseUnits
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.cad_requests import NOON
from tests.support.running_daemon import UNIT, Running, daemon_config, locations, samples, with_daemon
from tests.support.stepping_clock import SteppingClock
from tests.support.tls import Authority

KEY_REFUSED = "key refused: the CAD does not accept cad.api_key_file; everything is held"
CAD_DOWN = "CAD down: it does not answer"


class Still:
    """A daemon's parts that nobody started, and a view of them."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppingClock()
        self.parts = Parts(daemon_config(folder), self.clock)
        self.view = View(self.parts)

    def sample(self, name: str, **labels: str) -> float:
        return samples(self.view.render_metrics())[name, tuple(sorted(labels.items()))]

    def put(self, *units: str, server: int = 1) -> None:
        reports = [LocationReport(unit_id=UnitId(unit), x=1.0, y=2.0) for unit in units]
        now = self.clock.monotonic()
        self.parts.fleet.pushed(ServerId(server), now, 42)
        self.parts.coalescer.put(ServerId(server), reports, now)


@pytest.fixture(name="still")
def _still(tmp_path: Path) -> Still:
    return Still(tmp_path)


# Readiness


def test_a_fresh_daemon_is_ready_without_reasons(still: Still) -> None:
    readiness = still.view.readiness()

    assert (readiness.ready, readiness.reasons) == (True, [])


def test_a_cad_that_is_merely_down_is_a_reason_of_a_ready_daemon(still: Still) -> None:
    for _ in range(3):
        still.parts.breaker.failed("connect")

    readiness = still.view.readiness()

    assert (readiness.ready, readiness.reasons) == (True, [CAD_DOWN])


def test_a_proxy_that_lets_nothing_through_is_named(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)
    proxy = Proxy(url="http://proxy.example.com:3128", login=Secret("me:made-up"))
    parts = Parts(replace(config, cad=replace(config.cad, proxy=proxy)), SteppingClock())
    for _ in range(3):
        parts.breaker.failed("proxy")

    assert View(parts).readiness().reasons == [
        "CAD down: http://proxy.example.com:3128 (cad.proxy) lets nothing through"
    ]


def test_a_certificate_that_ends_soon_or_cannot_be_renewed_is_a_reason_of_a_ready_daemon(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    authority.issue(days=5.5)
    config = daemon_config(tmp_path)
    listener = replace(config.listener, tls_cert_file=authority.certificate, tls_key_file=authority.key)
    parts = Parts(replace(config, listener=listener), SystemClock())
    authority.key.write_text("half a")
    assert parts.certificate is not None
    parts.certificate.look()

    readiness = View(parts).readiness()

    assert readiness.ready
    soon, unused = readiness.reasons
    assert soon.startswith("listener: the certificate expires on ")
    assert unused.startswith(
        "listener: the new certificate is not used, the former one is shown: listener.tls_"
    )


def test_a_refused_key_makes_it_unready_until_it_is_accepted(still: Still) -> None:
    still.parts.breaker.refuse_key()
    refused = still.view.readiness()
    still.parts.breaker.accept_key()

    assert (refused.ready, refused.reasons) == (False, [KEY_REFUSED])
    assert still.view.readiness().ready


def test_what_is_wrong_with_the_cms_is_a_reason_of_a_ready_daemon(tmp_path: Path) -> None:
    section = CmsConfig(community_id="examplecms", api_key=Secret("made-up-key-of-the-cms"))
    parts = Parts(daemon_config(tmp_path, cms=section), SteppingClock())
    view = View(parts)
    assert parts.cms is not None
    assert view.readiness().reasons == []

    for _ in range(3):
        parts.cms.breaker.failed("connect")
    down = view.readiness()
    parts.cms.breaker.refuse_key()
    refused = view.readiness()

    assert (down.ready, down.reasons) == (True, ["CMS down: it does not answer"])
    assert refused.ready
    assert refused.reasons == ["CMS key refused: it does not accept cms.api_key_file; clockings are held"]


def test_every_reason_is_told(still: Still, monkeypatch: pytest.MonkeyPatch) -> None:
    still.view.draining = True
    still.parts.store.error = "disk full"
    monkeypatch.setattr(type(still.parts.outbox), "full", True)
    still.parts.breaker.refuse_key()
    for _ in range(3):
        still.parts.breaker.failed("connect")

    readiness = still.view.readiness()

    assert not readiness.ready
    assert readiness.reasons == [
        "draining: the daemon is stopping",
        "store unwritable: disk full",
        "store full: as many events wait as outbox.max_events allows",
        KEY_REFUSED,
        CAD_DOWN,
    ]


@pytest.mark.parametrize("fault", ["draining", "store", "full"])
def test_each_reason_alone_makes_it_unready(
    still: Still, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "draining":
        still.view.draining = True
    elif fault == "store":
        still.parts.store.error = "disk full"
    else:
        monkeypatch.setattr(type(still.parts.outbox), "full", True)

    readiness = still.view.readiness()

    assert not readiness.ready
    assert len(readiness.reasons) == 1
    status = still.view.status()
    assert (status.ready, status.reasons) == (False, readiness.reasons)


def test_a_full_outbox_makes_it_unready_and_status_tells_what_waits(tmp_path: Path) -> None:
    outbox = OutboxConfig(path=tmp_path / "outbox.sqlite3", max_events=10)

    async def story(seen: Running) -> None:
        seen.cloud.faults.add(Answer(status=503))
        pushed_at = seen.clock.wall()
        for number in range(9):
            await seen.push("/v1/panic", {"id": f"license:{number}"})
        await seen.clock.sleep(20)

        assert await seen.read("/readyz") == (
            503,
            {
                "ready": False,
                "reasons": ["store full: as many events wait as outbox.max_events allows", CAD_DOWN],
            },
        )
        status = seen.daemon.view.status()
        assert status.outbox.pending == 9
        assert status.outbox.oldest_pending_at == pytest.approx(pushed_at, abs=0.5)
        assert seen.sample("outbox_events", state="pending") == 9
        assert seen.sample("outbox_oldest_pending_timestamp_seconds") == pytest.approx(pushed_at, abs=0.5)
        assert seen.sample("cad_up") == 0
        assert status.cad.up is False

    with_daemon(daemon_config(tmp_path, outbox=outbox), story)


# The game servers and their units


def test_units_and_what_waits_are_told_by_server(still: Still) -> None:
    still.put("license:1", "license:2")
    still.put("license:3", server=2)

    status = still.view.status()

    assert (status.locations.units, status.locations.pending) == (3, 3)
    assert [(one.name, one.units, one.pending) for one in status.servers] == [
        ("main", 2, 2),
        ("second", 1, 1),
    ]
    for server, units in (("main", 2), ("second", 1)):
        assert still.sample("units", server=server) == units
        assert still.sample("units_pending", server=server) == units


def test_a_server_that_never_pushed_is_silent(still: Still) -> None:
    server = still.view.status().servers[0]

    assert (server.state, server.last_push_at, server.players, server.heartbeat_at) == (
        "silent",
        None,
        None,
        None,
    )
    assert still.sample("game_server_up", server="main") == 0
    assert still.sample("game_server_state", server="main", state="silent") == 1
    assert still.sample("last_push_timestamp_seconds", server="main") == 0
    assert still.sample("players", server="main") == 0


def test_a_server_that_pushes_is_up_with_its_players(still: Still) -> None:
    still.put("license:1")
    still.clock.now += 2

    server = still.view.status().servers[0]

    assert (server.id, server.state, server.players, server.last_push_at) == (1, "up", 42, NOON)
    assert still.sample("game_server_up", server="main") == 1
    assert still.sample("players", server="main") == 42
    assert still.sample("last_push_timestamp_seconds", server="main") == NOON


@pytest.mark.parametrize(
    ("pushed_ago", "players", "state", "up"),
    [
        (2.0, None, "up", 1),
        (10.0, None, "hitching", 1),
        (20.0, None, "silent", 0),
        (None, 7, "resource_silent", 1),
    ],
)
def test_each_state_of_a_game_server_is_one_series(
    still: Still, pushed_ago: float | None, players: int | None, state: str, up: int
) -> None:
    if pushed_ago is not None:
        still.put("license:1")
        still.clock.now += pushed_ago
    still.parts.fleet[ServerId(1)].probed(Probe(at=still.clock.monotonic(), players=players, seconds=0.1))

    states = {
        name: still.sample("game_server_state", server="main", state=name)
        for name in ("up", "hitching", "resource_silent", "silent")
    }

    assert states == dict.fromkeys(states, 0) | {state: 1}
    assert still.sample("game_server_up", server="main") == up
    assert still.view.status().servers[0].state == state


def test_a_heartbeat_is_told(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        await seen.push("/v1/locations", locations(UNIT))
        await seen.clock.sleep(10)
        (beat,) = seen.received("heartbeat")

        status = seen.daemon.view.status()

        assert status.servers[0].heartbeat_at == pytest.approx(beat.wall, abs=0.5)
        assert seen.sample("heartbeats_total", server="main") == 1

    with_daemon(daemon_config(tmp_path), story)


# Batches


def test_the_next_and_the_last_batch_are_told(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.cad.community.known_units = frozenset({UNIT})
        started = seen.clock.wall()
        assert seen.daemon.view.status().locations.last_batch is None
        await seen.push("/v1/locations", locations(UNIT, "license:stranger"))
        await seen.clock.sleep(6)

        status = seen.daemon.view.status()

        last = status.locations.last_batch
        assert last is not None
        assert (last.server, last.units, last.updated, last.reason) == ("main", 2, 1, None)
        assert last.at == pytest.approx(started + 5.05, abs=0.2)
        assert last.lag_seconds == pytest.approx(5.05, abs=0.2)
        assert status.locations.interval == 5.05
        assert status.locations.next_batch_at == pytest.approx(started + 10.1, abs=0.2)
        assert status.servers[0].unmatched == 1
        assert status.locations.pending == 0

    with_daemon(daemon_config(tmp_path), story)


def test_a_refused_batch_names_its_reason_and_the_unit_that_is_set_aside(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(RefuseUnits(units=frozenset({UNIT})))
        await seen.push("/v1/locations", locations(UNIT))
        await seen.clock.sleep(6)

        told = seen.daemon.view.status().locations

        assert told.last_batch is not None
        assert told.last_batch.reason == "bad_request"
        assert [one.unit for one in told.set_aside] == [UNIT]
        assert told.set_aside[0].until == pytest.approx(seen.clock.wall() + 600, abs=2)

    with_daemon(daemon_config(tmp_path), story)


# The CAD and the events


def test_the_cad_its_key_and_its_budgets_are_told(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        await seen.push("/v1/panic", {"id": UNIT})
        await seen.clock.sleep(1)

        cad = seen.daemon.view.status().cad

        assert (cad.up, cad.key, cad.plan) == (True, "accepted", "PRO")
        assert cad.last_answer_at == pytest.approx(seen.clock.wall(), abs=1.5)
        assert (cad.budgets["setUnitPanic"].limit, cad.budgets["setUnitPanic"].remaining) == (20, 19)
        assert seen.sample("cad_budget_remaining", operation="setUnitPanic") == 19
        assert seen.sample("cad_budget_remaining", operation="heartbeat") == 10
        assert seen.sample("cad_up") == 1

    with_daemon(daemon_config(tmp_path), story)


def test_nothing_is_known_of_the_cad_before_its_first_answer(still: Still) -> None:
    cad = still.view.status().cad

    assert (cad.up, cad.key, cad.plan, cad.last_answer_at) == (None, "unknown", None, None)
    assert still.sample("cad_up") == 0


def test_a_refused_key_is_told_everywhere(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(RefuseKey())
        await seen.clock.sleep(1)

        assert seen.daemon.view.status().cad.key == "refused"
        assert await seen.read("/readyz") == (503, {"ready": False, "reasons": [KEY_REFUSED]})
        assert seen.sample("cad_up") == 1  # it answers

    with_daemon(daemon_config(tmp_path), story)


def test_panics_and_failures_are_told_newest_first(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.cad.community.known_units = frozenset({UNIT})
        first = await seen.push("/v1/panic", {"id": UNIT})
        await seen.clock.sleep(2)
        second = await seen.push("/v1/panic", {"ids": ["license:7", "license:8"], "active": False})
        await seen.clock.sleep(2)
        third = await seen.push("/v1/panic", {"ids": ["license:9"]})
        await seen.clock.sleep(2)

        status = seen.daemon.view.status()

        assert [one.id for one in status.panics] == [third["event"], second["event"], first["event"]]
        assert [(one.active, one.units, one.state) for one in status.panics] == [
            (True, 1, "failed"),
            (False, 2, "failed"),
            (True, 1, "delivered"),
        ]
        assert status.panics[0].latency_seconds is None
        assert status.panics[2].latency_seconds is not None
        assert status.panics[2].latency_seconds < 0.5
        outbox = status.outbox
        assert (outbox.delivered, outbox.failed, outbox.pending, outbox.oldest_pending_at) == (1, 2, 0, None)
        assert [one.id for one in outbox.recent_failures] == [third["event"], second["event"]]
        assert outbox.recent_failures[0].kind == "panic"
        assert outbox.recent_failures[0].error == "no_unit: the CAD knows none of the units"
        assert seen.sample("outbox_events", state="failed") == 2
        assert seen.sample("outbox_oldest_pending_timestamp_seconds") == 0

    with_daemon(daemon_config(tmp_path), story)


def test_a_disk_that_fails_is_told_until_it_works_again(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        await seen.clock.sleep(1)
        connection = seen.parts.store._connection
        assert connection is not None
        connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError):
            await seen.parts.outbox.append(ServerId(1), [Panic(ids=(UnitId(UNIT),))])

        status, told = await seen.read("/readyz")
        assert (status, told["ready"]) == (503, False)
        (reason,) = told["reasons"]
        assert reason.startswith("store unwritable: ")
        assert reason.endswith("attempt to write a readonly database")

        await seen.clock.sleep(11)
        assert (await seen.read("/readyz"))[0] == 503
        connection.execute("PRAGMA query_only = OFF")
        await seen.clock.sleep(6)
        assert (await seen.read("/readyz"))[0] == 200

    with_daemon(daemon_config(tmp_path), story)


def test_the_daemon_says_who_it_is(still: Still) -> None:
    status = still.view.status()

    assert (status.version, status.instance, status.started_at) == (__version__, still.parts.instance, NOON)
    assert still.sample("build_info", version=__version__) == 1


# The verdict


def test_the_verdict_sums_up_what_is_told(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        await seen.push("/v1/locations", locations(UNIT))
        await seen.clock.sleep(1)
        seen.parts.fleet[ServerId(2)].pushed(seen.clock.monotonic(), 1)
        well = seen.daemon.view.status()
        seen.daemon.view.reload_refused, seen.daemon.view.loop_lag = True, 3.0
        warned = seen.daemon.view.status()

        assert well.verdict is not None
        assert well.verdict.sentence == "All is well: 2 servers, 1 unit, the CAD answers."
        assert well.now == seen.clock.wall()
        assert warned.verdict is not None
        assert [problem.level for problem in warned.verdict.problems] == ["warning", "warning"]
        assert (warned.reload_refused, warned.loop_lag) == (True, 3.0)

    with_daemon(daemon_config(tmp_path), story)


def test_what_the_next_batch_holds_and_what_waits_are_told(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(Answer(status=503, operation="setUnitPanic"))
        assert seen.daemon.view.status().locations.next_batch is None
        await seen.push("/v1/locations", locations(UNIT, "license:2"))
        await seen.push("/v1/panic", {"ids": [UNIT, "license:2"]})
        await seen.clock.sleep(2)

        status = seen.daemon.view.status()

        batch = status.locations.next_batch
        assert batch is not None
        assert (batch.server, batch.units, batch.panicking) == ("main", 2, True)
        assert status.outbox.waiting == {"panic": 2}
        assert "503" in status.outbox.hindrance

    with_daemon(daemon_config(tmp_path), story)


def test_why_events_failed_is_told(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(Answer(status=422, operation="setUnitPanic"))
        await seen.push("/v1/panic", {"id": UNIT})
        await seen.clock.sleep(2)

        outbox = seen.daemon.view.status().outbox

        assert outbox.reasons == {"failed": {"unprocessable": 1}}
        assert outbox.recent_failures[0].ended_at >= outbox.recent_failures[0].at

    with_daemon(daemon_config(tmp_path), story)
