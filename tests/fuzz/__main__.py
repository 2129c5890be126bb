"""``python -m tests.fuzz``: what no client should send, at the intake and at every door, and a look at what comes of it."""

import asyncio
import logging
import random
import sys
import tempfile
from pathlib import Path

import click

from tests.fuzz import intake
from tests.fuzz.doors import DoorsRun, fire_alone
from tests.fuzz.findings import Findings, read, say
from tests.fuzz.shots import DOORS, Shot
from tests.fuzz.world import world


@click.command()
@click.option(
    "--seconds", default=600.0, show_default=True, help="How long: the intake, and then the doors together."
)
@click.option("--only", help=f"Parts and doors, with a | between them: intake, doors, {', '.join(DOORS)}.")
@click.option("--seed", type=int, help="Send what another run sent.")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where it works, and where findings are kept."
)
@click.option(
    "--repeat",
    "file",
    type=click.Path(path_type=Path, exists=True),
    help="Try a finding that was kept once more.",
)
def main(seconds: float, only: str | None, seed: int | None, folder: Path | None, file: Path | None) -> None:
    """Try what no client should send; exit 1 where something fell out."""
    logging.getLogger("aiohttp").setLevel(
        logging.CRITICAL
    )  # of the simulator: what the daemon passes on is odd
    folder = Path(tempfile.mkdtemp(prefix="fuzz-")) if folder is None else folder.absolute()
    if file is not None:
        sys.exit(_repeat(file, folder))
    seed = random.randrange(1_000_000) if seed is None else seed
    say(f"seed {seed}, in {folder}")
    findings = Findings(folder / "found")
    parts = only.split("|") if only else ["intake", "doors"]
    unknown = set(parts) - {"intake", "doors", *DOORS}
    if unknown:
        raise click.BadParameter(f"unknown: {', '.join(sorted(unknown))}", param_hint="--only")
    if "intake" in parts:
        intake.IntakeRun(seed, findings).run(seconds)
    doors = [door for door in DOORS if door in parts or "doors" in parts]
    if doors:
        asyncio.run(DoorsRun(doors, seed, findings, folder / "daemon").run(seconds))
    sys.exit(conclude(findings, seed))


def conclude(findings: Findings, seed: int) -> int:
    """Say what was found, and return the exit code."""
    for kind, count in sorted(findings.kinds.items()):
        say(f"{count} x {kind.encode('utf-8', 'backslashreplace').decode()}")
    say(f"{len(findings.kinds)} kinds of findings, seed {seed}")
    return 1 if findings.kinds else 0


def _repeat(file: Path, folder: Path) -> int:
    header, data = read(file)
    target, _, door = header.target.partition("/")
    if target == "door" and door in DOORS:
        return asyncio.run(_repeat_at_door(door, data, folder / "daemon"))
    wrong = intake.repeat(header.target, data)
    say("nothing is wrong with it" if wrong is None else f"{wrong[0]}: {wrong[1]}")
    return 0 if wrong is None else 1


async def _repeat_at_door(door: str, data: bytes, folder: Path) -> int:
    async with world(folder) as it:
        shot = Shot(door=door, path="", pieces=(data,), sure=False, bodiless=data.startswith(b"HEAD"))
        port = it.daemon.admin_port if door == "admin" else it.daemon.port
        for reply in await fire_alone(port, shot):
            say(f"{reply.status} {reply.headers}\n{reply.body[:2000]!r}")
        await asyncio.sleep(1.0)
        complaints = it.complaints()
    say("\n".join(complaints) or "no complaint in the log")
    return 1 if complaints else 0


if __name__ == "__main__":
    main()
