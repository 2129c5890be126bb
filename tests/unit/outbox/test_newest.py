"""What is kept of the newest event about each thing. What a retry makes of it is tested at the desk."""

from pathlib import Path

import pytest

from bridge.config import OutboxConfig
from bridge.events import Clocking, DispatchAttachment, DispatchCall, DispatchDetachment, Event, EventKind
from bridge.outbox.newest import subjects_of
from bridge.units import ServerId, UnitId
from tests.support.sending import KINDS, OTHER_SERVER, SERVER, Sending, panic, run_sending

A = UnitId("license:a")
STATES = {
    EventKind.PANIC,
    EventKind.STATUS,
    EventKind.DISPATCH_ATTACH,
    EventKind.DISPATCH_DETACH,
    EventKind.CLOCK,
}


@pytest.mark.parametrize("kind", EventKind)
def test_only_what_sets_something_overrules(kind: EventKind) -> None:
    assert bool(subjects_of(SERVER, KINDS[kind])) == (kind in STATES)


def test_what_puts_a_unit_on_a_call_or_takes_it_off_is_about_the_same() -> None:
    events: list[Event] = [
        DispatchAttachment(call=1, ids=(A,)),
        DispatchDetachment(ids=(A,)),
        DispatchCall(title="x", ids=(A,)),
    ]

    assert len({subjects_of(SERVER, event)[A] for event in events}) == 1


def test_a_unit_is_another_one_on_another_server_but_its_clock_is_the_same() -> None:
    clock = Clocking(id="x", clocked_in=True)

    assert subjects_of(SERVER, panic()) != subjects_of(OTHER_SERVER, panic())
    assert subjects_of(SERVER, clock) == subjects_of(OTHER_SERVER, clock)


def test_notes_go_when_no_older_event_is_kept_any_more(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for unit in ("license:a", "license:b"):
            await bench.append(panic(unit))
            claimed = bench.outbox.backlog.claim(
                EventKind.PANIC, bench.clock.monotonic(), busy=frozenset(), limit=9
            )
            bench.outbox.backlog.acknowledge(claimed, None)
        await bench.append(panic("license:c"))
        await bench.clock.sleep(2.0)
        await bench.outbox.prune()

        assert await bench.rows("SELECT seq FROM newest") == [(3,)]

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(keep_delivered=1.0))


def test_a_newer_event_takes_the_place_of_the_note(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic("license:a"))
        await bench.append(panic("license:a", active=False))

        assert await bench.rows("SELECT seq FROM newest") == [(2,)]

    run_sending(tmp_path, case, relaying=False)


def test_no_unit_of_another_server_is_taken_for_one_of_the_first() -> None:
    assert subjects_of(ServerId(1), panic("license:a"))[A].startswith("panic:1:")
    assert subjects_of(ServerId(11), panic("license:a"))[A].startswith("panic:11:")
