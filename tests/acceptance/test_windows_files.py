"""Files as editors of Windows write them, in folders as its users are called: the daemon takes them as they are."""

from pathlib import Path

import pytest

from tests.support.daemon import Daemon, simulated_cad
from tests.support.process import cad_bridge

ENCODINGS = {
    "UTF-8 with a mark": ("utf-8-sig", ""),  # Notepad
    "UTF-16": ("utf-16-le", "\ufeff"),  # PowerShell 5's > and Out-File
    "UTF-16, the other way round": ("utf-16-be", "\ufeff"),
}
FILES = ("bridge.toml", "api-key", "server-1.token", "admin.token")


@pytest.mark.parametrize("kind", ENCODINGS)
async def test_the_daemon_runs_on_files_of_a_windows_editor(tmp_path: Path, kind: str) -> None:
    encoding, mark = ENCODINGS[kind]
    async with simulated_cad() as cad:
        daemon = Daemon(tmp_path / "Jürgen's Ωμέγα 東京 bridge", cad.url, {}, (1,))
        for name in FILES:
            text = (daemon.folder / name).read_text(encoding="utf-8").replace("\n", "\r\n")
            (daemon.folder / name).write_bytes((mark + text).encode(encoding))
        try:
            checked = await cad_bridge(tmp_path, "check", "--config", str(daemon.config))
            assert checked.code == 0, checked.err
            await daemon.start()

            accepted = await daemon.push("/v1/panic", {"id": "license:1"})
            code = await daemon.stop()
        finally:
            await daemon.close()

        assert (accepted.status, code) == (202, 0)
        assert cad.cloud.cad.community.units["license:1"].is_panic
        assert (daemon.folder / "outbox.sqlite3").is_file()
