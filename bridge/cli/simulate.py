"""``cad-bridge simulate``: the CAD simulator alone."""

import asyncio

import click

from bridge.addresses import reason
from bridge.cli.epilog import epilog
from bridge.clock import SystemClock
from bridge.host import stop_signals
from bridge.simulator.cad import SIMULATOR_KEY, Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import CMS_KEY
from bridge.simulator.faults import Weather
from bridge.simulator.server import SimulatorServer

DEFAULT_LISTEN = "127.0.0.1:30190"
MAX_PORT = 65_535

PAGE_END = epilog(
    "cad-bridge simulate",
    "cad-bridge simulate --listen 127.0.0.1:30190 --seed 7",
    exits={
        0: "stopped by a signal",
        1: "the address is taken, or is none of this machine",
        2: "the command line cannot be used",
    },
)


@click.command(epilog=PAGE_END)
@click.option(
    "--listen", default=DEFAULT_LISTEN, show_default=True, metavar="HOST:PORT", help="Where to listen."
)
@click.option(
    "--seed", type=int, help="Add latency and an occasional failure, the same ones for the same seed."
)
@click.option("--key", default=SIMULATOR_KEY, show_default=True, help="The API key that is let in.")
def simulate(listen: str, seed: int | None, key: str) -> None:
    """Run a simulated Sonoran CAD until it is stopped."""
    host, port = parse_address(listen)
    try:
        asyncio.run(_serve(host, port, key, None if seed is None else Weather(seed)))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen}: {reason(error)}") from error


def parse_address(text: str, option: str = "--listen") -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``[IPV6]:PORT``; an error names the option."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not bare or not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
        raise click.BadParameter(f"{text!r} is not HOST:PORT", param_hint=option)
    if ":" in bare and not bracketed:
        raise click.BadParameter(f"{text!r}: an IPv6 address stands in brackets", param_hint=option)
    return bare, int(port)


async def _serve(host: str, port: int, key: str, weather: Weather | None) -> None:
    clock = SystemClock()
    stop = asyncio.Event()
    with stop_signals(asyncio.get_running_loop(), stop.set):
        async with SimulatorServer(clock, host, port, cloud=Cloud(clock, Cad(key=key), weather)) as server:
            click.echo(f"url: {server.url}")
            click.echo(f"key: {key}")
            click.echo(f"cms key: {CMS_KEY}")
            await stop.wait()
