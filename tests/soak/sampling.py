"""Looks at the daemon every few seconds, and tells how far the run is."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.ledger import Ledger
from tests.chaos.report import say
from tests.soak.life import LongLife
from tests.soak.steadiness import Sample
from tests.support.bad_disk import OUTBOX

SAMPLE_EVERY, TELL_EVERY = 5.0, 30.0  # seconds
ENDED = ("delivered", "failed", "expired", "superseded")


class Sampler:
    """``samples`` are those of the run, from ``began`` on (monotonic seconds)."""

    def __init__(self, life: LongLife, ledger: Ledger, seconds: float) -> None:
        self.samples: list[Sample] = []
        self.began = time.monotonic()
        self._life = life
        self._ledger = ledger
        self._seconds = seconds

    async def look(self) -> Sample:
        """Return the daemon as it is now."""
        status = await self._life.daemon.status()
        path = self._life.daemon.folder / OUTBOX
        return Sample(
            at=time.monotonic() - self.began,
            holdings=await self._life.witness.look(),
            pending=status["outbox"]["pending"],
            kept=sum(status["outbox"][state] for state in ENDED),
            file_bytes=_size(path),
            log_bytes=_size(path.with_name(f"{path.name}-wal")),
            accepted=len(self._ledger.accepted),
        )

    async def run(self, weather: Callable[[], str]) -> None:
        """Sample and tell until cancelled."""
        self.began = time.monotonic()
        told = 0.0
        while True:
            self.samples.append(sample := await self.look())
            if sample.at - told >= TELL_EVERY:
                told += TELL_EVERY
                self._tell(sample, weather())
            await asyncio.sleep(SAMPLE_EVERY)

    def _tell(self, sample: Sample, weather: str) -> None:
        left = max(0, round(self._seconds - sample.at))
        holds = sample.holdings
        say(
            f"{sample.at:5.0f} s, {left // 60}:{left % 60:02} left: {holds.mib:.1f} MiB, {holds.opened} descriptors "
            f"({holds.sockets} sockets), {holds.running} tasks, {holds.threads} threads, outbox {sample.pending} pending "
            f"{sample.kept} kept {sample.file_bytes // 1024} KiB +{sample.log_bytes // 1024} KiB log, "
            f"{sample.accepted} accepted, {len(self._ledger.open)} open, CAD: {weather}"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
