"""The values a configuration is made of that the standard library has no type for."""

import base64
import datetime as dt
import hmac
import ipaddress
import math
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

LONGEST_SHOWN = 60  # characters of a found value that a message repeats
SHORTEST_MASKED = 4  # characters of a password that a log masks; a shorter one would make it unreadable
ROUNDING = 1e-6  # milliseconds that binary fractions may be off


class Secret:
    """A key or token that no log, traceback or ``repr`` shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself, for the one header or comparison that needs it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "***"


class TcpBind(Struct, frozen=True, kw_only=True):
    """A TCP address to listen on; port 0 takes any free one, an IPv6 ``host`` has no brackets."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine reaches it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixBind(Struct, frozen=True, kw_only=True):
    """A unix socket to listen on, by its absolute path."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


Bind = TcpBind | UnixBind


class Proxy(Struct, frozen=True, kw_only=True):
    """An HTTP proxy: its URL, which may be shown, and user and password parted by a colon, which may not."""

    url: str
    login: Secret | None = None

    @property
    def loopback(self) -> bool:
        """Tell whether it runs on this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return what no log may show: the password, and both as they stand in a header."""
        if self.login is None:
            return ()
        text = self.login.reveal()
        password = text.partition(":")[2]
        header = Secret(base64.b64encode(text.encode()).decode())
        return (header, *((Secret(password),) if len(password) >= SHORTEST_MASKED else ()))

    def __str__(self) -> str:
        return self.url


def is_loopback(host: str) -> bool:
    """Tell whether a host name or literal address can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def duration_text(seconds: float) -> str:
    """Return a duration as it would be written in the file, rounded up to a millisecond."""
    milliseconds = math.ceil(seconds * 1000 - ROUNDING)
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if milliseconds and milliseconds % length == 0:
            return f"{milliseconds // length}{unit}"
    return f"{milliseconds / 1000:.12g}s" if seconds >= 1 or not milliseconds else f"{milliseconds}ms"


def shown(value: object) -> str:
    """Return a value found in the file as a message may repeat it: short, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < 2**63 else "a very large number"
        case float():
            return str(value)
        case str():
            short = value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…"
            return msgspec.json.encode(short).decode()
        case list():
            return "a list"
        case dt.date() | dt.time():
            return "a date"
        case _:
            return "a table"


def expected(what: str, found: object) -> ValueError:
    """Return the error of a reader that was given something else."""
    return ValueError(f"expected {what}, found {shown(found)}")
