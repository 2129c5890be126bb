"""The status page in a real browser: what operators read when the live map does not update."""

import asyncio
import re
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Route, expect

from bridge.simulator.faults import Answer, Down, RefuseKey
from tests.support.browser import keep, looking_at
from tests.support.daemon import ADMIN_TOKEN, update
from tests.support.status_page import bridge, find, pushing, says, unit

PHONE = {"width": 360, "height": 740}
SHORT = re.compile(r"license:…[0-9a-f]{4}")
HIDDEN = 'Object.defineProperty(document, "hidden", {configurable: true, get: () => true});'
SEEN = """() => {
    delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
}"""
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"

pytestmark = pytest.mark.timeout(120)  # a browser has to start, too


async def test_all_is_well(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, _), pushing(daemon, 40), looking_at(daemon.admin_url) as page:
        await says(page, "All is well: 1 server, 40 units, the CAD answers.")
        await expect(page).to_have_title("● cad-bridge: all is well")
        await expect(page.locator("#announcement")).to_have_attribute("aria-live", "polite")
        await expect(page.locator("#icon")).to_have_attribute("href", "page/icon-well.svg")
        await expect(page.locator("#cad-facts")).to_contain_text("accepted")
        await expect(page.locator("#server-rows tr")).to_contain_text(["server-1 (1)"])
        await expect(page.locator("#server-rows tr")).to_contain_text(["up"])
        await expect(page.locator("#batch-facts")).to_contain_text(re.compile(r"in [0-5] s"))
        await expect(page.locator("#batch-facts")).to_contain_text("40 of 40 matched", timeout=15_000)
        await expect(page.get_by_label("Locations")).to_have_js_property("max", 12)
        await expect(page.locator("#map-summary")).to_have_text("40 units.")
        await page.get_by_text("The same as a table").click()
        await expect(page.locator("#unit-rows tr")).to_have_count(40)
        await expect(page.locator("#unit-rows tr").first).to_contain_text(SHORT)
        assert unit(7) not in await page.content()
        await keep(page, tmp_path, "well")


async def test_the_cad_is_down(tmp_path: Path) -> None:
    async with (
        bridge(tmp_path, batches_a_minute=60) as (daemon, cad),
        pushing(daemon, 12),
        looking_at(daemon.admin_url) as page,
    ):
        await says(page, "All is well")
        cad.cloud.faults.add(Down())
        await daemon.push("/v1/panic", {"id": unit(3)})
        await says(page, "CAD down: it does not answer", 25.0)

        await expect(page).to_have_title("■ cad-bridge: trouble")
        await expect(page.locator("#todo")).to_contain_text("Nothing is lost")
        await expect(page.locator("#cad-facts")).to_contain_text("it does not answer")
        await expect(page.locator("#outbox-rows tr").first).to_contain_text(re.compile("1 . panic"))
        assert "It waits: the CAD does not answer." in await find(page, unit(3))
        await keep(page, tmp_path, "down")

        cad.cloud.faults.clear()
        await says(page, "All is well", 25.0)


async def test_the_key_is_refused(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, cad):
        cad.cloud.faults.add(RefuseKey())
        async with pushing(daemon, 12), looking_at(daemon.admin_url) as page:
            await says(page, "key refused: the CAD does not accept cad.api_key_file")

            await expect(page.locator("#todo")).to_contain_text("cad-bridge reload")
            await expect(page.locator("#batch-facts")).to_contain_text("held: the key is refused")
            assert "It waits: the CAD refuses the key" in await find(page, unit(3))
            await keep(page, tmp_path, "refused")


async def test_panics_and_what_did_not_reach_the_cad(tmp_path: Path) -> None:
    async with bridge(tmp_path, 1, 2) as (daemon, cad):
        cad.cloud.faults.add(Answer(operation="setUnitStatus", status=422))
        async with pushing(daemon, 20), looking_at(daemon.admin_url) as page:
            await expect(page.locator("#map-summary")).to_have_text("20 units.")
            pressed = (await daemon.push("/v1/panic", {"id": unit(3)})).json["event"]
            status = {"type": "status", "ids": [unit(4)], "status": "BUSY"}
            await daemon.push("/v1/events", status)

            row = page.locator("#panic-rows tr")
            await expect(row).to_contain_text(
                [re.compile(rf"pressed\s*1\s*delivered\s*\d+ ms\s*{pressed[:12]}")]
            )
            await expect(page.locator("#map-summary")).to_have_text("20 units, 1 panicking.")
            await expect(page.locator("#canvas")).to_have_attribute("aria-label", re.compile("1 panicking"))
            await expect(page.locator("#failure-rows tr")).to_contain_text(["unprocessable"])
            await expect(page.locator("#outbox-rows")).to_contain_text(
                re.compile("since the start: 1 . unprocessable")
            )
            await says(page, "1 event of the last 10 minutes did not reach the CAD")
            await says(page, "server-2 is silent")
            assert "Its panic button is pressed." in await find(page, unit(3))
            await page.get_by_text("The same as a table").click()
            await expect(page.locator("#unit-rows tr").first).to_contain_text("panic")
            await keep(page, tmp_path, "panic")


async def test_it_fits_on_a_phone(tmp_path: Path) -> None:
    async with (
        bridge(tmp_path) as (daemon, _),
        pushing(daemon, 30),
        looking_at(daemon.admin_url, viewport=PHONE, device_scale_factor=2, has_touch=True) as page,
    ):
        await says(page, "All is well")
        await expect(page.locator("#map-summary")).to_have_text("30 units.")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(wide) == 0, "nothing sticks out"
        await keep(page, tmp_path, "phone")
        painted = """(one) => new Promise((done) => requestAnimationFrame(() => done(
            one.getContext("2d").getImageData(one.width / 2, one.height / 2, 1, 1).data[3])))"""
        await page.set_viewport_size({"width": 640, "height": 450})  # as 1280 x 900 looks at 200 %
        assert await page.evaluate(wide) == 0
        assert await page.locator("#canvas").evaluate(painted) == 255, "another size leaves no empty map"
        await page.set_viewport_size({"width": 320, "height": 450})  # 400 %
        assert await page.evaluate(wide) == 0


async def test_it_can_be_used_by_keyboard_alone(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, _), pushing(daemon, 30), looking_at(daemon.admin_url) as page:
        await expect(page.locator("#map-summary")).to_have_text("30 units.")
        focused = page.locator(":focus")
        visited: list[str] = []
        while "query" not in visited and len(visited) < 60:
            await page.keyboard.press("Tab")
            visited.append(await focused.get_attribute("id") or await focused.inner_text())
            outline = await focused.evaluate("(one) => getComputedStyle(one).outlineStyle")
            assert outline != "none", visited
            if visited[-1] == "map-frame":
                await page.keyboard.press("+")
                await page.keyboard.press("ArrowLeft")
                await keep(page, tmp_path, "zoomed")
                await page.keyboard.press("0")
                await page.keyboard.press("Escape")
                await expect(page.locator("#map-frame")).not_to_be_focused()
        assert visited[0] == "Skip to the state"
        assert {"zoom-in", "zoom-out", "zoom-fit", "full", "map-frame", "query"} <= set(visited)
        await page.keyboard.type("  ")
        await page.keyboard.press("Enter")  # asks nothing, which would be an error in the console
        await page.keyboard.type(unit(3)[-6:])
        await page.keyboard.press("Enter")
        await expect(page.locator("#found")).to_be_focused()
        await expect(page.locator("#found")).to_contain_text("It belongs to server-1")
        await keep(page, tmp_path, "keyboard")


async def test_it_is_dark_where_the_reader_wants_it_dark(tmp_path: Path) -> None:
    async with (
        bridge(tmp_path) as (daemon, _),
        pushing(daemon, 30),
        looking_at(daemon.admin_url, color_scheme="dark", reduced_motion="reduce") as page,
    ):
        await says(page, "All is well")
        await daemon.push("/v1/panic", {"id": unit(3)})
        await expect(page.locator("#map-summary")).to_contain_text("1 panicking")
        await expect(page.locator("#panic-rows tr")).to_have_count(1)
        await keep(page, tmp_path, "dark")


async def test_identifiers_in_full_need_the_token_on_this_machine_too(tmp_path: Path) -> None:
    async with (
        bridge(tmp_path) as (daemon, _),
        pushing(daemon, 3),
        looking_at(daemon.admin_url, refusals=True) as page,
    ):
        await expect(page.locator("#map-summary")).to_have_text("3 units.")
        await page.get_by_text("The same as a table").click()
        await page.get_by_label("Identifiers in full").click()
        await page.keyboard.type("not to be kept")
        await page.keyboard.press("Escape")
        await expect(page.get_by_label("Identifiers in full")).to_be_focused()
        await page.get_by_label("Identifiers in full").click()
        await page.keyboard.type("tök€n")
        await page.keyboard.press("Enter")
        await expect(page.locator("#door-why")).to_have_text("That token is wrong.")
        await expect(page.locator("#sentence")).not_to_contain_text("No connection")
        await page.keyboard.type("a-wrong-token")
        await asyncio.sleep(2.5)  # the page goes on living, and leaves whoever types alone
        await expect(page.get_by_label("Token", exact=True)).to_be_focused()
        await page.keyboard.type("-of-the-admin-door")
        await expect(page.get_by_label("Token", exact=True)).to_have_value("a-wrong-token-of-the-admin-door")
        await page.keyboard.press("Enter")
        await expect(page.locator("#door-why")).to_have_text("That token is wrong.")
        await expect(page.locator("#content")).to_be_visible()
        await keep(page, tmp_path, "token")
        await page.get_by_label("Token", exact=True).fill(ADMIN_TOKEN)
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.locator("#unit-rows")).to_contain_text(SHORT)
        await page.get_by_label("Identifiers in full").check()
        await expect(page.locator("#unit-rows tr").first).to_contain_text(unit(0))
        await find(page, "license:…0002")
        await expect(page.locator("#found h3")).to_contain_text(unit(2))
        assert ADMIN_TOKEN not in page.url
        assert await page.context.cookies() == []
        await page.get_by_role("button", name="Forget the token").click()
        await expect(page.locator("#map-summary")).to_have_text("3 units.")
        assert unit(0) not in await page.content()


async def test_tabs_that_nobody_sees_leave_the_lines_to_the_one_that_somebody_sees(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, _), pushing(daemon, 3), looking_at(daemon.admin_url) as page:
        await says(page, "All is well")
        await page.context.add_init_script(HIDDEN)
        tabs = [await page.context.new_page() for _ in range(7)]  # browsers open six lines
        for tab in tabs:
            await tab.goto(daemon.admin_url)
            await expect(tab).to_have_title("● cad-bridge: all is well")
        assert "It belongs to server-1" in await find(page, unit(2))
        await tabs[6].evaluate(SEEN)
        await expect(tabs[6].locator("#map-summary")).to_have_text("3 units.")


async def test_the_answer_to_the_last_question_stands(tmp_path: Path) -> None:
    async def late(route: Route) -> None:
        if "q=0001" in route.request.url:
            await second.wait()
        await route.continue_()

    second = asyncio.Event()
    async with bridge(tmp_path) as (daemon, _), pushing(daemon, 3), looking_at(daemon.admin_url) as page:
        await says(page, "All is well")
        await page.route("**/units?*", late)
        query = page.get_by_label("Identifier, or a part of it")
        await query.fill("0001")
        async with page.expect_response("**/units?q=0001*"):
            await query.press("Enter")
            assert "…0002" in await find(page, "0002")
            second.set()
        await asyncio.sleep(0.2)
        await expect(page.locator("#found h3")).to_contain_text("…0002")


async def test_under_another_name_the_page_asks_for_the_token(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, _), pushing(daemon, 3):
        url = f"http://bridge.example:{daemon.admin_port}"
        resolve = "--host-resolver-rules=MAP bridge.example 127.0.0.1"
        async with looking_at(url, arguments=[resolve], refusals=True) as page:
            await says(page, "The bridge wants the admin token.")
            await page.get_by_label("Token", exact=True).fill(ADMIN_TOKEN)
            await page.get_by_role("button", name="Show", exact=True).click()
            await says(page, "All is well: 1 server, 3 units")


async def test_what_players_and_the_cad_write_is_shown_as_text(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, cad), looking_at(daemon.admin_url) as page:
        answer = msgspec.json.encode({"title": HOSTILE, "detail": HOSTILE}).decode()
        cad.cloud.faults.add(Answer(operation="setUnitStatus", status=422, body=answer))
        nasty = [update(f"license:{HOSTILE}"[:100], 10.0, location=HOSTILE), update("\u202eabc", 20.0)]
        assert (await daemon.push("/v1/locations", {"updates": nasty})).json["accepted"] == 2
        await daemon.push("/v1/events", {"type": "status", "ids": [HOSTILE[:100]], "status": "BUSY"})
        await page.get_by_text("The same as a table").click()
        await expect(page.locator("#unit-rows")).to_contain_text("<img src=x onerror=")
        await expect(page.locator("#failure-rows tr")).to_contain_text(["<img src=x onerror="])
        said = await find(page, HOSTILE[:30])
        assert "It belongs to server-1" in said
        await find(page, "<b>nobody</b>")
        assert await page.locator("main img, main b b, main script").count() == 0
        assert "taken" not in await page.title()
        await keep(page, tmp_path, "hostile")


async def test_a_bridge_that_stops_is_said_to_be_gone_and_comes_back(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, _), looking_at(daemon.admin_url, refusals=True) as page:
        await says(page, "server-1 is silent")
        await daemon.stop()
        await says(page, re.compile(r"No connection .*: .*\. What stands .* at \d\d:\d\d:\d\d\.$"))
        await expect(page).to_have_title("? cad-bridge: no connection")
        await daemon.start()
        await says(page, "server-1 is silent")


async def test_a_token_that_is_changed_leaves_the_page_as_it_is_without_one(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (daemon, _), looking_at(daemon.admin_url, refusals=True) as page:
        await says(page, "server-1 is silent")
        await page.get_by_label("Identifiers in full").click()
        await page.keyboard.type(ADMIN_TOKEN)
        await page.keyboard.press("Enter")
        await page.get_by_label("Identifiers in full").check()
        await daemon.stop()
        (daemon.folder / "admin.token").write_text(
            "Ano6-other-made-up-token-of-the-door-5xYz\n", encoding="ascii"
        )
        await daemon.start()
        await expect(page.locator("#door-why")).to_have_text("That token is wrong.")
        await says(page, "server-1 is silent")
        await expect(page.locator("#content")).to_be_visible()
        await expect(page.get_by_label("Identifiers in full")).not_to_be_checked()
