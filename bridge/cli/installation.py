"""What ``cad-bridge init`` writes: the TOML and a file for each secret, all of them or none, and nothing over another."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from bridge import host
from bridge.config import Loaded, default_path, load
from bridge.config.sources import BYTE_ORDER_MARKS, decode
from bridge.errors import ConfigError
from bridge.operations import DOCUMENTED_LIMITS

KEY_FILE = "api-key"
FOR_ALL, FOR_ALL_FOLDER, OWN_FOLDER = (
    0o644,
    0o755,
    0o700,
)  # modes; a service under another user reads the TOML
COMMENTS_AT = 34  # column

HEAD = """\
# cad-bridge, made by `cad-bridge init`, which also adds servers; `cad-bridge check` tells whether all is right.
# Every other key, with its default and a comment, is in config/bridge.example.toml of cad-bridge's own folder.
# Key and tokens lie in files of their own beside this one.
"""


class NewBridge(Struct, frozen=True, kw_only=True):
    """What a TOML that is made anew says besides its servers; what is None or empty is left to its default."""

    community_id: str
    api: str | None = None
    base_url: str | None = None
    bind: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()


class NewServer(Struct, frozen=True, kw_only=True):
    """A game server that is added: Sonoran's number of it, its name here, and where it answers itself, if anywhere."""

    id: int
    name: str
    fxserver_url: str | None = None

    @property
    def token_file(self) -> str:
        """Return the name of the file that holds its token."""
        return f"server-{self.id}.token"

    @property
    def cfg_file(self) -> str:
        """Return the name of the file that holds its lines for ``server.cfg``, where they are not shown."""
        return f"server-{self.id}.cfg"


def render(bridge: NewBridge, servers: Iterable[NewServer]) -> bytes:
    """Return a new TOML: what matters, and where the rest is found."""
    parts = [HEAD]
    for section, addresses in (("listener", bridge.bind), ("admin", bridge.admin)):
        if addresses:
            parts.append(f"[{section}]\n" + _line("bind", addresses[0] if len(addresses) == 1 else addresses))
    account = [
        _line("community_id", bridge.community_id),
        _line("api_key_file", KEY_FILE, "Sonoran's API key, alone in that file"),
        *([] if bridge.api is None else [_line("api", bridge.api, "the interface the community is on")]),
        *([] if bridge.base_url is None else [_line("base_url", bridge.base_url)]),
    ]
    parts.append("[cad]\n" + "".join(account))
    return "\n".join([*parts, *map(_table, servers)]).encode()


def extend(content: bytes, servers: Iterable[NewServer]) -> bytes:
    """Return a TOML with servers at its end; what was there stays as it is, byte for byte.

    The new lines take its encoding and its line ends, as editors on Windows write them.

    Raises:
        ValueError: If it is no text.
    """
    text = decode(content)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    added = "".join("\n" + _table(server) for server in servers)
    if text and not text.endswith("\n"):
        added = "\n" + added
    return content + (added.replace("\n", "\r\n") if "\r\n" in text else added).encode(encoding)


def commit(
    path: Path,
    content: bytes,
    secrets: Mapping[str, str],
    *,
    former: bytes = b"",
    environ: Mapping[str, str] | None = None,
    write_private: Callable[[Path, str], None] = host.write_private,
) -> Loaded:
    """Write the secrets, then the TOML in one step, once it is known that it can be used; return what it says.

    Whatever goes wrong before that step leaves everything as it was. A kill leaves at most secrets that nothing
    names yet, and the next run takes them up.

    Args:
        path: The TOML.
        content: What it shall hold.
        secrets: By file name; none of these files may exist, but for an empty one that a kill left.
        former: What the TOML holds until now, nothing where there is none; it must not have changed meanwhile.
        environ: The process's environment.
        write_private: Writes a file that only its owner reads.

    Raises:
        ConfigError: If the result could not be used; its lines name the TOML.
        OSError: If a file cannot be written, or one is there that must not be.
    """
    with ExitStack() as undo:
        _make_folder(path.parent, undo)
        for name, secret in secrets.items():
            _reserve(path.parent / name, undo)
            write_private(path.parent / name, secret + "\n")
        loaded = _try_out(path, content, os.environ if environ is None else environ)
        target = path.resolve()  # what a link leads to is replaced, not the link
        draft = _draft(target.parent, target, content, undo)
        if not former:
            _reserve(target, undo)
        if target.read_bytes() != former:
            raise ConfigError([f"{path.name}: was changed meanwhile by someone else"])
        # From here on a TOML without its secrets would be worse than secrets without it.
        done = undo.pop_all()
    try:
        host.replace(draft, target)
    except OSError:
        done.close()
        raise
    host.sync_folder(target.parent)
    return loaded


def is_blank(path: Path) -> bool:
    """Tell whether a file is there and has nothing in it, as a kill may leave one."""
    return path.is_file() and path.stat().st_size == 0


def _line(key: str, value: str | int | Sequence[str], comment: str = "") -> str:
    # JSON's strings, numbers and lists of strings are TOML's too.
    setting = f"{key} = {msgspec.json.encode(value).decode()}"
    return f"{setting:<{COMMENTS_AT}}# {comment}\n" if comment else f"{setting}\n"


def _table(server: NewServer) -> str:
    lines = [
        "[[servers]]\n",
        _line("id", server.id, "Sonoran's number of this game server"),
        _line("name", server.name, "its name in tables, graphs and logs"),
        _line(
            "token_file", server.token_file, "what it shows the bridge: the same token as in its server.cfg"
        ),
    ]
    if server.fxserver_url is not None:
        lines.append(_line("fxserver_url", server.fxserver_url, "where it tells how many players it has"))
    return "".join(lines)


def _make_folder(folder: Path, undo: ExitStack) -> None:
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        host.make_folder(one)
        undo.callback(_without_error(one.rmdir))
    if missing:
        system = folder == default_path({}, sys.platform).parent
        folder.chmod(FOR_ALL_FOLDER if system else OWN_FOLDER)


def _reserve(path: Path, undo: ExitStack) -> None:
    """Take a file's name, so that nothing that somebody else writes there meanwhile is lost."""
    if not is_blank(path):
        path.open("x").close()
    undo.callback(_without_error(path.unlink))


def _draft(folder: Path, target: Path, content: bytes, undo: ExitStack) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=folder)
    draft = Path(name)
    undo.callback(_without_error(draft.unlink))
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if target.exists():
        _copy_rights(target, draft)
    else:
        draft.chmod(FOR_ALL)
    return draft


def _copy_rights(source: Path, target: Path) -> None:
    shutil.copymode(source, target)
    owner = source.stat()
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # who may write the folder, but is not the owner
            os.chown(target, owner.st_uid, owner.st_gid)


def _try_out(path: Path, content: bytes, environ: Mapping[str, str]) -> Loaded:
    """Read what a file would say if it held something, and speak of it by its own name."""
    with ExitStack() as undo:
        draft = _draft(path.parent, path, content, undo)

        def renamed(lines: Iterable[str]) -> tuple[str, ...]:
            return tuple(line.replace(draft.name, path.name, 1) for line in lines)

        try:
            loaded = load(draft, environ=environ, documented_limits=DOCUMENTED_LIMITS)
        except ConfigError as error:
            raise ConfigError(renamed(error.problems)) from None
        return Loaded(config=loaded.config, warnings=renamed(loaded.warnings))


def _without_error(action: Callable[[], object]) -> Callable[[], None]:
    def act() -> None:
        with suppress(OSError):
            action()

    return act
