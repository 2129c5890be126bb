"""Who may change something, tried as a browser on a hostile page would; who may read is tested with ``server``."""

from collections.abc import Mapping
from http import HTTPStatus

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from bridge.admin.guard import CALM, Guard
from bridge.config import Secret

TOKEN = "made-up-token-of-the-admin-door"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}
EVIL = "http://evil.example"


class SleepingClock:
    """Time passes only in sleeps, which are remembered."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def request(
    headers: Mapping[str, str], method: str = "POST", path: str = "/outbox/retry", **more: str
) -> web.Request:
    given = {"Host": "127.0.0.1:30181", **headers}
    return make_mocked_request(method, path, headers=given).clone(remote=more.get("remote", "127.0.0.1"))


async def status_of(headers: Mapping[str, str], **more: str) -> int:
    """Return what a request is refused with; 200 where it is let in."""
    guard = Guard(Secret(TOKEN), ("bridge.example",), SleepingClock())
    asked = request(headers, **more)
    asked._match_info = make_mocked_request("POST", "/")._match_info
    refusal = await guard.refuse(asked)
    return HTTPStatus.OK if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("what", "headers", "status"),
    [
        ("the command", {**JSON, **RIGHT}, 200),
        ("without a body", RIGHT, 200),
        ("with a charset", {"Content-Type": "application/json; charset=utf-8", **RIGHT}, 200),
        (
            "the door's own page",
            {"Origin": "http://127.0.0.1:30181", "Sec-Fetch-Site": "same-origin", **JSON, **RIGHT},
            200,
        ),
        ("typed into a browser", {"Sec-Fetch-Site": "none", **JSON, **RIGHT}, 200),
        ("without the token", JSON, 401),
        ("under a configured name", {"Host": "bridge.example", **JSON}, 401),
        ("a wrong token", {"Authorization": "Bearer guessed", **JSON}, 401),
        ("a scheme that browsers remember", {"Authorization": "Basic dXNlcjpwYXNz", **JSON}, 401),
        ("a form", {"Content-Type": "application/x-www-form-urlencoded", "Origin": EVIL}, 403),
        ("a form with files", {"Content-Type": "multipart/form-data", "Origin": EVIL}, 403),
        ("a form of a sandboxed page", {"Content-Type": "text/plain", "Origin": "null"}, 403),
        (
            "a no-cors fetch",
            {"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
            403,
        ),
        (
            "a page of another port here",
            {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-site", **JSON},
            403,
        ),
        (
            "a rebound page",
            {"Host": "evil.example:30181", "Origin": "http://evil.example:30181", **JSON},
            403,
        ),
        ("a rebound page without Origin", {"Host": "evil.example:30181", **JSON}, 403),
        ("the token from another page", {"Origin": EVIL, **JSON, **RIGHT}, 403),
        ("the token from another site", {"Sec-Fetch-Site": "cross-site", **JSON, **RIGHT}, 403),
        ("the token in a form", {"Content-Type": "application/x-www-form-urlencoded", **RIGHT}, 415),
        ("the token in a text", {"Content-Type": "text/plain", **RIGHT}, 415),
    ],
)
async def test_only_the_token_changes_something_and_no_page_of_others(
    what: str, headers: Mapping[str, str], status: int
) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert await status_of(headers, method=method) == status, what


async def test_changing_from_elsewhere_needs_the_token_too() -> None:
    assert await status_of(JSON, remote="192.0.2.7") == 401
    assert await status_of({**JSON, **RIGHT}, remote="192.0.2.7") == 200


async def test_reading_needs_no_token_here() -> None:
    assert await status_of({}, method="GET", path="/outbox") == 200
    assert await status_of({"Host": "evil.example"}, method="GET", path="/outbox") == 403


async def test_wrong_tokens_are_answered_ever_slower_and_told_of_once_and_right_ones_at_once() -> None:
    structlog.reset_defaults()
    clock = SleepingClock()
    guard = Guard(Secret(TOKEN), (), clock)
    with capture_logs() as lines:
        for _ in range(7):
            refusal = await guard.refuse(request({"Authorization": "Bearer guessed"}, "GET", "/status"))
            assert refusal is not None
        assert await guard.refuse(request(RIGHT, "GET", "/status")) is None

    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert [(line["event"], line["peer"]) for line in lines] == [("admin token wrong", "127.0.0.1")]
    clock.now += CALM + 1
    await guard.refuse(request({"Authorization": "Bearer guessed"}, "GET", "/status"))
    assert clock.slept[-1] == 0.1
