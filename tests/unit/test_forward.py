import asyncio
from asyncio import Event
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Self

import pytest
from structlog.testing import capture_logs

from bridge import forward
from bridge.errors import BudgetError, CadError
from bridge.events import EventState
from bridge.forward import COPY_OVERHEAD, LARGEST_COPY, LONGEST_STALE, PATIENCE, Forward, Forwarded
from bridge.operations import (
    GET_CALLS,
    GET_VERSION,
    OPERATIONS,
    OTHER,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
    UPLOAD_BODYCAM_RECORDING,
    Operation,
)
from bridge.simulator.limits import Limiter
from bridge.sonoran.breaker import KeyState
from bridge.sonoran.messages import CadAnswer, CadRequest, Upload
from tests.support.forwarding import (
    BLIPS,
    LOOKUP,
    SERVERS,
    TURN,
    UNITS,
    Forwarding,
    Told,
    is_limited,
    number,
    numbered,
    run_forwarding,
)
from tests.support.sending import Sending, panic, run_sending
from tests.support.transport import Sent, answer

ONCE = OPERATIONS["createRecord"]
DOWN: list[CadAnswer | CadError] = [
    answer(500),
    answer(503),
    answer(408),
    answer(302),
    CadError("timeout", sent=True),
    CadError("connect", sent=False),
]


def name(end: CadAnswer | CadError) -> str:
    return end.reason if isinstance(end, CadError) else str(end.status)


def test_the_numbers_are_those_that_are_promised() -> None:
    assert (PATIENCE, LONGEST_STALE) == (4.0, 600.0)
    assert (LARGEST_COPY, forward.MOST_BYTES) == (2**20, 32 * 2**20)


# What is passed on


def test_an_answer_is_the_cads_own_whatever_its_status() -> None:
    async def case(bench: Forwarding) -> Forwarded:
        refusal = answer(404, b"no such record", trace_id="t-1")
        bench.cad.script(ONCE, refusal)
        return await bench.heard(ONCE, body=b"{}")

    told = run_forwarding(case)

    assert (told.status, told.body) == (404, b"no such record")
    assert told.headers == {"Cache-Status": "cad-bridge; fwd=miss", "x-trace-id": "t-1"}


def test_a_redirect_is_no_answer_and_tells_nobody_where_to() -> None:
    async def case(bench: Forwarding) -> tuple[CadError, dict[str, int]]:
        bench.cad.script(ONCE, answer(302, b"https://elsewhere.example"))
        return await bench.failed(ONCE), bench.results()

    error, results = run_forwarding(case)

    assert (error.reason, error.sent) == ("protocol", True)
    assert results == {"failed": 1}


@pytest.mark.parametrize(("seconds", "told"), [(7.0, "7"), (0.4, "1"), (0.5, "1"), (30.2, "31")])
def test_a_refusal_says_how_long_to_wait_and_never_too_short(seconds: float, told: str) -> None:
    async def case(bench: Forwarding) -> Forwarded:
        bench.cad.script(UNITS, answer(429, retry_after=seconds))
        return await bench.heard()

    assert run_forwarding(case).headers["Retry-After"] == told


def test_an_answer_that_refuses_nothing_asks_nobody_to_wait() -> None:
    async def case(bench: Forwarding) -> list[Forwarded]:
        # Gateways send RateLimit-Reset with every answer.
        bench.cad.script(UNITS, answer(200, retry_after=42.0))
        return [await bench.heard(), await bench.heard()]

    for told in run_forwarding(case):
        assert "Retry-After" not in told.headers


def test_what_the_table_does_not_know_has_one_budget_together() -> None:
    async def case(bench: Forwarding) -> tuple[list[Told], dict[str, int]]:
        told = [await bench.ask(OTHER, which=f"/v2/new/{turn}") for turn in range(11)]
        return told, bench.results()

    told, results = run_forwarding(case)

    assert [is_limited(one) for one in told] == [False] * 10 + [True]
    assert results == {"cad": 10, "limited": 1}


# Waiting for a slot


def test_who_can_be_served_within_four_seconds_waits() -> None:
    async def case(bench: Forwarding) -> float:
        bench.spend(ONCE, 30)
        await bench.clock.sleep(60.0 - PATIENCE + 0.01)
        asked_at = bench.clock.monotonic()
        await bench.heard(ONCE)
        return bench.cad.sent[0].at - asked_at

    assert run_forwarding(case) == pytest.approx(PATIENCE - 0.01)


def test_who_cannot_be_served_within_four_seconds_hears_so_at_once() -> None:
    async def case(bench: Forwarding) -> None:
        bench.spend(ONCE, 30)
        spent_at = bench.clock.monotonic()
        await bench.clock.sleep(60.0 - PATIENCE - 0.01)
        asked_at = bench.clock.monotonic()

        error = await bench.failed(ONCE)

        assert isinstance(error, BudgetError)
        assert bench.clock.monotonic() == asked_at
        assert error.free_at == pytest.approx(spent_at + 60.0)
        assert bench.cad.sent == []
        assert bench.results() == {"limited": 1}

    run_forwarding(case)


def test_who_waits_behind_others_is_told_of_the_slot_behind_theirs() -> None:
    async def case(bench: Forwarding) -> None:
        started = bench.clock.monotonic()
        for second in (0.0, 1.0, 30.0):
            await bench.clock.sleep(started + second - bench.clock.monotonic())
            bench.spend(UNITS, 1)
        await bench.clock.sleep(28.0)  # 58 s: slots come free after 2, 3 and 32 s

        waiting = [bench.begin(which=f"?{turn}") for turn in range(2)]
        await bench.clock.sleep(0.01)
        asked_at = bench.clock.monotonic()
        third = await bench.failed(which="?third")

        assert isinstance(third, BudgetError)
        assert bench.clock.monotonic() == asked_at
        assert third.free_at == pytest.approx(started + 90.0)
        assert not any(is_limited(told) for told in await asyncio.gather(*waiting))
        assert [sent.at for sent in bench.cad.sent] == pytest.approx([started + 60.0, started + 61.0])

    run_forwarding(case)


def test_with_all_slots_in_flight_nobody_waits() -> None:
    async def case(bench: Forwarding) -> None:
        never = Event()
        bench.cad.always(ONCE, never)
        flying = [bench.begin(ONCE) for _ in range(30)]
        await bench.clock.sleep(1.0)
        asked_at = bench.clock.monotonic()

        error = await bench.failed(ONCE)

        assert isinstance(error, BudgetError)
        assert (bench.clock.monotonic(), error.free_at) == (asked_at, pytest.approx(asked_at + 60.0))
        never.set()
        await asyncio.gather(*flying)

    run_forwarding(case)


def test_a_slot_that_was_promised_and_did_not_come_ends_the_wait_after_four_seconds() -> None:
    async def case(bench: Forwarding) -> None:
        bench.spend(ONCE, 30)
        await bench.clock.sleep(57.0)
        asked_at = bench.clock.monotonic()
        waiting = bench.begin(ONCE)
        await bench.clock.sleep(1.0)
        bench.client.budgets.pause(ONCE.name, 20.0)

        error = await waiting

        assert isinstance(error, BudgetError)
        assert bench.clock.monotonic() == pytest.approx(asked_at + PATIENCE)
        assert error.free_at == pytest.approx(asked_at + 21.0)
        assert bench.cad.sent == []

    run_forwarding(case)


def test_slots_are_given_in_the_order_of_asking() -> None:
    async def case(bench: Forwarding) -> list[str]:
        for _ in range(10):
            bench.spend(OTHER, 1)
            await bench.clock.sleep(0.2)
        await bench.clock.sleep(57.5)  # the slots come free one by one within the next 2.3 s
        waiting: list[asyncio.Task[Told]] = []
        for turn in range(8):
            waiting.append(bench.begin(OTHER, which=f"/{turn}"))
            await bench.clock.sleep(0.1)
        await asyncio.gather(*waiting)
        return [sent.path for sent in bench.cad.sent]

    assert run_forwarding(case) == [f"/{turn}" for turn in range(8)]


def test_who_gives_up_waiting_leaves_his_turn_to_the_next() -> None:
    async def case(bench: Forwarding) -> None:
        bench.spend(ONCE, 30)
        await bench.clock.sleep(59.0)
        first = bench.begin(ONCE, which="?first")
        await bench.clock.sleep(0.1)
        for task in bench.forward._tasks:
            task.cancel()
        await asyncio.wait({first})

        await bench.heard(ONCE, which="?second")

        assert [sent.path for sent in bench.cad.sent] == [ONCE.path + "?second"]
        assert bench.forward._waiting[ONCE.name] == 0

    run_forwarding(case)


def test_a_slot_that_is_put_off_is_waited_for_again() -> None:
    async def case(bench: Forwarding) -> float:
        bench.spend(SERVERS, 9)
        await bench.clock.sleep(2.0)
        bench.spend(SERVERS, 1)
        await bench.clock.sleep(57.0)
        started = bench.clock.monotonic()  # nine slots come free after 1 s, the tenth after 3 s
        waiting = bench.begin(SERVERS)
        await bench.clock.sleep(1.0 - 1e-9)
        bench.client.budgets.pause(SERVERS.name, 1.0)
        await waiting
        return bench.cad.sent[0].at - started

    assert run_forwarding(case) == pytest.approx(2.0)


# Patience of the asker


def test_an_impatient_asker_goes_and_the_answer_is_remembered_all_the_same() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.seconds = 6.0
        asked_at = bench.clock.monotonic()

        error = await bench.failed(seconds=4.0)

        assert (error.reason, error.sent) == ("timeout", True)
        assert bench.clock.monotonic() == pytest.approx(asked_at + 4.0)
        await bench.clock.sleep(2.1)
        told = await bench.heard(seconds=4.0)
        assert told.headers["Age"] == "6"
        assert bench.upstream() == 1
        assert bench.results() == {"failed": 1, "cache": 1}

    run_forwarding(case)


def test_a_change_goes_on_without_its_asker() -> None:
    async def case(bench: Forwarding) -> list[str]:
        bench.cad.seconds = 6.0
        changed: list[str] = []
        bench.client.on_change(lambda operation: changed.append(operation.name))
        await bench.failed(ONCE, seconds=4.0)
        await bench.clock.sleep(2.1)
        return changed

    assert run_forwarding(case) == [ONCE.name]


def test_an_asker_whose_request_never_got_a_slot_hears_that_it_did_not_leave() -> None:
    async def case(bench: Forwarding) -> None:
        bench.spend(ONCE, 30)
        await bench.clock.sleep(57.0)
        waiting = bench.begin(ONCE, seconds=4.0)
        await bench.clock.sleep(1.0)
        bench.client.budgets.pause(ONCE.name, 20.0)

        error = await waiting

        assert isinstance(error, BudgetError)
        assert error.free_at == pytest.approx(bench.clock.monotonic() + 17.0)
        assert bench.results() == {"limited": 1}

    run_forwarding(case)


def test_an_impatient_asker_is_told_no_old_answer_while_the_cad_is_merely_slow_to_come_to_him() -> None:
    async def case(bench: Forwarding) -> Told:
        await bench.heard()
        bench.spend(UNITS, 2)
        await bench.clock.sleep(57.0)
        waiting = bench.begin(seconds=2.0)  # the slot comes free in 3 s
        return await waiting

    assert is_limited(run_forwarding(case))


def test_an_asker_who_is_gone_does_not_end_the_request_of_others() -> None:
    async def case(bench: Forwarding) -> None:
        first = bench.begin()
        await bench.clock.sleep(0.01)
        second = bench.begin()
        await bench.clock.sleep(0.01)

        first.cancel()

        assert isinstance(await second, Forwarded)
        assert bench.upstream() == 1

    run_forwarding(case)


# Sharing


def test_the_same_read_at_the_same_time_is_asked_once_and_told_to_all() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(UNITS, numbered())

        told = await asyncio.gather(*(bench.heard() for _ in range(50)))

        assert [number(one) for one in told] == [1] * 50
        assert bench.upstream() == 1
        assert bench.results() == {"cad": 1, "shared": 49}
        assert [one.headers["Cache-Status"] for one in told[:2]] == [
            "cad-bridge; fwd=miss",
            "cad-bridge; fwd=miss; collapsed",
        ]
        assert "Age" not in told[1].headers

    run_forwarding(case)


def test_a_read_that_waits_for_its_slot_is_shared_too() -> None:
    async def case(bench: Forwarding) -> None:
        bench.spend(UNITS, 3)
        await bench.clock.sleep(58.0)
        asking = [bench.begin() for _ in range(5)]
        await bench.clock.sleep(1.0)
        await bench.change()  # it has not left yet, so that it will show this
        asking.append(bench.begin())

        await asyncio.gather(*asking)

        assert bench.upstream() == 1
        assert bench.results() == {"cad": 1, "shared": 5}

    run_forwarding(case)


def test_an_error_is_shared_too() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.script(UNITS, CadError("reset", sent=True))

        told = await asyncio.gather(*(bench.failed() for _ in range(3)))

        assert [error.reason for error in told] == ["reset"] * 3
        assert bench.upstream() == 1
        assert bench.results() == {"failed": 3}

    run_forwarding(case)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((UNITS, "", None), (UNITS, "?limit=5", None)),
        ((LOOKUP, "", b'{"plate": "A"}'), (LOOKUP, "", b'{"plate": "B"}')),
        ((OPERATIONS["getCharacters"], "", None), (OPERATIONS["getCharacterLinks"], "", None)),
    ],
)
def test_different_reads_are_different(
    first: tuple[Operation, str, bytes | None], second: tuple[Operation, str, bytes | None]
) -> None:
    async def case(bench: Forwarding) -> None:
        asked = [(operation, which, body) for operation, which, body in (first, second, first, second)]
        for sooner in (True, False):  # at the same time, and after each other
            asking = [bench.ask(operation, which=which, body=body) for operation, which, body in asked]
            if sooner:
                await asyncio.gather(*asking)
            else:
                for one in asking:
                    await one
        assert len(bench.cad.sent) == 2

    run_forwarding(case)


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS.values() if not one.cache_seconds],
    ids=lambda operation: operation.name,
)
def test_what_the_table_does_not_keep_is_asked_each_time(operation: Operation) -> None:
    async def case(bench: Forwarding) -> None:
        body = b'{"communityUserIds": ["a"], "metaData": {}}'
        asked = [bench.begin(operation, body=body), bench.begin(operation, body=body)]
        await bench.clock.sleep(7.0)  # the pace of one, the slots of another
        first, second = await asyncio.gather(*asked)

        told = [one for one in (first, second) if not is_limited(one)]
        assert bench.upstream(operation) == len(told) >= 1
        if len(told) == 1:  # paced: the second cannot have left yet
            await bench.heard(operation, body=body)
        assert bench.upstream(operation) == 2
        assert not bench.forward._copies

    run_forwarding(case, {"getPagerConfig": 20, "setPagerConfig": 20})


CREDENTIALS = ("getTurnCredentials", "verifySecret", "getLoginPage", "authStreetSigns", "checkCommunityLink")


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_old_credentials_are_not_told_even_while_the_cad_is_down(credentials: str) -> None:
    async def case(bench: Forwarding) -> None:
        operation = OPERATIONS[credentials]
        await bench.heard(operation)
        bench.go_down()
        bench.cad.otherwise = CadError("connect", sent=False)

        assert (await bench.failed(operation)).reason == "connect"

    run_forwarding(case)


@pytest.mark.parametrize(
    "body",
    [
        b'{"plate":"A","notifyCommunityUserId":"license:1"}',
        b'{"notifyAccountUuid" : "u"}',
        b'{"plate":"A","NotifyCommunityUserId":"license:1"}',  # Sonoran reads fields of either case
    ],
)
def test_a_lookup_that_has_a_player_notified_is_neither_shared_nor_remembered(body: bytes) -> None:
    async def case(bench: Forwarding) -> None:
        await asyncio.gather(*(bench.heard(LOOKUP, body=body) for _ in range(3)))
        await bench.heard(LOOKUP, body=body)

        assert bench.upstream(LOOKUP) == 4
        assert bench.results() == {"cad": 4}
        assert not bench.forward._copies

    run_forwarding(case)


# Copies


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS.values() if one.cache_seconds],
    ids=lambda operation: operation.name,
)
def test_an_answer_is_told_again_as_long_as_the_table_says(operation: Operation) -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(operation, numbered())
        asked_at = bench.clock.monotonic()
        await bench.heard(operation)
        await bench.clock.sleep(asked_at + operation.cache_seconds - bench.clock.monotonic())
        last = await bench.heard(operation)
        await bench.clock.sleep(0.001)
        first = await bench.heard(operation)

        assert (number(last), number(first)) == (1, 2)
        assert last.headers["Age"] == f"{operation.cache_seconds:.0f}"
        assert bench.results() == {"cad": 2, "cache": 1}

    run_forwarding(case)


def test_a_copy_says_how_old_it_is_and_whose_it_is() -> None:
    async def case(bench: Forwarding) -> Forwarded:
        bench.cad.script(UNITS, answer(200, b"[1]", trace_id="t-1"))
        await bench.heard()
        await bench.clock.sleep(7.6)
        return await bench.heard()

    told = run_forwarding(case)

    assert (told.status, told.body) == (200, b"[1]")
    assert told.headers == {"Age": "7", "Cache-Status": "cad-bridge; hit; ttl=23", "x-trace-id": "t-1"}


def test_the_age_counts_from_when_the_request_left() -> None:
    async def case(bench: Forwarding) -> Forwarded:
        bench.cad.seconds = 9.0
        await bench.heard()
        return await bench.heard()

    assert run_forwarding(case).headers["Age"] == "9"


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 409, 422, 429])
def test_only_a_plain_yes_is_remembered(status: int) -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.script(UNITS, answer(status, retry_after=0.5))
        await bench.heard()
        await bench.clock.sleep(1.0)

        assert (await bench.heard()).status == 200
        assert bench.upstream() == 2

    run_forwarding(case)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_told_though_an_old_answer_is_there(status: int) -> None:
    async def case(bench: Forwarding) -> Forwarded:
        await bench.heard()
        await bench.clock.sleep(31.0)
        bench.cad.script(UNITS, answer(status))
        return await bench.heard()

    assert run_forwarding(case).status == status


# While the CAD is down


@pytest.mark.parametrize("end", DOWN, ids=name)
def test_an_old_answer_is_told_when_the_cad_gives_none(end: CadAnswer | CadError) -> None:
    async def case(bench: Forwarding) -> None:
        asked_at = bench.clock.monotonic()
        await bench.heard()
        await bench.clock.sleep(100.0)
        bench.cad.script(UNITS, end)

        told = await bench.heard()

        assert told.status == 200
        age = int(bench.clock.monotonic() - asked_at)
        assert told.headers["Age"] == str(age)
        assert told.headers["Cache-Status"] == f"cad-bridge; hit; ttl={30 - age}"
        assert bench.upstream() == 2
        assert bench.results() == {"cad": 1, "stale": 1}

    run_forwarding(case)


@pytest.mark.parametrize("end", DOWN, ids=name)
def test_an_answer_too_old_is_not_told_even_when_the_cad_gives_none(end: CadAnswer | CadError) -> None:
    async def case(bench: Forwarding) -> None:
        asked_at = bench.clock.monotonic()
        await bench.heard()
        bench.cad.always(UNITS, end)
        await bench.clock.sleep(asked_at + LONGEST_STALE - 0.1 - bench.clock.monotonic())
        last = await bench.heard()
        await bench.clock.sleep(asked_at + LONGEST_STALE + 0.001 - bench.clock.monotonic())
        after = await bench.ask()

        assert last.status == 200
        if isinstance(end, CadAnswer) and not end.redirected:
            assert isinstance(after, Forwarded)
            assert after.status == end.status
        else:
            assert isinstance(after, CadError)

    run_forwarding(case)


def test_while_the_cad_is_known_to_be_down_nobody_waits_to_hear_it() -> None:
    async def case(bench: Forwarding) -> None:
        asked_at = bench.clock.monotonic()
        await bench.heard()
        bench.go_down()
        bench.cad.otherwise = CadError("timeout", sent=True)
        for age in (31.0, LONGEST_STALE):
            await bench.clock.sleep(asked_at + age - bench.clock.monotonic())
            moment = bench.clock.monotonic()
            told = await bench.heard()
            assert told.headers["Age"] == f"{age:.0f}"
            assert bench.clock.monotonic() == moment
        assert bench.upstream() == 1

        await bench.clock.sleep(1.0)  # 601 s
        assert (await bench.failed()).reason == "timeout"
        assert bench.upstream() == 2
        assert bench.results() == {"cad": 1, "stale": 2, "failed": 1}

    run_forwarding(case)


def test_when_the_cad_is_back_old_answers_are_not_told_any_more() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(UNITS, numbered())
        await bench.heard()
        bench.go_down()
        await bench.clock.sleep(100.0)
        stale = await bench.heard()

        bench.client.breaker.answered()

        assert (number(stale), number(await bench.heard())) == (1, 2)

    run_forwarding(case)


def test_while_the_key_is_refused_old_answers_serve() -> None:
    async def case(bench: Forwarding) -> int:
        await bench.heard()
        bench.client.breaker.refuse_key()
        await bench.clock.sleep(100.0)
        await bench.heard()
        return bench.upstream()

    assert run_forwarding(case) == 1


def test_while_the_cad_is_down_the_slots_that_failures_used_up_leave_nobody_without_the_old_answer() -> None:
    async def case(bench: Forwarding) -> list[Told]:
        """The breaker learns of an outage by the bridge's own requests, which may be a minute apart."""
        await bench.heard()
        bench.cad.otherwise = answer(503)
        told: list[Told] = []
        for _ in range(120):
            await bench.clock.sleep(1.0)
            told.append(await bench.ask())
        return told

    told = run_forwarding(case)

    assert [one for one in told if not isinstance(one, Forwarded) or one.status != 200] == []


def test_while_the_cad_answers_no_old_answer_is_told_for_want_of_a_slot() -> None:
    async def case(bench: Forwarding) -> Told:
        bench.cad.script(UNITS, answer(503), answer(200))
        await bench.heard()
        await bench.heard()
        bench.spend(UNITS, 1)
        await bench.clock.sleep(30.1)
        return await bench.ask()

    assert is_limited(run_forwarding(case))


def test_without_an_old_answer_the_cads_failure_is_told() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(UNITS, answer(503, b"down"))

        told = await bench.heard()

        assert (told.status, told.body) == (503, b"down")
        assert not bench.forward._copies

    run_forwarding(case)


# Changes

INVALIDATING = [(one, read) for one in OPERATIONS.values() for read in one.invalidates]


@pytest.mark.parametrize(
    ("operation", "read"), INVALIDATING, ids=[f"{one.name}-{read}" for one, read in INVALIDATING]
)
def test_a_change_makes_the_next_read_ask_the_cad(operation: Operation, read: str) -> None:
    async def case(bench: Forwarding) -> None:
        looked = OPERATIONS[read]
        bench.cad.always(looked, numbered())
        await bench.heard(looked)
        await bench.heard(looked)

        await bench.ask(operation, body=b'{"communityUserIds": ["a"], "metaData": {}}')

        assert number(await bench.heard(looked)) == 2
        assert number(await bench.heard(looked)) == 2

    run_forwarding(case, {"getPagerConfig": 10})


def test_what_the_bridge_changes_itself_counts_too() -> None:
    async def case(bench: Forwarding) -> int:
        bench.cad.always(UNITS, numbered())
        await bench.heard()
        await bench.change()
        return number(await bench.heard())

    assert run_forwarding(case) == 2


@pytest.mark.parametrize(
    ("end", "asked"),
    [
        (answer(200), 2),
        (answer(400), 2),
        (answer(503), 2),
        (CadError("timeout", sent=True), 2),  # it may have acted
        (CadError("connect", sent=False), 1),
    ],
)
def test_a_change_counts_when_it_may_have_been_carried_out(end: CadAnswer | CadError, asked: int) -> None:
    async def case(bench: Forwarding) -> int:
        await bench.heard()
        bench.cad.script(SET_UNIT_STATUS, end)
        await bench.ask(SET_UNIT_STATUS, body=b'{"communityUserIds": ["a"]}')
        await bench.heard()
        return bench.upstream()

    assert run_forwarding(case) == asked


@pytest.mark.parametrize("other", ["updateUnitLocations", "createBlip", "getVersion"])
def test_a_change_of_something_else_does_not_matter(other: str) -> None:
    async def case(bench: Forwarding) -> int:
        await bench.heard()
        await bench.ask(OPERATIONS[other], body=b"{}")
        await bench.heard()
        return bench.upstream()

    assert run_forwarding(case) == 1


def test_a_read_that_left_before_a_change_ended_is_not_told_as_fresh_after_it() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(UNITS, numbered())
        bench.cad.seconds = 5.0
        early = bench.begin()
        await bench.clock.sleep(1.0)
        bench.cad.seconds = 1.0
        await bench.change()  # ends at 2 s

        late = await bench.heard()  # the early one is under way still

        assert number(await early) == 2  # as the CAD answered it, which was later
        assert number(late) == 1
        assert bench.upstream() == 2

    run_forwarding(case)


def test_a_read_that_came_back_before_a_change_ended_is_not_told_as_fresh_after_it() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(UNITS, numbered())
        bench.cad.seconds = 5.0
        changing = asyncio.get_running_loop().create_task(bench.change())
        await bench.clock.sleep(1.0)
        bench.cad.seconds = 1.0
        await bench.heard()
        during = await bench.heard()
        await changing

        after = await bench.heard()

        assert (number(during), number(after)) == (1, 2)

    run_forwarding(case)


def test_a_late_answer_does_not_take_the_place_of_one_that_was_asked_for_after_it() -> None:
    async def case(bench: Forwarding) -> None:
        gate = Event()
        bench.cad.script(UNITS, gate, answer(200, b"new"), answer(200, b"newer"))
        early = bench.begin()
        await bench.clock.sleep(1.0)
        await bench.change()
        assert (await bench.heard()).body == b"new"

        gate.set()
        await early

        assert (await bench.heard()).body == b"new"

    run_forwarding(case)


def test_the_last_slot_is_not_spent_on_a_change() -> None:
    async def case(bench: Forwarding) -> list[int]:
        bench.cad.always(UNITS, numbered())
        told: list[int] = []
        for _ in range(5):
            await bench.change()
            told.append(number(await bench.heard()))
        return told

    assert run_forwarding(case) == [1, 2, 2, 2, 2]


def test_reads_under_way_are_shared_after_a_change_where_no_slot_can_be_spared() -> None:
    async def case(bench: Forwarding) -> None:
        bench.spend(UNITS, 1)
        bench.cad.seconds = 5.0
        first = bench.begin()
        await bench.clock.sleep(1.0)
        bench.cad.seconds = 0.1
        await bench.change()

        second = await bench.heard()

        assert second.headers["Cache-Status"].endswith("collapsed")
        await first
        assert bench.upstream() == 1

    run_forwarding(case)


def test_nobody_waits_for_a_slot_because_of_a_change() -> None:
    async def case(bench: Forwarding) -> None:
        started = bench.clock.monotonic()
        bench.spend(BLIPS, 9)
        await bench.clock.sleep(55.0)
        bench.cad.always(BLIPS, numbered())
        await bench.heard(BLIPS)
        await bench.change(OPERATIONS["createBlip"])
        await bench.clock.sleep(started + 58.0 - bench.clock.monotonic())  # more come free in 2 s

        told = await bench.heard(BLIPS)

        assert number(told) == 1
        assert bench.clock.monotonic() == pytest.approx(started + 58.0)

    run_forwarding(case)


def test_a_read_that_ends_leaves_a_newer_one_to_be_shared() -> None:
    async def case(bench: Forwarding) -> None:
        first, second = Event(), Event()
        bench.cad.script(SERVERS, first, second)
        early = bench.begin(SERVERS)
        await bench.clock.sleep(0.1)
        await bench.change(OPERATIONS["setServers"])
        late = bench.begin(SERVERS)
        await bench.clock.sleep(0.1)
        first.set()
        await early
        joining = bench.begin(SERVERS)
        await bench.clock.sleep(0.1)
        second.set()
        await asyncio.gather(late, joining)

        assert bench.upstream(SERVERS) == 2
        assert bench.results() == {"cad": 2, "shared": 1}

    run_forwarding(case)


def test_many_reads_that_one_change_outdates_leave_nobody_without_an_answer_that_is_young_enough() -> None:
    async def case(bench: Forwarding) -> list[Told]:
        accounts = [f"?{account}" for account in range(6)]
        for account in accounts:
            await bench.heard(BLIPS, which=account)
        await bench.change(OPERATIONS["createBlip"])
        return list(await asyncio.gather(*(bench.ask(BLIPS, which=account) for account in accounts)))

    assert [told for told in run_forwarding(case) if is_limited(told)] == []


def test_the_cads_own_refusal_of_a_read_that_a_change_asked_for_leaves_the_copy() -> None:
    async def case(bench: Forwarding) -> Forwarded:
        await bench.heard()
        await bench.change()
        bench.cad.script(UNITS, answer(429, retry_after=30.0))
        return await bench.heard()

    told = run_forwarding(case)

    assert (told.status, told.headers["Age"]) == (200, "0")


class Polls:
    """What fifty game servers hear that ask each second, and what reaches the CAD meanwhile."""

    def __init__(self, bench: Forwarding) -> None:
        self.bench = bench
        self.told: list[Told] = []

    async def run(self, *, minutes: int, change_every: float) -> None:
        until = self.bench.clock.monotonic() + 60.0 * minutes
        async with asyncio.TaskGroup() as group:
            for poller in range(50):
                group.create_task(self._poll(poller / 50.0, until))
            group.create_task(self._change(change_every, until))

    async def _poll(self, offset: float, until: float) -> None:
        await self.bench.clock.sleep(offset)
        while self.bench.clock.monotonic() < until:
            self.told.append(await self.bench.ask(seconds=4.0))
            await self.bench.clock.sleep(1.0)

    async def _change(self, every: float, until: float) -> None:
        while self.bench.clock.monotonic() < until:
            await self.bench.clock.sleep(every)
            await self.bench.change()

    @property
    def ages(self) -> list[int]:
        return [int(told.headers.get("Age", "0")) for told in self.told if isinstance(told, Forwarded)]


def peak(sent: Sequence[Sent], latency: float) -> int:
    """Return the most requests in any 60 s as the CAD counts them."""
    limiter = Limiter({"any": None})
    for request in sent:
        limiter.admit("any", request.at + latency)
    return limiter.tallies()["any"].peak


@pytest.mark.parametrize(("latency", "change_every"), [(0.05, 2.0), (0.05, 61.0), (2.5, 2.0), (0.05, 20.0)])
def test_fifty_pollers_stay_within_three_requests_a_minute_and_hear_nothing_old(
    latency: float, change_every: float
) -> None:
    async def case(bench: Forwarding) -> Polls:
        bench.cad.seconds = latency
        polls = Polls(bench)
        await polls.run(minutes=10, change_every=change_every)
        return polls

    polls = run_forwarding(case)

    sent = polls.bench.cad.requests(UNITS)
    assert len(polls.told) > 50 * 500 / (1 + latency)
    assert {told.status if isinstance(told, Forwarded) else repr(told) for told in polls.told} == {200}
    assert max(polls.ages) <= 30
    assert peak(sent, latency / 2) <= 3
    assert max(after.at - before.at for before, after in pairwise(sent)) <= 34.0 + latency
    if change_every < 30.0:
        assert len(sent) > 25  # the spare slots are used: they show what has changed


# Memory


def test_what_is_remembered_has_an_end_and_the_least_used_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "MOST_BYTES", 3 * (1000 + COPY_OVERHEAD))

    async def case(bench: Forwarding) -> None:
        bench.cad.always(LOOKUP, answer(200, b"x" * 1000))
        for which in ("?a", "?b", "?c"):
            await bench.heard(LOOKUP, which=which)
        await bench.heard(LOOKUP, which="?a")
        assert bench.upstream(LOOKUP) == 3
        await bench.heard(LOOKUP, which="?d")  # in place of ?b

        for which in ("?a", "?c", "?d"):
            await bench.heard(LOOKUP, which=which)
        assert bench.upstream(LOOKUP) == 4
        assert len(bench.forward._copies) == 3
        assert bench.forward._copied_bytes == 3 * (1000 + COPY_OVERHEAD)
        await bench.heard(LOOKUP, which="?b")
        assert bench.upstream(LOOKUP) == 5

    run_forwarding(case)


def test_small_answers_have_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "MOST_BYTES", 10 * COPY_OVERHEAD)

    async def case(bench: Forwarding) -> int:
        bench.cad.always(LOOKUP, answer(200, b""))
        for which in range(25):
            await bench.heard(LOOKUP, which=f"?{which}")
        return len(bench.forward._copies)

    assert run_forwarding(case) == 10


@pytest.mark.parametrize(("size", "asked"), [(LARGEST_COPY, 1), (LARGEST_COPY + 1, 2)])
def test_a_very_long_answer_is_not_remembered(size: int, asked: int) -> None:
    async def case(bench: Forwarding) -> int:
        bench.cad.always(SERVERS, answer(200, b"x" * size))
        await bench.heard(SERVERS)
        await bench.heard(SERVERS)
        return bench.upstream(SERVERS)

    assert run_forwarding(case) == asked


def test_an_answer_grown_too_long_is_not_hidden_by_the_shorter_one_before_it() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.script(SERVERS, answer(200, b"short"), answer(200, b"x" * (LARGEST_COPY + 1)))
        await bench.heard(SERVERS)
        await bench.clock.sleep(61.0)
        await bench.heard(SERVERS)

        assert not bench.forward._copies
        assert bench.forward._copied_bytes == 0

    run_forwarding(case)


def test_an_answer_replaced_counts_once() -> None:
    async def case(bench: Forwarding) -> int:
        bench.cad.always(SERVERS, answer(200, b"x" * 100))
        for _ in range(5):
            await bench.heard(SERVERS)
            await bench.clock.sleep(61.0)
        return bench.forward._copied_bytes

    assert run_forwarding(case) == 100 + COPY_OVERHEAD


def test_nothing_of_a_request_that_ended_is_kept() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.script(UNITS, answer(), CadError("reset", sent=True), ZeroDivisionError())
        for which in ("?1", "?2", "?3", "?4"):
            await bench.ask(which=which)
        await bench.ask(ONCE)
        assert bench.results() == {"cad": 2, "failed": 2, "limited": 1}
        assert not bench.forward._flights
        assert not bench.forward._tasks
        assert set(bench.forward._waiting.values()) == {0}

    run_forwarding(case)


# Ends


def test_an_error_of_the_program_ends_one_request_and_is_told_to_the_operator() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.script(ONCE, ZeroDivisionError())
        with capture_logs() as logs:
            broken, fine = await asyncio.gather(bench.failed(ONCE), bench.heard(UNITS))

        assert (broken.reason, broken.sent) == ("protocol", True)
        assert fine.status == 200
        assert bench.results() == {"failed": 1, "cad": 1}
        (line,) = [line for line in logs if line["log_level"] == "error"]
        assert (line["event"], line["operation"]) == ("forwarding failed", ONCE.name)
        await bench.clock.sleep(60.0)
        assert bench.client.budgets.remaining()[ONCE.name] == (30, 30)

    run_forwarding(case)


def test_leaving_cuts_off_what_is_under_way_and_the_budget_still_counts_it() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(ONCE, Event())
        bench.spend(UNITS, 3)
        await bench.clock.sleep(58.0)
        async with Forward(bench.client, bench.client._metrics, bench.clock) as leaving:
            bench.forward, kept = leaving, bench.forward
            asking = [bench.begin(ONCE), bench.begin(ONCE), bench.begin(UNITS)]
            await bench.clock.sleep(1.0)
            left_at = bench.clock.monotonic()
        bench.forward = kept

        assert bench.clock.monotonic() == left_at
        assert all(asker.done() for asker in asking) or await asyncio.wait(asking)
        assert bench.upstream() == 0
        assert bench.client.budgets.remaining()[ONCE.name] == (30, 28)
        await bench.clock.sleep(68.9)  # 69.9 s after they left: they may have been answered 10 s after
        assert bench.client.budgets.remaining()[ONCE.name] == (30, 28)
        await bench.clock.sleep(0.2)
        assert bench.client.budgets.remaining()[ONCE.name] == (30, 30)

    run_forwarding(case)


def test_an_asker_whose_request_is_cut_off_hears_that_it_may_have_left() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.always(ONCE, Event())
        async with Forward(bench.client, bench.client._metrics, bench.clock) as leaving:
            asking = asyncio.get_running_loop().create_task(leaving.ask(CadRequest(operation=ONCE, path="/")))
            await bench.clock.sleep(1.0)
        with pytest.raises(CadError) as caught:
            await asking
        assert caught.value.sent

    run_forwarding(case)


# What is forwarded holds nothing of ours up


@pytest.mark.parametrize(
    "end",
    [answer(401), answer(403), answer(404), answer(500), answer(503), answer(302), *DOWN[-2:]],
    ids=name,
)
def test_what_a_forwarded_request_gets_back_changes_nothing_of_ours(end: CadAnswer | CadError) -> None:
    async def case(bench: Forwarding) -> None:
        breaker = bench.client.breaker
        doubts: list[None] = []
        breaker.on_doubt(lambda: doubts.append(None))
        bench.cad.always(SET_UNIT_PANIC, end)
        with capture_logs() as logs:
            for _ in range(5):
                await bench.ask(SET_UNIT_PANIC, body=b'{"communityUserIds": ["a"]}')

        assert (breaker.down, breaker.holding, breaker.key) == (False, False, KeyState.UNKNOWN)
        assert (breaker.last_answer_at, doubts) == (None, [])
        now = bench.clock.monotonic()
        assert bench.client.free_at(SET_UNIT_PANIC.name, now) == now  # neither slowed nor a probe
        assert [line for line in logs if line["log_level"] != "debug"] == []

    run_forwarding(case)


def test_a_forwarded_answer_does_not_say_that_the_cad_is_back() -> None:
    async def case(bench: Forwarding) -> bool:
        bench.go_down()
        await bench.heard(ONCE)
        return bench.client.breaker.down

    assert run_forwarding(case)


def test_a_forwarded_refusal_of_the_rate_pauses_the_operation_over_a_restart(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_STATUS, answer(429, retry_after=120.0))
        with capture_logs() as logs:
            async with Forward(bench.client, bench.metrics, bench.clock) as forwarding:
                told = await forwarding.ask(CadRequest(operation=SET_UNIT_STATUS, path="/", body=b"{}"))
        assert (told.status, told.headers["Retry-After"]) == (429, "120")
        assert [
            (line["event"], line["operation"], line["seconds"])
            for line in logs
            if line["log_level"] == "warning"
        ] == [("CAD limits our rate", SET_UNIT_STATUS.name, 120.0)]
        assert bench.sample("cad_requests_total", operation=SET_UNIT_STATUS.name, code="429") == 1
        assert bench.client.free_at(SET_UNIT_PANIC.name, bench.clock.monotonic()) == bench.clock.monotonic()

        await bench.store.ping()
        again = await bench.restart()
        now = bench.clock.monotonic()
        wait = again.client.free_at(SET_UNIT_STATUS.name, now) - now
        await again.__aexit__()

        assert wait == pytest.approx(120.0, abs=0.2)

    run_sending(tmp_path, case)


def test_a_forwarded_refusal_ends_with_the_next_yes() -> None:
    async def case(bench: Forwarding) -> None:
        bench.cad.script(ONCE, answer(429), answer(200), answer(429))
        waits: list[float] = []
        for _ in range(3):
            await bench.heard(ONCE)
            now = bench.clock.monotonic()
            waits.append(bench.client.free_at(ONCE.name, now) - now)
            await bench.clock.sleep(waits[-1])

        assert waits == pytest.approx([5.0, 0.0, 5.0])

    run_forwarding(case)


def test_panics_go_on_while_forwarded_requests_hang_fail_and_wait(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        hanging = Event()
        ends = {1: answer(401), 2: answer(503), 3: answer(403), 0: CadError("timeout", sent=True)}
        bench.transport.always(ONCE, lambda sent: ends[len(sent.path) % 4])
        bench.transport.always(TURN, hanging)
        async with Forward(bench.client, bench.metrics, bench.clock) as forwarding:

            async def ask(operation: Operation, path: str) -> None:
                with suppress(CadError):
                    await forwarding.ask(CadRequest(operation=operation, path=path, body=b"{}"), 4.0)

            async with asyncio.TaskGroup() as group:
                for turn in range(60):
                    group.create_task(ask(TURN, f"/{turn}"))
                    group.create_task(ask(ONCE, "/" + "x" * turn))
                await bench.clock.sleep(0.5)
                for turn in range(5):
                    event = await bench.append(panic(f"license:{turn}"))
                    await bench.clock.sleep(0.2)
                    view = await bench.view(event)
                    assert view.state is EventState.DELIVERED
        assert not bench.breaker.down
        assert bench.breaker.key is KeyState.UNKNOWN

    run_sending(tmp_path, case)


def test_an_upload_that_gets_no_slot_is_not_read() -> None:
    read: list[bytes] = []

    class Film:
        def __aiter__(self) -> Self:
            return self

        async def __anext__(self) -> bytes:
            read.append(b"x")
            raise StopAsyncIteration

    async def case(bench: Forwarding) -> None:
        operation = UPLOAD_BODYCAM_RECORDING
        bench.spend(operation, 30)
        upload = Upload(parts=Film(), length=None, seconds=60.0)
        with pytest.raises(BudgetError):
            await bench.forward.ask(CadRequest(operation=operation, path=operation.path, upload=upload))

    run_forwarding(case)

    assert read == []


@pytest.mark.parametrize("operation", [GET_VERSION, GET_CALLS], ids=lambda one: one.name)
def test_game_servers_leave_the_bridge_the_slots_it_needs_itself(operation: Operation) -> None:
    async def case(bench: Forwarding) -> tuple[list[Told], int]:
        told = [await bench.ask(operation, which=f"?a={turn}") for turn in range(operation.per_minute)]
        return told, bench.client.budgets[operation.name].remaining(bench.clock.monotonic())

    told, left = run_forwarding(case)

    kept = forward.RESERVED[operation.name]
    assert [is_limited(one) for one in told] == [False] * (operation.per_minute - kept) + [True] * kept
    assert left == kept


def test_a_limit_of_one_a_minute_is_forwarded_all_the_same() -> None:
    async def case(bench: Forwarding) -> Told:
        return await bench.ask(GET_CALLS)

    assert isinstance(run_forwarding(case, {GET_CALLS.name: 1}), Forwarded)


def test_nobody_waits_any_longer_when_the_daemon_ends() -> None:
    async def case(bench: Forwarding) -> tuple[list[str], float]:
        bench.cad.always(ONCE, Event())
        asked = [bench.begin(ONCE) for _ in range(3)]
        await bench.clock.sleep(1.0)
        bench.forward.leave()
        told = [await one for one in asked]
        return [error.reason for error in told if isinstance(error, CadError)], bench.clock.monotonic()

    reasons, now = run_forwarding(case)

    assert reasons == ["timeout"] * 3
    assert now < 1002.0


@pytest.mark.parametrize("operation", [SET_UNIT_PANIC, OPERATIONS["kickUnit"]], ids=lambda one: one.name)
def test_events_keep_a_part_of_the_slots_that_they_share_with_what_is_forwarded(operation: Operation) -> None:
    async def case(bench: Forwarding) -> int:
        for turn in range(operation.per_minute):
            bench.begin(operation, which=f"?a={turn}")
        await bench.clock.sleep(5.0)
        return bench.client.budgets[operation.name].remaining(bench.clock.monotonic())

    assert run_forwarding(case) >= operation.per_minute // 4
