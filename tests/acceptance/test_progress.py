"""What takes long says what it does, to a person at a terminal; a script's stderr holds problems alone."""

from pathlib import Path

import pytest

from tests.support.daemon import Daemon, daemon_of, simulated_cad
from tests.support.process import BRIDGE, cad_bridge
from tests.support.terminal import terminal

pytestmark = pytest.mark.timeout(90)


async def shown(*arguments: str) -> tuple[int, str]:
    """Return the exit code and all that a terminal shows of a command."""
    async with terminal(*BRIDGE, *arguments) as seat:
        code = await seat.end()
        return code, seat.shown


async def test_a_check_tells_whom_it_asks_before_it_waits(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        daemon = Daemon(tmp_path, cad.url, {"servers": {"fxserver_url": "http://127.0.0.1:1"}}, (1,))
        arguments = ("check", "--online", "--config", str(daemon.config))
        code, told = await shown(*arguments)
        piped = await cad_bridge(tmp_path, *arguments)

    asked = f"Asking the CAD at {cad.url}, for at most 10s …"
    assert (code, piped.code) == (2, 2)
    assert told.index(asked) < told.index("the key is right")
    assert "Asking game server server-1 at http://127.0.0.1:1 …" in told
    assert "Asking" not in piped.out + piped.err


async def test_the_demo_says_that_it_delivers_what_is_left(tmp_path: Path) -> None:
    doors = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    code, told = await shown("demo", "--players", "3", "--seconds", "1", *doors)
    piped = await cad_bridge(tmp_path, "demo", "--players", "3", "--seconds", "1", *doors)

    assert (code, piped.code) == (0, 0)
    assert "Delivering what is left …" in told
    assert "Delivering" not in piped.err
    assert piped.err.count("\n") > 1  # a line of figures a second


async def test_reading_a_file_is_told(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        await daemon.stop()
        arguments = (
            "outbox",
            "list",
            "--file",
            str(tmp_path / "outbox.sqlite3"),
            "--config",
            str(daemon.config),
        )
        code, told = await shown(*arguments)
        piped = await cad_bridge(tmp_path, *arguments)

    assert (code, piped.code, piped.err) == (0, 0, "")
    assert f"Opening {tmp_path / 'outbox.sqlite3'} …" in told
