"""What pages and single events show, and how little of the file one look takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.events import EventId, EventKind, EventState
from bridge.outbox.inspection import (
    SLICE,
    EventDetail,
    Filter,
    Selection,
    count,
    detail,
    look,
    mask,
    short_unit,
    shown,
)
from bridge.store import Store, Transaction
from bridge.units import ServerId, TargetKind, other_target
from tests.support.virtual_time import VirtualClock, run_virtual

LICENSE = "license:0123456789abcdef"
ROWS = 3 * SLICE


def fill(transaction: Transaction) -> None:
    """Of each hundred, the first failed and the second is pending; the rest was delivered."""
    for number in range(1, ROWS + 1):
        state = {1: "failed", 2: "pending"}.get(number % 100, "delivered")
        transaction.execute(
            "INSERT INTO events (id, server, kind, state, payload, accepted_at, expires_at, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                f"{number:032x}",
                1 + number % 2,
                "panic" if number % 3 else "status",
                state,
                msgspec.json.encode({"type": "panic", "ids": [LICENSE]}) if state == "failed" else None,
                float(number),
                float(number) + 600.0,
                "forbidden: No Such Plan" if state == "failed" else None,
            ),
        )


def ask(folder: Path, *works: Any) -> list[Any]:
    async def main(clock: VirtualClock) -> list[Any]:
        async with Store(folder / "outbox.sqlite3", lambda _: None) as store:
            clock.watch(lambda: store.busy)
            await store.write(fill)
            return [await store.read(work) for work in works]

    return run_virtual(main)


def everything(folder: Path, selection: Selection, limit: int = 40) -> list[int]:
    """Return the rows of all pages."""

    async def main(clock: VirtualClock) -> list[int]:
        async with Store(folder / "outbox.sqlite3", lambda _: None) as store:
            clock.watch(lambda: store.busy)
            await store.write(fill)
            rows: list[int] = []
            before: int | None = None
            while True:
                found = await store.read(look(selection, before, limit))
                rows += [line.seq for line in found.lines]
                before = found.next
                if before is None:
                    return rows

    return run_virtual(main)


SELECTIONS: list[tuple[Selection, Callable[[int], bool]]] = [
    (Selection(), lambda _: True),
    (Selection(states=(EventState.FAILED,)), lambda n: n % 100 == 1),
    (Selection(states=(EventState.FAILED, EventState.PENDING)), lambda n: n % 100 in {1, 2}),
    (Selection(kinds=(EventKind.STATUS,)), lambda n: n % 3 == 0),
    (Selection(servers=(ServerId(2),)), lambda n: n % 2 == 1),
    (Selection(since=100.0, until=200.0), lambda n: 100 <= n < 200),
    (Selection(error="no such"), lambda n: n % 100 == 1),
    (Selection(states=(EventState.DELIVERED,), error="no such"), lambda _: False),
    (
        Selection(states=(EventState.FAILED,), kinds=(EventKind.STATUS,)),
        lambda n: n % 100 == 1 and n % 3 == 0,
    ),
]


@pytest.mark.parametrize(("selection", "expected"), SELECTIONS)
def test_pages_hold_exactly_what_is_selected_newest_first(
    tmp_path: Path, selection: Selection, expected: Callable[[int], bool]
) -> None:
    wanted = [number for number in range(ROWS, 0, -1) if expected(number)]

    assert everything(tmp_path, selection) == wanted


def test_one_look_examines_no_more_than_its_slice(tmp_path: Path) -> None:
    found, far = ask(
        tmp_path,
        look(Selection(error="nothing like it"), None, 10),
        look(Selection(error="nothing like it"), SLICE, 10),
    )

    assert (found.lines, found.next) == ([], ROWS - SLICE + 1)
    assert (far.lines, far.next) == ([], None)


def test_a_look_goes_by_an_index_and_sorts_nothing(tmp_path: Path) -> None:
    plans: list[str] = []

    class Explained(Transaction):
        def query(self, statement: str, values: Any = ()) -> Any:
            plans.extend(str(row[3]) for row in super().query(f"EXPLAIN QUERY PLAN {statement}", values))
            return super().query(statement, values)

    def explain(transaction: Transaction) -> None:
        for states in ((), (EventState.FAILED,), (EventState.FAILED, EventState.EXPIRED)):
            look(Selection(states=states), None, 10)(Explained(transaction._connection))

    ask(tmp_path, explain)

    assert [plan for plan in plans if "SCAN events" in plan or "TEMP B-TREE" in plan] == []
    assert any("events_in_state (state=? AND rowid<?)" in plan for plan in plans)


def test_units_are_shortened_and_asked_for_in_full_alone(tmp_path: Path) -> None:
    failed = EventId(f"{1:032x}")
    (found, short, full, none, number) = ask(
        tmp_path,
        look(Selection(states=(EventState.FAILED,)), None, 1),
        detail(failed, full=False),
        detail(failed, full=True),
        detail(EventId("f" * 32), full=True),
        count(Selection(states=(EventState.FAILED,))),
    )

    assert found.lines[0].units == ("license:…cdef",)
    assert short.payload == {"type": "panic", "ids": ["license:…cdef"]}
    assert full.payload == {"type": "panic", "ids": [LICENSE]}
    assert none is None
    assert number == ROWS // 100
    line = shown(short, {ServerId(2): "second"})
    assert (line["server"], line["id"], "seq" in line) == ("second", failed, False)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"id": LICENSE}, {"id": "license:…cdef"}),
        ({"ids": ["abcdefgh", 5]}, {"ids": ["…efgh", 5]}),
        ({"description": f"by {LICENSE}, hiding"}, {"description": "by license:…cdef, hiding"}),
        ({"metadata": {"steam": "steam:110000112345678"}}, {"metadata": {"steam": "steam:…5678"}}),
        (
            {"caller": "Jane", "x": 1.5, "extra": [None, True]},
            {"caller": "Jane", "x": 1.5, "extra": [None, True]},
        ),
        ({LICENSE: 1}, {"license:…cdef": 1}),
        (None, None),
    ],
)
def test_identifiers_are_shortened_wherever_they_stand(value: object, masked: object) -> None:
    assert mask(value) == masked


def test_a_unit_that_is_named_otherwise_is_shortened_too() -> None:
    assert short_unit(other_target(TargetKind.DISCORD, "123456789")) == "discord …6789"


def test_a_payload_that_cannot_be_read_costs_nothing_else(tmp_path: Path) -> None:
    def spoil(transaction: Transaction) -> None:
        transaction.execute(
            "UPDATE events SET payload = x'ff', outcomes = x'7b', result = x'5b' WHERE seq = 1"
        )

    _, found, single = ask(tmp_path, spoil, look(Selection(), 2, 1), detail(EventId(f"{1:032x}"), full=True))

    assert (found.lines[0].seq, found.lines[0].units) == (1, ())
    assert isinstance(single, EventDetail)
    assert (single.payload, single.result, single.outcomes) == ("cannot be read", "cannot be read", ())


def test_a_server_is_meant_by_its_name_or_its_number() -> None:
    names = {ServerId(1): "main", ServerId(2): "7"}

    assert Filter(server=("main", 5, "7")).selection(names).servers == (1, 5, 2)
    with pytest.raises(msgspec.ValidationError, match="server: none is called elsewhere"):
        Filter(server=("elsewhere",)).selection(names)
