"""Whatever the games tell, however the CAD behaves and whenever the process dies: what the bridge promises holds.

Each example is a history of steps for the daemon's real parts, from coalescer and outbox to the lines, in virtual
time with a model CAD at the far end that counts and remembers for itself. A list of steps rather than a
``RuleBasedStateMachine``: a history is one coroutine on one virtual loop, no rule needs to know what another
returned (calls are named by how far back they are), and dropping steps from a list is how Hypothesis shrinks best.

In the suite the histories are always the same ones. ``CAD_BRIDGE_HISTORIES=5000 pytest --hypothesis-seed=7
tests/integration/test_delivery_machine.py`` looks at as many others.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.events import EventKind
from tests.support.delivery_steps import HISTORIES, Crash, Once, Pass, Push, SlowDisk, Step, Told
from tests.support.delivery_verdict import Verdict
from tests.support.delivery_world import Row, World
from tests.support.virtual_time import VirtualClock, run_virtual

EXAMPLES = int(os.environ.get("CAD_BRIDGE_HISTORIES", "0"))
IN_THE_SUITE = 120


def live(steps: list[Step], *, seed: int = 1, unclear: str = "repeat") -> list[Row]:
    """Live through a history, judge it, and return how its events ended."""

    async def main(clock: VirtualClock) -> tuple[World, list[Row]]:
        with TemporaryDirectory() as folder:
            world = World(clock, Path(folder), seed=seed, unclear=unclear)
            return world, await world.run(steps)

    with capture_logs() as logs:
        world, rows = run_virtual(main)
    Verdict(world, rows, logs).check()
    return rows


@pytest.mark.timeout(0 if EXAMPLES else 240)
@settings(
    max_examples=EXAMPLES or IN_THE_SUITE,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    steps=HISTORIES,
    seed=st.integers(0, 99),
    unclear=st.sampled_from(["repeat", "repeat", "repeat", "fail"]),
)
def test_every_promise_of_delivery_holds_through_any_history(
    steps: list[Step], seed: int, unclear: str
) -> None:
    live(steps, seed=seed, unclear=unclear)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_call_is_not_doubled_by_a_kill_after_a_slow_commit(seed: int) -> None:
    live(
        [
            SlowDisk(2.0),
            Once("calls", "resets, acts later"),
            Push(told=(Told(kind=EventKind.DISPATCH_CALL),)),
            Pass(2.5),
            Crash(0.3),
            Pass(65.0),
        ],
        seed=seed,
    )
