"""A panel's server, as Wings and an image treat it by the egg.

Played are the install script, with the server's files where it looks for ``/mnt/server``; lines of the configuration
written by their beginning; the startup command, evaluated where the server's files are, on a terminal or not; and
SIGINT to stop.
"""

import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from tests.support.daemon import API_KEY
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "pterodactyl"
BIN = Path(sys.executable).parent
SERVER_FILES, HOME = "/mnt/server", "/home/container"
MARK = "9.9.9"  # the version of the release that the tests make
READY_SECONDS = 60.0

Short = Annotated[str, Meta(min_length=1, max_length=191)]


class Origin(Struct, forbid_unknown_fields=True):
    version: Literal["PTDL_v2"]
    update_url: None


class Behaviour(Struct, forbid_unknown_fields=True):
    """All but ``stop`` is JSON within JSON."""

    files: str
    startup: str
    logs: str
    stop: Short


class Installation(Struct, forbid_unknown_fields=True):
    script: str
    container: Short
    entrypoint: Literal["bash"]


class Scripts(Struct, forbid_unknown_fields=True):
    installation: Installation


class Variable(Struct, forbid_unknown_fields=True):
    name: Short
    description: str
    env_variable: Annotated[str, Meta(pattern=r"^\w{1,191}$")]
    default_value: str
    user_viewable: bool
    user_editable: bool
    rules: Short
    field_type: Literal["text"]


class Egg(Struct, forbid_unknown_fields=True):
    """What exported eggs of this version hold, as panels import them: no field more, none less."""

    comment: str = field(name="_comment")
    meta: Origin
    exported_at: str
    name: Short
    author: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$")]  # panels refuse what is no address
    description: str
    features: list[str] | None
    docker_images: Annotated[dict[str, str], Meta(min_length=1)]
    file_denylist: list[str]
    startup: Short
    config: Behaviour
    scripts: Scripts
    variables: list[Variable]


EGG = msgspec.json.decode((FOLDER / "egg-cad-bridge.json").read_bytes(), type=Egg)
SCRIPT = EGG.scripts.installation.script
STARTUP: dict[str, Any] = msgspec.json.decode(EGG.config.startup)
FILES: dict[str, Any] = msgspec.json.decode(EGG.config.files)


class Panel:
    """One server of a panel, its files in ``files``."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "server"
        self.files.mkdir()
        self.port = free_port()
        self.variables = {variable.env_variable: variable.default_value for variable in EGG.variables}
        self.variables |= {"COMMUNITY_ID": "examplecad", "CAD_BRIDGE_API_KEY": API_KEY}
        self._packages = _packages(folder / "packages")
        self._release = folder / "release"

    @property
    def token(self) -> str:
        return (self.files / "server-1.token").read_text(encoding="ascii").strip()

    @property
    def config(self) -> Path:
        return self.files / "bridge.toml"

    def release(
        self,
        name: str = "cad-bridge-9.9.9.tar.gz",
        *,
        where: Path | None = None,
        real: bool = False,
        **changed: str,
    ) -> Path:
        """Make a release archive as a download page has it, by default among the server's files.

        Only a ``real`` one runs; another tells its version and is installed much sooner.
        """
        top = self._release / "cad-bridge-9.9.9"
        shutil.rmtree(top, ignore_errors=True)
        if real:
            shutil.copytree(ROOT / "bridge", top / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (top / "bridge").mkdir(parents=True)
            script = f'print("cad-bridge, version {MARK}")\n'
            (top / "bridge" / "__main__.py").write_text(script, encoding="utf-8")
        (top / "bridge" / "__init__.py").write_text(
            f'"""Made by a test."""\n\n__version__ = "{MARK}"\n', encoding="utf-8"
        )
        requirement = f"stand-in==1.0 --hash=sha256:{self._packages[1]}\n"
        (top / "requirements.txt").write_text(changed.get("requirements", requirement), encoding="utf-8")
        archive = (where or self.files) / name
        if name.endswith(".zip"):
            with zipfile.ZipFile(archive, "w") as file:
                for path in sorted(top.rglob("*")):
                    file.write(path, path.relative_to(self._release))
        else:
            with tarfile.open(archive, "w:gz") as file:
                file.add(top, top.name)
        return archive

    def install(self) -> tuple[int, str]:
        """Run the install script with the server's files where it looks for them; return code and output."""
        assert SERVER_FILES in SCRIPT
        script = self._release.parent / "install.sh"
        script.write_text(SCRIPT.replace(SERVER_FILES, str(self.files)), encoding="utf-8")
        done = subprocess.run(
            ("bash", str(script)), env=self._environment(), cwd="/",
            capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def write_lines(self) -> None:
        """Write the lines of the configuration files: each that begins as the egg says, and no other."""
        for name, rule in FILES.items():
            assert rule["parser"] == "file"
            finds = {match: self._filled(text) for match, text in rule["find"].items()}
            path = self.files / name
            lines = path.read_text(encoding="utf-8").splitlines()
            written = [
                next((text for match, text in finds.items() if line.startswith(match)), line)
                for line in lines
            ]
            path.write_text("".join(f"{line}\n" for line in written), encoding="utf-8")

    @contextmanager
    def started(self, *, terminal: bool = True) -> Generator["Server"]:
        """Start the server as the image does, and leave nothing of it behind."""
        self.write_lines()
        server = Server(self, self._environment() | {"STARTUP": EGG.startup}, terminal=terminal)
        try:
            yield server
        finally:
            server.kill()

    def _filled(self, text: str) -> str:
        known = {f"server.build.env.{name}": value for name, value in self.variables.items()}
        known["server.build.default.port"] = str(self.port)
        return re.sub(r"\{\{([\w.]+)\}\}", lambda found: known[found[1]], text)

    def _environment(self) -> dict[str, str]:
        return self.variables | {
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "HOME": HOME,
            "SERVER_PORT": str(self.port),
            "SERVER_IP": "0.0.0.0",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self._packages[0]),
            "PIP_CONFIG_FILE": os.devnull,
        }


class Server:
    """A process that the image's entrypoint started; ``said`` is what the panel's console shows."""

    def __init__(self, panel: Panel, environment: Mapping[str, str], *, terminal: bool) -> None:
        self._output = panel.files.parent / f"console-{time.monotonic_ns()}"
        # How images make the command of the egg's text.
        entrypoint = 'eval "$(echo -e ${STARTUP} | sed -e "s/{{/\\${/g" -e "s/}}/}/g")"'
        command: Sequence[str] = ("bash", "-c", entrypoint)
        if terminal:
            command = (str(BIN / "python"), "-c", ON_A_TERMINAL, str(self._output), *command)
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=panel.files, env=dict(environment), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def until(self, text: str) -> str:
        """Return the line that holds ``text`` once it is there."""
        deadline = time.monotonic() + READY_SECONDS
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            assert self._process.poll() is None or text in self.said, self.said
            time.sleep(0.05)
        return next(line for line in self.said.splitlines() if text in line)

    def stop(self) -> int:
        """Stop it as ^C says: SIGINT to the process that the container began with, not to its children."""
        os.kill(self._process.pid, signal.SIGINT)
        return self._process.wait(timeout=60)

    def wait(self) -> int:
        return self._process.wait(timeout=60)

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)


# Becomes the command, on a terminal whose other end a child copies to a file.
ON_A_TERMINAL = """
import os, pty, sys
ours, theirs = pty.openpty()
if os.fork() == 0:
    os.close(theirs)
    with open(sys.argv[1], "ab", buffering=0) as file:
        while True:
            try:
                file.write(os.read(ours, 65536))
            except OSError:
                os._exit(0)
os.close(ours)
for number in (0, 1, 2):
    os.dup2(theirs, number)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def _packages(folder: Path) -> tuple[Path, str]:
    """Make an index with one package, which stands in for all that is needed; return it and the file's hash."""
    folder.mkdir()
    path = folder / "stand_in-1.0-py3-none-any.whl"
    about = "stand_in-1.0.dist-info"
    content = {
        "stand_in.py": "",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: stand-in\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}\n"
        for name, text in content.items()
    )
    with zipfile.ZipFile(path, "w") as file:
        for name, text in (content | {f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}).items():
            file.writestr(name, text)
    return folder, hashlib.sha256(path.read_bytes()).hexdigest()
