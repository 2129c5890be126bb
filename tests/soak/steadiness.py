"""Whether a daemon was steady: what it held over time, and at the end as at the start."""

import os
from collections.abc import Iterator, Sequence

from msgspec import Struct

from bridge.store.database import WAL_LIMIT
from tests.soak.holdings import MIB, Holdings, grown

# Memory. What a burst leaves behind for good is a fraction of a MiB, so over the second half of a run half a MiB more
# or less says nothing. In half an hour that is 2 MiB/h, less than 50 MiB a day; a longer run is judged more finely, down
# to 6 MiB a day, and a shorter one as coarsely as it deserves.
INDISTINCT_MIB = 0.5
WARM_SECONDS, WARMING_MIB = (
    600.0,
    1.0,
)  # before that the first of every fault and burst still costs something once
GROWTH_OF_BLOCKS = (
    0.05  # over the second half: what waits differs from minute to minute, and takes blocks too
)
FINEST = 0.25  # MiB/h
TELLING_SECONDS = 60.0  # a run that is shorter says nothing of memory
# At the end as at the start: a request to the CAD may be under way on each of its three kinds of line.
LINES_TO_THE_CAD = 4
TASKS_UNDER_WAY = 3
# Threads of the pool that reads files and looks up names are kept, up to Python's own limit of the pool.
POOL_THREADS = min(32, (os.cpu_count() or 1) + 4)
# A day's idempotency keys are remembered, each with a hash and the ids of its events; the rest of the file is used again.
KEY_BYTES = 512
FILE_SLACK = 256 * 1024
PRUNED_WITHIN = 120.0  # seconds after which what is too old is surely gone: it is looked for every minute


class Sample(Struct, frozen=True, kw_only=True):
    """The daemon at an instant (seconds since the start); events and bytes are those of its outbox."""

    at: float
    holdings: Holdings
    pending: int
    kept: int
    file_bytes: int
    log_bytes: int
    accepted: int


class Finding(Struct, frozen=True, kw_only=True):
    """One line of the verdict; ``good`` is None where there is nothing to judge by."""

    name: str
    found: str
    limit: str
    good: bool | None


class End(Struct, frozen=True, kw_only=True):
    """What is left when all is quiet; ``recent`` events ended so lately that they may still be kept."""

    start: Sample
    quiet: Sample
    recent: int


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return by how much the second value grows while the first grows by 1: the line of least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def judge(samples: Sequence[Sample], end: End | None) -> list[Finding]:
    """Return every line of the verdict; without an end what can be said before it."""
    findings = [*_memory(samples), *_file(samples)]
    return findings if end is None else [*findings, *_returns(end), *_outbox(end)]


def is_quiet(start: Sample, now: Sample) -> bool:
    """Tell whether the daemon holds no more than at its start, and keeps no event it need not."""
    end = End(start=start, quiet=now, recent=now.kept)
    return all(one.good for one in _returns(end)) and now.pending == 0


def second_half(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples[len(samples) // 2 :]


def _memory(samples: Sequence[Sample]) -> Iterator[Finding]:
    half = second_half(samples)
    hours = (half[-1].at - half[0].at) / 3600 if half else 0.0
    if len(half) < 3 or samples[-1].at < TELLING_SECONDS:
        yield Finding(name="memory", found="too short to tell", limit="", good=None)
        return
    warming = half[0].at < WARM_SECONDS
    allowed = max(FINEST, (INDISTINCT_MIB + warming * WARMING_MIB) / hours)
    memory = slope([(one.at / 3600, one.holdings.mib) for one in half])
    blocks = slope([(one.at / 3600, one.holdings.blocks) for one in half])
    more = GROWTH_OF_BLOCKS * (1 + warming)
    growth = blocks * hours / half[0].holdings.blocks
    first, last = samples[0].holdings.mib, samples[-1].holdings.mib
    yield Finding(
        name="memory slope",
        found=f"{memory:+.2f} MiB/h over the last {hours * 60:.1f} min ({first:.1f} to {last:.1f} MiB)",
        limit=f"{allowed:.2f} MiB/h",
        good=memory <= allowed,
    )
    yield Finding(
        name="blocks of Python",
        found=f"{growth:+.1%} in the second half, {half[-1].holdings.blocks:,} at its end",
        limit=f"{more:.0%}",
        good=growth <= more,
    )


def _file(samples: Sequence[Sample]) -> Iterator[Finding]:
    half = second_half(samples)
    if not half:
        return
    before, after = half[0], half[-1]
    allowed = KEY_BYTES * (after.accepted - before.accepted) + FILE_SLACK
    growth = max(one.file_bytes for one in half) - before.file_bytes
    yield Finding(
        name="outbox file",
        found=f"{growth / 1024:+,.0f} KiB in the second half, {after.file_bytes / 1024:,.0f} KiB",
        limit=f"{allowed / 1024:,.0f} KiB",
        good=growth <= allowed,
    )
    most = max(one.log_bytes for one in samples)
    yield Finding(
        name="write-ahead log",
        found=f"{most / MIB:.1f} MiB at most",
        limit=f"{WAL_LIMIT / MIB:.0f} MiB",
        good=most <= WAL_LIMIT,
    )


def _returns(end: End) -> Iterator[Finding]:
    start, quiet = end.start.holdings, end.quiet.holdings
    counts = (
        (
            "descriptors",
            start.opened,
            quiet.opened,
            LINES_TO_THE_CAD,
            grown(start.descriptors, quiet.descriptors),
        ),
        ("tasks", start.running, quiet.running, TASKS_UNDER_WAY, grown(start.tasks, quiet.tasks)),
        ("threads", start.threads, quiet.threads, POOL_THREADS, dict[str, int]()),
    )
    for name, before, after, more, which in counts:
        good = after <= before + more
        what = f" (more: {which})" if which and not good else ""
        found = f"{before} at the start, {after} at the end{what}"
        yield Finding(name=name, found=found, limit=f"{before + more}", good=good)


def _outbox(end: End) -> Iterator[Finding]:
    pending, kept = end.quiet.pending, end.quiet.kept
    yield Finding(name="outbox pending", found=f"{pending} events", limit="0", good=pending == 0)
    found = f"{kept} ended events of {end.quiet.accepted} accepted"
    yield Finding(name="outbox kept", found=found, limit=f"{end.recent}", good=kept <= end.recent)
