"""``cad-bridge outbox``: the events on disk, through a running daemon or in a file that none holds."""

import asyncio
import datetime as dt
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import msgspec
from msgspec import Struct
from rich.console import Console, RenderableType

from bridge.cli.admin_door import AdminDoor, NobodyAnswersError
from bridge.cli.configured import config_option, exit_unusable
from bridge.cli.epilog import epilog
from bridge.cli.outbox_sources import DoorSource, Event, FileSource, OutboxSource
from bridge.cli.outbox_tables import changes_text, event_figures, events_table
from bridge.cli.progress import Counted, tell
from bridge.cli.whereabouts import Whereabouts, find, read_token
from bridge.clock import SystemClock
from bridge.config.readers import duration
from bridge.errors import BridgeError, ConfigError, HeldError
from bridge.events import EventKind, EventState
from bridge.outbox.inspection import LARGEST_PAGE, Filter
from bridge.phrases import count
from bridge.store import StoredFile

T = TypeVar("T")
P = ParamSpec("P")

PLAIN_WIDTH = 160  # columns where there is no terminal
_AGO = duration()
CHANGEABLE = {"retry": (EventState.FAILED, EventState.EXPIRED), "discard": (EventState.PENDING,)}

Story = Callable[[OutboxSource], Awaitable[T]]


class Where(Struct, frozen=True, kw_only=True):
    """What the command line says of where the events are."""

    admin: str | None
    path: Path | None
    file: Path | None
    token_file: Path | None


class Instant(click.ParamType[float]):
    """A time, as Unix seconds: ``2h`` ago, or a date with or without a time of day."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 -- click's own signature
        """Read it."""
        if isinstance(value, float):
            return value
        try:
            return SystemClock().wall() - _AGO(value)
        except ValueError:
            pass
        try:
            return dt.datetime.fromisoformat(value).timestamp()
        except ValueError:
            self.fail(
                f'expected how long ago, like "2h", or a date like 2026-01-31T18:00, found {value!r}',
                param,
                ctx,
            )


_UNUSABLE = {2: "the command line or the configuration cannot be used"}
_ASKING = {
    0: "what was asked for is shown",
    1: "nobody answers, or there is no such event or file",
    **_UNUSABLE,
}
_CHANGING = {
    0: "done, or there was nothing to do",
    1: "an event was refused, or nobody answers; what was done is shown",
    **_UNUSABLE,
}


@click.group(
    epilog=epilog(
        "cad-bridge outbox list --state failed",
        "cad-bridge outbox show 3f9c2a1b",
        "cad-bridge outbox retry 3f9c2a1b",
        exits={0: "done", 1: "an event or the whole was refused, or nobody answers", **_UNUSABLE},
    )
)
def outbox() -> None:
    """See the events on disk, try failed ones again, end waiting ones."""


def _place_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add the options that say where the events are."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--token-file", type=click.Path(path_type=Path), help="The file of the daemon's admin token."),
        click.option("--file", type=click.Path(path_type=Path), help="Read this file, which no daemon may hold."),
        config_option,
        click.option(
            "--admin", envvar="CAD_BRIDGE_ADMIN", metavar="URL", show_envvar=True,
            help="The daemon's admin door; else as the configuration says.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _filter_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add the options that select events."""
    for option in (
        click.option("--error", default="", metavar="TEXT", help="Those whose error holds this text."),
        click.option("--until", type=Instant(), help="Those accepted before: 30m (ago), or a date."),
        click.option("--since", type=Instant(), help="Those accepted since: 2h (ago), or a date."),
        click.option("--server", multiple=True, help="Those of this server, by name or number."),
        click.option(
            "--kind",
            multiple=True,
            type=click.Choice([one.value for one in EventKind]),
            metavar="KIND",
            help=f"Those of this kind: {', '.join(EventKind)}.",
        ),
        click.option(
            "--state",
            multiple=True,
            type=click.Choice([one.value for one in EventState]),
            help="Those in this state.",
        ),
    ):
        command = option(command)
    return command


@outbox.command(
    "list",
    epilog=epilog(
        "cad-bridge outbox list --state failed --state expired --since 2h",
        "cad-bridge outbox list --file outbox.sqlite3 --kind panic --json",
        exits=_ASKING,
    ),
)
@_filter_options
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@click.option("--cursor", help="Where to go on: what the page before ended with.")
@_place_options
def list_events(*, limit: int, cursor: str | None, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's options
    """Show events, the newest first."""
    wanted = _filter(options)

    async def story(source: OutboxSource) -> tuple[list[Event], str | None]:
        return await _collect(source, wanted, cursor, limit)

    events, following = _run(_where(options), story)
    if as_json:
        return click.echo(msgspec.json.encode({"events": events, "next": following}))
    _print(events_table(events, SystemClock().wall()))
    if following is not None:
        click.echo(f"There may be more: --cursor {following}")
    return None


@outbox.command(epilog=epilog("cad-bridge outbox show 3f9c2a1b", exits=_ASKING))
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@click.option("--full", is_flag=True, help="Identifiers of players in full; this needs the token.")
@_place_options
def show(ids: tuple[str, ...], *, full: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's options
    """Show all that is known of events; the first characters of an id will do."""

    async def story(source: OutboxSource) -> list[Event]:
        return [await source.show(one, full=full) for one in ids]

    for event in _run(_where(options), story):
        if as_json:
            click.echo(msgspec.json.encode(event))
        else:
            _print(event_figures(event, SystemClock().wall()))


@outbox.command(
    epilog=epilog(
        "cad-bridge outbox retry 3f9c2a1b",
        'cad-bridge outbox retry --state failed --error "no unit" --since 1h',
        exits=_CHANGING,
    )
)
@click.argument("ids", nargs=-1, metavar="[ID…]")
@_filter_options
@click.option("--yes", is_flag=True, expose_value=False, help="As for discard; retry asks nothing.")
@_place_options
def retry(ids: tuple[str, ...], *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's options
    """Have failed and expired events tried again, by their ids or by what the options select.

    Each gets its whole time to live anew. What something newer of the same unit overruled is left as it is.
    """
    _change("retry", ids, options, as_json=as_json, sure=True)


@outbox.command(epilog=epilog("cad-bridge outbox discard --kind blip --server main --yes", exits=_CHANGING))
@click.argument("ids", nargs=-1, metavar="[ID…]")
@_filter_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@_place_options
def discard(ids: tuple[str, ...], *, yes: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's options
    """End pending events, by their ids or by what the options select: they will never reach the CAD."""
    if not (yes or _somebody_is_there()):
        raise click.UsageError("nobody is there to answer what discard asks first: give --yes")
    _change("discard", ids, options, as_json=as_json, sure=yes)


def _somebody_is_there() -> bool:
    """Tell whether a question would be read."""
    return sys.stdin.isatty()


def _change(verb: str, ids: Sequence[str], options: dict[str, Any], *, as_json: bool, sure: bool) -> None:
    wanted = _changeable(verb, ids, _filter(options))

    async def story(source: OutboxSource) -> bool:
        chosen = list(ids) or await _choose(source, wanted)
        if not chosen:
            click.echo("There are no such events.", err=True)
            return True
        if not sure:
            click.confirm(
                f"Discard {count(len(chosen), 'event')}? The CAD will never get them.", abort=True, err=True
            )
        done = await source.change(verb, chosen)
        if as_json:
            click.echo(msgspec.json.encode(done))
        else:
            _print(changes_text(verb, done))
        return not done.refused

    if not _run(_where(options), story):
        raise SystemExit(1)


def _changeable(verb: str, ids: Sequence[str], wanted: Filter) -> Filter:
    """Return the filter narrowed to what can be changed so; events go by their ids or by a filter."""
    if bool(ids) == (wanted != Filter()):
        raise click.UsageError("name events by their ids, or select them by options such as --state")
    if not set(wanted.state) <= set(CHANGEABLE[verb]):
        raise click.UsageError(f"--state: {verb} is for events that are {' or '.join(CHANGEABLE[verb])}")
    return wanted if wanted.state else msgspec.structs.replace(wanted, state=CHANGEABLE[verb])


async def _choose(source: OutboxSource, wanted: Filter) -> list[str]:
    """Return the ids of all that is selected, the oldest first: a call before what is about it."""
    events, _ = await _collect(source, wanted, None, sys.maxsize)
    return [str(event["id"]) for event in reversed(events)]


async def _collect(
    source: OutboxSource, wanted: Filter, cursor: str | None, limit: int
) -> tuple[list[Event], str | None]:
    events: list[Event] = []
    read = Counted("Read", "event", SystemClock())
    while True:
        page, cursor = await source.page(wanted, cursor, min(LARGEST_PAGE, limit - len(events)))
        events += page
        read.add(len(page))
        if cursor is None or len(events) >= limit:
            return events, cursor


def _run(where: Where, story: Story[T]) -> T:
    """Tell the story to the daemon; to its file, if that is named, or if there is no daemon."""
    try:
        places = find(where.path)
        if where.file is not None:
            with _opened(where.file, places) as source:
                return asyncio.run(_told(story, source))
        door = AdminDoor(
            where.admin or places.admin,
            lambda: read_token(places, where.token_file),
            named=where.token_file is not None,
        )
        try:
            return asyncio.run(_told(story, DoorSource(door, Counted("Changed", "event", SystemClock()).add)))
        except NobodyAnswersError as error:
            if where.admin is not None or not places.outbox.exists():
                raise
            click.echo(f"{error.format_message()}; reading {places.outbox}", err=True)
            with _opened(places.outbox, places) as source:
                return asyncio.run(_told(story, source))
    except ConfigError as error:
        exit_unusable(error)
    except HeldError as error:
        hint = "leave out --file" if where.file else "is its admin door elsewhere? Name it with --admin"
        raise click.ClickException(f"{error}; {hint}") from error
    except (BridgeError, OSError) as error:
        raise click.ClickException(str(error)) from error


async def _told(story: Story[T], source: OutboxSource) -> T:
    return await story(source)


@contextmanager
def _opened(path: Path, places: Whereabouts) -> Generator[OutboxSource]:
    tell(f"Opening {path} …")
    with StoredFile(path) as file:
        if file.damage:
            click.echo(f"{path}: {file.damage}; what can be read is shown, nothing can be changed", err=True)
        yield FileSource(file, places, SystemClock())


def _where(options: dict[str, Any]) -> Where:
    return Where(**{name: options[name] for name in ("admin", "path", "file", "token_file")})


def _filter(options: dict[str, Any]) -> Filter:
    return Filter(
        state=tuple(EventState(one) for one in options["state"]),
        kind=tuple(EventKind(one) for one in options["kind"]),
        server=options["server"],
        since=options["since"],
        until=options["until"],
        error=options["error"],
    )


def _print(shown: RenderableType) -> None:
    console = Console()
    (console if console.is_terminal else Console(width=PLAIN_WIDTH)).print(shown)
