"""One run: a daemon that is never restarted lives through everything, and is judged."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import aiohttp

from tests.chaos.report import say, tell_charges
from tests.chaos.verdict import Verdict
from tests.soak.outages import Outages
from tests.soak.plan import POSITIONS_SECONDS, QUIET_SECONDS, Plan
from tests.soak.sampling import Sampler
from tests.soak.steadiness import PRUNED_WITHIN, End, Finding, Sample, is_quiet, judge
from tests.soak.world import World

SETTLES_SECONDS = 1.0  # after which a daemon that has started does nothing by itself
CUT_SHORT = 130


class Soak:
    """``stop`` ends it early, and what there is by then is judged; cancelled, it tells what it saw."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self.stop = asyncio.Event()

    async def run(self) -> int:
        """Return the exit code: 0 if the daemon was steady, and nothing lost, doubled or passed."""
        async with World.entered(self._plan, self._folder) as (world, outages):
            sampler = Sampler(world.life, world.ledger, self._plan.seconds)
            try:
                return await self._live(world, outages, sampler)
            except asyncio.CancelledError:
                say("\nbroken off: what follows is all that can be said")
                _tell(judge(sampler.samples, None))
                return CUT_SHORT

    async def _live(self, world: World, outages: Outages, sampler: Sampler) -> int:
        await asyncio.sleep(SETTLES_SECONDS)
        start = await sampler.look()
        watch = self._watch(world, outages, sampler)
        async with world.busy(outages.run(), watch):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._plan.seconds):
                    await self.stop.wait()
        lasted = time.monotonic() - sampler.began
        say(f"{lasted:5.0f} s: calm, {len(world.ledger.open)} events are to end")
        if world.dead:
            return self._report(world, judge(sampler.samples, None))
        await self._settle(world)
        quiet = await self._quiet(world, sampler, start)
        say(
            f"\n{lasted:.0f} s, {self._plan.players} players, {sum(one.pushes for one in world.games)} pushes of them "
            f"({sum(one.refused for one in world.games)} not taken), {outages.suffered} outages, {len(world.ledger.deeds)} "
            f"reloads, {world.restarts} restarts at the game's side, {world.visitors.visits} visits, "
            f"{quiet.holdings.cpu - start.holdings.cpu:.0f} s of CPU, seed {self._plan.seed}"
        )
        end = End(start=start, quiet=quiet, recent=self._count_recent(world))
        return self._report(world, judge(sampler.samples, end))

    async def _watch(self, world: World, outages: Outages, sampler: Sampler) -> None:
        try:
            await sampler.run(lambda: outages.now)
        except (AssertionError, aiohttp.ClientError, TimeoutError) as error:  # it ended, or stands still
            world.problems.append(f"it does not answer any more: {error}")
            self.stop.set()

    async def _settle(self, world: World) -> None:
        """Wait until every event has ended and every player is where he was last pushed."""
        arrived = time.monotonic() + POSITIONS_SECONDS
        deadline = time.monotonic() + self._plan.drain
        while not world.dead:
            for (
                one
            ) in world.games:  # they stand, but go on pushing: what waits for its batch must not grow stale
                await one.arrive()
            await world.lookout.look_at(world.ledger.open)
            now = time.monotonic()
            if not (world.ledger.open and now < deadline) and not (world.strays() and now < arrived):
                break
            await asyncio.sleep(1.0)
        if strays := world.strays():
            world.problems.append(f"{len(strays)} players are not where they were last pushed: {strays[:3]}")

    async def _quiet(self, world: World, sampler: Sampler, start: Sample) -> Sample:
        """Close everything, and return the daemon as soon as it holds no more than at its start."""
        await world.leave()
        world.far.cut()
        world.near.cut()
        deadline = time.monotonic() + QUIET_SECONDS
        while True:
            sample = await sampler.look()
            if is_quiet(start, sample) or time.monotonic() > deadline:
                return sample
            await asyncio.sleep(1.0)

    def _count_recent(self, world: World) -> int:
        """Return how many events may still be kept."""
        since = time.monotonic() - self._plan.keep - PRUNED_WITHIN
        return sum(at >= since for at in world.ledger.ended_at.values())

    def _report(self, world: World, findings: list[Finding]) -> int:
        log = world.life.daemon.log
        (self._folder / "deeds").write_text("\n".join(world.ledger.deeds), encoding="utf-8")
        problems = [
            *world.problems,
            *world.life.problems,
            *(one for line in world.lines for one in line.refusals),
        ]
        problems += ["there are tracebacks in its log"] if "Traceback" in log else []
        verdict = Verdict(world.ledger, world.cloud)
        innocent = tell_charges(verdict, world.ledger, log, problems)
        say(f"failed: {dict(verdict.failures)}")
        _tell(findings)
        steady = all(one.good is not False for one in findings)
        say(", ".join(f"{name} {count}" for name, count in verdict.counts.items()))
        say("STEADY" if steady and innocent else "NOT STEADY")
        return 0 if steady and innocent else 1


def _tell(findings: list[Finding]) -> None:
    for one in findings:
        word = {True: "ok", False: "WRONG", None: "-"}[one.good]
        limit = f"; at most {one.limit}" if one.limit else ""
        say(f"{word:6}{one.name}: {one.found}{limit}")
