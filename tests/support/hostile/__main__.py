"""``python -m tests.support.hostile``: what each attack does to honest clients, as a table."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import psutil

from tests.support.daemon import Daemon, daemon_of, simulated_cad
from tests.support.hostile.attacks import ATTACKS
from tests.support.hostile.honest import KINDS, Honest
from tests.support.hostile.siege import under_attack

SETTLE_SECONDS = 2.0  # until an attack has all its connections


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def measure(daemon: Daemon, folder: Path, name: str, seconds: float) -> str:
    """Return a row: p99 before and during an attack and their ratio, what it took of memory, what failed."""
    honest = Honest(daemon.port)
    process = psutil.Process(daemon.process.pid)
    async with honest.at_work():
        await asyncio.sleep(0.5)
        before = await p99s(honest, seconds)
        resident, logged = process.memory_info().rss, len(daemon.log)
        async with under_attack(folder, name, daemon.port) as tally:
            await asyncio.sleep(SETTLE_SECONDS)
            during = await p99s(honest, seconds)
            resident = process.memory_info().rss - resident
            held = len(process.net_connections("tcp"))
    cells = [f"{before[kind]:7.1f} {during[kind]:7.1f} {during[kind] / before[kind]:5.1f}" for kind in KINDS]
    counts = f"{resident / 2**20:5.0f} {held:6} {len(daemon.log) - logged:8} {len(honest.failures):6}"
    return f"{name:32} | {' | '.join(cells)} | {counts} | {dict(tally)}"


async def p99s(honest: Honest, seconds: float) -> dict[str, float]:
    honest.restart()
    await asyncio.sleep(seconds)
    return {kind: honest.p99(kind) for kind in KINDS}


async def table(only: str, seconds: float) -> None:
    titles = " | ".join(f"{kind + ' ms':>7}  during ratio" for kind in KINDS)
    say(f"{'':32} | {titles} | {'MiB':>5} {'lines':>6} {'B of log':>8} {'failed':>6} | what the attacker saw")
    with tempfile.TemporaryDirectory() as made:
        for number, name in enumerate(name for name in ATTACKS if only in name):
            folder = Path(made) / str(number)
            async with simulated_cad() as cad, daemon_of(folder, cad) as daemon:
                say(await measure(daemon, folder, name, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.hostile", description=__doc__)
    parser.add_argument("--only", default="", help="measure attacks with this in their name")
    parser.add_argument("--seconds", type=float, default=5.0, help="to measure before and during each")
    options = parser.parse_args()
    asyncio.run(table(options.only, options.seconds))


if __name__ == "__main__":
    main()
