"""Command lines of documents and help pages, run as they stand against a prepared daemon, with its addresses and files."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.simulator.faults import Answer
from bridge.simulator.server import SimulatorServer
from tests.support.command_lines import examine, program
from tests.support.daemon import API_KEY, Daemon, daemon_of, simulated_cad
from tests.support.documents import ROOT
from tests.support.process import BRIDGE, Finished, cad_bridge, running

EXAMPLE_ID = "3f9c2a1b"
UNIT = "license:0123456789abcdef0123456789abcdef01234567"
SECONDS = 30.0  # far more than a command takes
SHELL_TOOLS = {"cd", "chmod", "mkdir", "printf"}


class Stage:
    """A daemon with a failed panic in its outbox, a CAD, a copy of the outbox, and a folder for what is made."""

    def __init__(self, folder: Path, cad: SimulatorServer, daemon: Daemon, event: str) -> None:
        self._folder = folder
        self._cad = cad
        self._daemon = daemon
        self._spare = Daemon(folder / "spare", cad.url, {}, (1,))
        self._event = event

    async def run(self, words: Sequence[str], folder: Path = ROOT) -> None:
        """Run a command line, or look at it where it would change this machine or the outside is needed.

        Raises:
            AssertionError: it did not work, or nobody knows how to run it.
        """
        examine(words, folder)
        name = program(words[0])
        if name in self._runners:
            await self._runners[name](list(words[1:]))

    @property
    def _runners(self) -> dict[str, Callable[[list[str]], Awaitable[None]]]:
        return {"cad-bridge": self._ours, "make": self._make, "curl": self._curl}

    async def _make(self, words: list[str]) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        await _well("make", "-n", *words, environ=environ)

    async def _curl(self, words: list[str]) -> None:
        await _well(
            "curl", "--fail", "--silent", "--max-time", "10", "--output", os.devnull, *map(self._here, words)
        )

    async def _ours(self, words: list[str]) -> None:
        """Run one of ours; one that does not end by itself is ended as a person ends it."""
        words = [self._here(word) for word in words]
        special = {
            "init": self._init,
            "demo": _short,
            "play": _short,
            "run": self._other,
            "simulate": _anywhere,
        }
        name = words[0]
        arguments = [name, *special.get(name, list)(words[1:])]
        endless = {"run": signal.SIGTERM, "simulate": signal.SIGTERM}
        number = signal.SIGINT if "--watch" in words else endless.get(name)
        if number is None:
            done = await cad_bridge(self._folder, *arguments, within=SECONDS)
        else:
            done = await self._ended(arguments, number)
        assert done.code == 0, f"cad-bridge {' '.join(arguments)}: {done.code}\n{done.out}{done.err}"

    async def _ended(self, arguments: Sequence[str], number: signal.Signals) -> Finished:
        async with running(
            self._folder, *BRIDGE, *arguments, name=f"{arguments[0]}-{time.monotonic_ns()}"
        ) as process:
            deadline = time.monotonic() + SECONDS
            while not process.out and '"daemon ready"' not in process.err:
                assert not process.ended, process.err
                assert time.monotonic() < deadline, f"it says nothing: {process.err}"
                await asyncio.sleep(0.05)
            process.signal(number)
            code = await process.wait(SECONDS)
            return Finished(code=code, out=process.out, err=process.err)

    def _here(self, word: str) -> str:
        """Put what there is here in the place of what an example names."""
        places = {
            EXAMPLE_ID: self._event,
            "bridge.toml": str(self._daemon.config),
            "/etc/cad-bridge/bridge.toml": str(self._daemon.config),
            "outbox.sqlite3": str(self._folder / "copy.sqlite3"),
            "admin.token": str(self._daemon.folder / "admin.token"),
            "server-1.token": str(self._daemon.folder / "server-1.token"),
            "my-key": str(self._daemon.folder / "api-key"),
            "main": "server-1",
        }
        doors = {"30180": self._daemon.url, "30181": self._daemon.admin_url}
        for port, url in doors.items():
            for host in ("127.0.0.1", "10.0.0.5"):
                word = word.replace(f"http://{host}:{port}", url)
        return places.get(word, word)

    def _init(self, words: list[str]) -> list[str]:
        """Say all that it would ask, and set up a folder of our own."""
        made = self._folder / f"made-{time.monotonic_ns()}"
        resources = made.with_suffix(".resources")
        resources.mkdir()
        answers = {"--community-id": "examplecad", "--server": "1", "--base-url": self._cad.url}
        settled = {"--dir": str(made), "--resources": str(resources)}
        for option, value in settled.items():
            if option in words:
                words[words.index(option) + 1] = value
        more = [word for option, value in answers.items() if option not in words for word in (option, value)]
        return [*words, *more, *([] if "--dir" in words else ["--dir", str(made)]), "--no-input", "--yes"]

    def _other(self, words: list[str]) -> list[str]:
        """Run one beside the daemon that runs already."""
        return [
            "--config",
            str(self._spare.config),
            *[word for word in words if word not in {"--config", str(self._daemon.config)}],
        ]


@asynccontextmanager
async def stage(folder: Path) -> AsyncGenerator[tuple[Stage, dict[str, str]]]:
    """Prepare it while entered; yield it with the variables that its commands need."""
    async with simulated_cad() as cad, daemon_of(folder / "daemon", cad) as daemon:
        cad.cloud.faults.add(Answer(status=403, operation="setUnitPanic"))
        event: str = (await daemon.push("/v1/panic", {"id": UNIT})).json["event"]
        await daemon.ended([event], within=SECONDS)
        cad.cloud.clear_faults()
        for companion in ("", "-wal"):  # nothing is written to them now
            shutil.copyfile(daemon.folder / f"outbox.sqlite3{companion}", folder / f"copy.sqlite3{companion}")
        environ = {"CAD_BRIDGE_CONFIG": str(daemon.config), "CAD_BRIDGE_API_KEY": API_KEY}
        yield Stage(folder, cad, daemon, event[: len(EXAMPLE_ID)]), environ


def run_shell(text: str, copy_of: Path, folder: Path) -> Path:
    """Run a block of a shell's own tools in a copy of the repository's folder that it goes to, and return the copy."""
    first, rest = text.split("\n", 1)
    assert first.startswith("cd "), f"the block does not say where: {first}"
    target = folder / Path(first.removeprefix("cd ")).name
    shutil.copytree(copy_of / first.removeprefix("cd "), target)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", rest],
        cwd=target,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return target


def _short(words: list[str]) -> list[str]:
    """Let it end soon, on ports that are free."""
    if "--seconds" in words:
        words[words.index("--seconds") + 1] = "2"
    else:
        words += ["--seconds", "2"]
    doors = [] if "--to" in words else ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    return [*words, *doors]


def _anywhere(words: list[str]) -> list[str]:
    if "--listen" in words:
        at = words.index("--listen")
        words = [*words[:at], *words[at + 2 :]]
    return [*words, "--listen", "127.0.0.1:0"]


async def _well(*command: str, environ: dict[str, str] | None = None) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(SECONDS):
        said, _ = await process.communicate()
    assert process.returncode == 0, f"{' '.join(command)}: {process.returncode}\n{said.decode()[-2000:]}"
