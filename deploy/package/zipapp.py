"""Builds ``dist/cad-bridge.pyz``: cad-bridge and all it runs on in one file, which needs Python alone.

shiv makes it: a plain zip file that is unpacked once, a tenth the size of the other packer's and twice as fast to
start. ``start`` comes before it, since shiv itself fails where a user has no home that can be written. Modules in it are
compiled, so it serves the Python version and the kind of machine it was built with.
"""

import argparse
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from deploy.package.start import this_python
from deploy.package.wheels import ROOT, Runner, install_bridge, run

MAIN = "__main__.py"


def build(target: Path, *, runner: Runner = run) -> None:
    """Write the file.

    Raises:
        subprocess.CalledProcessError: a wheel cannot be had, or shiv failed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        site, plain = Path(scratch, "site-packages"), Path(scratch, target.name)
        runner(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--ignore-installed", "--no-compile"),
                *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", str(site)),
                *("--requirement", str(ROOT / "requirements.txt")),
            ]
        )
        install_bridge(site, runner=runner)
        runner(
            [
                *(str(Path(sysconfig.get_path("scripts"), "shiv")), "--site-packages", str(site)),
                *("--compressed", "--reproducible", "--python", "/usr/bin/env python3"),
                *("--entry-point", "bridge.cli:main", "--output-file", str(plain)),
            ]
        )
        _with_start(plain, target)


def _with_start(plain: Path, target: Path) -> None:
    """Copy the file with our beginning in place of shiv's; the line that names Python stays in front."""
    beginning = Path(__file__).with_name("start.py").read_text(encoding="utf-8")
    with zipfile.ZipFile(plain) as source, target.open("wb") as file:
        file.write(_first_line(plain))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
            for entry in source.infolist():
                content = source.read(entry)
                if entry.filename == MAIN:
                    content = beginning.replace("@BUILT_FOR@", this_python()).encode()
                made.writestr(entry, content)
    target.chmod(0o755)


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def main() -> None:
    """Build it where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist" / "cad-bridge.pyz")
    target: Path = parser.parse_args().to
    print("Fetching what cad-bridge runs on, and packing it …", file=sys.stderr, flush=True)  # noqa: T201 -- it takes long
    build(target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, for {this_python()}")  # noqa: T201 -- the result


if __name__ == "__main__":
    main()
