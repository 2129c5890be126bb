"""What ``cad-bridge init`` asks a person, and the CAD, to know what to write."""

import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
import msgspec
from msgspec import Struct

from bridge import host
from bridge.cli.installation import NewServer
from bridge.clock import SystemClock
from bridge.config import CadConfig, Secret, ServerConfig
from bridge.config.sources import Sources
from bridge.errors import CadError
from bridge.sonoran import v2
from bridge.sonoran.client import UNAUTHORIZED, Transport
from bridge.sonoran.http import CadHttp, Outbound
from bridge.sonoran.v1 import CadV1

LONGEST_NAME = 64  # characters
WHERE_KEYS = "Sonoran shows both in the CAD under Admin > In-Game Integration > API."
WHERE_SERVERS = "They are in the CAD under Admin > Customization > Servers, numbered from 1."

T = TypeVar("T")


class Account(Struct, frozen=True, kw_only=True):
    """What the CAD said to a key: ``problem`` is why it says nothing of use, ``refused`` that the key is to blame."""

    plan: str | None = None
    servers: tuple[v2.Server, ...] = ()
    problem: str = ""
    refused: bool = False


class Taken(Struct, frozen=True, kw_only=True):
    """The numbers and names that are given away already, by the servers that have them."""

    servers: tuple[ServerConfig | NewServer, ...] = ()

    @property
    def names(self) -> set[str]:
        """Return the names."""
        return {server.name for server in self.servers}

    @property
    def numbers(self) -> set[int]:
        """Return the numbers."""
        return {server.id for server in self.servers}

    def with_one(self, number: int, name: str) -> "Taken":
        """Return the same with one more; ``ValueError`` says who has its number or name."""
        for server in self.servers:
            if server.id == number:
                raise ValueError(f"server {number} is there already, as {server.name}")
            if server.name == name:
                raise ValueError(f"the name {name} is taken by server {server.id}")
        return Taken(servers=(*self.servers, NewServer(id=number, name=name)))


def reader(kind: type[Struct], key: str) -> Callable[[Any], Any]:
    """Return what reads a key of the configuration; it raises ``ValueError`` that says what was expected."""
    found = next(field for field in msgspec.structs.fields(kind) if field.encode_name == key)
    read: Callable[[Any], Any] = get_args(found.type)[-1]
    return read


def checked(read: Callable[[str], T]) -> Callable[[str], T]:
    """Return a reader whose ``ValueError`` is a message to whoever typed the value."""

    def check(value: str) -> T:
        try:
            return read(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return check


def read_key(text: str) -> Secret:
    """Read a key as the daemon would read its file."""
    secret = Sources(Path(), {"KEY": text}, sys.platform).secret("", "KEY", 1)
    if secret is None:
        raise ValueError("the key is empty")
    return secret


def ask(question: str, read: Callable[[str], T], default: str | None = None, *, hidden: bool = False) -> T:
    """Ask until the answer can be read. Questions go to stderr, so that stdout holds results alone."""
    answer: T = click.prompt(
        question,
        default=default,
        value_proc=checked(read),
        hide_input=hidden,
        err=True,
        show_default=not hidden,
    )
    return answer


def ask_key() -> Secret:
    """Ask for the key, which is not shown."""
    return ask(
        "API key (nothing is shown while you type or paste it)",
        lambda text: read_key(text.strip()),
        hidden=True,
    )


def ask_again(key: Secret) -> Secret | None:
    """Ask for the key anew; None: the former one shall do."""

    def read(text: str) -> Secret:
        return read_key(text.strip()) if text.strip() else key

    again = ask("API key once more, or Enter to keep the one you gave", read, "", hidden=True)
    return None if again == key else again


def ask_servers(account: Account | None, taken: Taken) -> list[NewServer]:
    """Ask which game servers push to this bridge: those that the CAD has, or one that the person knows the number of."""
    known = [] if account is None else [row for row in account.servers if row.id >= 0]
    if known:
        return _choose(known, taken)
    free = next(number for number in range(1, len(taken.servers) + 2) if number not in taken.numbers)
    click.echo(f"Which game server shall push to this bridge? {WHERE_SERVERS}", err=True)
    number = ask("Its number", lambda text: _number(text, taken), str(free))
    name = ask(
        "A short name for it", lambda text: _name(text, number, taken), name_of(number, "", taken.names)
    )
    return [NewServer(id=number, name=name)]


def name_of(number: int, cad_name: str, used: Collection[str]) -> str:
    """Return a name for tables and graphs, made of the one that the CAD has for a server."""
    plain = unicodedata.normalize("NFKD", cad_name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")
    name = words[: LONGEST_NAME - 12] or f"server-{number}"
    return f"{name}-{number}" if name in used else name


def ask_cad(config: CadConfig) -> Account:
    """Ask the CAD whether it takes the key, and for the plan and the servers."""
    return host.run(lambda: _ask_cad(config))


def _choose(known: Sequence[v2.Server], taken: Taken) -> list[NewServer]:
    free = {row.id: row for row in known if row.id not in taken.numbers}
    click.echo("The CAD has these game servers:", err=True)
    for row in known:
        there = "" if row.id in free else " (there already)"
        click.echo(f"  {row.id}  {_printable(row.name)}{there}", err=True)
    if not free:
        click.echo("All of them are there already; nothing was changed.", err=True)
        return []
    question = "Which of them shall push to this bridge? Their numbers, with commas between"
    chosen: list[NewServer] = []
    for number in ask(question, lambda text: _numbers(text, free), ",".join(map(str, free))):
        name = name_of(number, free[number].name, taken.names)
        taken = taken.with_one(number, name)
        chosen.append(NewServer(id=number, name=name))
    return chosen


def _numbers(text: str, allowed: Collection[int]) -> list[int]:
    words = [word for word in re.split(r"[,\s]+", text) if word]
    numbers = [int(word) for word in words if re.fullmatch(r"[0-9]{1,9}", word)]
    if len(numbers) < len(words) or not numbers or not set(numbers) <= set(allowed):
        raise ValueError(f"expected some of {', '.join(map(str, allowed))}")
    return list(dict.fromkeys(numbers))


def _number(text: str, taken: Taken) -> int:
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
    if number is None:
        raise ValueError("expected a number")
    taken.with_one(number, "")
    return number


def _name(text: str, number: int, taken: Taken) -> str:
    name = str(reader(ServerConfig, "name")(text))
    taken.with_one(number, name)
    return name


def _printable(text: str) -> str:
    """Return a text from outside as a terminal may have it."""
    return "".join(letter for letter in text if letter.isprintable())[:LONGEST_NAME]


async def _ask_cad(config: CadConfig) -> Account:
    outbound = Outbound(proxy=config.proxy, ca_file=config.ca_file)
    async with CadHttp(
        config.base_url, config.api_key, config.timeout, SystemClock(), outbound=outbound
    ) as wire:
        cad: Transport = CadV1(wire, config.community_id) if config.api == "v1" else wire
        try:
            version = await cad.exchange(v2.get_version())
            if not version.ok:
                refused = version.status == UNAUTHORIZED
                return Account(problem=_printable(v2.read_problem(version)), refused=refused)
            answer = await cad.exchange(v2.get_servers())
        except CadError as error:
            return Account(problem=f"{config.base_url} gives no answer: {error.reason}")
    rows = (v2.read_servers(answer) if answer.ok else None) or ()
    return Account(plan=v2.read_plan(version), servers=tuple(rows))
