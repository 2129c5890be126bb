"""Keys held against each other; what is refused has a file in ``tests/config/invalid``."""

from pathlib import Path

import pytest

from bridge.config.check import check
from bridge.config.reading import Reading
from bridge.config.schema import Config
from bridge.config.sources import Sources
from bridge.operations import DOCUMENTED_LIMITS
from tests.support.configuration import write_configuration


def complaints(folder: Path, toml: dict[str, object], platform: str = "linux") -> list[str]:
    write_configuration(folder)
    reading = Reading("bridge.toml", Sources(folder, {}, platform))
    reading.table(Config, toml)
    reading.problems.clear()
    check(reading, DOCUMENTED_LIMITS, platform)
    return reading.problems


@pytest.mark.parametrize(
    ("interval", "cad"),
    [
        ("5s", {}),
        ("10s", {"share": 0.5}),
        ("16.667s", {"share": 0.3}),  # 60 / 3.6 has no end
        ("2.5s", {"limits": {"updateUnitLocations": 24}}),
        ("2s", {"share": 5}),  # what could not be read is not held against others
        ("2s", {"limits": {"updateUnitLocations": "many"}}),
    ],
)
def test_an_interval_that_the_limit_allows_is_fine(
    tmp_path: Path, interval: str, cad: dict[str, object]
) -> None:
    assert complaints(tmp_path, {"locations": {"interval": interval}, "cad": cad}) == []


@pytest.mark.parametrize("cad", [{"share": 0.2}, {"limits": {"updateUnitLocations": 6}}])
@pytest.mark.parametrize("locations", [{}, {"max_batch": 100}])
def test_an_interval_that_nobody_wrote_is_stretched_to_the_limit_and_no_complaint(
    tmp_path: Path, cad: dict[str, object], locations: dict[str, object]
) -> None:
    assert complaints(tmp_path, {"locations": locations, "cad": cad}) == []


@pytest.mark.parametrize(
    ("listener", "admin"),
    [
        ("127.0.0.1:1", "127.0.0.1:2"),
        ("127.0.0.1:1", "127.0.0.2:1"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("0.0.0.0:1", "[::]:1"),
        ("unix:/a", "unix:/b"),
        ("unix:/a", "127.0.0.1:1"),
    ],
)
def test_doors_that_do_not_meet_are_fine(tmp_path: Path, listener: str, admin: str) -> None:
    assert complaints(tmp_path, {"listener": {"bind": listener}, "admin": {"bind": admin}}) == []


@pytest.mark.parametrize(
    ("listener", "admin"),
    [
        ("127.0.0.1:1", "0.0.0.0:1"),
        ("[::]:1", "[::1]:1"),
        ("Localhost:1", "localhost:1"),
    ],
)
def test_doors_that_meet_are_found(tmp_path: Path, listener: str, admin: str) -> None:
    found = complaints(tmp_path, {"listener": {"bind": listener}, "admin": {"bind": admin}})

    assert found == [f'bridge.toml: admin.bind: "{admin}" is taken by "{listener}" of listener.bind']


def test_servers_that_differ_are_fine(tmp_path: Path) -> None:
    servers = [
        {"id": number, "name": f"server-{number}", "token_file": f"server-{number}.token"}
        for number in (1, 2)
    ]

    assert complaints(tmp_path, {"servers": servers}) == []


def test_servers_alike_are_found_beside_other_problems(tmp_path: Path) -> None:
    servers = [{"id": 3, "name": "a b"}, {"id": 3, "name": "c"}, {"id": 4, "name": "c"}]

    assert complaints(tmp_path, {"servers": servers}) == [
        "bridge.toml: servers[1].id: 3 is taken by servers[0].id",
        'bridge.toml: servers[2].name: "c" is taken by servers[1].name',
    ]
