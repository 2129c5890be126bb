"""The daemon's life: it is started, killed, stopped, configured anew, and its clock is set."""

import asyncio
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.chaos.ledger import Ledger
from tests.support.bad_disk import OUTBOX, filled
from tests.support.daemon import ADMIN_TOKEN, API_KEY, TOKENS, Daemon
from tests.support.process import BRIDGE, LEASH, MEMORY_BYTES, Finished, Running, cad_bridge

FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
LIFE_SECONDS = 3600  # after which a daemon ends whatever became of us
CAD_TIMEOUT = 2.0  # seconds
SERVERS = (1, 2, 3)
ALWAYS_SERVERS = SERVERS[:2]  # the last one is taken out of the configuration at times
SPARE_TOKEN = "Tk3s-made-up-token-of-server-three-9kLm"
NEW_TOKEN = "Tk2n-made-up-token-of-server-two-anew-4rTz"


class Life:
    """A daemon whose outbox is on ``disk``; ``limits`` are requests a minute by operation."""

    reload_ways: Sequence[str] = ("signal", "command", "door")

    def __init__(
        self, folder: Path, disk: Path, cad_url: str, limits: dict[str, int], ledger: Ledger
    ) -> None:
        self._disk = disk
        self._cad_url = cad_url
        self._limits = limits
        self._ledger = ledger
        self.servers: Sequence[int] = SERVERS
        self._tokens = {**TOKENS, 3: SPARE_TOKEN}
        self._sections = self._usual()
        self.daemon = Daemon(folder, cad_url, self._sections, SERVERS)
        self._clock = folder / "clock"
        self._set_clock(0.0)
        self.write()
        self.daemon.process = Running(folder, self._command(), "daemon")
        self._struck = False  # by a kill whose end was not seen yet
        self.kills = 0
        self.problems: list[str] = []

    def token(self, server: int) -> str:
        return self._tokens[server]

    async def start(self) -> None:
        self.write()
        self._struck = False
        try:
            await self.daemon.start()
        except AssertionError as error:  # told at the end, with all that led to it
            self.problems.append(f"it did not start: {error}"[-3000:])
            self._ledger.did("DID NOT START")
            await self.daemon.process.kill()
            await self.daemon.start()

    async def check(self) -> None:
        """Start it again if it ended by itself, which it never should."""
        if self.daemon.process.ended:
            self.problems.append(f"it ended by itself:\n{self.daemon.log[-3000:]}")
            self._ledger.did("ENDED BY ITSELF")
            await self.start()

    def strike(self) -> None:
        """Kill it this moment."""
        if not self._struck and not self.daemon.process.ended:
            self._struck = True
            self.daemon.process.signal(signal.SIGKILL)

    async def kill(self, how: str, down: float) -> None:
        """Kill it, unless that was done already, and start it again."""
        self.strike()
        await self.daemon.process.wait()
        self.kills += 1
        self._ledger.did(f"kill {self.kills} {how}, down for {down:.1f} s")
        await asyncio.sleep(down)
        await self.start()

    async def freeze(self, seconds: float) -> None:
        self._ledger.did(f"SIGSTOP for {seconds:.1f} s")
        self.daemon.process.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self.daemon.process.signal(signal.SIGCONT)

    async def restart(self) -> None:
        """Stop it in good order and start it again."""
        self._ledger.did("restart")
        code = await self.daemon.stop(within=30.0)
        if code != 0:
            self.problems.append(f"it stopped with {code}:\n{self.daemon.log[-3000:]}")
        await self.start()

    async def fill_the_disk(self, seconds: float) -> None:
        self._ledger.did(f"disk full for {seconds:.1f} s")
        with filled(self._disk):
            await asyncio.sleep(seconds)

    def jump(self, offset: float) -> None:
        """Set its clock, so many seconds off."""
        self._ledger.did(f"clock off by {offset:.0f} s")
        self._ledger.jumps.append((time.monotonic(), offset))
        self._set_clock(offset)

    async def reload(self, dice: random.Random) -> None:
        """Have it read another configuration, by one of the three ways."""
        self._ledger.did(f"reload: {self._change(dice)}")
        self.write()
        await self.ask_to_reload(dice)

    async def reload_badly(self, dice: random.Random) -> None:
        """Have it read a file that is wrong."""
        self._ledger.did("reload of a bad file")
        bad = ("[listener\n", '[locations]\ninterval = "soon"\n', '[[servers]]\nid = "x"\n', "\x00")
        text = self.daemon.config.read_text(encoding="utf-8")
        self.daemon.config.write_text(text + "\n" + dice.choice(bad), encoding="utf-8")
        try:
            await self.ask_to_reload(dice, expected={422})
        finally:
            self.write()

    async def lose_the_key(self, dice: random.Random, seconds: float) -> None:
        """Have it show a wrong key for a while."""
        self._ledger.did(f"a wrong key for {seconds:.1f} s")
        key = self.daemon.folder / "api-key"
        key.write_text("made-up-key-that-is-not-the-one\n", encoding="utf-8")
        await self.ask_to_reload(dice)
        await asyncio.sleep(seconds)
        key.write_text(API_KEY + "\n", encoding="utf-8")
        await self.ask_to_reload(dice)

    async def command(self, *arguments: str) -> Finished:
        """Run ``cad-bridge`` with the daemon's configuration."""
        return await cad_bridge(self.daemon.folder, *arguments, "--config", str(self.daemon.config))

    def settle_down(self) -> None:
        """Return to the configuration that it began with."""
        self.servers = SERVERS
        self._sections = self._usual()
        self.write()

    def write(self) -> None:
        """Write the configuration as it is to be."""
        self.daemon._write(self._cad_url, self._sections, self.servers)
        for server, token in self._tokens.items():
            path = self.daemon.folder / f"server-{server}.token"
            path.write_text(token + "\n", encoding="utf-8")
            path.chmod(0o600)

    async def ask_to_reload(self, dice: random.Random, expected: set[int] | None = None) -> None:
        """Have it read what stands there; ``expected`` are the admin door's answers."""
        way = dice.choice(self.reload_ways)
        if way == "signal":
            self.daemon.process.signal(signal.SIGHUP)
            await asyncio.sleep(0.5)
        elif way == "command":
            done = await self.command("reload")
            self._expect(done.code, {0} if expected is None else {2}, done.err)
        else:
            bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
            try:
                answer = await self.daemon.ask("POST", f"{self.daemon.admin_url}/reload", b"{}", bearer)
            except (aiohttp.ClientError, TimeoutError) as error:
                self.problems.append(f"the admin door does not answer: {error!r}")
                return
            self._expect(answer.status, expected or {200}, answer.body.decode())

    def _expect(self, found: int, expected: set[int], said: str) -> None:
        if found not in expected:
            self.problems.append(f"a reload ended with {found}: {said}")

    def _change(self, dice: random.Random) -> str:
        """Change something, and return what."""
        self._sections = self._usual()
        match dice.randrange(5):
            case 0:
                self.servers = SERVERS if 3 not in self.servers else ALWAYS_SERVERS
                return f"servers {self.servers}"
            case 1:
                self._tokens[2] = NEW_TOKEN if self._tokens[2] != NEW_TOKEN else TOKENS[2]
                return "the token of server 2"
            case 2:
                self._sections["cad"]["share"] = share = dice.choice((0.5, 0.8))
                return f"share {share}"
            case 3:
                self._sections["locations"] = {"interval": f"{dice.randrange(5, 9)}s", "min_distance": 4.0}
                return str(self._sections["locations"])
            case _:
                self._sections["log"]["level"] = "debug"
                return "log level debug"

    def _usual(self) -> dict[str, dict[str, Any]]:
        return {
            "cad": {"timeout": f"{CAD_TIMEOUT:.0f}s"},
            "cad.limits": dict(self._limits),
            "outbox": {"path": str(self._disk / OUTBOX), "drain": "2s"},
            "log": {"level": "info"},
        }

    def _set_clock(self, offset: float) -> None:
        self._clock.write_text(f"{offset:+.0f}\n", encoding="utf-8")

    def _command(self) -> tuple[str, ...]:
        run = (*BRIDGE, "run", "--config", str(self.daemon.config))
        leash = (sys.executable, "-I", "-c", LEASH, str(LIFE_SECONDS), str(MEMORY_BYTES))
        return (*leash, "env", *_clockwork(self._clock), *run)


def _clockwork(file: Path) -> list[str]:
    """Return what makes a program's wall clock, and that alone, go by a file."""
    [library, *_] = sorted(Path("/").glob(FAKETIME.lstrip("/"))) or [None]
    assert library is not None, "libfaketime is missing (Debian: apt-get install faketime)"
    settings = {
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_CACHE_DURATION": 1,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1, "FAKETIME_FORCE_MONOTONIC_FIX": 0,  # else threads wait for each other
        "FAKETIME_DISABLE_SHM": 1, "NO_FAKE_STAT": 1,
    }  # fmt: skip
    return [f"{name}={value}" for name, value in settings.items()]


def listed(done: Finished) -> list[Any]:
    """Return the events that ``outbox list --json`` shows; none where it failed."""
    if done.code != 0:
        return []
    events: list[Any] = msgspec.json.decode(done.out)["events"]
    return events
