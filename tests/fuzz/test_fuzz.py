"""The short form of ``make fuzz``, and whether it would see what it looks for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.fuzz import findings as found
from tests.fuzz.answers import judge
from tests.fuzz.doors import DoorsRun
from tests.fuzz.findings import Finding, Findings
from tests.fuzz.intake import Bench, IntakeRun, repeat
from tests.fuzz.targets import Target
from tests.fuzz.trail import Trail
from tests.fuzz.wire import Reply
from tests.fuzz.world import complaint_of
from tests.support.daemon import API_KEY, TOKENS
from tests.support.measured import measured

SEED = 11
DOORS = ("native", "cad_v2", "cad_v1", "cms_v1", "admin")
REQUESTS = 12  # of each client


def test_a_few_thousand_inputs_harm_no_reader(tmp_path: Path) -> None:
    findings = Findings(tmp_path)
    run = IntakeRun(SEED, findings)

    run.run(20.0, rounds=1)

    measured(run.summary())
    assert findings.kinds == {}
    assert all(bench.accepted for bench in run.benches)


@pytest.mark.stress
@pytest.mark.timeout(120)
async def test_a_thousand_requests_harm_no_door(tmp_path: Path) -> None:
    findings = Findings(tmp_path / "found")
    run = DoorsRun(DOORS, SEED, findings, tmp_path / "daemon")

    await run.run(6.0, REQUESTS)

    measured(f"{sum(run.counts.values())} requests")
    assert findings.kinds == {}
    assert all(run.counts[door] > 20 for door in DOORS)


def _raise(error: BaseException) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        if b"7" in data:
            raise error
        return data

    return read


def test_an_error_that_no_reader_may_raise_is_found_and_made_short() -> None:
    bench = Bench(Target(name="planted", read=_raise(KeyError("7"))), 1, Trail())

    def still(data: bytes) -> bool:
        return bench.judge(data) is not None

    assert found.shrink(b"a long input with a 7 somewhere", still) == b"7"
    assert bench.judge(b"6") is None


def test_two_ways_of_reading_that_differ_are_found() -> None:
    bench = Bench(Target(name="planted", read=len, twin=lambda data: len(data) % 3), 1, Trail())

    assert bench.compare(b"ab") is None
    assert bench.compare(b"abc") is not None


def test_a_finding_is_kept_so_that_it_can_be_repeated(tmp_path: Path) -> None:
    Findings(tmp_path).add(Finding(target="native/events", kind="k", problem="p\udc80", data=b'{"a":\n1}'))
    [path] = tmp_path.iterdir()

    header, data = found.read(path)

    assert (header.target, data) == ("native/events", b'{"a":\n1}')
    assert repeat(header.target, data) is None


def answer(status: int, content: object, kind: str = "application/problem+json") -> Reply:
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return Reply(status=status, headers={"content-type": kind}, body=body)


PROBLEM = {"type": "about:blank", "title": "No", "status": 422, "detail": "no"}
TAKEN: dict[str, Any] = {"accepted": 1, "rejected": [], "instance": "i", "api": 1}


@pytest.mark.parametrize(
    ("door", "reply"),
    [
        ("native", answer(200, TAKEN, "application/json")),
        ("native", answer(422, PROBLEM)),
        ("cad_v1", answer(400, b"INVALID API KEY", "text/plain; charset=utf-8")),
        ("cad_v2", answer(502, PROBLEM | {"status": 502})),
        ("cad_v2", answer(429, {"message": "wait"}, "application/json")),
    ],
)
def test_what_a_door_may_answer_is_no_finding(door: str, reply: Reply) -> None:
    assert judge(door, "/v1/locations", reply) is None


@pytest.mark.parametrize(
    ("door", "reply"),
    [
        ("native", answer(500, PROBLEM | {"status": 500})),
        ("native", answer(422, PROBLEM | {"status": 400})),
        ("native", answer(422, b"no", "text/plain")),
        ("native", answer(429, PROBLEM | {"status": 429})),
        ("native", answer(200, {"ok": True}, "application/json")),
        ("native", answer(200, TAKEN | {"instance": TOKENS[1]}, "application/json")),
        ("cad_v1", answer(400, b"", "text/plain")),
        ("cad_v2", answer(400, PROBLEM | {"status": 400, "detail": API_KEY[:9]})),
        ("cad_v2", answer(500, b"{}", "application/json")),
        ("admin", answer(400, b"Bad Request", "text/plain")),
    ],
)
def test_what_no_door_may_answer_is_a_finding(door: str, reply: Reply) -> None:
    assert judge(door, "/v1/locations", reply) is not None


@pytest.mark.parametrize(
    "line",
    [
        {"level": "error", "event": "request failed", "exception": "Traceback (most recent call last): …"},
        {"level": "info", "event": "taken", "detail": f"Bearer {TOKENS[1]}"},
        "no object",
    ],
)
def test_what_must_not_stand_in_a_log_is_a_finding(line: object) -> None:
    assert complaint_of(msgspec.json.encode(line)) is not None
    assert complaint_of(b'{"level": "warning", "event": "token wrong or missing"}') is None
