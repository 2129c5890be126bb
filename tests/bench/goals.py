"""The goals, and how far the rows of a run are from them. Missing one is told, and is no error."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tests.bench.rows import Row

Rows = Mapping[str, Row]

SYNC_TIMES = 5.0  # times a bare fdatasync that a panic's answer may take
EVENNESS = 1.25  # times the cheapest that the dearest position may cost


class Goal(Struct, frozen=True, kw_only=True):
    """One goal; ``met`` is None where the rows for it are missing."""

    text: str
    figure: str = ""
    met: bool | None = None

    @property
    def word(self) -> str:
        """Return how it went."""
        return "not measured" if self.met is None else "met" if self.met else "missed"


def judge(rows: Rows) -> list[Goal]:
    """Return every goal as the rows have it."""
    return [*_pushes(rows), *_panics(rows), *_small(rows), *_steady(rows), *_quick(rows)]


def _pushes(rows: Rows) -> Iterator[Goal]:
    yield _at_least(rows, "push.native.64", 0.85, "pushes of 64 at least 0.85 x the bare aiohttp application")
    yield _at_least(rows, "push.vmagent.64", 1.3, "pushes of 64 at least 1.3 x vmagent's JSON lines")


def _panics(rows: Rows) -> Iterator[Goal]:
    text = "panic answered while 10,000 positions/s come in: p99 within 5 ms, or 5 x a bare fdatasync's"
    row = rows.get("panic.busy.p99")
    if row is None or row.base is None:
        yield Goal(text=text)
    else:
        limit = max(5.0, SYNC_TIMES * row.base)
        yield Goal(
            text=text, figure=f"{row.value:.1f} ms, the sync {row.base:.1f} ms", met=row.value <= limit
        )
    yield _below(rows, "delivery.added", 3.0, "what the bridge adds to a panic's way, median under 3 ms")
    yield _below(rows, "delivery.together.answered", 25.0, "64 panics at once answered, p99 under 25 ms")
    yield _below(rows, "delivery.together.arrived", 25.0, "64 panics at once at the CAD, p99 under 25 ms")


def _small(rows: Rows) -> Iterator[Goal]:
    yield _below(rows, "steady.core.2048", 3.0, "2,048 players at 1 Hz under 3 % of a core")
    yield _below(rows, "steady.resident.2048", 60.0, "2,048 players at 1 Hz under 60 MiB resident")
    yield _below(rows, "memory.100000", 150.0, "100,000 units under 150 MiB resident")


def _steady(rows: Rows) -> Iterator[Goal]:
    for units, limit in ((2_048, 5.0), (100_000, 20.0)):
        text = f"no stall of the loop over {limit:g} ms with {units:,} units"
        row, computing = rows.get(f"stall.{units}"), rows.get(f"stall.computing.{units}")
        if row is None or row.base is None or computing is None:
            yield Goal(text=text)
            continue
        figure = (
            f"{row.value:.1f} ms, of it computing {computing.value:.1f} ms; a bare loop {row.base:.1f} ms"
        )
        yield Goal(text=text, figure=figure, met=row.value <= limit)
    yield _even(
        rows, "growth", (100, 1_000, 10_000, 100_000), "a position costs the same with 100 to 100,000 units"
    )
    yield _even(
        rows, "batch", (2_048, 20_000, 100_000), "a batch costs the same out of 2,048 to 100,000 units"
    )


def _quick(rows: Rows) -> Iterator[Goal]:
    yield _below(rows, "startup.ready", 400.0, "start to ready under 400 ms")
    yield _below(rows, "startup.help", 200.0, "--help under 200 ms")


def _at_least(rows: Rows, key: str, limit: float, text: str) -> Goal:
    row = rows.get(key)
    if row is None or row.ratio is None:
        return Goal(text=text)
    figure = f"{row.ratio:.2f} x"
    by_cpu = rows.get(key.replace("push.", "push.cpu."))
    if by_cpu is not None and by_cpu.ratio:
        figure += f"; by CPU time {1 / by_cpu.ratio:.2f} x"
    return Goal(text=text, figure=figure, met=row.ratio >= limit)


def _below(rows: Rows, key: str, limit: float, text: str) -> Goal:
    row = rows.get(key)
    if row is None:
        return Goal(text=text)
    return Goal(text=text, figure=f"{row.value:.3g} {row.unit}", met=row.value < limit)


def _even(rows: Rows, family: str, units: tuple[int, ...], text: str) -> Goal:
    text = f"{text}, within 25 %"
    found = [rows.get(f"{family}.{number}") for number in units]
    if any(row is None for row in found):
        return Goal(text=text)
    ours = [row.value for row in found if row is not None]
    bare = [row.base for row in found if row is not None and row.base]
    figure = f"{max(ours) / min(ours):.2f} x between cheapest and dearest; the baseline {max(bare) / min(bare):.2f} x"
    return Goal(text=text, figure=figure, met=max(ours) <= EVENNESS * min(ours))
