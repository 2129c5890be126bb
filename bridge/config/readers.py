"""One reader for each kind of value: it takes what TOML gave and returns the value or raises ``ValueError``.

A reader's message says what was expected and what was found; file and key are put before it by ``reading``.
The schema names the reader of each key in the key's annotation.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit

from bridge.config.values import (
    Bind,
    Proxy,
    Secret,
    TcpBind,
    UnixBind,
    duration_text,
    expected,
    is_loopback,
)

UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
UNIT_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
LONGEST_DURATION = 3650 * 86400.0  # seconds; ten years, so that no timer overflows
LARGEST_INTEGER = 2**31 - 1
LARGEST_PORT = 65535
LONGEST_SOCKET_PATH = 107  # bytes that fit into Linux' sockaddr_un beside the closing zero

HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)
NUMBERS_AND_DOTS = re.compile(r"[0-9.]+")


def duration(minimum: float = 0.001) -> Callable[[object], float]:
    """Read ``"5s"`` as seconds."""

    def read(value: object) -> float:
        parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", value) if isinstance(value, str) else None
        if parts is None:
            raise expected('a duration such as "5s"', value)
        seconds = float(parts[1]) * UNIT_SECONDS[parts[2]]
        if seconds < minimum:
            raise expected(f'at least "{duration_text(minimum)}"', value)
        if seconds > LONGEST_DURATION:
            raise expected(f'at most "{duration_text(LONGEST_DURATION)}"', value)
        return seconds

    return read


def size(minimum: str, maximum: str) -> Callable[[object], int]:
    """Read ``"1MiB"`` as bytes."""

    def read(value: object) -> int:
        count = _bytes(value)
        if not _bytes(minimum) <= count <= _bytes(maximum):
            raise expected(f'"{minimum}" to "{maximum}"', value)
        return count

    return read


def _bytes(value: object) -> int:
    parts = re.fullmatch(r"([0-9]{1,12})([KMG]i?B|B)", value) if isinstance(value, str) else None
    if parts is None:
        raise expected('a size such as "1MiB"', value)
    return int(parts[1]) * UNIT_BYTES[parts[2]]


def integer(minimum: int, maximum: int = LARGEST_INTEGER) -> Callable[[object], int]:
    """Read a whole number."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise expected("a whole number", value)
        if value < minimum:
            raise expected(f"at least {minimum}", value)
        if value > maximum:
            raise expected(f"at most {maximum}", value)
        return value

    return read


def number(
    *, above: float = -math.inf, minimum: float = -math.inf, maximum: float = math.inf
) -> Callable[[object], float]:
    """Read a number, whole or not; neither infinite nor NaN."""

    def read(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e300:  # noqa: PLR2004 -- NaN fails it too
            raise expected("a number", value)
        if value <= above:
            raise expected(f"more than {above:g}", value)
        if value < minimum:
            raise expected(f"at least {minimum:g}", value)
        if value > maximum:
            raise expected(f"at most {maximum:g}", value)
        return float(value)

    return read


def word(*allowed: str) -> Callable[[object], str]:
    """Read one of a closed set of words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            *others, last = (f'"{one}"' for one in allowed)
            raise expected(f"{', '.join(others)} or {last}", value)
        return value

    return read


def words(*allowed: str) -> Callable[[object], tuple[str, ...]]:
    """Read a list of words of a closed set; it may be empty."""
    read_one = word(*allowed)

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise expected("a list of words", value)
        return tuple(read_one(member) for member in cast(list[object], value))

    return read


def text(pattern: str, what: str) -> Callable[[object], str]:
    """Read a string that the whole pattern fits."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise expected(what, value)
        return value

    return read


def host_names(value: object) -> tuple[str, ...]:
    """Read a list of host names, lower-cased as they are compared."""
    if not isinstance(value, list):
        raise expected("a list of host names", value)
    names = cast(list[object], value)
    for name in names:
        if not isinstance(name, str) or HOST_NAME.fullmatch(name) is None:
            raise expected('host names such as "bridge.example.com"', name)
    return tuple(str(name).lower() for name in names)


def binds(value: object) -> tuple[Bind, ...]:
    """Read one address to listen on, or a list of them."""
    addresses = cast(Sequence[object], value) if isinstance(value, list) else [value]
    if not addresses:
        raise ValueError("expected at least one address")
    return tuple(_bind(address) for address in addresses)


def _bind(value: object) -> Bind:
    if isinstance(value, str) and value.startswith("unix:"):
        return _unix_bind(value)
    parts = (
        re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]+)", value) if isinstance(value, str) else None
    )
    host = None if parts is None else _literal_or_name(six=parts[1], other=parts[2])
    if parts is None or host is None:
        raise expected('"host:port", "[::1]:port" or "unix:/path"', value)
    if len(parts[3]) > len(str(LARGEST_PORT)) or int(parts[3]) > LARGEST_PORT:
        raise expected(f"a port from 0 to {LARGEST_PORT}", value)
    return TcpBind(host=host, port=int(parts[3]))


def _unix_bind(value: str) -> UnixBind:
    path = value.removeprefix("unix:")
    if not path.startswith("/") or not path.isprintable():
        raise expected('an absolute path after "unix:"', value)
    if len(path.encode()) > LONGEST_SOCKET_PATH:
        raise expected(f"a socket path of at most {LONGEST_SOCKET_PATH} bytes", value)
    return UnixBind(path=Path(path))


def _literal_or_name(*, six: str | None, other: str | None) -> str | None:
    try:
        if six is not None:
            return str(ipaddress.IPv6Address(six))
        if other is not None and NUMBERS_AND_DOTS.fullmatch(other):
            return str(ipaddress.IPv4Address(other))
    except ValueError:
        return None
    return other if other is not None and HOST_NAME.fullmatch(other) else None


def cloud_url(value: object) -> str:
    """Read the CAD's base URL: https, since the key goes over it; plain http only to this machine."""
    parts = _url(value)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise expected("https, plain http goes only to a loopback address", value)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def game_server_url(value: object) -> str | None:
    """Read a game server's base URL; an empty string is none."""
    if value == "":
        return None
    parts = _url(value)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def proxy_url(value: object) -> Proxy | None:
    """Read an HTTP proxy's URL, with user and password or without; an empty string is none."""
    if value == "":
        return None
    login = None
    if isinstance(value, str) and "@" in value:
        scheme, _, rest = value.partition("://")
        userinfo, _, host = rest.rpartition("@")
        user, _, password = userinfo.partition(":")
        login, value = Secret(f"{unquote(user)}:{unquote(password)}"), f"{scheme}://{host}"
    parts = _url(value, example="http://proxy.example.com:3128")
    return Proxy(url=f"{parts.scheme}://{parts.netloc.lower()}", login=login)


def _url(value: object, example: str = "https://api.example.com") -> SplitResult:
    """Split a base URL; what may hold a password or a key is never repeated in the message."""
    if isinstance(value, str) and "@" in value:
        raise ValueError("expected a URL without user and password")
    if isinstance(value, str) and ("?" in value or "#" in value):
        raise ValueError("expected a URL without a query")
    problem = expected(f'a URL such as "{example}"', value)
    if not isinstance(value, str) or re.fullmatch(r"[!-~]+", value) is None:
        raise problem
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        bracketed = parts.netloc.startswith("[")
        known = _literal_or_name(six=host if bracketed else None, other=None if bracketed else host)
        usable = parts.scheme in {"http", "https"} and known is not None and parts.port != 0
    except ValueError:
        raise problem from None
    if not usable:
        raise problem
    if parts.path not in {"", "/"}:
        raise expected("a URL without a path", value)
    return parts
