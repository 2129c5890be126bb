"""Hosts of a network that exists only for a test: namespaces, joined to one in the middle by lines that can fail.

It needs root, and Debian's iproute2 and nftables. No packet leaves the namespaces.
"""

import os
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import psutil

PREFIX = "cbtest"
MIDDLE = "bridge"
RULES = """table inet line {{
    chain arriving {{
        type filter hook input priority 0;
        iifname "{card}" {chance} drop
    }}
}}
"""


class Network:
    """The host ``bridge`` and others, each with a line of its own to it: 10.98.N.1 at the bridge, 10.98.N.2 there.

    Every line has IPv6 link-local addresses too.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = list(hosts)

    def address(self, host: str) -> str:
        """Return a host's own end of its line."""
        return f"10.98.{self._number(host)}.2"

    def bridge_address(self, host: str) -> str:
        """Return the bridge as a host sees it."""
        return f"10.98.{self._number(host)}.1"

    def on(self, host: str, *command: str) -> tuple[str, ...]:
        """Return a command as it is started on a host."""
        return ("ip", "netns", "exec", _name(host), *command)

    def lose(self, host: str, percent: int) -> None:
        """Lose that many of a hundred packets of a host's line, in each direction."""
        self._drop(host, f"numgen random mod 100 < {percent}")

    def cut(self, host: str) -> None:
        """Cut a host's line: packets vanish without a word, as when a cable is pulled somewhere on the way."""
        self._drop(host, "")

    def mend(self) -> None:
        """Let every packet through again."""
        for host in (MIDDLE, *self._hosts):
            _run(*self.on(host, "nft", "flush", "ruleset"))

    def _drop(self, host: str, chance: str) -> None:
        """Drop packets where they arrive: dropped where they leave, the sender is told."""
        for end, card in ((MIDDLE, f"to-{host}"), (host, "uplink")):
            rules = RULES.format(card=card, chance=chance)
            _run(*self.on(end, "nft", "--file", "-"), text=rules)

    def build(self) -> None:
        """Make hosts and lines."""
        _remove_leftovers()
        for host in (MIDDLE, *self._hosts):
            _run("ip", "netns", "add", _name(host))
            _run("ip", "-netns", _name(host), "link", "set", "lo", "up")
        for host in self._hosts:
            card, number = f"to-{host}", self._number(host)
            _run(
                *("ip", "-netns", _name(MIDDLE), "link", "add", card, "type", "veth"),
                *("peer", "name", "uplink", "netns", _name(host)),
            )
            for name, link, address in (
                (_name(MIDDLE), card, self.bridge_address(host)),
                (_name(host), "uplink", self.address(host)),
            ):
                _run("ip", "-netns", name, "address", "add", f"{address}/24", "dev", link)
                _run("ip", "-netns", name, "address", "add", _six(number, address), "dev", link, "nodad")
                _run("ip", "-netns", name, "link", "set", link, "up")

    def remove(self) -> None:
        """Leave nothing behind; what still runs on a host keeps it alive until it ends."""
        for host in (MIDDLE, *self._hosts):
            subprocess.run(("ip", "netns", "del", _name(host)), check=False, capture_output=True, timeout=30)

    def _number(self, host: str) -> int:
        return 1 + self._hosts.index(host)


@contextmanager
def network(*hosts: str) -> Generator[Network]:
    """Make a network and remove it when the context is left, whatever happened in it."""
    built = Network(hosts)
    try:
        built.build()
        yield built
    finally:
        built.remove()


def _six(number: int, address: str) -> str:
    return f"fe80::{number}:{address.rpartition('.')[2]}/64"


def _name(host: str) -> str:
    return f"{PREFIX}-{os.getpid()}-{host}"


def _remove_leftovers() -> None:
    """Remove what a run left that was killed."""
    for line in _run("ip", "netns", "list").splitlines():
        name = line.split()[0]
        prefix, _, rest = name.partition("-")
        if prefix == PREFIX and not psutil.pid_exists(int(rest.partition("-")[0])):
            _run("ip", "netns", "del", name)


def _run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
