from bridge.simulator.board import Board, DispatchCall, EmergencyCall
from bridge.simulator.shapes import NewDispatchCall, NewEmergencyCall
from tests.support.cad_requests import NOON


def emergency(minutes: int | None = None) -> NewEmergencyCall:
    return NewEmergencyCall(
        is_emergency=True,
        caller="Jane",
        location="Alta St",
        description="Shots",
        delete_after_minutes=minutes,
    )


def dispatch() -> NewDispatchCall:
    return NewDispatchCall(
        origin=0,
        status=1,
        priority=1,
        block="",
        address="",
        postal="",
        title="",
        code="",
        description="",
    )


def ids(calls: list[EmergencyCall] | list[DispatchCall]) -> list[int]:
    return [call.call_id for call in calls]


def test_a_911_call_vanishes_after_its_minutes() -> None:
    board = Board()
    board.open_emergency(1, emergency(minutes=15), NOON)
    board.open_emergency(1, emergency(), NOON)

    assert (ids(board.emergency(NOON + 899)), ids(board.ended(NOON + 899))) == ([1, 2], [])
    assert (ids(board.emergency(NOON + 900)), ids(board.ended(NOON + 900))) == ([2], [1])


def test_when_a_911_call_went_is_remembered() -> None:
    board = Board()
    board.open_emergency(1, emergency(), NOON)
    board.open_emergency(1, emergency(minutes=1), NOON)
    board.remove(1, 1, NOON + 30)

    assert [(call.call_id, call.ended_at) for call in board.ended(NOON + 500)] == [
        (1, NOON + 30),
        (2, NOON + 60),
    ]


def test_a_911_call_is_removed_only_on_its_own_server_and_once() -> None:
    board = Board()
    board.open_emergency(1, emergency(), NOON)

    assert [board.remove(server, 1, NOON) for server in (2, 1, 1)] == [False, True, False]
    assert board.emergency(NOON) == []


def test_a_dispatch_call_is_closed_only_on_its_own_server_and_once() -> None:
    board = Board()
    board.open_dispatch(1, dispatch(), (), NOON)

    assert [board.close(server, 1, NOON + 5) for server in (2, 1, 1)] == [False, True, False]
    assert (board.dispatch(), ids(board.closed())) == ([], [1])
    assert board.closed()[0].closed_at == NOON + 5


def test_each_sort_of_call_ends_in_its_own_way() -> None:
    board = Board()
    board.open_emergency(1, emergency(), NOON)
    board.open_dispatch(1, dispatch(), (), NOON)

    assert not board.close(1, 1, NOON)
    assert not board.remove(1, 2, NOON)
    assert (ids(board.emergency(NOON)), ids(board.dispatch())) == ([1], [2])


def test_the_call_closed_last_comes_first() -> None:
    board = Board()
    for _ in range(3):
        board.open_dispatch(1, dispatch(), (), NOON)
    for number in (2, 3, 1):
        board.close(1, number, NOON)

    assert ids(board.closed()) == [1, 3, 2]


def test_open_calls_of_both_sorts_are_found() -> None:
    board = Board()
    first = board.open_emergency(1, emergency(minutes=1), NOON)
    second = board.open_dispatch(1, dispatch(), (), NOON)

    assert (board.find(1, 1, NOON), board.find(1, 2, NOON)) == (first, second)
    assert board.find(2, 2, NOON) is None
    assert board.find(1, 1, NOON + 60) is None
    board.close(1, 2, NOON)
    assert board.find(1, 2, NOON) is None


def test_a_dispatch_call_is_known_for_ever_on_its_server() -> None:
    board = Board()
    board.open_dispatch(1, dispatch(), (), NOON)
    board.open_emergency(1, emergency(), NOON)
    board.close(1, 1, NOON)

    assert board.was_dispatched(1, 1)
    assert not board.was_dispatched(2, 1)
    assert not board.was_dispatched(1, 2)


def test_a_unit_is_on_one_open_call_at_a_time() -> None:
    board = Board()
    first = board.open_emergency(1, emergency(), NOON)
    board.attach(first, (1, 2, 2), NOON + 1)
    second = board.open_dispatch(2, dispatch(), (2, 3), NOON + 2)

    assert (first.idents, second.idents) == ([1], [2, 3])
    assert (first.updated_at, second.updated_at) == (NOON + 2, NOON + 2)


def test_a_closed_call_keeps_its_units() -> None:
    board = Board()
    call = board.open_dispatch(1, dispatch(), (1,), NOON)
    board.close(1, 1, NOON)

    board.open_dispatch(1, dispatch(), (1,), NOON)
    board.detach((1,), NOON)

    assert call.idents == [1]


def test_a_call_whose_units_stay_is_not_touched_by_a_detachment() -> None:
    board = Board()
    call = board.open_dispatch(1, dispatch(), (1,), NOON)

    board.detach((2,), NOON + 60)

    assert (call.idents, call.updated_at) == ([1], NOON)


def test_forgetting_never_gives_an_id_twice() -> None:
    board = Board()
    board.open_emergency(1, emergency(), NOON)
    board.open_emergency(1, emergency(), NOON)
    board.open_dispatch(1, dispatch(), (), NOON)
    board.open_dispatch(1, dispatch(), (), NOON)
    board.remove(1, 1, NOON)
    board.close(1, 3, NOON)

    board.forget()

    assert (board.emergency(NOON), board.ended(NOON), board.dispatch(), board.closed()) == ([], [], [], [])
    assert board.open_dispatch(1, dispatch(), (), NOON).call_id == 5
