"""The outbox at the admin door, with an operator's desk that is played by hand."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from bridge.admin import outbox
from bridge.admin.outbox import MOST_AT_ONCE
from bridge.errors import StoreError
from bridge.events import EventId, EventKind, EventState
from bridge.outbox import Refused, Selection
from bridge.units import ServerId
from tests.support.fake_desk import KNOWN, TOKEN, FakeDesk, serving

RIGHT = {"Authorization": f"Bearer {TOKEN}"}


class Door:
    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self.address = address
        self.session = session
        self.headers: Mapping[str, str] = {}

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        async with self.session.get(self.address + path, headers=headers) as answer:
            self.headers = dict(answer.headers)
            return answer.status, msgspec.json.decode(await answer.read())

    async def post(
        self, path: str, body: object = None, headers: Mapping[str, str] = RIGHT
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body) if body is not None else None
        typed = {} if data is None else {"Content-Type": "application/json"}
        async with self.session.post(self.address + path, data=data, headers={**typed, **headers}) as answer:
            return answer.status, msgspec.json.decode(await answer.read())


@asynccontextmanager
async def opened(desk: FakeDesk) -> AsyncGenerator[Door]:
    async with (
        serving(desk) as address,
        aiohttp.ClientSession(skip_auto_headers=("Content-Type",)) as session,
    ):
        yield Door(address, session)


async def test_a_page_needs_no_token_and_says_where_the_next_begins() -> None:
    desk = FakeDesk()
    desk.next = 7
    async with opened(desk) as door:
        status, page = await door.get("/outbox")

    assert status == 200
    assert page["next"] == "7"
    assert page["events"] == [
        {
            "id": KNOWN,
            "kind": "panic",
            "server": "main",
            "state": "failed",
            "attempts": 2,
            "accepted_at": 1_800_000_000.0,
            "error": "forbidden: no",
            "units": ["license:…0001"],
        }
    ]
    assert desk.pages == [(Selection(), None, 50)]
    assert door.headers["Cache-Control"] == "no-store"
    assert door.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_every_filter_reaches_the_desk() -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        path = "/outbox?state=failed&state=expired&kind=panic&server=main&server=5&since=10&until=20.5&error=no&cursor=9&limit=3"
        status, _ = await door.get(path)

    assert status == 200
    wanted = Selection(
        states=(EventState.FAILED, EventState.EXPIRED),
        kinds=(EventKind.PANIC,),
        servers=(ServerId(1), ServerId(5)),
        since=10.0,
        until=20.5,
        error="no",
    )
    assert desk.pages == [(wanted, 9, 3)]


@pytest.mark.parametrize(
    "query",
    [
        "state=lost",
        "kind=fax",
        "server=elsewhere",
        "since=noon",
        "limit=0",
        "limit=201",
        "cursor=x",
        "stat=failed",
    ],
)
async def test_what_makes_no_sense_is_422(query: str) -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        status, told = await door.get(f"/outbox?{query}")

    assert (status, told["title"]) == (422, "Unprocessable Entity")
    assert door.headers["Content-Type"] == "application/problem+json"
    assert desk.pages == []


async def test_an_event_is_shown_with_all_that_is_known_and_in_full_for_the_token_alone() -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        status, event = await door.get(f"/outbox/{KNOWN[:6]}")
        refused, _ = await door.get(f"/outbox/{KNOWN}?full=1")
        full, _ = await door.get(f"/outbox/{KNOWN}?full=1", RIGHT)

    assert (status, refused, full) == (200, 401, 200)
    assert (event["id"], event["payload"], event["unverified"]) == (KNOWN, {"ids": ["license:…0001"]}, True)
    assert "line" not in event
    assert desk.shown == [(KNOWN[:6], False), (KNOWN, True)]


@pytest.mark.parametrize(
    ("problem", "status"), [("unknown", 404), ("ambiguous", 409), ("state", 409), ("full", 503)]
)
async def test_a_refusal_has_its_status_and_its_reason(problem: str, status: int) -> None:
    desk = FakeDesk()
    desk.refused = (Refused(id=KNOWN, problem=problem, reason="because"),)
    async with opened(desk) as door:
        answers = [
            await door.get(f"/outbox/{KNOWN}"),
            await door.post(f"/outbox/{KNOWN}/retry"),
            await door.post(f"/outbox/{KNOWN}/discard"),
        ]

    assert [(found, told["detail"]) for found, told in answers] == [(status, "because")] * 3


@pytest.mark.parametrize("body", [None, {}])
async def test_one_event_is_changed_with_or_without_a_body(body: object) -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        retried = await door.post(f"/outbox/{KNOWN}/retry", body)
        discarded = await door.post(f"/outbox/{KNOWN}/discard", body)

    assert retried == (200, {"id": KNOWN, "state": "pending"})
    assert discarded == (200, {"id": KNOWN, "state": "failed"})
    assert (desk.retried, desk.discarded) == ([[KNOWN]], [[KNOWN]])


async def test_several_are_changed_by_their_ids() -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        status, done = await door.post("/outbox/retry", {"ids": ["a1b2", "c3d4"]})

    assert status == 200
    assert done == {
        "changed": [{"id": "a1b2", "state": "pending"}, {"id": "c3d4", "state": "pending"}],
        "refused": [],
    }


async def test_what_a_filter_finds_is_changed_only_where_the_count_is_right() -> None:
    desk = FakeDesk()
    wanted = {"state": ["failed"], "server": ["main"]}
    async with opened(desk) as door:
        wrong = await door.post("/outbox/retry", {"filter": wanted, "count": 2})
        right = await door.post("/outbox/retry", {"filter": wanted, "count": 1})

    assert (wrong[0], wrong[1]["detail"]) == (409, "the filter finds 1 events, not 2; nothing was changed")
    assert right[0] == 200
    assert desk.retried == [(KNOWN,)]
    selection = Selection(states=(EventState.FAILED,), servers=(ServerId(1),))
    assert {page[0] for page in desk.pages} == {selection}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        (None, 422),
        ({"ids": ["a"], "filter": {}, "count": 1}, 422),
        ({"filter": {"state": ["failed"]}}, 422),
        ({"count": 1}, 422),
        ({"filter": {"stat": ["failed"]}, "count": 1}, 422),
        ({"ids": "a"}, 422),
        ({"ids": ["a"] * (MOST_AT_ONCE + 1)}, 422),
        ({"filter": {"server": ["9" * 40]}, "count": 1}, 422),
        (b"{", 400),
        (b"\xff", 400),
    ],
)
async def test_a_body_that_makes_no_sense_changes_nothing(body: object, status: int) -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        for verb in ("retry", "discard"):
            assert (await door.post(f"/outbox/{verb}", body))[0] == status

    assert not desk.changed


async def test_a_body_that_is_nested_too_deep_or_not_packed_as_it_says_changes_nothing() -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        deep = await door.post(f"/outbox/{KNOWN}/discard", b'{"x":' + b"[" * 100_000)
        told = await door.post("/outbox/discard", b"no gzip", {**RIGHT, "Content-Encoding": "gzip"})

    assert (deep[0], deep[1]["detail"]) == (400, "the body is nested too deep")
    assert (told[0], told[1]["detail"]) == (400, "the body is not what the headers say")
    assert not desk.changed


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BODY_SECONDS", 0.05)
    desk = FakeDesk()
    async with serving(desk) as address:
        host, port = address.removeprefix("http://").rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /outbox/discard HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()

    assert answer[9:12] == b"408"
    assert not desk.changed


async def test_who_has_gone_before_the_body_came_is_not_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = FakeDesk()
    async with serving(desk) as address:
        host, port = address.removeprefix("http://").rsplit(":", 1)
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /outbox/discard HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
        await asyncio.sleep(0.1)  # noqa: TID251 -- the door has begun to read
        writer.transport.abort()
        await asyncio.sleep(0.1)  # noqa: TID251 -- and hears that nobody is there

    assert "failed" not in capsys.readouterr().out


async def test_more_than_one_request_may_change_is_refused() -> None:
    desk = FakeDesk()
    desk.chosen = [EventId(f"{number:032x}") for number in range(MOST_AT_ONCE + 1)]
    async with opened(desk) as door:
        status, told = await door.post("/outbox/discard", {"filter": {}, "count": MOST_AT_ONCE + 1})

    assert (status, told["detail"]) == (422, f"at most {MOST_AT_ONCE} events at once")


async def test_without_the_token_nothing_is_changed() -> None:
    desk = FakeDesk()
    async with opened(desk) as door:
        for path in ("/outbox", f"/outbox/{KNOWN}"):
            for verb in ("retry", "discard"):
                assert (await door.post(f"{path}/{verb}", {"ids": [KNOWN]}, {}))[0] == 401
        assert (await door.get(f"/outbox/{KNOWN}/discard"))[0] == 405

    assert not desk.changed


async def test_a_store_that_fails_is_503() -> None:
    desk = FakeDesk()
    desk.error = StoreError("the outbox file cannot be written: disk full")
    async with opened(desk) as door:
        listed = await door.get("/outbox")
        retried = await door.post(f"/outbox/{KNOWN}/retry")

    assert (listed[0], retried[0]) == (503, 503)
    assert "disk full" in listed[1]["detail"]
