"""``python -m tests.soak``: a daemon lives long through everything that fails, and a judge looks whether it was steady."""

import asyncio
import logging
import random
import signal
import sys
import tempfile
from pathlib import Path

import click

from tests.chaos.report import say
from tests.soak.plan import Plan
from tests.soak.run import Soak


@click.command()
@click.option("--seconds", default=1800.0, show_default=True, help="How long it lasts.")
@click.option(
    "--players", default=2048, show_default=True, help="On three game servers, each pushed once a second."
)
@click.option("--seed", type=int, help="Repeat what another run did, as far as time allows.")
@click.option(
    "--drain", default=300.0, show_default=True, help="Seconds in which all must have ended afterwards."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where it works; left for a look.")
def main(seconds: float, players: int, seed: int | None, drain: float, folder: Path | None) -> None:
    """Judge a daemon that runs for long.

    Ctrl-C ends it early and judges what there is; a second one tells no more than what was seen.
    """
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it tells of every request that is cut
    folder = Path(tempfile.mkdtemp(prefix="soak-")) if folder is None else folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):  # an outbox there would know this run's pushes from the last one
        raise click.UsageError(f"{folder} is not empty")
    seed = random.randrange(1_000_000) if seed is None else seed
    say(f"seed {seed}, in {folder}")
    sys.exit(asyncio.run(_run(Plan(seconds=seconds, drain=drain, players=players, seed=seed), folder)))


async def _run(plan: Plan, folder: Path) -> int:
    soak = Soak(plan, folder)
    task = asyncio.ensure_future(soak.run())
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if soak.stop.is_set():
            task.cancel()
        else:
            say("\nit ends early, and is judged; once more, and it is not")
            soak.stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    return await task


if __name__ == "__main__":
    main()
