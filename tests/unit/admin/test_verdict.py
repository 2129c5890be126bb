"""The sentence that says whether all is well, and what it tells operators to do."""

from typing import Any

import msgspec
import pytest

from bridge.admin.status import Status, VerdictStatus
from bridge.admin.verdict import OLD, RECENT, STALL, judge
from tests.support.status_json import NOW, batch, cad, locations, server, status_json

DOWN = "CAD down: it does not answer"
REFUSED = "key refused: the CAD does not accept cad.api_key_file; everything is held"


def judged(**changes: Any) -> VerdictStatus:
    return judge(msgspec.json.decode(status_json(**changes), type=Status))


def outbox(**changes: Any) -> dict[str, Any]:
    return msgspec.json.decode(status_json())["outbox"] | changes


def failure(ended_ago: float, error: str = "no_unit") -> dict[str, Any]:
    return {"id": "f", "kind": "panic", "error": error, "at": NOW - 9_000, "ended_at": NOW - ended_ago}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "All is well: 1 server, 34 units, the CAD answers."),
        (
            {"cad": cad(up=None, key="unknown")},
            "All is well: 1 server, 34 units, the CAD was not asked yet.",
        ),
        (
            {"servers": [server(), server(name="two", units=1)]},
            "All is well: 2 servers, 35 units, the CAD answers.",
        ),
        (
            {"servers": [server(state="a state of a newer daemon")]},
            "All is well: 1 server, 34 units, the CAD answers.",
        ),
    ],
)
def test_all_is_well(changes: dict[str, Any], sentence: str) -> None:
    assert judged(**changes) == VerdictStatus(level="well", sentence=sentence, problems=[])


@pytest.mark.parametrize(
    ("changes", "level", "sentence"),
    [
        ({"reasons": ["draining: the daemon is stopping"]}, "problem", "draining: the daemon is stopping."),
        ({"reasons": ["store unwritable: disk full"]}, "problem", "store unwritable: disk full."),
        ({"reasons": [REFUSED]}, "problem", f"{REFUSED}."),
        ({"reasons": [DOWN]}, "problem", f"{DOWN}."),
        (
            {"reasons": ["listener: the certificate expires on 2026-12-01, in 8 days"]},
            "warning",
            "listener: the certificate expires on 2026-12-01, in 8 days.",
        ),
        ({"servers": [server(state="silent"), server(name="two")]}, "problem", "main is silent."),
        ({"servers": [server(state="hitching")]}, "warning", "main hitches."),
        (
            {"servers": [server(state="resource_silent")]},
            "problem",
            "main pushes nothing though the game server runs.",
        ),
        (
            {"cad": cad(findings=[{"severity": "problem", "text": "the CAD has no server 2"}])},
            "problem",
            "the CAD has no server 2.",
        ),
        (
            {"locations": locations(last_batch=batch(reason="timeout"))},
            "warning",
            "the last batch failed (timeout).",
        ),
        (
            {"locations": locations(last_batch=batch(updated=0))},
            "warning",
            "the CAD matched none of the 31 units of main in the last batch.",
        ),
        (
            {"locations": locations(set_aside=[{"unit": "u", "until": NOW}])},
            "warning",
            "the CAD refuses 1 unit.",
        ),
        (
            {"outbox": outbox(oldest_pending_at=NOW - OLD - 1, hindrance="the last attempt ended with 503")},
            "warning",
            "an event waits longer than it should (the last attempt ended with 503).",
        ),
        (
            {"outbox": outbox(recent_failures=[failure(RECENT - 1), failure(5.0)])},
            "warning",
            "2 events of the last 10 minutes did not reach the CAD.",
        ),
        (
            {"reload_refused": True},
            "warning",
            "the configuration on disk was refused, and the former one goes on.",
        ),
        ({"loop_lag": STALL + 0.5}, "warning", "the bridge stalled for 1.5 s."),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(changes: dict[str, Any], level: str, sentence: str) -> None:
    seen = judged(**changes)

    assert (seen.level, seen.sentence) == (level, sentence)
    assert len(seen.problems) == 1
    assert len(seen.problems[0].advice) > 20
    assert seen.problems[0].advice.count("`") % 2 == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"outbox": outbox(oldest_pending_at=NOW - OLD + 1)},
        {"outbox": outbox(recent_failures=[failure(RECENT + 1)])},
        {"outbox": outbox(recent_failures=[failure(5.0, "discarded: by an operator")])},
        {"loop_lag": STALL},
        {"locations": locations(last_batch=batch(updated=1))},
        {"cad": cad(findings=[{"severity": "warning", "text": "the live map is off"}])},
    ],
)
def test_what_is_usual_is_no_problem(changes: dict[str, Any]) -> None:
    assert judged(**changes).level == "well"


@pytest.mark.parametrize("reason", [DOWN, REFUSED])
def test_what_follows_from_the_cad_s_absence_is_left_out(reason: str) -> None:
    seen = judged(
        reasons=[reason],
        locations=locations(last_batch=batch(reason="connect")),
        outbox=outbox(oldest_pending_at=NOW - 3_600),
    )

    assert [one.text for one in seen.problems] == [reason]


def test_problems_come_before_warnings_and_each_is_said_once() -> None:
    seen = judged(
        servers=[server(state="hitching"), server(state="silent", name="two")], reasons=[DOWN, DOWN]
    )

    assert seen.sentence == f"{DOWN}; two is silent; main hitches."


def test_since_when_is_told_where_it_is_known() -> None:
    seen = judged(reasons=[DOWN, REFUSED], servers=[server(state="silent", last_push_at=NOW - 99)])

    assert [one.since for one in seen.problems] == [NOW - 2, None, NOW - 99]
