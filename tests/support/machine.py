"""A machine that boots a real systemd: this one's files under a layer that is thrown away, in a container.

It shares this machine's network, so that tests push to it and simulate the CAD for it over loopback. It needs root.
"""

import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[2]
PROGRAM = "/opt/cad-bridge"
BOOT_SECONDS = 60.0
TARGET = """[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
"""


class Machine:
    """The container; ``files`` is what lies over this machine's files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder / "root"
        self.files = folder / "files"
        self._nspawn: subprocess.Popen[bytes] | None = None

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the machine."""
        place = (self._root if self._nspawn else self.files) / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)

    def run(self, *command: str, check: bool = True, within: float = 60.0) -> str:
        """Run a command on the machine as root and return what it says."""
        done = subprocess.run(
            ("nsenter", "--all", "--target", str(self._leader), "--", *command),
            capture_output=True, text=True, timeout=within, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
        return (done.stdout + done.stderr).strip()

    def read(self, unit: str, name: str) -> str:
        """Return what systemd says of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit)

    def journal(self, unit: str) -> str:
        """Return what a unit logged."""
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit)

    def boot(self) -> None:
        """Start it and return when it takes commands."""
        source, libraries = "/opt/source", "/opt/libraries"
        self._install_program(source, libraries)
        self._root.mkdir()
        (self._folder / "work").mkdir()
        layers = f"lowerdir=/,upperdir={self.files},workdir={self._folder / 'work'}"
        subprocess.run(
            ("mount", "-t", "overlay", "overlay", "-o", layers, self._root), check=True, timeout=30
        )
        self.files.chmod(0o755)
        console = (self._folder / "console").open("wb")
        self._nspawn = subprocess.Popen(
            (
                *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"),
                *("--machine=cad-bridge-test", "--link-journal=no", f"--directory={self._root}"),
                f"--bind-ro={sys.base_prefix}:/opt/python",
                f"--bind-ro={REPOSITORY}:{source}",
                f"--bind-ro={sysconfig.get_path('purelib')}:{libraries}",
                "systemd.unit=bridge-test.target",
            ),
            stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
        )  # fmt: skip
        console.close()
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._is_up():
            assert self._nspawn.poll() is None, self._said()
            assert time.monotonic() < deadline, f"the machine does not come up:\n{self._said()}"
            time.sleep(0.1)

    def halt(self) -> None:
        """Pull its plug."""
        if self._nspawn is not None:
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(self._nspawn.pid).children(recursive=True):
                    process.kill()
            self._nspawn.kill()
            self._nspawn.wait(30)
        subprocess.run(("umount", "--lazy", self._root), check=False, timeout=30, capture_output=True)

    @property
    def _leader(self) -> int:
        assert self._nspawn is not None, "it was not booted"
        [leader] = psutil.Process(self._nspawn.pid).children()
        return leader.pid

    def _is_up(self) -> bool:
        with suppress(AssertionError, ValueError, subprocess.TimeoutExpired):
            return self.run("systemctl", "is-active", "bridge-test.target", check=False) == "active"
        return False

    def _said(self) -> str:
        return (self._folder / "console").read_text(encoding="utf-8", errors="replace")

    def _install_program(self, source: str, libraries: str) -> None:
        """Install it where the unit looks for it, from what these tests run on."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.write(f"{PROGRAM}/pyvenv.cfg", "home = /opt/python/bin\ninclude-system-site-packages = false\n")
        self.write(f"{PROGRAM}/lib/{version}/site-packages/program.pth", f"{source}\n{libraries}\n")
        script = f'#!/bin/sh\nLD_LIBRARY_PATH=/opt/python/lib exec {PROGRAM}/bin/python -P -m bridge "$@"\n'
        self.write(f"{PROGRAM}/bin/cad-bridge", script, 0o755)
        (self.files / PROGRAM.lstrip("/") / "bin" / "python").symlink_to(f"/opt/python/bin/{version}")
        for unit in (REPOSITORY / "systemd").iterdir():
            self.write(f"/etc/systemd/system/{unit.name}", unit.read_text(encoding="utf-8"))
        self.write("/etc/systemd/system/bridge-test.target", TARGET)
        self.write("/etc/machine-id", "")


@contextmanager
def booted(folder: Path, files: Mapping[str, tuple[str, int]]) -> Generator[Machine]:
    """Boot a machine with some files of its own, in ``folder``, until the context is left."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder), check=True, timeout=30)
    machine = Machine(folder)
    try:
        machine.files.mkdir()
        for path, (text, mode) in files.items():
            machine.write(path, text, mode)
        machine.boot()
        yield machine
    finally:
        machine.halt()
        subprocess.run(("umount", "--lazy", folder), check=False, timeout=30)
        shutil.rmtree(folder, ignore_errors=True)
