"""``python -m tests.chaos``: everything goes wrong for a while, then a judge looks whether anything was lost."""

import asyncio
import logging
import os
import random
import sys
import tempfile
from pathlib import Path

import click

from tests.chaos.report import say
from tests.chaos.run import Chaos, Plan
from tests.support.bad_disk import on_tmpfs

DISK = "size=48m"


@click.command()
@click.option("--seconds", default=600.0, show_default=True, help="How long things go wrong.")
@click.option("--kills", default=0, help="Go on until there were so many kills.")
@click.option("--seed", type=int, help="Repeat what another run did, as far as time allows.")
@click.option("--pace", default=1, show_default=True, help="How many times the documented limits.")
@click.option(
    "--drain", default=300.0, show_default=True, help="Seconds in which all must have ended afterwards."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where it works; left for a look.")
@click.option("--inside", is_flag=True, hidden=True)
def main(
    seconds: float,
    kills: int,
    seed: int | None,
    pace: int,
    drain: float,
    folder: Path | None,
    *,
    inside: bool,
) -> None:
    """Judge a daemon that is killed and hindered in every way."""
    if not inside:
        _go_inside(folder)
    assert folder is not None, "it has one inside"
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it tells of every request that is cut
    seed = random.randrange(1_000_000) if seed is None else seed
    say(f"seed {seed}, in {folder}")
    plan = Plan(seconds=seconds, kills=kills, seed=seed, pace=pace, drain=drain)
    sys.exit(asyncio.run(Chaos(plan, folder, folder / "disk").run()))


def _go_inside(folder: Path | None) -> None:
    """Become a process that has a small disk of its own."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-")) if folder is None else folder.absolute()
    (folder / "disk").mkdir(parents=True, exist_ok=True)
    python = (sys.executable, "-m", "tests.chaos", *sys.argv[1:], "--folder", str(folder), "--inside")
    words = (*on_tmpfs(folder / "disk", DISK), *python)
    os.execvp(words[0], words)  # noqa: S606 -- no shell is wanted


if __name__ == "__main__":
    main()
