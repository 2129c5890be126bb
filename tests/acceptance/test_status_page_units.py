"""The units on the status page: their signs on the map, and why each is, or is not, on the CAD's live map."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from bridge.simulator.faults import RefuseKey, RefuseUnits
from tests.support.browser import keep, looking_at
from tests.support.daemon import update
from tests.support.status_page import bridge, circle, find, pushing, repeating, says, unit

pytestmark = pytest.mark.timeout(120)  # a browser has to start, too


async def test_a_unit_s_story(tmp_path: Path) -> None:
    async with (
        bridge(tmp_path, batches_a_minute=120) as (daemon, cad),
        looking_at(daemon.admin_url) as page,
    ):
        cad.cloud.faults.add(RefuseUnits(units=frozenset({unit(1)}), operation="updateUnitLocations"))
        still = {"updates": [update(unit(number), 10.0 * number) for number in range(1, 5)]}
        await daemon.push("/v1/locations", still)
        broken = {"updates": [update(unit(9), 0.0, 0.0) | {"z": 0}], "left": [unit(4)]}
        await daemon.push("/v1/locations", broken)
        await expect(page.locator("#aside")).to_contain_text("refused by the CAD", timeout=25_000)
        await expect(page.locator("#batch-facts")).to_contain_text(re.compile(r" 0 to send.*1 matched"))

        assert "The CAD refuses its location: it is left out for another 9 min" in await find(page, unit(1))
        assert "It has not moved more than 2 m since it was last sent" in await find(page, unit(2)[8:])
        assert "server-1 said that it left" in await find(page, unit(4)[-6:])
        assert "rejected: server-1 pushed it" in await find(page, unit(9))
        assert "Never pushed: no game server has named it" in await find(page, "license:ffff")
        assert "4 units match" not in await find(page, "license:")
        await expect(page.locator("#found article")).to_have_count(5)
        await keep(page, tmp_path, "stories")


async def test_signs_tell_units_apart_without_their_colours(tmp_path: Path) -> None:
    async with (
        bridge(tmp_path, batches_a_minute=120, stale_after="2s") as (daemon, cad),
        looking_at(daemon.admin_url) as page,
    ):
        cad.cloud.faults.add(RefuseUnits(units=frozenset({unit(1)}), operation="updateUnitLocations"))
        await daemon.push("/v1/locations", {"updates": [update(unit(1), -200.0)]})
        await expect(page.locator("#aside")).to_contain_text("refused by the CAD", timeout=25_000)
        cad.cloud.faults.add(RefuseKey())
        moved = [update(unit(number), 100.0 * number) for number in (2, 3)]
        await daemon.push("/v1/locations", {"updates": moved})
        await says(page, "key refused")
        await daemon.push("/v1/panic", {"id": unit(4)})
        await expect(page.locator("#map-summary")).to_contain_text("3 stale")
        dot = {"id": unit(5), "x": 0.0, "y": 250.0}
        seen = [dot, update(unit(4), -50.0, -50.0), update(unit(6), 350.0)]
        async with repeating(daemon, lambda _: {"updates": seen}):
            await expect(page.locator("#map-summary")).to_have_text(
                "6 units, 1 panicking, 2 stale, 1 refused by the CAD."
            )
            await page.get_by_text("The same as a table").click()
            await expect(page.locator("#unit-rows td:last-child")).to_have_text(
                ["panic", "refused by the CAD", "stale", "stale", "as usual", "as usual"]
            )
            await keep(page, tmp_path, "signs")


async def test_units_that_the_cad_does_not_match_are_told_of(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, cad), looking_at(daemon.admin_url) as page:
        cad.cloud.cad.community.known_units = frozenset(unit(number) for number in range(14))
        await daemon.push("/v1/locations", {"updates": circle(20)})
        await expect(page.locator("#batch-facts")).to_contain_text("14 of 20 matched", timeout=15_000)

        said = await find(page, unit(17))
        assert "perhaps on the live map" in said
        assert (
            "6 units of that batch are not on duty in the CAD, or known to it under another identifier"
            in said
        )
        await keep(page, tmp_path, "unmatched")


async def test_more_than_five_hundred_units_move_smoothly(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, _), pushing(daemon, 520), looking_at(daemon.admin_url) as page:
        await expect(page.locator("#map-summary")).to_have_text("520 units.")
        await page.get_by_text("The same as a table").click()
        row = page.locator("#unit-rows tr").first
        before = await row.inner_text()
        await expect(row).not_to_have_text(before)
        await expect(page.locator("#unit-rows tr")).to_have_count(500)
        await expect(page.locator("#list-rest")).to_have_text("500 of 520 units; look for others below.")
        long_tasks = await page.evaluate(
            """async () => {
                const tasks = [];
                new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({type: "longtask"});
                await new Promise((resolve) => setTimeout(resolve, 5000));
                return Math.max(0, ...tasks.map((task) => task.duration));
            }"""
        )
        assert long_tasks < 500, "milliseconds in which the page answers nobody"
        await keep(page, tmp_path, "500")
