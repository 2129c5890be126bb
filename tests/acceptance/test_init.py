"""From nothing to a bridge at work, by ``cad-bridge init`` alone, as a person and as a script has it."""

import asyncio
import re
import shlex
import stat
from pathlib import Path

import aiohttp
import pytest

from tests.support.daemon import API_KEY, simulated_cad, until, update
from tests.support.ports import free_port
from tests.support.process import BRIDGE, Finished, cad_bridge, running
from tests.support.terminal import terminal

WIDTH = 30.0  # seconds for what takes one


async def set_up(folder: Path, url: str, *options: str) -> Finished:
    """Set up a bridge by options, as a script does."""
    key = folder / "the-key"
    key.write_text(API_KEY)
    given = ("--community-id", "examplecad", "--api-key-file", str(key), "--base-url", url)
    return await cad_bridge(folder, "init", "--dir", str(folder / "bridge"), *given, *options, within=WIDTH)


def convar(name: str, text: str) -> str:
    found = re.search(rf'^ +set {name} "([^"]+)"$', text, re.MULTILINE)
    assert found, text
    return found[1]


async def push(url: str, token: str, x: float) -> int:
    body = {"updates": [update("license:1", x)], "full": True}
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/locations", json=body, headers=headers) as response,
    ):
        return response.status


async def healthy(admin: str, within: float) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(int(within * 20)):
            try:
                async with session.get(f"{admin}/healthz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError("the daemon does not get ready")


@pytest.mark.timeout(150)
async def test_what_init_prints_leads_to_a_position_on_the_map(tmp_path: Path) -> None:
    push_door, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    async with simulated_cad() as cad:
        done = await set_up(tmp_path, cad.url, "--server", "1:main", "--bind", push_door, "--admin", admin)
        assert done.code == 0, done.err
        url, token = convar("cad_bridge_url", done.out), convar("cad_bridge_token", done.out)
        commands = [shlex.split(line) for line in done.out.splitlines() if line.startswith("     /")]
        run, status = commands[0], commands[-1]
        assert "run" in run
        assert "status" in status

        async with running(tmp_path, *run, name="daemon") as daemon:
            await healthy(f"http://{admin}", WIDTH)
            assert await push(url, token, 1.0) == 200
            assert await push(url, "x" * 43, 2.0) == 401
            await until(lambda: "license:1" in cad.cloud.cad.community.units, WIDTH)
            async with running(tmp_path, *status, name="status") as shown:
                assert await shown.wait(WIDTH) == 0, shown.err
            assert "main" in shown.out
            assert not daemon.ended

    assert API_KEY not in done.out + done.err


async def test_once_more_adds_a_server_to_a_file_that_was_edited_by_hand(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        await set_up(tmp_path, cad.url, "--server", "1:main", "--offline")
        toml = tmp_path / "bridge" / "bridge.toml"
        edited = b"\xef\xbb\xbf# mine\r\n" + toml.read_bytes().replace(b"\n", b"\r\n") + b"# the end"
        toml.write_bytes(edited)

        added = await cad_bridge(tmp_path, "init", "--dir", str(tmp_path / "bridge"), "--server", "2:second")
        refused = await cad_bridge(tmp_path, "init", "--dir", str(tmp_path / "bridge"), "--server", "2:third")
        checked = await cad_bridge(tmp_path, "check", "--config", str(toml), "--online")

    assert (added.code, refused.code, checked.code) == (0, 2, 0), added.err + checked.err
    assert toml.read_bytes().startswith(edited)
    assert (
        convar("cad_bridge_token", added.out) == (tmp_path / "bridge" / "server-2.token").read_text().strip()
    )
    assert "server 2 (second)" in checked.out


async def test_a_refused_key_and_a_cad_that_is_away_keep_the_files_and_say_how_to_go_on(
    tmp_path: Path,
) -> None:
    away = await set_up(tmp_path, "http://127.0.0.1:9", "--server", "1:main")
    toml = tmp_path / "bridge" / "bridge.toml"

    assert away.code == 1
    assert "gives no answer" in away.err
    assert away.err.rstrip().endswith(f"check --config {toml} --online")
    assert convar("cad_bridge_token", away.out)
    for name in ("api-key", "server-1.token"):
        assert stat.S_IMODE((toml.parent / name).stat().st_mode) == 0o600


async def test_a_person_is_asked_and_the_key_is_never_seen(tmp_path: Path) -> None:
    folder = tmp_path / "bridge"
    async with (
        simulated_cad() as cad,
        terminal(*BRIDGE, "init", "--dir", str(folder), "--base-url", cad.url) as person,
    ):
        await person.answer("Community id", "examplecad\n")
        await person.answer_unseen("API key", "Wr0ng-made-up-key\n")
        await person.answer_unseen("API key once more", f"{API_KEY}\n")
        await person.answer("Which of them", "1\n")
        await person.answer("[Y/n]", "\n")
        code = await person.end()

    assert code == 0, person.shown
    assert "The CAD refuses this key" in person.shown
    assert API_KEY not in person.shown
    assert "Wr0ng" not in person.shown
    assert (folder / "api-key").read_text() == f"{API_KEY}\n"
    assert person.shown.count((folder / "server-1.token").read_text().strip()) == 1


@pytest.mark.parametrize("answers", range(5))
async def test_ctrl_c_at_any_question_leaves_nothing(tmp_path: Path, answers: int) -> None:
    questions = ["Community id", "API key", "Its number", "A short name", "[Y/n]"]
    typed = ["examplecad\n", f"{API_KEY}\n", "1\n", "main\n"]
    async with terminal(*BRIDGE, "init", "--dir", str(tmp_path / "bridge"), "--offline") as person:
        for question, answer in list(zip(questions, typed, strict=False))[:answers]:
            unseen = question == "API key"
            await (person.answer_unseen if unseen else person.answer)(question, answer)
        code = await person.interrupt(questions[answers])

    assert code == 1, person.shown
    assert "Nothing was written." in person.shown
    assert "Traceback" not in person.shown
    assert list(tmp_path.iterdir()) == []
