"""``cad-bridge demo``: simulator, daemon and players in one process; no account needed."""

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.live import Live

from bridge import host, logs
from bridge.app import Daemon, secrets_of
from bridge.cli.admin_client import Status, decode_status
from bridge.cli.demo_table import DemoTable, drive_figures
from bridge.cli.epilog import epilog
from bridge.cli.progress import tell
from bridge.cli.simulate import parse_address
from bridge.clock import Clock, SystemClock
from bridge.config import (
    AdminConfig,
    CadConfig,
    Config,
    ListenerConfig,
    LogConfig,
    OutboxConfig,
    Secret,
    ServerConfig,
    TcpBind,
)
from bridge.errors import StartError
from bridge.events import EventState
from bridge.phrases import count
from bridge.players import DriveSummary, World, drive
from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.server import SimulatorServer

SERVER_ID = 1
LOST = (EventState.PENDING, EventState.FAILED, EventState.EXPIRED)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is told at the end; ``lost`` counts accepted events that the CAD does not have."""

    drive: DriveSummary
    status: Status
    batches: int
    sent: int
    units_at_cad: int
    lost: int


PAGE_END = epilog(
    "cad-bridge demo",
    "cad-bridge demo --players 500 --seconds 60",
    exits={
        0: "everything that was accepted was delivered",
        1: "something was not, or a port is taken",
        2: "the command line cannot be used",
    },
)


@click.command(epilog=PAGE_END)
@click.option("--players", default=40, show_default=True, type=click.IntRange(1, 4096), help="How many.")
@click.option(
    "--seconds", type=click.FloatRange(0.0, min_open=True), help="End after this long; else at Ctrl-C."
)
@click.option(
    "--listen", default="127.0.0.1:30180", show_default=True, metavar="HOST:PORT", help="The push door."
)
@click.option(
    "--admin", default="127.0.0.1:30181", show_default=True, metavar="HOST:PORT", help="The admin door."
)
def demo(players: int, seconds: float | None, listen: str, admin: str) -> None:
    """Show everything at work: a simulated CAD, the daemon, and players who drive around and press panic.

    With --seconds it ends by itself and prints what was sent, delivered and how fast.
    """
    with tempfile.TemporaryDirectory(prefix="cad-bridge-demo-") as folder:
        config = _configure(Path(folder), listen, admin)
        logs.configure(level=config.log.level, format=config.log.format, secrets=secrets_of(config))
        try:
            outcome = host.run(lambda: _run(config, players, seconds))
        except StartError as error:
            raise click.ClickException(f"{error} (--listen and --admin choose other ports)") from None
        except ExceptionGroup:
            raise click.ClickException("the daemon died; the log says why") from None
    click.echo("\n".join(report(outcome)))
    if outcome.lost or not outcome.drive.well:
        raise SystemExit(1)


def report(outcome: Outcome) -> list[str]:
    """Return the closing words: one figure a line."""
    rows = [
        *drive_figures(outcome.drive),
        ("Sent", f"{outcome.sent:,} positions in {count(outcome.batches, 'batch')}"),
        ("On the map", f"{outcome.units_at_cad:,} units"),
        ("Events", f"{outcome.status.outbox.delivered:,} delivered, {outcome.lost:,} not delivered"),
    ]
    return [f"{name + ':':<13}{value}" for name, value in rows]


def _configure(folder: Path, listen: str, admin: str) -> Config:
    host_name, port = parse_address(listen)
    admin_host, admin_port = parse_address(admin, "--admin")
    return Config(
        listener=ListenerConfig(bind=(TcpBind(host=host_name, port=port),)),
        admin=AdminConfig(bind=(TcpBind(host=admin_host, port=admin_port),)),
        cad=CadConfig(community_id="demo", api_key=Secret(SIMULATOR_KEY)),
        outbox=OutboxConfig(path=folder / "outbox.sqlite3"),
        log=LogConfig(level="error"),
        servers=(ServerConfig(id=SERVER_ID, name="demo", token=Secret(secrets.token_urlsafe(24))),),
    )


async def _run(config: Config, players: int, seconds: float | None) -> Outcome:
    clock, stop = SystemClock(), asyncio.Event()
    with host.stop_signals(asyncio.get_running_loop(), stop.set):
        async with SimulatorServer(clock, "127.0.0.1", 0) as simulator:
            config = msgspec.structs.replace(
                config, cad=msgspec.structs.replace(config.cad, base_url=simulator.url)
            )
            ended = asyncio.Event()
            async with Daemon(config, clock) as daemon, asyncio.TaskGroup() as group:
                group.create_task(daemon.run(ended))
                click.echo(f"push door:  {_url(daemon)}\nadmin door: {daemon.admin.addresses[0]}")
                click.echo(f"simulator:  {simulator.url}")
                driven = await _drive(config, daemon, clock, World(players, 1), seconds, stop)
                tell("Delivering what is left …")
                ended.set()
    return _conclude(daemon, driven, len(simulator.cloud.cad.community.units))


async def _drive(
    config: Config, daemon: Daemon, clock: Clock, world: World, seconds: float | None, stop: asyncio.Event
) -> DriveSummary:
    token = config.servers[0].token.reveal()
    with _progress(daemon, clock) as show:
        return await drive(
            _url(daemon), token, world, rate_hz=1.0, seconds=seconds, clock=clock, stop=stop, on_progress=show
        )


def _url(daemon: Daemon) -> str:
    return f"http://{daemon.parts.listener.addresses[0]}"


def _conclude(daemon: Daemon, driven: DriveSummary, units_at_cad: int) -> Outcome:
    counts = daemon.parts.outbox.counts()
    registry = daemon.parts.metrics.registry
    labels = {"server": "demo"}
    return Outcome(
        drive=driven,
        status=_status(daemon),
        batches=int(registry.get_sample_value("cad_bridge_batches_total", labels) or 0),
        sent=int(registry.get_sample_value("cad_bridge_locations_sent_total", labels) or 0),
        units_at_cad=units_at_cad,
        lost=sum(counts[state] for state in LOST),
    )


def _status(daemon: Daemon) -> Status:
    return decode_status(msgspec.json.encode(daemon.view.status()))


@contextmanager
def _progress(daemon: Daemon, clock: Clock) -> Generator[Callable[[DriveSummary], None]]:
    """Show the figures on stderr: a live table on a terminal, else a line a second."""
    table, console = DemoTable("cad-bridge demo"), Console(stderr=True)
    if not console.is_terminal:
        yield lambda summary: click.echo(table.line(_status(daemon), summary, clock.wall()), err=True)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda summary: live.update(table.render(_status(daemon), summary, clock.wall()), refresh=True)
