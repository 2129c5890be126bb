"""``cad-bridge play``: synthetic players against any running bridge."""

import asyncio
import ssl
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live

from bridge.cli.admin_client import http_url
from bridge.cli.demo_table import DemoTable, drive_figures
from bridge.cli.epilog import epilog
from bridge.clock import Clock, SystemClock
from bridge.config.schema import SHORTEST_TOKEN
from bridge.config.sources import Sources
from bridge.host import stop_signals
from bridge.players import DriveSummary, World, drive

PAGE_END = epilog(
    "cad-bridge play --to http://127.0.0.1:30180 --token-file server-1.token",
    "cad-bridge play --to http://127.0.0.1:30180 --token-file server-1.token \\\n    --players 200 --rate 2 --seconds 60",
    exits={
        0: "the bridge took all that was pushed",
        1: "the bridge refused something, or never answered",
        2: "the command line cannot be used",
    },
)


@click.command(epilog=PAGE_END)
@click.option("--to", "url", required=True, metavar="URL", help="The push door, e.g. http://127.0.0.1:30180.")
@click.option(
    "--token-file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds the token of the game server to play.",
)
@click.option("--players", default=64, show_default=True, type=click.IntRange(1, 4096), help="How many.")
@click.option(
    "--rate",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.05, 50.0),
    help="Location pushes a second.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.0, min_open=True), help="End after this long; else at Ctrl-C."
)
@click.option("--seed", default=1, show_default=True, help="Other seeds are other players.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM: the authority, or the certificate itself, of a bridge on https.",
)
@click.option("--insecure", is_flag=True, help="Ask for no certificate on https, as FXServer asks for none.")
def play(  # noqa: PLR0913 -- one for each option
    url: str,
    token_file: Path,
    players: int,
    rate: float,
    seconds: float | None,
    seed: int,
    ca_file: Path | None,
    *,
    insecure: bool,
) -> None:
    """Let synthetic players drive around and push them to a running bridge.

    It ends after --seconds or at Ctrl-C and prints what was pushed and how fast.
    """
    token = _read_token(token_file)
    world = World(players, seed)
    trust = _trust(ca_file, insecure=insecure)
    summary = asyncio.run(_play(http_url(url, "--to"), token, world, rate, seconds, trust))
    if summary.token_refused:
        raise click.ClickException(f"the bridge refused the token of {token_file}")
    click.echo(report(summary))
    if not summary.pushes:
        raise click.ClickException(
            f"no push was taken at {url}: {summary.last_problem or 'no answer in time'}"
        )
    if not summary.well:
        raise SystemExit(1)


def report(summary: DriveSummary) -> str:
    """Return the closing words: one figure a line."""
    return "\n".join(f"{name + ':':<14}{value}" for name, value in drive_figures(summary))


def _read_token(path: Path) -> str:
    """Read the token as the daemon reads it."""
    try:
        token = Sources(path.parent, {}, sys.platform).secret(path.name, "", SHORTEST_TOKEN)
    except ValueError as error:
        raise click.ClickException(f"{path}: {error}") from None
    return "" if token is None else token.reveal()


def _trust(ca_file: Path | None, *, insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise click.ClickException(f"--ca-file: {ca_file} holds no certificate in PEM form") from error
    return context


async def _play(
    url: str, token: str, world: World, rate: float, seconds: float | None, trust: ssl.SSLContext
) -> DriveSummary:
    stop, clock = asyncio.Event(), SystemClock()
    loop = asyncio.get_running_loop()
    with stop_signals(loop, stop.set), _progress(f"Synthetic players at {url}", clock) as show:
        return await drive(
            url,
            token,
            world,
            rate_hz=rate,
            seconds=seconds,
            clock=clock,
            stop=stop,
            on_progress=show,
            trust=trust,
        )


@contextmanager
def _progress(title: str, clock: Clock) -> Generator[Callable[[DriveSummary], None]]:
    """Show figures on stderr: a live table on a terminal, else a line each time."""
    table, console = DemoTable(title), Console(stderr=True)
    if not console.is_terminal:
        yield lambda summary: click.echo(table.line(None, summary, clock.wall()), err=True)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda summary: live.update(table.render(None, summary, clock.wall()), refresh=True)
