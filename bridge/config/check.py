"""What only shows when keys are held against each other, or against Sonoran's limits.

Each check takes the values that could be read and leaves alone what depends on one that could not.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from bridge.certificate import CERT_KEY, KEY_KEY, CertificateError, read_certificate, remaining
from bridge.config.limits import LOCATIONS, smallest_interval
from bridge.config.reading import Reading, join_path
from bridge.config.schema import Config
from bridge.config.sources import reason
from bridge.config.values import Bind, Proxy, Secret, TcpBind, UnixBind, duration_text, shown
from bridge.config.weak import is_guessable

WIDE = "is reached from other hosts, and what passes there is not encrypted"
GUESSABLE = (
    "the token can be guessed; make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
)
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- only compared with


def check(reading: Reading, documented_limits: Mapping[str, int], platform: str) -> None:
    """Report every value that does not go with another."""
    _operations(reading, documented_limits)
    _interval(reading, documented_limits)
    _stale(reading)
    _binds(reading, platform)
    _unique(reading, int, "servers[].id")
    _unique(reading, str, "servers[].name")
    _secrets(reading)
    _tokens(reading)
    _certificate(reading)
    _proxy(reading)
    _authorities(reading)


def warnings(config: Config, wall: float) -> Iterator[str]:
    """Yield what works and yet is worth a word, each as key and message; ``wall`` is Unix time."""
    listener = config.listener
    for bind in wide(listener.bind) if listener.tls_cert_file is None else ():
        yield f'listener.bind: "{bind}" {WIDE}; set {CERT_KEY}, or better put both hosts into one VPN'
    for bind in wide(config.admin.bind):
        yield f'admin.bind: "{bind}" {WIDE}: this door has no TLS'
    tokens = {f"servers[{index}].token_file": server.token for index, server in enumerate(config.servers)}
    for path, token in {**tokens, "admin.token_file": config.admin.token}.items():
        if token is not None and is_guessable(token):
            yield f"{path}: {GUESSABLE}"
    if listener.tls_cert_file is not None and listener.tls_key_file is not None:
        certificate = read_certificate(listener.tls_cert_file, listener.tls_key_file)
        if words := remaining(certificate.expires_at, wall):
            yield f"{CERT_KEY}: {words}"


def wide(binds: Iterable[Bind]) -> list[TcpBind]:
    """Return those of the addresses that other hosts may reach."""
    return [bind for bind in binds if isinstance(bind, TcpBind) and not bind.loopback]


def _limits(reading: Reading) -> Mapping[str, int] | None:
    return cast(Mapping[str, int] | None, reading.value("cad.limits", dict))


def _operations(reading: Reading, documented: Mapping[str, int]) -> None:
    for operation in _limits(reading) or {}:
        if operation not in documented:
            close = get_close_matches(operation, documented, n=1)
            hint = f', did you mean "{close[0]}"?' if close else ""
            reading.report(join_path("cad.limits", operation), f"no operation has this name{hint}")


def _interval(reading: Reading, documented: Mapping[str, int]) -> None:
    """Report an interval that somebody wrote and the limit forbids; the default one is stretched instead."""
    limits = _limits(reading)
    share = reading.value("cad.share", float)
    api = reading.value("cad.api", str)
    interval = reading.value("locations.interval", float)
    if limits is None or share is None or interval is None or not reading.given("locations.interval"):
        return
    limit = limits.get(LOCATIONS, documented[LOCATIONS])
    if api == "v1":  # which wants locations no more often, whatever is allowed elsewhere
        limit = min(limit, documented[LOCATIONS])
    smallest = smallest_interval(limit, share)
    if interval < smallest - 0.0005:  # what rounding to a millisecond may take away
        of_it = "" if share == 1.0 else f", cad.share {share:g}"
        reading.report(
            "locations.interval",
            f'expected at least "{duration_text(smallest)}" ({limit} {LOCATIONS} a minute{of_it}), '
            f'found "{duration_text(interval)}"',
        )


def _stale(reading: Reading) -> None:
    interval = reading.value("locations.interval", float)
    stale_after = reading.value("locations.stale_after", float)
    if interval is not None and stale_after is not None and stale_after < interval:
        reading.report(
            "locations.stale_after",
            f'expected at least locations.interval, "{duration_text(interval)}", found "{duration_text(stale_after)}"',
        )


def _binds(reading: Reading, platform: str) -> None:
    taken: list[tuple[str, Bind]] = []
    for section in ("listener", "admin"):
        for bind in cast(tuple[Bind, ...], reading.value(f"{section}.bind", tuple) or ()):
            if platform == "win32" and isinstance(bind, UnixBind):
                reading.report(f"{section}.bind", f'there are no unix sockets on Windows, found "{bind}"')
            for owner, other in taken:
                if _clash(bind, other):
                    reading.report(f"{section}.bind", f'"{bind}" is taken by "{other}" of {owner}.bind')
            taken.append((section, bind))


def _clash(one: Bind, other: Bind) -> bool:
    if not isinstance(one, TcpBind) or not isinstance(other, TcpBind):
        return one == other
    if one.port != other.port or one.port == 0:
        return False
    wide = {one.host, other.host} & WILDCARDS and (":" in one.host) == (":" in other.host)
    return one.host.lower() == other.host.lower() or bool(wide)


def _unique(reading: Reading, kind: type[int | str], path: str) -> None:
    _once(reading, reading.values(kind, path), lambda value, first: f"{shown(value)} is taken by {first}")


def _secrets(reading: Reading) -> None:
    """A token tells who speaks, so no two parts share one, and no game server is given the CAD's key."""
    _once(reading, reading.values(Secret), lambda _, first: f"the same secret as {first}")


def _tokens(reading: Reading) -> None:
    """Report a token that can be guessed where strangers can try; elsewhere it is worth a warning."""
    for section, path in (("listener", "servers[].token_file"), ("admin", "admin.token_file")):
        if not wide(cast(tuple[Bind, ...], reading.value(f"{section}.bind", tuple) or ())):
            continue
        for at, token in reading.values(Secret, path):
            if is_guessable(token):
                reading.report(at, GUESSABLE)


def _certificate(reading: Reading) -> None:
    certificate, key = reading.value(CERT_KEY, Path), reading.value(KEY_KEY, Path)
    if certificate is None or key is None:
        for path, named, other in ((CERT_KEY, key, KEY_KEY), (KEY_KEY, certificate, CERT_KEY)):
            if named is not None and reading.known(path):
                reading.report(path, f"missing, since {other} is set: TLS needs both")
        return
    try:
        read_certificate(certificate, key)
    except CertificateError as error:
        reading.report(error.key, str(error))


def _proxy(reading: Reading) -> None:
    """Report a proxy elsewhere that would be given the key in plain text."""
    proxy = reading.value("cad.proxy", Proxy)
    for section in ("cad", "cms"):
        url = reading.value(f"{section}.base_url", str) or ""
        if proxy is not None and not proxy.loopback and url.startswith("http:"):
            reading.report("cad.proxy", f"the key would reach it unencrypted, {section}.base_url is no https")


def _authorities(reading: Reading) -> None:
    file = reading.value("cad.ca_file", Path)
    if file is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        reading.report("cad.ca_file", f"{file} holds no certificate in PEM form")
    except OSError as error:
        reading.report("cad.ca_file", f"{file} cannot be read: {reason(error)}")


def _once(
    reading: Reading, values: Iterator[tuple[str, object]], message: Callable[[object, str], str]
) -> None:
    first: dict[object, str] = {}
    for path, value in values:
        if value in first:
            reading.report(path, message(value, first[value]))
        first.setdefault(value, path)
