"""The files of the status page, and the rules that browsers are given with them."""

import re
import subprocess
import sys
import zipfile
from collections.abc import AsyncGenerator
from importlib import resources
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from bridge.admin.page import Page

ROOT = Path(__file__).parents[3]
FILES = sorted(entry.name for entry in (resources.files("bridge.admin") / "page").iterdir())
TEXTS = {name: (ROOT / "bridge/admin/page" / name).read_text(encoding="utf-8") for name in FILES}
Client = TestClient[web.Request, web.Application]


@pytest.fixture(name="client")
async def _client() -> AsyncGenerator[Client]:
    application = web.Application()
    Page().add_to(application.router)
    async with TestClient(TestServer(application)) as client:
        yield client


async def body_of(answer: ClientResponse) -> str:
    return (await answer.read()).decode()


@pytest.mark.parametrize("name", FILES)
async def test_every_file_is_served_with_its_type_and_strict_rules(client: Client, name: str) -> None:
    answer = await client.get(f"/page/{name}")

    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert await body_of(answer) == TEXTS[name]
    assert answer.content_type == types[name.rpartition(".")[2]]
    assert answer.charset == "utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    for rule in ("base-uri", "form-action", "frame-ancestors"):
        assert f"{rule} 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers


async def test_the_root_is_the_page(client: Client) -> None:
    answer = await client.get("/")

    assert await body_of(answer) == TEXTS["index.html"]
    assert answer.content_type == "text/html"


@pytest.mark.parametrize("path", ["/", "/page/page.js"])
async def test_a_file_that_the_browser_has_is_not_sent_again(client: Client, path: str) -> None:
    first = await client.get(path)
    again = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    other = await client.get(path, headers={"If-None-Match": '"another"'})

    assert (again.status, await again.read(), other.status) == (304, b"", 200)
    assert first.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/page/", "/page/nothing.js", "/page/..%2f..%2fguard.py", "/page/__init__.py"]
)
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_nothing_can_be_posted_there(client: Client) -> None:
    assert (await client.post("/page/page.js")).status == 405


def test_the_page_holds_no_script_style_or_handler_and_loads_nothing_from_elsewhere() -> None:
    page = TEXTS["index.html"]

    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="page/page.js">']
    assert "</script>" in page
    assert not re.search(r"<script[^>]*>[^<]", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert not [
        name for name, text in TEXTS.items() if re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    ]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_what_comes_from_outside_is_never_markup(name: str) -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser"
    )

    assert not re.search(forbidden, TEXTS[name])
    assert "document.cookie" not in TEXTS[name]
    assert "localStorage" not in TEXTS[name]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_every_script_is_loaded(name: str) -> None:
    loaded = {match for text in TEXTS.values() for match in re.findall(r"from \"\./([\w.]+)\"", text)}

    assert name in loaded | {"page.js"}


def test_it_is_served_from_an_archive_too(tmp_path: Path) -> None:
    archive = tmp_path / "bridge.pyz"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in (ROOT / "bridge").rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                packed.write(path, path.relative_to(ROOT))
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "import bridge.admin.page as page\n"
        "assert '.pyz' in page.__file__, page.__file__\n"
        "print(len(page.Page()._files))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.stdout.strip(), done.stderr) == (str(len(FILES)), "")


GROUNDS = ("ground", "card", "map")
TEXTS_ON = {"ink": GROUNDS, "quiet": GROUNDS, "accent": ("ground", "card")} | {
    mood: (f"{mood}-ground", "card") for mood in ("well", "warning", "problem", "unknown")
}
SIGNS_ON = {
    "unit": "map",
    "stale": "map",
    "warning": "map",
    "problem": "map",
    "edge": "card",
    "accent": "ground",
}


def schemes() -> dict[str, dict[str, str]]:
    """Return the colours of the page by their names, light and dark."""
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root {(.*?)}", TEXTS["page.css"], re.DOTALL)
    )
    return {"light": light, "dark": light | dark}


def contrast(one: str, other: str) -> float:
    """Return the ratio that WCAG 2 defines, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_signs_stand_out_from_their_grounds(scheme: str) -> None:
    colours = schemes()[scheme]
    texts = {
        (text, ground): contrast(colours[text], colours[ground])
        for text, grounds in TEXTS_ON.items()
        for ground in grounds
    }
    signs = {(sign, ground): contrast(colours[sign], colours[ground]) for sign, ground in SIGNS_ON.items()}

    assert {pair: ratio for pair, ratio in texts.items() if ratio < 4.5} == {}
    assert {pair: ratio for pair, ratio in signs.items() if ratio < 3.0} == {}
