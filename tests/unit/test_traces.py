from bridge.traces import REMEMBERED, ForgetReason, Forgotten, Memory, Nameless, Rejected, Traces
from bridge.units import ServerId, UnitId

MAIN, OTHER = ServerId(1), ServerId(2)
UNIT = UnitId("license:1")


def gone(at: float) -> Forgotten:
    return Forgotten(server_id=MAIN, at=at, reason=ForgetReason.LEFT, sent_at=None)


def test_the_newest_entry_of_a_unit_stands() -> None:
    memory: Memory[Forgotten] = Memory()
    memory.note(UNIT, gone(1.0))
    memory.note(UNIT, gone(2.0))

    assert memory.get(UNIT) == gone(2.0)
    assert len(memory) == 1


def test_the_oldest_entry_goes_first() -> None:
    memory: Memory[Forgotten] = Memory(limit=2)
    for name in ("a", "b", "a", "c"):
        memory.note(UnitId(name), gone(1.0))

    assert list(memory) == ["a", "c"]
    assert memory.get(UnitId("b")) is None


def test_a_flood_of_rejected_records_is_bounded() -> None:
    traces = Traces()
    for number in range(REMEMBERED * 3):
        traces.reject(MAIN, UnitId(f"license:{number}"), "out_of_bounds", float(number))

    assert len(traces.rejected) == REMEMBERED
    newest = traces.rejected.get(UnitId(f"license:{REMEMBERED * 3 - 1}"))
    assert newest == Rejected(server_id=MAIN, at=REMEMBERED * 3 - 1.0, reason="out_of_bounds")


def test_records_that_name_no_unit_are_counted_by_server() -> None:
    traces = Traces()
    for at in (1.0, 2.0):
        traces.reject(MAIN, None, "bad_id", at)
    traces.reject(OTHER, None, "not_an_object", 3.0)

    assert traces.nameless == {
        MAIN: Nameless(number=2, at=2.0, reason="bad_id"),
        OTHER: Nameless(number=1, at=3.0, reason="not_an_object"),
    }
    assert len(traces.rejected) == 0
