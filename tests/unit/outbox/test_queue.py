from itertools import count

from bridge.events import Event, EventId, UnitStatus
from bridge.outbox.pending import Delivery, PendingEvent
from bridge.outbox.queue import EXPIRE_LIMIT, HEAP_SLACK, DeliveryQueue
from bridge.outbox.records import NewEvent
from bridge.units import ServerId, UnitId
from tests.support.sending import call, panic, status

NOW = 100.0
NOBODY: frozenset[object] = frozenset()

_seqs = count(1)


def _delivery(
    event: Event, unit: str | None = "A", *, server: int = 1, expires_at: float = 700.0
) -> Delivery:
    seq = next(_seqs)
    new = NewEvent(
        id=EventId(f"event-{seq}"), server_id=ServerId(server), event=event, accepted_at=0.0, expires_at=0.0
    )
    pending = PendingEvent(seq, new, NOW, expires_at)
    return Delivery(pending, None if unit is None else UnitId(unit))


def _on(unit: str = "A", *, server: int = 1, expires_at: float = 700.0) -> Delivery:
    return _delivery(panic(unit), unit, server=server, expires_at=expires_at)


def _off(unit: str = "A") -> Delivery:
    return _delivery(panic(unit, active=False), unit)


def _call() -> Delivery:
    return _delivery(call(), None)


def _queue(*deliveries: Delivery) -> DeliveryQueue:
    queue = DeliveryQueue()
    for delivery in deliveries:
        queue.add(delivery)
    return queue


def test_deliveries_of_the_same_server_and_state_go_together() -> None:
    first, other_server, off, second = _on("A"), _on("B", server=2), _off("C"), _on("D")
    queue = _queue(first, other_server, off, second)

    assert queue.claim(NOW, NOBODY, 100) == [first, second]
    assert queue.claim(NOW, NOBODY, 100) == [other_server]
    assert queue.claim(NOW, NOBODY, 100) == [off]
    assert queue.claim(NOW, NOBODY, 100) == []


def test_statuses_go_together_only_where_they_are_alike() -> None:
    busy, enroute = _delivery(status("A"), "A"), _delivery(status("B", to=UnitStatus.ENROUTE), "B")

    assert _queue(busy, enroute).claim(NOW, NOBODY, 100) == [busy]


def test_calls_never_share_a_request() -> None:
    first, second = _call(), _call()
    queue = _queue(first, second)

    assert queue.claim(NOW, NOBODY, 100) == [first]
    assert queue.claim(NOW, NOBODY, 100) == [second]


def test_no_request_names_more_units_than_the_limit() -> None:
    deliveries = [_on(f"unit-{number}") for number in range(5)]
    queue = _queue(*deliveries)

    assert queue.claim(NOW, NOBODY, 3) == deliveries[:3]
    assert queue.claim(NOW, NOBODY, 3) == deliveries[3:]


def test_a_busy_group_waits_and_lets_others_pass() -> None:
    waiting, passing = _on("A"), _off("B")
    queue = _queue(waiting, passing)

    assert queue.claim(NOW, {waiting.group}, 100) == [passing]
    assert queue.claim(NOW, {waiting.group}, 100) == []
    assert queue.claim(NOW, NOBODY, 100) == [waiting]


def test_a_delivery_that_was_refused_with_others_goes_alone() -> None:
    deliveries = [_on("A"), _on("B"), _on("C")]
    queue = _queue(*deliveries)
    deliveries[0].alone = deliveries[2].alone = True

    assert queue.claim(NOW, NOBODY, 100) == deliveries[:1]
    assert queue.claim(NOW, NOBODY, 100) == deliveries[1:2]
    assert queue.claim(NOW, NOBODY, 100) == deliveries[2:]


def test_the_newest_state_of_a_unit_takes_the_place_of_one_that_waits() -> None:
    on, off = _on(), _off()
    queue = _queue(on)

    assert queue.add(off) is on
    assert len(queue) == 1
    assert queue.claim(NOW, NOBODY, 100) == [off]


def test_the_same_unit_on_another_server_is_another_order() -> None:
    one, two = _on(server=1), _on(server=2)
    queue = _queue(one)

    assert queue.add(two) is None
    assert len(queue) == 2


def test_what_is_in_flight_is_not_superseded_and_holds_its_successor_back() -> None:
    on, off = _on(), _off()
    queue = _queue(on)
    queue.claim(NOW, NOBODY, 100)

    assert queue.add(off) is None
    assert not queue.has_ready(NOW)
    assert queue.claimed == 1
    assert len(queue) == 2
    queue.settle(on)
    assert queue.claim(NOW, NOBODY, 100) == [off]


def test_while_one_is_in_flight_only_the_newest_of_the_others_waits() -> None:
    on, off, again = _on(), _off(), _on()
    queue = _queue(on)
    queue.claim(NOW, NOBODY, 100)
    queue.add(off)

    assert queue.add(again) is off
    queue.settle(on)
    assert queue.claim(NOW, NOBODY, 100) == [again]


def test_a_claim_that_ends_without_an_end_waits_until_its_time() -> None:
    on = _on()
    queue = _queue(on)
    queue.claim(NOW, NOBODY, 100)

    assert queue.put_back(on, NOW + 5.0)
    assert not queue.has_ready(NOW + 4.9)
    assert queue.claim(NOW + 4.9, NOBODY, 100) == []
    assert queue.next_change_at() == NOW + 5.0
    assert queue.claim(NOW + 5.0, NOBODY, 100) == [on]


def test_a_claim_that_ends_without_an_end_is_pointless_where_a_newer_one_waits() -> None:
    on, off = _on(), _off()
    queue = _queue(on)
    queue.claim(NOW, NOBODY, 100)
    queue.add(off)

    assert not queue.put_back(on, NOW)
    assert len(queue) == 1
    assert queue.claim(NOW, NOBODY, 100) == [off]


def test_one_put_back_is_superseded_like_any_other() -> None:
    on, off = _on(), _off()
    queue = _queue(on)
    queue.claim(NOW, NOBODY, 100)
    queue.put_back(on, NOW + 5.0)

    assert queue.add(off) is on
    assert queue.claim(NOW, NOBODY, 100) == [off]
    assert not queue.has_ready(NOW + 5.0)


def test_when_the_cad_is_back_everything_may_go_in_the_order_of_acceptance() -> None:
    deliveries = [_call(), _call(), _call()]
    queue = _queue(*deliveries)
    for _ in deliveries:
        queue.claim(NOW, NOBODY, 1)
    for later, delivery in zip((20.0, 10.0, 30.0), deliveries, strict=True):
        queue.put_back(delivery, NOW + later)

    queue.release_all()

    assert [queue.claim(NOW, NOBODY, 1) for _ in deliveries] == [[delivery] for delivery in deliveries]
    assert queue.next_change_at() == 700.0  # nothing is left to wait for but the time to live


def test_what_is_too_old_is_taken_out_once() -> None:
    short, long = _on("A", expires_at=NOW + 10.0), _on("B", expires_at=NOW + 20.0)
    queue = _queue(long, short)

    assert queue.next_change_at() == NOW + 10.0
    assert queue.expire(NOW + 9.9) == []
    assert queue.expire(NOW + 10.0) == [short]
    assert queue.expire(NOW + 10.0) == []
    assert queue.claim(NOW, NOBODY, 100) == [long]


def test_a_great_backlog_expires_in_parts_and_asks_to_be_looked_at_again_at_once() -> None:
    expires_at = NOW + 10.0
    queue = _queue(*(_on(f"unit-{number}", expires_at=expires_at) for number in range(EXPIRE_LIMIT + 1)))

    assert len(queue.expire(expires_at)) == EXPIRE_LIMIT
    assert queue.next_change_at() == expires_at
    assert len(queue.expire(expires_at)) == 1
    assert queue.next_change_at() is None


def test_what_is_in_flight_expires_only_when_it_is_put_back() -> None:
    on = _on(expires_at=NOW + 10.0)
    queue = _queue(on)
    queue.claim(NOW, NOBODY, 100)

    assert queue.expire(NOW + 11.0) == []
    queue.put_back(on, NOW + 12.0)
    assert queue.expire(NOW + 11.0) == [on]
    assert len(queue) == 0
    assert not queue.has_ready(NOW + 12.0)


def test_what_ended_or_was_superseded_never_expires() -> None:
    ended, superseded, newest = _on("A", expires_at=NOW + 1.0), _on("B", expires_at=NOW + 1.0), _off("B")
    queue = _queue(ended)
    queue.claim(NOW, NOBODY, 100)
    queue.settle(ended)
    queue.add(superseded)
    queue.add(newest)

    assert queue.expire(NOW + 2.0) == []


def test_an_empty_queue_waits_for_nothing() -> None:
    assert DeliveryQueue().next_change_at() is None


def test_what_is_remembered_of_ended_deliveries_is_cleared_out() -> None:
    queue = _queue()
    for number in range(2_000):
        queue.add(_on(f"unit-{number}"))
        queue.settle(*queue.claim(NOW, NOBODY, 1))

    assert len(queue._expiring) <= HEAP_SLACK + 2


def test_tidying_lets_go_of_what_ended_and_forgets_nothing_that_waits() -> None:
    queue = _queue(*(_on(f"unit-{number}") for number in range(500)))
    for delivery in queue.claim(NOW, NOBODY, 490):
        queue.settle(delivery)
    queue.tidy()

    assert len(queue._expiring) == len(queue) == 10
    assert len(queue.expire(700.0)) == 10


def test_what_is_remembered_does_not_grow_with_the_attempts() -> None:
    queue = _queue(_on("A"), _on("B"))
    for number in range(2_000):
        for delivery in queue.claim(NOW + number, NOBODY, 2):
            queue.put_back(delivery, NOW + number + 1)

    assert len(queue._expiring) == len(queue._later) == len(queue) == 2
    assert [delivery.unit_id for delivery in queue.expire(700.0)] == ["A", "B"]
