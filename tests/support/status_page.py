"""A bridge whose status page a browser looks at: units that drive around, and what the page says."""

import asyncio
import itertools
import math
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from bridge.simulator.server import SimulatorServer
from tests.support.daemon import Daemon, daemon_of, simulated_cad, update


def unit(number: int) -> str:
    return f"license:{number:040x}"


def circle(count: int, turn: float = 0.0) -> list[dict[str, Any]]:
    """Return units around a point, moved on a bit with every turn."""
    angles = [math.tau * number / count + turn / 100 for number in range(count)]
    return [
        update(
            unit(number),
            round(300 + 1500 * math.cos(angle), 1),
            round(-700 + 1500 * math.sin(angle), 1),
            heading=round(math.degrees(angle), 1),
            location=f"Vespucci Boulevard {number}",
        )
        for number, angle in enumerate(angles)
    ]


@asynccontextmanager
async def repeating(daemon: Daemon, content: Callable[[int], dict[str, Any]]) -> AsyncGenerator[None]:
    """Push each second while entered: what is made of the number of the turn."""

    async def push() -> None:
        for turn in itertools.count():
            assert (await daemon.push("/v1/locations", content(turn))).status == 200
            await asyncio.sleep(1.0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(push())
        yield
        task.cancel()


def pushing(daemon: Daemon, count: int) -> AbstractAsyncContextManager[None]:
    """Have units drive around while entered."""
    return repeating(
        daemon, lambda turn: {"updates": circle(count, turn), "players": count + 4, "full": True}
    )


@asynccontextmanager
async def bridge(
    folder: Path, *servers: int, batches_a_minute: int = 12, stale_after: str = "60s"
) -> AsyncGenerator[tuple[Daemon, SimulatorServer]]:
    sections = {
        "cad.limits": {"updateUnitLocations": batches_a_minute},
        "locations": {"interval": f"{60_000 // batches_a_minute}ms", "stale_after": stale_after},
    }
    async with (
        simulated_cad(updateUnitLocations=batches_a_minute) as cad,
        daemon_of(folder, cad, sections, servers or (1,)) as daemon,
    ):
        yield daemon, cad


async def says(page: Page, text: str | re.Pattern[str], within: float = 15.0) -> None:
    await expect(page.locator("#sentence")).to_contain_text(text, timeout=within * 1000)


async def find(page: Page, typed: str) -> str:
    """Search for a unit and return what the page says of it."""
    await page.get_by_label("Identifier, or a part of it").fill(typed)
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("#found")).to_be_focused()
    return await page.locator("#found").inner_text()
