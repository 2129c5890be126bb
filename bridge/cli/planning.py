"""From the options of ``cad-bridge init``, and the answers to what they leave open, to what shall be written."""

import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from bridge.cli.handover import cfg_lines, push_url
from bridge.cli.installation import KEY_FILE, NewBridge, NewServer, is_blank
from bridge.cli.progress import tell
from bridge.cli.questions import (
    WHERE_KEYS,
    Account,
    Taken,
    ask,
    ask_again,
    ask_cad,
    ask_key,
    ask_servers,
    name_of,
    read_key,
    reader,
)
from bridge.config import SHORTEST_TOKEN, CadConfig, Config, ListenerConfig, Secret, ServerConfig
from bridge.config.sources import LARGEST_SECRET, Sources, decode

KEY_VARIABLE = "CAD_BRIDGE_API_KEY"
TOKEN_BYTES = 32  # of chance


class Wanted(Struct, frozen=True, kw_only=True):
    """The options as they were given; their values were read, those that hold each other back were not."""

    folder: Path | None = None
    community_id: str | None = None
    api_key_file: str | None = None
    servers: tuple[tuple[int, str | None], ...] = ()
    fxserver_urls: tuple[tuple[int | None, str], ...] = ()
    api: str | None = None
    base_url: str | None = None
    bind: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()
    resources: Path | None = None
    hide_tokens: bool = False
    offline: bool = False
    ask: bool | None = None
    yes: bool = False


class Former(Struct, frozen=True, kw_only=True):
    """The TOML that is there already, and what it says."""

    content: bytes
    config: Config


class Plan(Struct, frozen=True, kw_only=True):
    """What shall be written: servers, secrets by file name; ``taken_up`` are files that were there before."""

    bridge: NewBridge
    servers: tuple[NewServer, ...] = ()
    tokens: Mapping[int, Secret] = {}
    to_write: Mapping[str, str] = {}
    taken_up: tuple[str, ...] = ()


def make_plan(wanted: Wanted, path: Path, former: Former | None) -> Plan:
    """Ask what is missing, and return what shall be written.

    Raises:
        click.UsageError: If options do not go together, or nobody can be asked for what is missing.
        click.Abort: If the person wants nothing of it.
    """
    asks = sys.stdin.isatty() if wanted.ask is None else wanted.ask
    planner = _Planner(wanted, path, asks=asks)
    plan = planner.begin() if former is None else planner.add_to(former)
    if plan.servers and asks and not wanted.yes:
        names = ", ".join([path.name, *plan.to_write])
        click.confirm(f"Write {names} in {path.parent}?", default=True, abort=True, err=True)
    return plan


def parse_server(text: str) -> tuple[int, str | None]:
    """Read ``ID`` or ``ID:NAME``."""
    number, colon, name = text.partition(":")
    if re.fullmatch(r"[0-9]{1,9}", number) is None:
        raise ValueError(f"expected ID or ID:NAME, found {text!r}")
    return int(number), str(reader(ServerConfig, "name")(name)) if colon else None


def parse_url(text: str) -> tuple[int | None, str]:
    """Read ``URL`` or ``ID=URL``."""
    parts = re.fullmatch(r"(?:([0-9]{1,9})=)?(.+)", text)
    url = None if parts is None else reader(ServerConfig, "fxserver_url")(parts[2])
    if parts is None or url is None:
        raise ValueError("expected a URL such as http://127.0.0.1:30120")
    return (int(parts[1]) if parts[1] else None), str(url)


class _Planner:
    """One run: what was given, and whether somebody can be asked for the rest."""

    def __init__(self, wanted: Wanted, path: Path, *, asks: bool) -> None:
        self._wanted = wanted
        self._path = path
        self._asks = asks
        self._to_write: dict[str, str] = {}
        self._taken_up: list[str] = []

    def begin(self) -> Plan:
        """Plan a bridge where there was none."""
        wanted = self._wanted
        key = self._secret(KEY_FILE, KEY_VARIABLE, 1, self._key_from_file())
        self._demand(
            ("--community-id", wanted.community_id is None),
            (f"--api-key-file (or ${KEY_VARIABLE})", key is None),
            ("--server", not wanted.servers),
        )
        if self._asks:
            click.echo(
                f"This sets up a bridge for one community of Sonoran CAD, in {self._path.parent}.", err=True
            )
        if wanted.community_id is None or key is None:
            click.echo(WHERE_KEYS, err=True)
        community = wanted.community_id or ask("Community id", reader(CadConfig, "community_id"))
        account: Account | None = None
        if key is None:
            key, account = self._ask_key(community)
            self._to_write[KEY_FILE] = key.reveal()
        elif not wanted.servers:
            account = self._ask_cad(self._cad(community, key))
        bridge = NewBridge(
            community_id=community,
            api=wanted.api,
            base_url=wanted.base_url,
            bind=wanted.bind,
            admin=wanted.admin,
        )
        listener = ListenerConfig()
        if wanted.bind:
            listener = replace(listener, bind=reader(ListenerConfig, "bind")(list(wanted.bind)))
        return self._finish(bridge, self._servers(account, Taken()), listener)

    def add_to(self, former: Former) -> Plan:
        """Plan more servers for the bridge that is there."""
        config, wanted = former.config, self._wanted
        self._refuse_what_stands(config)
        self._demand(("--server", not wanted.servers))
        account: Account | None = None
        if not wanted.servers:
            there = ", ".join(f"{server.id} ({server.name})" for server in config.servers)
            click.echo(f"{self._path} is there already, with server {there}. This adds to it.", err=True)
            account = self._ask_cad(config.cad)
        bridge = NewBridge(community_id=config.cad.community_id)
        return self._finish(bridge, self._servers(account, Taken(servers=config.servers)), config.listener)

    def _demand(self, *needs: tuple[str, bool]) -> None:
        missing = [option for option, is_missing in needs if is_missing]
        if missing and not self._asks:
            raise click.UsageError(
                f"there is no terminal to ask on for what is missing: {', '.join(missing)}"
            )

    def _refuse_what_stands(self, config: Config) -> None:
        """Refuse options that would change what is there: that is left to an editor."""
        wanted = self._wanted
        if wanted.community_id not in {None, config.cad.community_id}:
            raise click.UsageError(
                f"{self._path} is the bridge of community {config.cad.community_id}: another community needs another --dir"
            )
        given = {
            "--api-key-file": wanted.api_key_file is not None,
            "--api": wanted.api is not None,
            "--base-url": wanted.base_url is not None,
            "--bind": bool(wanted.bind),
            "--admin": bool(wanted.admin),
        }
        settled = [option for option, is_given in given.items() if is_given]
        if settled:
            raise click.UsageError(
                f"{self._path} is there already: what {', '.join(settled)} would say is changed there, by hand"
            )

    def _cad(self, community: str, key: Secret) -> CadConfig:
        config = CadConfig(community_id=community, api_key=key)
        if self._wanted.api is not None:
            config = replace(config, api=self._wanted.api)
        if self._wanted.base_url is not None:
            config = replace(config, base_url=reader(CadConfig, "base_url")(self._wanted.base_url))
        return config

    def _ask_key(self, community: str) -> tuple[Secret, Account | None]:
        """Ask for the key until the CAD takes it, or until the person wants it so."""
        key = ask_key()
        while True:
            account = self._ask_cad(self._cad(community, key))
            if account is None or not account.refused:
                return key, account
            again = ask_again(key)
            if again is None:
                return key, account
            key = again

    def _ask_cad(self, config: CadConfig) -> Account | None:
        """Ask the CAD for plan and servers, unless nothing may be asked, and say what came of it."""
        if self._wanted.offline:
            return None
        tell(f"Asking the CAD at {config.base_url} …")
        account = ask_cad(config)
        if account.refused:
            click.echo(f"The CAD refuses this key: {account.problem}", err=True)
        elif account.problem:
            click.echo(f"The CAD could not be asked: {account.problem}", err=True)
        else:
            click.echo(f"The CAD takes the key; the plan is {account.plan or 'unknown'}.", err=True)
        return account

    def _servers(self, account: Account | None, taken: Taken) -> tuple[NewServer, ...]:
        chosen = self._given_servers(taken) if self._wanted.servers else ask_servers(account, taken)
        urls = dict(self._wanted.fxserver_urls)
        if None in urls and len(chosen) == 1:
            urls[chosen[0].id] = urls.pop(None)
        strangers = set(urls) - {server.id for server in chosen}
        if strangers:
            raise click.BadParameter(
                "say which server it is, as ID=URL, for one that is added now", param_hint="--fxserver-url"
            )
        return tuple(replace(server, fxserver_url=urls.get(server.id)) for server in chosen)

    def _given_servers(self, taken: Taken) -> list[NewServer]:
        chosen: list[NewServer] = []
        for number, given in self._wanted.servers:
            name = given or name_of(number, "", taken.names)
            try:
                taken = taken.with_one(number, name)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint="--server") from None
            chosen.append(NewServer(id=number, name=name))
        return chosen

    def _finish(self, bridge: NewBridge, servers: tuple[NewServer, ...], listener: ListenerConfig) -> Plan:
        tokens: dict[int, Secret] = {}
        for server in servers:
            variable = f"CAD_BRIDGE_TOKEN_{server.id}"
            token = self._secret(server.token_file, variable, SHORTEST_TOKEN, None)
            if token is None:
                token = Secret(secrets.token_urlsafe(TOKEN_BYTES))
                self._to_write[server.token_file] = token.reveal()
            tokens[server.id] = token
            if self._wanted.hide_tokens:
                lines = cfg_lines(push_url(listener), token.reveal())
                self._to_write[server.cfg_file] = "\n".join(lines)
        return Plan(
            bridge=bridge,
            servers=servers,
            tokens=tokens,
            to_write=dict(self._to_write),
            taken_up=tuple(self._taken_up),
        )

    def _key_from_file(self) -> Secret | None:
        name = self._wanted.api_key_file
        if name is None:
            return None
        try:
            if name == "-":
                return read_key(decode(sys.stdin.buffer.read(LARGEST_SECRET)).strip())
            return Sources(Path.cwd(), {}, sys.platform).secret(str(Path(name).expanduser()), "", 1)
        except ValueError as error:
            raise click.BadParameter(f"{name}: {error}", param_hint="--api-key-file") from None

    def _secret(self, name: str, variable: str, shortest: int, given: Secret | None) -> Secret | None:
        """Return a secret that is there or was given, and note what becomes of its file.

        One that is there is never replaced, and a daemon in this environment would use the variable's: they must agree.
        """
        sources = Sources(self._path.parent, os.environ, sys.platform)
        there: Secret | None = None
        try:
            if os.path.lexists(self._path.parent / name) and not is_blank(self._path.parent / name):
                there = Sources(self._path.parent, {}, sys.platform).secret(name, "", shortest)
            given = given or sources.secret("", variable, shortest)
        except ValueError as error:
            raise click.UsageError(f"{name}: {error}") from None
        if there is not None and given is not None and there != given:
            raise click.UsageError(
                f"{self._path.parent / name} holds another secret already, and is left as it is"
            )
        if there is not None:
            self._taken_up.append(name)
        elif given is not None:
            self._to_write[name] = given.reveal()
        return there or given
