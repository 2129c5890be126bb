from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from bridge.events import Event, EventId, EventKind, EventState
from bridge.metrics import Metrics
from bridge.outbox.history import MOST_UNSAID, PAUSE, RECENT, SAID_AT_ONCE, History
from bridge.outbox.pending import PendingEvent
from bridge.outbox.records import NewEvent, Outcome
from tests.support.sending import NAMES, SERVER, call, panic, status
from tests.support.virtual_time import VirtualClock, run_virtual

ENDED = {
    EventState.DELIVERED: "cad_bridge_events_delivered_total",
    EventState.SUPERSEDED: "cad_bridge_events_superseded_total",
    EventState.EXPIRED: "cad_bridge_events_expired_total",
    EventState.FAILED: "cad_bridge_events_failed_total",
}


def _pending(event: Event, seq: int = 1) -> PendingEvent:
    new = NewEvent(
        id=EventId(f"event-{seq}"), server_id=SERVER, event=event, accepted_at=1_000.5, expires_at=2_000.0
    )
    return PendingEvent(seq, new, 10.0, 20.0)


@pytest.mark.parametrize(("state", "metric"), ENDED.items())
async def test_every_ending_is_counted_by_server_and_kind(state: EventState, metric: str) -> None:
    metrics = Metrics("0")
    reason = "no_unit" if state is EventState.FAILED else ""
    History(metrics, NAMES).add(_pending(status()), Outcome(state=state, reason=reason), None, 1.5)

    labels = {"server": "main", "kind": "status"} | ({"reason": reason} if reason else {})
    assert metrics.registry.get_sample_value(metric, labels) == 1.0


async def test_only_deliveries_tell_how_long_they_took() -> None:
    metrics = Metrics("0")
    history = History(metrics, NAMES)
    for state in ENDED:
        history.add(_pending(panic()), Outcome(state=state, reason="no_unit"), None, 1.5)

    sums = metrics.registry.get_sample_value("cad_bridge_event_delivery_seconds_sum", {"kind": "panic"})
    assert sums == 1.5
    assert [ended.latency_seconds for ended in history.panics] == [1.5, None, None, None]


@pytest.mark.parametrize(
    ("event", "state", "level"),
    [
        (panic(), EventState.DELIVERED, "info"),
        (status(), EventState.DELIVERED, "debug"),  # nothing per event above debug, panics apart
        (panic(), EventState.SUPERSEDED, "info"),
        (status(), EventState.EXPIRED, "error"),
        (call(), EventState.FAILED, "error"),
    ],
)
async def test_an_ending_is_logged_as_loudly_as_it_matters(
    event: Event, state: EventState, level: str
) -> None:
    history = History(Metrics("0"), NAMES)
    with capture_logs() as logs:
        history.add(
            _pending(event), Outcome(state=state, reason="no_unit", detail="why"), "no_unit: why", 1.23456
        )

    (entry,) = logs
    assert entry["log_level"] == level
    assert entry["event"] == f"event {state}"
    assert (entry["id"], entry["server"], entry["seconds"]) == ("event-1", "main", 1.235)
    assert ("detail" in entry) == (level == "error")
    assert "license" not in str(entry)


async def test_the_latest_panics_and_failures_are_remembered_oldest_first() -> None:
    history = History(Metrics("0"), NAMES)
    for seq in range(RECENT + 5):
        history.add(
            _pending(panic("license:1", "license:2", active=False), seq),
            Outcome(state=EventState.DELIVERED),
            None,
            1.5,
        )
    failed = Outcome(state=EventState.FAILED, reason="no_unit")
    history.add(_pending(status(), 100), failed, "no_unit: nobody", 1.5)
    history.add(_pending(panic(), 101), Outcome(state=EventState.EXPIRED), "expired", 1.5)

    assert len(history.panics) == RECENT
    assert [ended.id for ended in history.failures] == ["event-100", "event-101"]
    first = history.panics[0]
    assert (first.id, first.at, first.active, first.units) == ("event-6", 1_000.5, False, 2)
    assert history.failures[0].error == "no_unit: nobody"
    assert history.failures[0].active is None
    assert [ended.kind for ended in history.failures] == [EventKind.STATUS, EventKind.PANIC]


async def test_why_events_did_not_reach_the_cad_is_counted_by_state() -> None:
    history = History(Metrics("0"), NAMES)
    ended = (
        (EventState.DELIVERED, ""),
        (EventState.FAILED, "no_unit"),
        (EventState.FAILED, "no_unit"),
        (EventState.FAILED, "forbidden"),
        (EventState.SUPERSEDED, ""),
    )
    for seq, (state, reason) in enumerate(ended):
        history.add(_pending(panic(), seq), Outcome(state=state, reason=reason), None, 1.5)

    assert history.reasons == {
        EventState.FAILED: {"no_unit": 2, "forbidden": 1},
        EventState.SUPERSEDED: {"superseded": 1},
    }
    assert [ended.ended_at - ended.at for ended in history.failures] == [1.5, 1.5, 1.5]


def _end_many(history: History, number: int) -> None:
    for seq in range(number):
        history.add(_pending(panic(), seq), Outcome(state=EventState.DELIVERED), None, 1.5)


def test_many_endings_are_logged_a_few_at_a_time_in_their_order() -> None:
    async def main(clock: VirtualClock) -> None:
        history = History(Metrics("0"), NAMES)
        with capture_logs() as logs:
            _end_many(history, 500)
            said = [len(logs)]
            while said[-1] < 500:
                await clock.sleep(PAUSE)
                said.append(len(logs))
        assert max(later - earlier for earlier, later in pairwise([0, *said])) == SAID_AT_ONCE
        assert [entry["id"] for entry in logs] == [f"event-{seq}" for seq in range(500)]

    run_virtual(main)


def test_a_few_endings_are_logged_at_once_and_so_are_the_next_ones_later() -> None:
    async def main(clock: VirtualClock) -> None:
        history = History(Metrics("0"), NAMES)
        with capture_logs() as logs:
            for number in (1, 2, 3):
                _end_many(history, SAID_AT_ONCE)
                assert len(logs) == number * SAID_AT_ONCE
                await clock.sleep(PAUSE * 3)

    run_virtual(main)


async def test_what_waits_to_be_logged_has_a_bound() -> None:
    history = History(Metrics("0"), NAMES)
    with capture_logs() as logs:
        _end_many(history, SAID_AT_ONCE + MOST_UNSAID + 11)
    assert [entry["id"] for entry in logs] == [f"event-{seq}" for seq in range(SAID_AT_ONCE + 11)]


async def test_at_the_end_everything_is_logged_at_once() -> None:
    history = History(Metrics("0"), NAMES)
    with capture_logs() as logs:
        _end_many(history, 100)
        history.say_all()
    assert len(logs) == 100
