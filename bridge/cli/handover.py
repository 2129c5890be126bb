"""What ``cad-bridge init`` leaves to a person: lines for ``server.cfg``, and commands as the platform's shell takes them."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from bridge.cli.admin_client import DEFAULT_ADMIN
from bridge.cli.installation import NewServer
from bridge.config import Bind, Config, ListenerConfig, TcpBind, default_path

RESOURCE = "cad_bridge"
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- only compared with
HANDED_OVER = ("server-1.token",)  # what systemd/cad-bridge.service hands to the daemon by itself
INDENT = "     "
PLAIN_IN_POWERSHELL = re.compile(r"[A-Za-z0-9_./\\:=+-]+")


class Handover(Struct, frozen=True, kw_only=True):
    """What the last words are about: ``anew`` is a first run, ``copied`` that the resource is in its place.

    ``servers`` are those that were added, each with its token, or None where that is in ``server-ID.cfg``;
    ``command`` is how this program is started.
    """

    path: Path
    config: Config
    servers: Sequence[tuple[NewServer, str | None]]
    command: Sequence[str]
    anew: bool
    copied: bool
    by_service: bool


def describe(done: Handover, environ: Mapping[str, str], platform: str = sys.platform) -> list[str]:
    """Return what is left to do, step by step, a line each."""
    steps = [
        _start(done, environ, platform),
        *([] if done.copied else [_put_resource(done, platform)]),
        *(_configure(done, server, token) for server, token in done.servers),
        [
            "See what the bridge is doing:",
            "",
            _indented(done, ["status", *admin_words(done.config)], platform),
        ],
    ]
    lines = ["What is left to do:"]
    for number, (headline, *rest) in enumerate(steps, 1):
        lines += ["", f"{number}. {headline}", *rest]
    return lines


def push_url(listener: ListenerConfig) -> str | None:
    """Return where a game server on this machine reaches the push door; None where that is no TCP address."""
    return _url(listener.bind, tls=listener.tls)


def cfg_lines(url: str | None, token: str) -> list[str]:
    """Return what ``server.cfg`` needs; ``set`` alone keeps a value on the server, and the permission within one resource."""
    return [
        f"set cad_bridge_url {_cfg_quoted(url or 'http://ADDRESS-OF-THE-BRIDGE:30180')}",
        f"set cad_bridge_token {_cfg_quoted(token)}",
        f"add_convar_permission {RESOURCE} read cad_bridge_token",
        f"ensure {RESOURCE}",
    ]


def exec_line(path: Path) -> str:
    """Return the line of ``server.cfg`` that reads another file; FXServer takes slashes on Windows too."""
    return f"exec {_cfg_quoted(path.as_posix())}"


def config_words(path: Path, environ: Mapping[str, str], platform: str = sys.platform) -> list[str]:
    """Return what a command needs to find a configuration: nothing where it looks by itself in every shell."""
    elsewhere = {name: value for name, value in environ.items() if name != "CAD_BRIDGE_CONFIG"}
    by_itself = path == default_path(elsewhere, platform) and "CAD_BRIDGE_CONFIG" not in environ
    return [] if by_itself else ["--config", str(path)]


def admin_words(config: Config) -> list[str]:
    """Return what ``cad-bridge status`` needs to find the admin door."""
    url = _url(config.admin.bind) or str(config.admin.bind[0])
    return [] if url == DEFAULT_ADMIN else ["--admin", url]


def program(invoked: str, platform: str = sys.platform) -> list[str]:
    """Return how this program is started again from any folder; ``invoked`` is ``sys.argv[0]``."""
    path = Path(invoked)
    if path.suffix == ".pyz":
        return [sys.executable, str(path.absolute())]
    if path.stem != "cad-bridge":
        return [sys.executable, "-m", "bridge"]
    known = shutil.which("cad-bridge")
    full = path.with_suffix(".exe") if platform == "win32" and not path.suffix else path
    if known is not None and _same(Path(known), full):
        return ["cad-bridge"]
    return [os.path.abspath(full)]  # noqa: PTH100 -- without following links: a virtual environment's are meant


def command_line(words: Sequence[str], platform: str = sys.platform) -> str:
    """Return a command for a POSIX shell, or on Windows for PowerShell."""
    if platform != "win32":
        return shlex.join(words)
    quoted = [word if PLAIN_IN_POWERSHELL.fullmatch(word) else _powershell(word) for word in words]
    call = "& " if quoted[0].startswith("'") else ""
    return call + " ".join(quoted)


def _start(done: Handover, environ: Mapping[str, str], platform: str) -> list[str]:
    again = "" if done.anew else " again, so that it knows the new server"
    if not done.by_service:
        run = ["run", *config_words(done.path, environ, platform)]
        end = " (Ctrl-C ends it; deploy/README.md says how to make it a service)" if done.anew else ""
        return [f"Start the bridge{again}{end}:", "", _indented(done, run, platform)]
    lines = [f"Start the service{again}:", "", f"{INDENT}systemctl restart cad-bridge"]
    loaded = [server.token_file for server, _ in done.servers if server.token_file not in HANDED_OVER]
    if loaded:
        hand = [f"{INDENT}LoadCredential={name}:{done.path.parent / name}" for name in loaded]
        lines[1:1] = [
            "   Before that, hand it the new tokens with `systemctl edit cad-bridge`:",
            "",
            f"{INDENT}[Service]",
            *hand,
        ]
    return lines


def _put_resource(done: Handover, platform: str) -> list[str]:
    words = ["init", "--dir", str(done.path.parent), "--resources"]
    return [
        f"Put the FiveM resource {RESOURCE} into the folder resources of FXServer (not needed for scripts that push by themselves):",
        "",
        f"{_indented(done, words, platform)} FOLDER",
    ]


def _configure(done: Handover, server: NewServer, token: str | None) -> list[str]:
    url = push_url(done.config.listener)
    whose = f"server.cfg of game server {server.id} ({server.name})"
    if token is None:
        cfg = done.path.parent / server.cfg_file
        return [
            f"Put this line into {whose}, and start that anew.",
            "   FXServer must be able to read the file: where it runs as another user or elsewhere, copy it there.",
            "",
            f"{INDENT}{exec_line(cfg)}",
        ]
    note = _where_from(done.config.listener.bind, url)
    lines = [
        f"Put these lines into {whose}, and start that anew.",
        f"   The token is shown only now; keep it to yourself.{note}",
        "",
    ]
    return lines + [f"{INDENT}{line}" for line in cfg_lines(url, token)]


def _where_from(doors: Sequence[Bind], url: str | None) -> str:
    if url is None:
        return "\n   FXServer pushes over TCP: put an address into the first line that leads to the bridge."
    wide = any(isinstance(door, TcpBind) and not door.loopback for door in doors)
    return (
        "\n   On another machine than the bridge's, the first line has the bridge's address there."
        if wide
        else ""
    )


def _indented(done: Handover, words: Sequence[str], platform: str) -> str:
    return INDENT + command_line([*done.command, *words], platform)


def _url(doors: Sequence[Bind], *, tls: bool = False) -> str | None:
    tcp = [door for door in doors if isinstance(door, TcpBind)]
    if not tcp:
        return None
    door = next((door for door in tcp if door.loopback), tcp[0])
    address = TcpBind(host=WILDCARDS.get(door.host, door.host), port=door.port)
    return f"{'https' if tls else 'http'}://{address}"


def _cfg_quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _powershell(word: str) -> str:
    doubled = word.replace("'", "''")
    return f"'{doubled}'"


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
