"""``python -m tests.bench``: how fast, how small and how steady it is, against baselines of the same run."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
from rich.console import Console

from tests.bench import batches, delivery, durable, growth, memory, panics, pushes, stalls, startup, steady
from tests.bench.bench import Bench
from tests.bench.cores import choose_cores, describe_machine, on_core
from tests.bench.goals import judge
from tests.bench.load import find_wrk
from tests.bench.table import as_json, print_report

DIST = Path("dist")
QUIET = 5.0  # per cent of all cores that other programs may use
WIDTH = 160  # columns of the table where it is no terminal that it is printed on

SECTIONS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "pushes": pushes.measure,
    "steady": steady.measure,
    "growth": growth.measure,
    "panics": panics.measure,
    "delivery": delivery.measure,
    "durable": durable.measure,
    "batches": batches.measure,
    "stalls": stalls.measure,
    "memory": memory.measure,
    "startup": startup.measure,
}


@click.command()
@click.option("--quick", is_flag=True, help="One minute instead of five, and rougher; QUICK=1 does the same.")
@click.option(
    "--only", multiple=True, type=click.Choice(list(SECTIONS)), help="Measure only this; repeatable."
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DIST / "bench.json",
    show_default=True,
    help="Where the figures go besides.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=DIST,
    show_default=True,
    help="On whose file system it works: what is durable is measured there.",
)
def main(only: tuple[str, ...], json_file: Path, folder: Path, *, quick: bool) -> None:
    """Measure, print a table and how far the goals are; exit 1 only where something could not be measured."""
    try:
        find_wrk()
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=folder)).absolute()
    try:
        bench = Bench(work, choose_cores(), quick=quick or os.environ.get("QUICK", "") not in ("", "0"))
        machine = describe_machine(work)
        if machine.busy_before > QUIET:
            bench.note(
                f"other programs used {machine.busy_before:.0f} % of the cores before the start: trust the rows of CPU, "
                "not those of the clock"
            )
        with on_core(bench.cores.loading):
            asyncio.run(_measure(bench, only or tuple(SECTIONS)))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    judged = judge({row.key: row for row in bench.rows})
    goals = [goal for goal in judged if not only or goal.met is not None]
    print_report(Console(width=None if sys.stdout.isatty() else WIDTH), bench, goals, machine)
    json_file.parent.mkdir(parents=True, exist_ok=True)
    json_file.write_bytes(as_json(bench, goals, machine))
    sys.exit(1 if bench.problems else 0)


async def _measure(bench: Bench, wanted: tuple[str, ...]) -> None:
    if not bench.cores.apart:
        bench.note("only one core may be used: what is measured shares it with what loads it")
    for name in wanted:
        try:
            await SECTIONS[name](bench)
        except Exception as error:  # noqa: BLE001 -- the other sections are worth having all the same
            bench.problems.append(f"{name}: {_innermost(error)!r}")


def _innermost(error: BaseException) -> BaseException:
    inner = getattr(error, "exceptions", ())
    return _innermost(inner[0]) if inner else error


if __name__ == "__main__":
    main()
