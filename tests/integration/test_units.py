"""The systemd units, as the real systemd reads them."""

import re
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ("cad-bridge.service", "cad-bridge@.service")
WORST = 1.3  # of 10, which is no sandbox at all


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a folder with the units as they stand, but for the program, which is installed nowhere here."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/opt/cad-bridge/bin/cad-bridge", "/bin/true")
        (tmp_path / unit.name.replace("@.", "@main.")).write_text(text, encoding="utf-8")
    return tmp_path


def test_systemd_finds_nothing_to_say_about_the_units(installed: Path) -> None:
    units = sorted(str(unit) for unit in installed.iterdir())

    assert len(units) == 3
    # It exits with 0 on unknown keys: only silence is good.
    assert _analyze("verify", "--man=no", *units) == ""


def test_systemd_finds_a_mistake_where_there_is_one(installed: Path) -> None:
    service = installed / "cad-bridge.service"
    service.write_text(service.read_text(encoding="utf-8") + "[Service]\nWatchdogSex=1\n", encoding="utf-8")

    assert "WatchdogSex" in _analyze("verify", "--man=no", str(service))


@pytest.mark.parametrize("name", SERVICES)
def test_the_sandbox_leaves_little_open(installed: Path, name: str) -> None:
    report = _analyze("security", "--offline=yes", str(installed / name.replace("@.", "@main.")))

    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", report)
    assert exposure is not None, report
    assert float(exposure[1]) <= WORST


def test_the_service_of_one_community_of_several_is_the_same_but_for_its_places() -> None:
    one, several = ((UNITS / name).read_text(encoding="utf-8") for name in SERVICES)
    places = {
        "/etc/cad-bridge/%i/": "/etc/cad-bridge/",
        "StateDirectory=cad-bridge-%i": "StateDirectory=cad-bridge",
    }
    for there, here in places.items():
        several = several.replace(there, here)

    assert _settings(one) - _settings(several) == {
        "Description=cad-bridge: FiveM game servers to Sonoran CAD",
        "After=network-online.target cad-bridge.socket",
    }


def test_the_socket_opens_the_default_push_door() -> None:
    assert "ListenStream=127.0.0.1:30180" in _settings(
        (UNITS / "cad-bridge.socket").read_text(encoding="utf-8")
    )


def _settings(text: str) -> set[str]:
    return {line for line in text.splitlines() if line and not line.startswith(("#", "["))}


def _analyze(*arguments: str) -> str:
    done = subprocess.run(
        ("systemd-analyze", *arguments), capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr
