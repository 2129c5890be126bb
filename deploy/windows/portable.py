"""Builds a folder that runs cad-bridge on 64-bit Windows where no Python is installed; it is built on any system.

    python -m deploy.windows.portable --python-zip python-3.13.9-embed-amd64.zip --sha256 … --to cad-bridge-windows

The zip file is Python's own "Windows embeddable package (64-bit)" from python.org. Packages come from the package index, as
wheels for Windows with the hashes of requirements.txt.
"""

import argparse
import hashlib
import re
import shutil
import sys
import zipfile
from pathlib import Path

from deploy.package.wheels import Runner, Target, install, install_bridge, run

HERE = Path(__file__).parent
SERVICE = ("cadbridge.xml", "install.ps1", "uninstall.ps1", "README.md")
PYTHON = "python"  # the folder of Python itself
SITE = "Lib/site-packages"

COMMAND = """\
@echo off
rem Any command of cad-bridge: cad-bridge.bat check, cad-bridge.bat status --watch
"%~dp0python\\python.exe" -X utf8 -m bridge %*
"""
RUN = """\
@echo off
rem The bridge in this window, with the bridge.toml beside this file. Ctrl+C ends it in order.
if not exist "%~dp0bridge.toml" (
  echo There is no bridge.toml here yet. Let cad-bridge make one:
  echo   "%~dp0cad-bridge.bat" init --dir "%~dp0."
  pause
  exit /b 2
)
"%~dp0python\\python.exe" -X utf8 -m bridge run --config "%~dp0bridge.toml"
if errorlevel 1 pause
"""


class UnusableError(Exception):
    """The zip file is not what it should be; the message says how."""


def build(python_zip: Path, sha256: str | None, folder: Path, *, runner: Runner = run) -> str:
    """Build the folder and return the SHA-256 of the zip file.

    Raises:
        UnusableError: the zip file is another one, or the folder holds something already.
        subprocess.CalledProcessError: a wheel cannot be had.
    """
    found = hashlib.sha256(python_zip.read_bytes()).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise UnusableError(f"{python_zip}: its SHA-256 is {found}, and not {sha256.lower()}")
    if folder.exists() and any(folder.iterdir()):
        raise UnusableError(f"{folder}: there is something in it already")
    python = folder / PYTHON
    version = _unpack(python_zip, python)
    site = python / SITE
    install(Target(platforms=("win_amd64",), python=version), site, runner=runner)
    install_bridge(site, runner=runner)
    shutil.rmtree(site / "bin", ignore_errors=True)  # starters for the machine that this was built on
    for name, text in (("cad-bridge.bat", COMMAND), ("run.bat", RUN)):
        (folder / name).write_text(text, encoding="ascii", newline="\r\n")
    (folder / "service").mkdir()
    for name in SERVICE:
        shutil.copyfile(HERE / name, folder / "service" / name)
    return found


def _unpack(python_zip: Path, python: Path) -> str:
    """Unpack Python, tell it where its packages are, and return its version."""
    try:
        with zipfile.ZipFile(python_zip) as archive:
            names = archive.namelist()
            versions = [match for name in names if (match := re.fullmatch(r"python(3)(\d+)\._pth", name))]
            if len(versions) != 1 or "python.exe" not in names:
                raise UnusableError(f"{python_zip}: not an embeddable package of Python for Windows")
            archive.extractall(python)
    except zipfile.BadZipFile:
        raise UnusableError(f"{python_zip}: not a zip file, or not all of it") from None
    major, minor = versions[0].groups()
    # Python looks nowhere else then: nothing else that is installed on the machine gets in between.
    lines = [f"python{major}{minor}.zip", ".", SITE.replace("/", "\\")]
    (python / versions[0].string).write_text("\n".join(lines) + "\n", encoding="ascii", newline="\r\n")
    return f"{major}.{minor}"


def main() -> None:
    """Build it where the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python-zip", type=Path, required=True, help="python-3.X.Y-embed-amd64.zip")
    parser.add_argument("--sha256", help="what its SHA-256 has to be")
    parser.add_argument("--to", type=Path, default=Path("dist", "cad-bridge-windows"), help="an empty folder")
    options = parser.parse_args()
    print("Unpacking Python, and fetching what cad-bridge runs on …", file=sys.stderr, flush=True)  # noqa: T201 -- it takes long
    try:
        found = build(options.python_zip, options.sha256, options.to)
    except (UnusableError, OSError) as error:
        sys.exit(str(error))
    print(f"{options.to} is ready; SHA-256 of the Python in it: {found}")  # noqa: T201 -- the result


if __name__ == "__main__":
    main()
