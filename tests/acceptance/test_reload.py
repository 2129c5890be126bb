"""Reading the configuration again: by SIGHUP, by ``cad-bridge reload`` and at the admin door, with the real process."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.daemon import ADMIN_TOKEN, API_KEY, TOKENS, Daemon, daemon_of, simulated_cad, until, update
from tests.support.ports import free_port
from tests.support.process import Finished, cad_bridge

UNIT = "license:0123456789abcdef0123456789abcdef01234567"
BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}

pytestmark = pytest.mark.timeout(90)


def edit(daemon: Daemon, old: str, new: str) -> None:
    text = daemon.config.read_text(encoding="utf-8")
    assert old in text
    daemon.config.write_text(text.replace(old, new), encoding="utf-8")


def add_second_server(daemon: Daemon) -> None:
    with daemon.config.open("a", encoding="utf-8") as file:
        file.write('\n[[servers]]\nid = 2\nname = "second"\ntoken_file = "server-2.token"\n')


async def reload(daemon: Daemon) -> Finished:
    return await cad_bridge(daemon.folder, "reload", "--config", str(daemon.config))


async def test_the_command_tells_what_changed_and_what_waits_for_a_restart(tmp_path: Path) -> None:
    async with (
        simulated_cad() as cad,
        daemon_of(tmp_path, cad, {"outbox": {"path": "outbox.sqlite3"}}) as daemon,
    ):
        add_second_server(daemon)
        edit(daemon, '"outbox.sqlite3"', '"other.sqlite3"')
        assert (await daemon.push("/v1/locations", [], server=2)).status == 401

        done = await reload(daemon)

        assert (done.code, done.err) == (0, "")
        assert "servers.2: - → second" in done.out
        assert "outbox.path: " in done.out
        assert "stays until the daemon is restarted" in done.out
        assert (await daemon.push("/v1/locations", [], server=2)).status == 200
        assert not (tmp_path / "other.sqlite3").exists()
        assert TOKENS[2] not in daemon.log + done.out


async def test_a_hangup_reads_the_file_again_and_ends_nothing(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        add_second_server(daemon)

        daemon.process.signal(signal.SIGHUP)
        await until(lambda: "configuration reloaded" in daemon.log, within=10.0)

        assert (await daemon.push("/v1/locations", [], server=2)).status == 200
        assert await daemon.stop() == 0


async def test_a_bad_file_changes_nothing_and_every_way_says_what_is_wrong(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        add_second_server(daemon)
        edit(daemon, "id = 2", 'id = "two"')

        told = await reload(daemon)
        answer = await daemon.ask("POST", f"{daemon.admin_url}/reload", b"{}", BEARER)
        daemon.process.signal(signal.SIGHUP)
        await until(lambda: daemon.log.count("reload refused, nothing changed") == 3, within=10.0)

        assert (told.code, told.out) == (2, "")
        assert "bridge.toml: servers[1].id: " in told.err
        assert answer.status == 422
        assert "bridge.toml: servers[1].id: " in answer.json["detail"]
        assert (await daemon.push("/v1/locations", [update(UNIT, 1.0)])).status == 200
        assert await daemon.metric("cad_bridge_config_last_reload_successful") == 0


async def test_the_right_key_lets_everything_go_that_a_refused_one_held(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        daemon = Daemon(tmp_path, cad.url, {}, (1,))
        (tmp_path / "api-key").write_text("made-up-key-that-is-not-the-one\n", encoding="utf-8")
        try:
            await daemon.start()
            event = (await daemon.push("/v1/panic", {"id": UNIT})).json["event"]
            await until(lambda: "API key refused, everything is held" in daemon.log, within=15.0)
            (tmp_path / "api-key").write_text(API_KEY + "\n", encoding="utf-8")

            done = await reload(daemon)
            (ended,) = await daemon.ended([event], within=15.0)

            assert done.out == "cad.api_key_file: *** → ***\n"
            assert ended["state"] == "delivered"
            assert API_KEY not in daemon.log
        finally:
            await daemon.close()


async def test_changing_needs_the_token_and_no_page_can_do_it(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        url = f"{daemon.admin_url}/reload"
        without = await daemon.ask("POST", url, b"{}", {"Content-Type": "application/json"})
        foreign = await daemon.ask("POST", url, b"{}", {**BEARER, "Origin": "https://evil.example"})
        read = await daemon.ask("GET", url, headers=BEARER)

        assert (without.status, foreign.status, read.status) == (401, 403, 405)
        assert "configuration reloaded" not in daemon.log


async def test_nothing_accepted_is_lost_and_no_push_refused_under_a_storm_of_reloads(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        events: list[str] = []
        statuses: set[int] = set()

        async def push() -> None:
            for number in range(150):
                answer = await daemon.push(
                    "/v1/events", {"type": "status", "ids": [f"unit-{number}"], "status": 2}
                )
                statuses.add(answer.status)
                events.extend(answer.json["events"])
                statuses.add((await daemon.push("/v1/locations", [update(UNIT, float(number))])).status)
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(push())
            for number in range(25):
                text = daemon.config.read_text(encoding="utf-8").partition("\n[locations]")[0]
                daemon.config.write_text(
                    f'{text}\n[locations]\ninterval = "{6 + number % 3}s"\n', encoding="utf-8"
                )
                daemon.process.signal(signal.SIGHUP)
                await asyncio.sleep(0.05)

        assert statuses == {202, 200}
        assert len(events) == 150
        outbox = (await daemon.status())["outbox"]
        assert (
            sum(outbox[state] for state in ("pending", "delivered", "failed", "superseded", "expired")) == 150
        )
        assert daemon.log.count("configuration reloaded") >= 2


async def test_a_hangup_while_it_starts_ends_nothing(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        daemon = Daemon(tmp_path, cad.url, {}, (1,))
        try:
            await daemon.process.start()
            while "daemon ready" not in daemon.log:
                assert not daemon.process.ended
                if handles_hangups(daemon.process.pid):
                    daemon.process.signal(signal.SIGHUP)
                await asyncio.sleep(0.02)
            daemon.process.signal(signal.SIGHUP)
            await until(lambda: "configuration reloaded" in daemon.log, within=15.0)

            assert not daemon.process.ended
            assert (await daemon.push("/v1/locations", [])).status == 200
        finally:
            await daemon.close()


def handles_hangups(pid: int) -> bool:
    """Tell whether a SIGHUP would be heard or ignored; before Python says either, nobody can be asked to wait."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool((int(fields["SigCgt"], 16) | int(fields["SigIgn"], 16)) & 1)


async def test_a_new_admin_token_is_taken_by_the_command_that_brings_it(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, {"admin": {"token_file": ""}}) as daemon:
        (tmp_path / "second.token").write_text("Adm6-made-up-second-token-of-the-door\n", encoding="utf-8")
        (tmp_path / "second.token").chmod(0o600)
        edit(daemon, 'token_file = ""', 'token_file = "second.token"')

        done = await reload(daemon)

        assert (done.code, "admin.token_file: - → ***" in done.out) == (0, True), done.err
        assert (await reload(daemon)).out == "nothing has changed\n"


async def test_where_the_admin_door_has_moved_in_the_file_the_command_says_what_to_do(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        edit(daemon, f'"127.0.0.1:{daemon.admin_port}"', f'"127.0.0.1:{free_port()}"')

        lost = await reload(daemon)
        named = await cad_bridge(
            tmp_path, "reload", "--config", str(daemon.config), "--admin", daemon.admin_url
        )

        assert (lost.code, "name the former address with --admin" in lost.err) == (1, True)
        assert (named.code, "admin.bind: " in named.out) == (0, True), named.err
        assert "stays until the daemon is restarted" in named.out
