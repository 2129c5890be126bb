"""Where a daemon's admin door, its outbox and its admin token are, by the configuration it runs on.

Only what is needed is read of the configuration, so that nobody needs to be allowed to read Sonoran's key.
"""

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from click import ClickException
from msgspec import Struct

from bridge.cli.admin_client import DEFAULT_ADMIN
from bridge.config import SHORTEST_TOKEN, AdminConfig, OutboxConfig, Secret, TcpBind, default_path
from bridge.config.reading import Reading
from bridge.config.sources import Sources, decode, reason
from bridge.errors import ConfigError
from bridge.units import ServerId

TOKEN_FILE = "admin.token"  # noqa: S105 -- the name under which the daemon keeps the one it made
TOKEN_VARIABLE = "CAD_BRIDGE_ADMIN_TOKEN"  # noqa: S105 -- the variable's name
SERVICE = "cad-bridge"  # the unit's name and its folder under /etc and /var/lib
CONFIG_ROOT = Path("/etc") / SERVICE
STATE_ROOT = Path("/var/lib")
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- what to ask where everything is listened to


class Whereabouts(Struct, frozen=True, kw_only=True):
    """What a configuration says of its daemon. ``tokens`` are the files in which its token may be, likeliest first."""

    admin: str
    outbox: Path
    rules: OutboxConfig
    names: Mapping[ServerId, str] | None
    tokens: tuple[Path, ...]


def find(config: Path | None, environ: Mapping[str, str] = os.environ) -> Whereabouts:
    """Return where things are; without a configuration at the usual place, what the defaults say.

    Raises:
        ConfigError: the file that was named cannot be used.
    """
    path = (config or default_path(environ, sys.platform)).absolute()
    named = config is not None or "CAD_BRIDGE_CONFIG" in environ
    tables = _parse(path, needed=named)
    sources = Sources(path.parent, environ, sys.platform)
    reading = Reading(path.name, sources)
    admin = dict(_table(tables, "admin"))
    token_file = admin.pop("token_file", "")
    doors = reading.table(AdminConfig, {key: admin[key] for key in ("bind",) if key in admin}, "admin")
    rules = reading.table(OutboxConfig, _table(tables, "outbox"), "outbox")
    if doors is None or rules is None:
        raise ConfigError(reading.problems)
    outbox = next((one for one in _outboxes(path, rules.path, environ) if _is_there(one)), rules.path)
    own = [path.parent / token_file] if isinstance(token_file, str) and token_file else []
    beside = [one.parent / TOKEN_FILE for one in _outboxes(path, outbox, environ)]
    return Whereabouts(
        admin=_url(doors),
        outbox=outbox,
        rules=rules,
        names=_names(tables) or None,
        tokens=tuple(dict.fromkeys([*own, *beside])),
    )


def read_token(places: Whereabouts, named: Path | None, environ: Mapping[str, str] = os.environ) -> Secret:
    """Return the admin token: of the file that is named, of the environment, or where the daemon keeps it."""
    if named is not None:
        return _read(named)
    given = environ.get(TOKEN_VARIABLE, "").strip()
    if given:
        return Secret(given)
    for path in places.tokens:
        if _is_there(path):
            return _read(path)
    looked = ", ".join(map(str, places.tokens))
    raise ClickException(
        f"the admin token is not where it was looked for ({looked}): name its file with --token-file"
    )


def read_tokens(
    places: Whereabouts, named: Path | None, environ: Mapping[str, str] = os.environ
) -> list[Secret]:
    """Return the admin tokens that a daemon may know whose configuration was just edited, likeliest first."""
    likeliest = read_token(places, named, environ)
    if named is not None or environ.get(TOKEN_VARIABLE, "").strip():
        return [likeliest]
    others = [_read(path) for path in places.tokens if _is_there(path)]
    return list(dict.fromkeys([likeliest, *others]))


def _read(path: Path) -> Secret:
    try:
        path.open("rb").close()
        token = Sources(path.absolute().parent, {}, sys.platform).secret(path.name, "", SHORTEST_TOKEN)
    except PermissionError as error:
        raise ClickException(f"{path}: this user may not read the admin token: try sudo") from error
    except OSError as error:
        raise ClickException(f"{path}: the admin token cannot be read: {reason(error)}") from error
    except ValueError as error:
        raise ClickException(f"{path}: {error}") from error
    assert token is not None, "the file has a name"  # noqa: S101 -- only a secret without one is None
    return token


def _parse(path: Path, *, needed: bool) -> Mapping[str, object]:
    try:
        return tomllib.loads(decode(path.read_bytes()))
    except FileNotFoundError:
        if not needed:
            return {}
        raise ConfigError([f"{path}: no such file"]) from None
    except OSError as error:
        if not needed:
            return {}
        raise ConfigError([f"{path}: cannot be read: {reason(error)}"]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{path.name}: {error}"]) from None


def _table(tables: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = tables.get(name)
    return cast(Mapping[str, object], table) if isinstance(table, dict) else {}


def _names(tables: Mapping[str, object]) -> dict[ServerId, str]:
    """Return the servers' names by their numbers, of those that have a number."""
    names: dict[ServerId, str] = {}
    servers = tables.get("servers")
    for row in cast(list[object], servers) if isinstance(servers, list) else []:
        if not isinstance(row, dict):
            continue
        server = cast(Mapping[str, object], row)
        number = server.get("id")
        if isinstance(number, int):
            names[ServerId(number)] = str(server.get("name", number))
    return names


def _outboxes(config: Path, outbox: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield where the outbox may be; a service's is under systemd's folder for it, which only the service is told."""
    yield outbox
    if environ.get("STATE_DIRECTORY") or sys.platform == "win32":
        return
    if config.parent == CONFIG_ROOT:
        yield STATE_ROOT / SERVICE / outbox.name
    elif config.parent.parent == CONFIG_ROOT:
        yield STATE_ROOT / f"{SERVICE}-{config.parent.name}" / outbox.name


def _is_there(path: Path) -> bool:
    """Tell whether there is such a file; where nobody may look, there may be one."""
    try:
        return path.exists()
    except OSError:
        return True


def _url(doors: AdminConfig) -> str:
    for bind in doors.bind:
        if not isinstance(bind, TcpBind):
            return str(bind)
        host = ANY_HOST.get(bind.host, bind.host)
        return f"http://[{host}]:{bind.port}" if ":" in host else f"http://{host}:{bind.port}"
    return DEFAULT_ADMIN
