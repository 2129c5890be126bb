import pytest

from bridge.players.summary import PanicRecord, Tally


def record(state: str = "pending", event_id: str | None = "e") -> PanicRecord:
    return PanicRecord(unit_id="license:1", active=True, pressed_at=1.0, event_id=event_id, state=state)


def tally(*, rejected: int = 0) -> Tally:
    counted = Tally(5)
    counted.pushed(5, rejected, 0.01)
    return counted


def test_latencies_are_summed_up_as_quantiles() -> None:
    counted = Tally(1)
    for milliseconds in range(1, 101):
        counted.pushed(1, 0, milliseconds / 1000)
    summary = counted.summary(60.0)

    assert summary.latency_p50 == pytest.approx(0.051)
    assert summary.latency_p99 == pytest.approx(0.100)
    assert (summary.pushes, summary.accepted, summary.seconds, summary.units) == (100, 100, 60.0, 1)


def test_before_the_first_push_there_is_no_latency_and_nothing_is_well() -> None:
    summary = Tally(5).summary(0.0)

    assert summary.latency_p50 is None
    assert summary.latency_p99 is None
    assert not summary.well


def test_a_summary_does_not_change_any_more() -> None:
    counted = tally()
    before = counted.summary(1.0)
    counted.press(record())
    counted.pushed(5, 0, 0.01)

    assert (before.pushes, before.panics) == (1, ())


@pytest.mark.parametrize(
    ("state", "well"),
    [
        ("delivered", True),
        ("superseded", True),
        ("failed", True),  # the CAD's business, not a push that was refused
        ("sending", False),
        ("refused", False),
        ("unknown", False),
    ],
)
def test_a_panic_that_the_bridge_did_not_keep_is_not_well(state: str, well: bool) -> None:  # noqa: FBT001 -- a table
    counted = tally()
    counted.press(record(state))

    assert counted.summary(1.0).well is well


def test_what_was_refused_is_not_well() -> None:
    refused = tally()
    refused.refused = 1

    assert tally().summary(1.0).well
    assert not refused.summary(1.0).well
    assert not tally(rejected=1).summary(1.0).well


def test_a_panic_is_open_while_the_bridge_has_it() -> None:
    assert record().open
    assert not record("delivered").open
    assert not record("sending", None).open
