"""Start, stop, and what keeps a daemon from starting."""

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest

from bridge.simulator.faults import Delay, Hang
from tests.support.daemon import Daemon, daemon_of, simulated_cad, until, update
from tests.support.process import Finished, cad_bridge


def plain_lines(finished: Finished) -> list[str]:
    """Return what a person is told: the lines that are no log."""
    return [line for line in finished.err.splitlines() if not line.startswith("{")]


async def try_to_run(daemon: Daemon) -> Finished:
    return await cad_bridge(daemon.folder, "run", "--config", str(daemon.config))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_0(tmp_path: Path, number: signal.Signals) -> None:
    units = [f"license:{unit}" for unit in range(20)]
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        cad.cloud.faults.add(Delay(operation="setUnitPanic", seconds=0.7))
        await asyncio.gather(*(daemon.push("/v1/panic", {"id": unit}) for unit in units))
        call = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"}
        await daemon.push("/v1/events", call)
        daemon.process.signal(number)
        code = await daemon.process.wait()

        assert code == 0, daemon.log
        community = cad.cloud.cad.community
        assert {unit for unit in units if unit in community.units and community.units[unit].is_panic} == set(
            units
        )
        assert len(community.calls(time.time())) == 1


async def test_a_draining_daemon_takes_no_pushes_and_says_so(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        cad.cloud.faults.add(Delay(operation="setUnitPanic", seconds=2.0, times=1))
        await daemon.push("/v1/panic", {"id": "license:1"})
        daemon.process.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        ready = await daemon.read("/readyz")

        assert ready.status == 503
        assert b"draining" in ready.body
        with pytest.raises(aiohttp.ClientConnectionError):
            await daemon.push("/v1/panic", {"id": "license:2"}, headers={"Connection": "close"})
        assert await daemon.process.wait() == 0
        assert cad.cloud.cad.community.units["license:1"].is_panic


async def test_a_last_batch_goes_out_before_the_end(tmp_path: Path) -> None:
    """No batch was due yet and none was sent, so the budget allows this one."""
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        await daemon.push("/v1/locations", [update("license:1", 500.0)])
        assert await daemon.stop() == 0

        [batch] = cad.cloud.journal.of("updateUnitLocations")
        assert msgspec.json.decode(batch.body)["updates"][0]["coordinates"]["x"] == 500.0


async def test_a_second_signal_ends_at_once_and_loses_nothing(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        cad.cloud.faults.add(Hang(operation="setUnitPanic"))
        panic = await daemon.push("/v1/panic", {"id": "license:1"})
        await until(lambda: bool(cad.cloud.journal.of("setUnitPanic")), within=3.0)
        daemon.process.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert not daemon.process.ended
        daemon.process.signal(signal.SIGTERM)
        started = time.monotonic()
        code = await daemon.process.wait(within=2.0)
        took = time.monotonic() - started
        cad.cloud.clear_faults()
        await daemon.start()
        [event] = await daemon.ended([panic.json["event"]], within=10.0)

        assert code != 0
        assert took < 1.0
        assert event["state"] == "delivered"


async def test_a_drain_ends_at_its_deadline(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, {"outbox": {"drain": "1s"}}) as daemon:
        cad.cloud.faults.add(Hang(operation="setUnitPanic"))
        await daemon.push("/v1/panic", {"id": "license:1"})
        started = time.monotonic()

        assert await daemon.stop() == 0
        assert time.monotonic() - started < 3.0


async def test_a_restart_is_told_by_another_instance(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        first = (await daemon.push("/v1/locations", b"")).json["instance"]
        again = (await daemon.push("/v1/locations", b"")).json["instance"]
        await daemon.stop()
        await daemon.start()
        after = (await daemon.push("/v1/locations", b"")).json["instance"]

        assert first == again
        assert first != after


async def test_a_bad_configuration_exits_2_with_a_line_for_each_problem(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[locations]\ninterval = "1s"\nmin_distence = 2.0\n'
        '[cad]\ncommunity_id = "examplecad"\napi_key_file = "no-such-file"\n'
        '[[servers]]\nid = "one"\nname = "main"\ntoken_file = "server-1.token"\n',
        encoding="utf-8",
    )
    (tmp_path / "server-1.token").write_text("too-short\n", encoding="utf-8")
    for command in ("run", "check"):
        finished = await cad_bridge(tmp_path, command, "--config", str(config))

        lines = finished.err.splitlines()
        assert finished.code == 2
        assert finished.out == ""
        assert len(lines) == 5, finished.err
        assert all(line.startswith("bridge.toml: ") for line in lines), finished.err
        for key in (
            "locations.interval:",
            "min_distence",
            "cad.api_key_file:",
            "servers[0].id:",
            "token_file:",
        ):
            assert sum(key in line for line in lines) == 1, (key, finished.err)
        assert "too-short" not in finished.err


async def test_a_configuration_that_is_not_there_exits_2_with_one_line(tmp_path: Path) -> None:
    finished = await cad_bridge(tmp_path, "run", "--config", str(tmp_path / "missing.toml"))

    assert finished.code == 2
    assert len(finished.err.splitlines()) == 1
    assert "missing.toml" in finished.err


async def test_a_taken_port_exits_1_with_one_clear_line(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path / "one", cad) as one, daemon_of(
        tmp_path / "two", cad
    ) as two:  # fmt: skip
        await two.stop()
        usual = two.config.read_text(encoding="utf-8")
        for taken, own in ((one.port, two.port), (one.admin_port, two.admin_port)):
            two.config.write_text(usual.replace(f":{own}", f":{taken}"), encoding="utf-8")
            finished = await try_to_run(two)

            assert finished.code == 1
            [line] = plain_lines(finished)
            assert str(taken) in line
            assert "Traceback" not in finished.err


async def test_an_outbox_held_by_another_daemon_exits_1_with_one_clear_line(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path / "one", cad) as one:
        path = {"outbox": {"path": str(one.folder / "outbox.sqlite3")}}
        async with daemon_of(tmp_path / "two", cad) as two:
            await two.stop()
            other = Daemon(tmp_path / "two", cad.url, path, (1,))
            finished = await try_to_run(other)
            await other.close()

        assert finished.code == 1
        [line] = plain_lines(finished)
        assert "outbox.sqlite3" in line
        assert "Traceback" not in finished.err
        assert (await one.push("/v1/panic", {"id": "license:1"})).status == 202
