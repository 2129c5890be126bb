"""``cad-bridge status``: what a running daemon is doing, as tables."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge.admin.verdict import WELL
from bridge.cli.admin_client import (
    Batch,
    CadStatus,
    Failure,
    LocationsStatus,
    OutboxStatus,
    PanicStatus,
    ServerStatus,
    Status,
    decode_status,
    fetch_status,
)
from bridge.cli.admin_door import AdminDoor
from bridge.cli.configured import config_option, exit_unusable
from bridge.cli.epilog import epilog
from bridge.cli.tables import Cell, figures, listing
from bridge.cli.whereabouts import find, read_token
from bridge.clock import Clock, SystemClock
from bridge.errors import ConfigError
from bridge.phrases import age, count, duration, latency

Fetch = Callable[[], Coroutine[Any, Any, bytes]]

PAGE_END = epilog(
    "cad-bridge status --watch",
    "cad-bridge status --admin http://10.0.0.5:30181 --token-file admin.token",
    exits={
        0: "the daemon answered, whatever it said",
        1: "no daemon answers, or it refuses",
        2: "the command line or the configuration cannot be used",
    },
)


@click.command(epilog=PAGE_END)
@click.option(
    "--admin",
    envvar="CAD_BRIDGE_ADMIN",
    show_envvar=True,
    metavar="URL",
    help="The daemon's admin door; else as the configuration says.",
)
@config_option
@click.option("--token-file", type=click.Path(path_type=Path), help="The file of the daemon's admin token.")
@click.option("--watch", is_flag=True, help="Refresh every second until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON as the daemon gives it.")
def status(
    admin: str | None, path: Path | None, token_file: Path | None, *, watch: bool, as_json: bool
) -> None:
    """Show what a running daemon is doing."""
    clock = SystemClock()
    fetch = _fetcher(admin, path, token_file)
    if not watch:
        return _show(asyncio.run(fetch()), clock, as_json=as_json)
    try:
        asyncio.run(_watch(fetch, clock, as_json=as_json))
    except KeyboardInterrupt:
        return None


def _fetcher(admin: str | None, path: Path | None, token_file: Path | None) -> Fetch:
    """Return what asks for the status: over a unix socket, with a token, or as anybody on this machine."""
    try:
        address = admin or find(path).admin
        if token_file is None and not address.startswith("unix:"):
            return partial(fetch_status, address)
        door = AdminDoor(address, lambda: read_token(find(path), token_file), named=token_file is not None)
    except ConfigError as error:
        exit_unusable(error)
    return partial(door.get, "/status")


def verdict(seen: Status) -> tuple[bool, str]:
    """Return whether all is well, and the sentence that says so or what is wrong."""
    if seen.verdict is not None:
        return seen.verdict.level == WELL, seen.verdict.sentence
    if seen.reasons or seen.ready is False:  # a daemon that does not judge itself
        return False, "; ".join(seen.reasons or ["the daemon is not ready"]) + "."
    return True, "The daemon knows of nothing that is wrong."


def tables(seen: Status, now: float) -> RenderableType:
    """Return the sentence and the tables for a terminal or a file; ``now`` is Unix time."""
    well, sentence = verdict(seen)
    parts: list[RenderableType] = [
        Text(sentence, style="bold green" if well else "bold red"),
        figures([*_daemon(seen, now), *_locations(seen.locations, now)]),
        _servers(seen, now),
        _outbox(seen.outbox, now),
    ]
    if seen.cad.findings:
        findings = ((one.severity, one.text) for one in seen.cad.findings)
        parts.append(listing("CAD and configuration compared", ("severity", "what was found"), findings))
    if seen.panics:
        columns = ("event", "when", "button", "units", "state", "to the CAD in")
        parts.append(listing("Panics", columns, (_panic(one, now) for one in seen.panics)))
    if seen.outbox.recent_failures:
        rows = (_failure(one, now) for one in seen.outbox.recent_failures)
        parts.append(
            listing(
                "Not delivered (cad-bridge outbox show ID tells more)", ("event", "kind", "when", "why"), rows
            )
        )
    return Group(*parts)


_REFRESH = 1.0  # seconds
_PLAIN_WIDTH = 120  # columns where there is no terminal


def _show(body: bytes, clock: Clock, *, as_json: bool) -> None:
    if as_json:
        return click.echo(body)
    return _console().print(tables(decode_status(body), clock.wall()))


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH)


async def _watch(fetch: Fetch, clock: Clock, *, as_json: bool) -> None:
    """Refresh for ever; a daemon that is away only in between is waited for."""
    body = await fetch()
    console = _console()
    if as_json or not console.is_terminal:
        while True:
            _show(body, clock, as_json=as_json)
            body = await _next(fetch, clock)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(await _frame(fetch, clock), refresh=True)
            await clock.sleep(_REFRESH)


async def _next(fetch: Fetch, clock: Clock) -> bytes:
    while True:
        await clock.sleep(_REFRESH)
        try:
            return await fetch()
        except click.ClickException as error:
            error.show()


async def _frame(fetch: Fetch, clock: Clock) -> RenderableType:
    try:
        return tables(decode_status(await fetch()), clock.wall())
    except click.ClickException as error:
        return Text(error.format_message(), style="bold red")


def _daemon(seen: Status, now: float) -> list[tuple[str, str]]:
    cad = seen.cad
    state = {True: "answers", False: "does not answer", None: "not asked yet"}[cad.up]
    plan = f", plan {cad.plan}" if cad.plan else ""
    return [
        ("Bridge", f"{seen.version}, started {age(seen.started_at, now)}"),
        ("CAD", f"{state}, key {cad.key}{plan}, last answer {age(cad.last_answer_at, now)}"),
        ("Budgets", _budgets(cad)),
    ]


def _budgets(cad: CadStatus) -> str:
    """Return what was used of this minute's requests, the scarcest first."""
    used = [(name, budget) for name, budget in cad.budgets.items() if budget.remaining < budget.limit]
    used.sort(key=lambda entry: (entry[1].remaining / entry[1].limit, entry[0]))
    return (
        ", ".join(f"{name} {budget.remaining} of {budget.limit} left" for name, budget in used) or "all free"
    )


def _locations(seen: LocationsStatus, now: float) -> list[tuple[str, str]]:
    pace = "" if seen.interval is None else f", a batch every {duration(seen.interval)}"
    rows = [("Locations", f"{count(seen.units, 'unit')}, {seen.pending:,} to send{pace}")]
    if seen.last_batch is not None:
        rows.append(("Last batch", _batch(seen.last_batch, now)))
    for aside in seen.set_aside:
        until = "" if aside.until is None else f" for another {duration(max(0.0, aside.until - now))}"
        rows.append(("Set aside", f"{aside.unit}{until}"))
    return rows


def _batch(batch: Batch, now: float) -> str:
    server = f" of {batch.server}" if batch.server else ""
    outcome = f"failed: {batch.reason}" if batch.reason else f"{batch.updated or 0} updated"
    return f"{age(batch.at, now)}, {count(batch.units, 'unit')}{server}, {outcome}, lag {latency(batch.lag_seconds)}"


def _servers(seen: Status, now: float) -> Table:
    columns = ("id", "name", "state", "last push", "players", "units", "to send", "unmatched", "heartbeat")
    return listing("Servers", columns, (_server(one, now) for one in seen.servers))


def _server(one: ServerStatus, now: float) -> tuple[Cell, ...]:
    return (
        str(one.id),
        one.name,
        Text(one.state, style="green" if one.state == "up" else "red"),
        age(one.last_push_at, now),
        "-" if one.players is None else str(one.players),
        str(one.units),
        str(one.pending),
        str(one.unmatched),
        age(one.heartbeat_at, now),
    )


def _outbox(box: OutboxStatus, now: float) -> Table:
    oldest = age(box.oldest_pending_at if box.pending else None, now)
    numbers = [str(number) for number in (box.delivered, box.failed, box.expired, box.superseded)]
    columns = ("pending", "oldest", "delivered", "failed", "expired", "superseded")
    return listing("Outbox", columns, [(str(box.pending), oldest, *numbers)])


def _panic(one: PanicStatus, now: float) -> tuple[str, ...]:
    button = "pressed" if one.active else "released"
    return (one.id, age(one.at, now), button, str(one.units), one.state, latency(one.latency_seconds))


def _failure(one: Failure, now: float) -> tuple[str, ...]:
    return (one.id, one.kind, age(one.at, now), one.error or "")
