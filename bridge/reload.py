"""What differs between the configuration that runs and one that was read anew, and what of it can change at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import fields, replace

from bridge.config import CadConfig, CmsConfig, Config, Secret, ServerConfig

RESTART = frozenset(
    {
        "listener.bind",
        "listener.tls_cert_file",
        "listener.tls_key_file",
        "admin.bind",
        "cad.base_url",
        "cad.api",
        "cad.community_id",
        "cad.timeout",
        "cad.proxy",
        "cad.ca_file",
        "cms",
        "cms.base_url",
        "cms.community_id",
        "outbox.path",
    }
)
"""Keys, or whole sections, that a running daemon cannot change: doors that are open, files and communities."""

ABSENT = "-"


class Change(Struct, frozen=True, kw_only=True):
    """One key with its old and new value as text, a secret as ``***``; numbers of time are seconds.

    ``restart``: the running daemon keeps the old value until it is started again.
    """

    key: str
    old: str
    new: str
    restart: bool = False


def compare(running: Config, wanted: Config) -> list[Change]:
    """Return every key that differs, in the order of the schema."""
    waiting = {change.key for change in _differences("", keep_fixed(running, wanted), wanted)}
    return [replace(change, restart=change.key in waiting) for change in _differences("", running, wanted)]


def keep_fixed(running: Config, wanted: Config) -> Config:
    """Return the wanted configuration with the running one's values wherever a change needs a restart.

    A key belongs to a community at an address: where either waits, the key does too, and is shown to nobody else.
    """
    kept = cast(Config, _keep("", running, wanted))
    if _home(wanted.cad) != _home(running.cad):
        kept = replace(kept, cad=replace(kept.cad, api_key=running.cad.api_key))
    if kept.cms is None or running.cms is None or wanted.cms is None:
        return kept
    if _home(wanted.cms) != _home(running.cms):
        kept = replace(kept, cms=replace(kept.cms, api_key=running.cms.api_key))
    return kept


def _home(section: CadConfig | CmsConfig) -> tuple[str, ...]:
    api = section.api if isinstance(section, CadConfig) else ""
    return section.base_url, section.community_id, api


def _keep(path: str, running: Struct, wanted: Struct) -> Struct:
    kept: dict[str, object] = {}
    for field in fields(wanted):
        at = _join(path, field.encode_name)
        old, new = getattr(running, field.name), getattr(wanted, field.name)
        if isinstance(old, Struct) and isinstance(new, Struct):
            kept[field.name] = _keep(at, old, new)
        elif at in RESTART:
            kept[field.name] = old
    return replace(wanted, **kept)


def _differences(path: str, old: object, new: object) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, Struct) and isinstance(new, Struct) and type(old) is type(new) and not _is_bind(old):
        for field in fields(new):
            at = _join(path, field.encode_name)
            yield from _differences(at, getattr(old, field.name), getattr(new, field.name))
    elif _is_servers(old) or _is_servers(new):
        yield from _servers(cast(Sequence[ServerConfig], old), cast(Sequence[ServerConfig], new))
    elif _is_table(old):
        before, after = cast(Mapping[str, object], old), cast(Mapping[str, object], new)
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differences(_join(path, key), before.get(key, ABSENT), after.get(key, ABSENT))
    else:
        yield Change(key=path, old=_shown(old), new=_shown(new))


def _servers(old: Sequence[ServerConfig], new: Sequence[ServerConfig]) -> Iterator[Change]:
    before = {server.id: server for server in old}
    after = {server.id: server for server in new}
    for server_id in [*before, *(known for known in after if known not in before)]:
        at = f"servers.{server_id}"
        if server_id in before and server_id in after:
            yield from _differences(at, before[server_id], after[server_id])
        elif server_id in before:
            yield Change(key=at, old=before[server_id].name, new=ABSENT)
        else:
            yield Change(key=at, old=ABSENT, new=after[server_id].name)


def _is_servers(value: object) -> bool:
    return isinstance(value, tuple) and any(
        isinstance(entry, ServerConfig) for entry in cast(tuple[object, ...], value)
    )


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_bind(value: Struct) -> bool:
    """Tell whether a value has a text of its own, and is no section."""
    return type(value).__str__ is not Struct.__str__


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(value: object) -> str:
    match value:
        case None | Secret():
            return ABSENT if value is None else repr(value)
        case tuple():
            return ", ".join(map(_shown, cast(tuple[object, ...], value))) or ABSENT
        case float():
            return f"{value:.12g}"
        case Struct() if not _is_bind(value):
            return "configured"
        case _:
            return str(value)
