"""The shape of ``/status``: what the daemon tells is what ``cad-bridge status`` reads."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from bridge.admin import status as told
from bridge.cli import admin_client as read
from tests.support.status_json import status_json


def fields(kind: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every field in a Struct and in what it holds."""
    for part in get_args(kind):
        yield from fields(part, path)
    if isinstance(kind, type) and issubclass(kind, Struct):
        for name, inner in get_type_hints(kind).items():
            yield f"{path}{name}"
            yield from fields(inner, f"{path}{name}.")


def test_every_field_that_is_told_is_read_and_no_other() -> None:
    assert sorted(set(fields(told.Status))) == sorted(set(fields(read.Status)))
    assert len(set(fields(told.Status))) > 50


def test_what_is_told_is_what_the_client_s_tests_are_made_of() -> None:
    seen = msgspec.json.decode(status_json(), type=told.Status)

    assert set(msgspec.json.decode(status_json())) == set(told.Status.__struct_fields__)
    assert seen.servers[0].unmatched == 3


def test_everything_told_is_read_back_unchanged() -> None:
    status = told.Status(
        version="1",
        instance="one",
        started_at=1.0,
        ready=False,
        reasons=["draining"],
        cad=told.CadStatus(
            up=True,
            key="accepted",
            plan="PLUS",
            last_answer_at=2.0,
            budgets={"setUnitPanic": told.BudgetStatus(limit=20, remaining=19)},
            findings=[told.FindingStatus(severity="warning", text="the live map is off")],
        ),
        locations=told.LocationsStatus(
            interval=5.05,
            next_batch_at=3.0,
            units=2,
            pending=1,
            set_aside=[told.SetAsideStatus(unit="license:1", until=4.0)],
            last_batch=told.BatchStatus(
                at=5.0, server="main", units=2, updated=None, lag_seconds=1.5, reason="timeout"
            ),
        ),
        servers=[
            told.ServerStatus(
                id=1,
                name="main",
                state="up",
                last_push_at=6.0,
                players=42,
                units=2,
                pending=1,
                heartbeat_at=None,
                unmatched=1,
            )
        ],
        outbox=told.OutboxStatus(
            pending=1,
            delivered=2,
            failed=3,
            expired=4,
            superseded=5,
            oldest_pending_at=7.0,
            recent_failures=[told.FailureStatus(id="f", kind="panic", error="no_unit", at=8.0)],
        ),
        panics=[
            told.PanicStatus(id="p", at=9.0, active=True, units=1, state="pending", latency_seconds=None)
        ],
    )

    encoded = msgspec.json.encode(status)

    read_back = msgspec.json.encode(read.decode_status(encoded))
    assert msgspec.json.decode(read_back) == msgspec.json.decode(encoded)
