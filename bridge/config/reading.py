"""From TOML's tables to the schema's structs, key by key, so that every problem is found at once."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, cast, get_args

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo

from bridge.config.readers import proxy_url
from bridge.config.schema import (
    DataFile,
    Entries,
    PemFile,
    ProxyUrl,
    SecretFile,
    StateFile,
    Tables,
)
from bridge.config.sources import Sources
from bridge.config.values import expected, shown

Kind = TypeVar("Kind")
Table = TypeVar("Table", bound=Struct)

INLINE_SECRETS = frozenset({"apikey", "key", "password", "secret", "token"})


class Reading:
    """One pass over a file: the problems it found, and by path each value that is right or absent."""

    def __init__(self, file: str, sources: Sources) -> None:
        self._file = file
        self._sources = sources
        self._values: dict[str, object] = {}
        self._given: set[str] = set()
        self.problems: list[str] = []

    def report(self, path: str, message: str) -> None:
        """Add one problem, named as the file's user knows it."""
        self.problems.append(f"{self._file}: {path}: {message}")

    def value(self, path: str, kind: type[Kind]) -> Kind | None:
        """Return the value at a path such as ``cad.share``, None if it could not be read."""
        value = self._values.get(path)
        return value if isinstance(value, kind) else None

    def given(self, path: str) -> bool:
        """Tell whether the file has a key, or leaves it to its default."""
        return path in self._given

    def known(self, path: str) -> bool:
        """Tell whether there is a value at a path, be it none; where it could not be read there is not."""
        return path in self._values

    def values(self, kind: type[Kind], path: str | None = None) -> Iterator[tuple[str, Kind]]:
        """Yield path and value of one kind, everywhere or at a path such as ``servers[].id``."""
        for at, value in self._values.items():
            if isinstance(value, kind) and path in {None, _generic(at)}:
                yield at, value

    def table(self, kind: type[Table], table: Mapping[str, object], path: str = "") -> Table | None:
        """Read a table into its struct; None, and every problem reported, if that cannot be."""
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in table:
            if key not in fields:
                self.report(join_path(path, key), _unknown(key, fields))
        given = [key for key in table if key in fields]
        absent = [key for key in fields if key not in table]
        self._given.update(join_path(path, key) for key in given)
        values: dict[str, Any] = {}
        for key in given + absent:
            at = join_path(path, key)
            try:
                values[fields[key].name] = self._values[at] = self._read(fields[key], table, at)
            except ValueError as error:
                self.report(at, str(error))
            except _ReportedError:
                continue
        return kind(**values) if len(values) == len(fields) else None

    def _read(self, field: FieldInfo, table: Mapping[str, object], path: str) -> object:
        marker = _marker(field)
        value = table.get(field.encode_name)
        match marker:
            case SecretFile():
                return self._secret(marker, value, table)
            case PemFile() | ProxyUrl():
                return self._outside(marker, value)
            case Tables():
                return self._tables(marker.kind, value, path)
            case Entries():
                return self._entries(marker, value, path)
            case type() if value is not None or field.default is not None:
                return self._section(marker, value, path)
            case StateFile():
                return self._sources.state_path(_name(str(field.default) if value is None else value))
            case _ if value is None:
                return _default(field)
            case _:
                return self._plain(marker, value)

    def _plain(self, marker: Any, value: object) -> object:  # noqa: ANN401 -- a reader or a marker
        if isinstance(marker, DataFile):
            return self._sources.data_path(_name(value, empty=True))
        return marker(value)

    def _outside(self, marker: PemFile | ProxyUrl, value: object) -> object:
        return self._pem(marker, value) if isinstance(marker, PemFile) else self._proxy(marker, value)

    def _secret(self, marker: SecretFile, value: object, table: Mapping[str, object]) -> object:
        if value is not None and not isinstance(value, str):
            raise ValueError("expected the name of a file that holds the secret")
        server = table.get("id")
        variable = marker.variable.format(id=server if isinstance(server, int) else "<id>")
        secret = self._sources.secret(value or "", variable, marker.shortest)
        if secret is None and marker.required:
            raise ValueError(f"missing: name a file that holds the secret, or set {variable}")
        return secret

    def _pem(self, marker: PemFile, value: object) -> object:
        if value is not None and (not isinstance(value, str) or not value.isprintable()):
            raise ValueError("expected the name of a file in PEM form")  # it may be the key itself
        return self._sources.pem_path(value or "", private=marker.private)

    def _proxy(self, marker: ProxyUrl, value: object) -> object:
        if secret := self._sources.variable(marker.variable):
            try:
                return proxy_url(secret)
            except ValueError:
                raise ValueError(
                    f"{marker.variable} is no URL such as http://proxy.example.com:3128"
                ) from None
        if isinstance(value, str) and "@" in value:
            raise ValueError(
                f"user and password do not stand in this file, put the whole URL into {marker.variable}"
            )
        return proxy_url("" if value is None else value)

    def _entries(self, marker: Entries, value: object, path: str) -> object:
        entries: dict[str, object] = {}
        table = _as_table(value)
        for key, entry in table.items():
            at = join_path(path, key)
            try:
                entries[key] = self._values[at] = marker.reader(entry)
            except ValueError as error:
                self.report(at, str(error))
        if len(entries) < len(table):
            raise _ReportedError
        return entries

    def _tables(self, kind: type[Struct], value: object, path: str) -> object:
        if value is not None and not isinstance(value, list):
            raise expected(f"[[{path}]] entries", value)
        entries = cast(list[object], value or [])
        if not entries:
            raise ValueError(f"expected at least one [[{path}]] entry")
        tables = [_as_table(entry) for entry in entries]
        read = [self.table(kind, table, f"{path}[{index}]") for index, table in enumerate(tables)]
        if None in read:
            raise _ReportedError
        return tuple(read)

    def _section(self, kind: type[Struct], value: object, path: str) -> object:
        read = self.table(kind, _as_table(value), path)
        if read is None:
            raise _ReportedError
        return read


def join_path(path: str, key: str) -> str:
    """Return the path of a key in the table at ``path``."""
    bare = key if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", key) else shown(key)
    return f"{path}.{bare}" if path else bare


class _ReportedError(Exception):
    """A part could not be read, and the problems say why."""


def _as_table(value: object) -> dict[str, object]:
    if value is not None and not isinstance(value, dict):
        raise expected("a table", value)
    return cast(dict[str, object], value or {})


def _marker(field: FieldInfo) -> Any:  # noqa: ANN401 -- a reader, a marker or a struct
    return get_args(field.type)[-1] if hasattr(field.type, "__metadata__") else field.type


def _default(field: FieldInfo) -> object:
    if field.default is NODEFAULT:
        raise ValueError("missing")
    return field.default


def _name(value: object, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not value.isprintable() or not (value or empty):
        raise expected("the name of a file", value)
    return value


def _unknown(key: str, fields: Mapping[str, FieldInfo]) -> str:
    secrets = [name for name, field in fields.items() if isinstance(_marker(field), SecretFile)]
    if secrets and re.sub(r"[^a-z]", "", key.lower()) in INLINE_SECRETS:
        return f"a secret does not stand in this file, write it to a file of its own and name that with {secrets[0]}"
    close = get_close_matches(key, fields, n=1)
    return f'unknown key, did you mean "{close[0]}"?' if close else "unknown key"


def _generic(path: str) -> str:
    return re.sub(r"\[[0-9]+\]", "[]", path)
