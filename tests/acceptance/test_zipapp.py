"""The program in one file, where there is Python and nothing else: no packages, no variables, hardly a home."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bridge import __version__
from deploy.package.zipapp import build
from tests.support.daemon import Daemon, simulated_cad
from tests.support.process import Running

PYTHON = str(Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}"))  # knows none of our packages
SECONDS = 120.0  # far more than a command takes
NOBODY = 65534
VERSION = f"cad-bridge, version {__version__}\n"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Make a folder that every user reads, with the file in a folder that nobody writes."""
    with tempfile.TemporaryDirectory(prefix="zipapp-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        build(folder / "installed" / "cad-bridge.pyz")
        (folder / "installed").chmod(0o555)
        yield folder
        (folder / "installed").chmod(0o755)


def execute(
    place: Path, *arguments: str, environ: Mapping[str, str], nobody: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the file with these variables alone, as somebody without rights if that is asked for and can be done."""
    account: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    return subprocess.run(
        [PYTHON, str(place / "installed/cad-bridge.pyz"), *arguments],
        env=dict(environ),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **(account if nobody and os.geteuid() == 0 else {}),
    )


def folder_for_all(place: Path, name: str) -> Path:
    made = place / name
    made.mkdir()
    made.chmod(0o777 | stat.S_ISVTX)
    return made


def test_the_python_it_is_tried_with_has_none_of_our_packages() -> None:
    done = subprocess.run([PYTHON, "-I", "-c", "import aiohttp"], capture_output=True, check=False)

    assert b"ModuleNotFoundError" in done.stderr


def test_it_unpacks_once_into_the_cache_of_whoever_runs_it(place: Path) -> None:
    home = folder_for_all(place, "home")
    environ = {"HOME": str(home)}

    first = execute(place, "--version", environ=environ, nobody=True)
    unpacked = list((home / ".cache/cad-bridge-unpacked").iterdir())
    second = execute(place, "--version", environ=environ, nobody=True)

    assert (first.stdout, second.stdout) == (VERSION, VERSION), first.stderr + second.stderr
    assert [path.name for path in home.iterdir()] == [".cache"]
    assert list((home / ".cache/cad-bridge-unpacked").iterdir()) == unpacked
    assert os.listdir(place / "installed") == ["cad-bridge.pyz"]  # noqa: PTH208 -- names are compared


def test_without_a_home_it_leaves_nothing_behind(place: Path) -> None:
    scratch = folder_for_all(place, "scratch")

    done = execute(place, "--version", environ={"TMPDIR": str(scratch)}, nobody=True)

    assert done.stdout == VERSION, done.stderr
    assert list(scratch.iterdir()) == []


def test_a_service_without_a_home_unpacks_into_the_folder_it_is_given(place: Path) -> None:
    state = folder_for_all(place, "state")

    done = execute(
        place, "--version", environ={"HOME": "/", "STATE_DIRECTORY": f"{state}:/other"}, nobody=True
    )

    assert done.stdout == VERSION, done.stderr
    assert [path.name for path in state.iterdir()] == ["cad-bridge-unpacked"]


def test_two_that_start_first_at_the_same_time_do_not_disturb_each_other(place: Path) -> None:
    environ = {"HOME": str(folder_for_all(place, "shared"))}

    with ThreadPoolExecutor(2) as threads:
        started = [threads.submit(execute, place, "--version", environ=environ) for _ in range(2)]
    done = [one.result() for one in started]

    assert [one.stdout for one in done] == [VERSION, VERSION], [one.stderr for one in done]


def test_the_demo_runs_in_it(place: Path) -> None:
    environ = {"HOME": str(place / "home"), "TMPDIR": str(folder_for_all(place, "demo"))}
    doors = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")

    done = execute(place, "demo", "--seconds", "5", "--players", "8", *doors, environ=environ)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


async def test_a_configuration_is_checked_and_the_daemon_runs_and_drains(place: Path) -> None:
    home = folder_for_all(place, "home of the daemon")
    program = ("env", "-i", f"HOME={home}", PYTHON, str(place / "installed/cad-bridge.pyz"))
    async with simulated_cad() as cad:
        daemon = Daemon(place / "configuration", cad.url, {}, (1,))
        checking = Running(daemon.folder, (*program, "check", "--config", str(daemon.config)), "check")
        daemon.process = Running(daemon.folder, (*program, "run", "--config", str(daemon.config)), "daemon")
        try:
            await checking.start()
            assert await checking.wait(SECONDS) == 0, checking.out + checking.err
            await daemon.start()
            pushed = await daemon.push("/v1/panic", {"id": "license:1"})
            described = await daemon.read("/openapi.json")
            daemon.process.signal(signal.SIGTERM)

            assert (pushed.status, described.status) == (202, 200)
            assert await daemon.process.wait() == 0, daemon.log
            assert cad.cloud.cad.community.units["license:1"].is_panic
        finally:
            await asyncio.gather(checking.kill(), daemon.close())
