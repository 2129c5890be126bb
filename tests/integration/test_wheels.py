"""For each kind of machine that cad-bridge is meant for, the pinned wheels exist and are the pinned ones."""

from collections.abc import Sequence
from pathlib import Path
from subprocess import CalledProcessError, run

import pytest

from deploy.package import wheels
from deploy.package.wheels import Target, install

PYTHONS = ["3.11", "3.12", "3.13"]
WINDOWS = ("win_amd64",)
MACHINES = [
    WINDOWS,
    ("manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
    ("manylinux_2_17_aarch64", "manylinux_2_28_aarch64"),
    ("musllinux_1_2_x86_64",),
]
COMPILED = {"aiohttp", "frozenlist", "msgspec", "multidict", "propcache", "winloop", "yarl"}


def patiently(command: Sequence[str]) -> None:
    """Run pip; a connection that breaks is tried again."""
    done = run([*command, "--retries", "8"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CalledProcessError(done.returncode, command[:5], done.stdout, done.stderr[-2000:])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platforms", [pytest.param(machine, id=machine[0]) for machine in MACHINES])
def test_every_package_has_its_pinned_wheel(tmp_path: Path, platforms: tuple[str, ...], python: str) -> None:
    install(Target(platforms=platforms, python=python), tmp_path, "--dry-run", runner=patiently)


@pytest.mark.timeout(180)
def test_what_is_installed_for_windows_is_compiled_for_windows(tmp_path: Path) -> None:
    install(Target(platforms=WINDOWS, python="3.13"), tmp_path, runner=patiently)

    modules = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.pyd")]
    assert {path.parts[0] for path in modules} == COMPILED
    assert all(path.name.endswith(".cp313-win_amd64.pyd") for path in modules)
    assert not list(tmp_path.rglob("*.so"))
    assert not (tmp_path / "uvloop").exists()


@pytest.mark.timeout(180)
def test_a_wheel_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = wheels.REQUIREMENTS.read_text(encoding="utf-8")
    head = text.index("winloop==")
    first, line, rest = text[:head], text[head:].splitlines()[0], text[text.index("\nyarl==", head) :]
    forged = tmp_path / "requirements.txt"
    forged.write_text(f"{first}{line}\n    --hash=sha256:{'0' * 64}{rest}", encoding="utf-8")
    monkeypatch.setattr(wheels, "REQUIREMENTS", forged)

    with pytest.raises(CalledProcessError) as caught:
        install(Target(platforms=WINDOWS, python="3.13"), tmp_path / "site", "--dry-run", runner=patiently)

    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in caught.value.stderr
    assert "winloop" in caught.value.stderr


@pytest.mark.timeout(180)
def test_a_python_without_wheels_would_be_found(tmp_path: Path) -> None:
    with pytest.raises(CalledProcessError) as caught:
        install(Target(platforms=("win32",), python="3.13"), tmp_path, "--dry-run", runner=patiently)

    assert "No matching distribution found" in caught.value.stderr
