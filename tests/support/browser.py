"""A real browser that looks at the status page; an error in its console fails the test."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import ConsoleMessage, Page, async_playwright, expect

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 20_000  # milliseconds; a machine may be busy
expect.set_options(timeout=PATIENCE)
REFUSAL = "Failed to load resource: the server responded with a status of"


@asynccontextmanager
async def looking_at(
    url: str, *, arguments: Sequence[str] = (), refusals: bool = False, **context: Any
) -> AsyncGenerator[Page]:
    """Open a page and close it; ``context`` is Playwright's, such as ``viewport`` or ``color_scheme``.

    Args:
        url: what is looked at.
        arguments: more arguments for the browser.
        refusals: requests may be refused with 4xx or 5xx, or find nobody, which browsers call an error.
        context: how the browser is set up.
    """
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        expected = refusals and (message.text.startswith(REFUSAL) or "net::ERR_" in message.text)
        if message.type in ("error", "warning") and not expected:
            complaints.append(f"{message.type}: {message.text}")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--disable-dev-shm-usage", *arguments]
        )
        try:
            chosen: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, **context}
            page = await (await browser.new_context(**chosen)).new_page()
            page.set_default_timeout(PATIENCE)
            page.on("console", hear)
            page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
            await page.goto(url)
            yield page
            assert not complaints, complaints
        finally:
            await browser.close()


async def keep(page: Page, folder: Path, name: str) -> None:
    """Write what the whole page looks like into a file, for people."""
    await page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")
