"""What only shows when keys are held against each other, or against Sonoran's limits.

Each check takes the values that could be read and leaves alone what depends on one that could not.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import cast

from bridge.config.limits import LOCATIONS, smallest_interval
from bridge.config.reading import Reading, join_path
from bridge.config.schema import Config
from bridge.config.values import Bind, Secret, TcpBind, UnixBind, duration_text, shown

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


def warnings(config: Config) -> Iterator[str]:
    """Yield what works and yet is worth a word, each as key and message."""
    for section, binds in (("listener", config.listener.bind), ("admin", config.admin.bind)):
        for bind in binds:
            if isinstance(bind, TcpBind) and not bind.loopback:
                yield f'{section}.bind: "{bind}" is reached from other hosts, and what passes there is not encrypted'


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


def _once(
    reading: Reading, values: Iterator[tuple[str, object]], message: Callable[[object, str], str]
) -> None:
    first: dict[object, str] = {}
    for path, value in values:
        if value in first:
            reading.report(path, message(value, first[value]))
        first.setdefault(value, path)
