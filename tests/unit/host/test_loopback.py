"""Addresses of this machine are numbers: on Windows its name may mean ``::1``, where nothing listens."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
PLACES = [
    "bridge",
    "config",
    "deploy",
    "systemd",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "Makefile",
]
NAME = "localhost"
# These know the name, to take it for what it is where somebody else writes it.
READERS = frozenset({"bridge/config/values.py", "deploy/fivem/cad_bridge/server/settings.lua"})


def files() -> list[Path]:
    found = [
        path for place in PLACES for path in (ROOT / place, *(ROOT / place).rglob("*")) if path.is_file()
    ]
    return [path for path in found if path.suffix not in (".pyc", ".png")]


def test_there_are_files_to_look_at() -> None:
    assert len(files()) > 100


def test_nothing_we_ship_or_say_uses_the_name() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in files()
        if NAME in path.read_text(encoding="utf-8", errors="replace").lower()
    }

    assert users <= READERS
