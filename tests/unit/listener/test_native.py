import json  # noqa: TID251 -- writes what msgspec refuses to: bare NaN, lone surrogates
import random
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from structlog.testing import capture_logs

from bridge.clock import SystemClock
from bridge.coalescer import Coalescer
from bridge.config import LocationsConfig, OutboxConfig
from bridge.events import EventKind
from bridge.fleet import Fleet
from bridge.listener import Buffers, NativeDoor
from bridge.listener.routes import Push
from bridge.metrics import Metrics
from bridge.outbox import Outbox
from bridge.store import Store
from bridge.units import ServerId
from tests.support.push_door import TOKENS, Door, Reply, listening, request

MAIN = ServerId(1)
OTHER = ServerId(2)
NAMES = {MAIN: "main", OTHER: "other"}
LATER = 100.0  # seconds; past every threshold


class Bridge:
    """The native door before real buffers."""

    def __init__(self, door: Door, native: NativeDoor, buffers: Buffers) -> None:
        self.door = door
        self.native = native
        self.fleet = buffers.fleet
        self.coalescer = buffers.coalescer
        self.outbox = buffers.outbox

    async def post(self, path: str, body: object, server_id: ServerId = MAIN, **headers: str) -> Reply:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        lines = [f"Authorization: Bearer {TOKENS[server_id]}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return await self.door.ask(request(path=path, body=raw, headers=lines, authorized=False))

    async def show(self, event_id: str, server_id: ServerId = MAIN) -> Reply:
        lines = [f"Authorization: Bearer {TOKENS[server_id]}"]
        return await self.door.ask(request("GET", f"/v1/events/{event_id}", headers=lines, authorized=False))

    def due(self, server_id: ServerId = MAIN) -> dict[str, Any]:
        """Return the units of the next batch, in its order."""
        now = self.door.clock.monotonic()
        batch = self.coalescer.take(server_id, now, 500)
        assert batch is not None
        return {location.report.unit_id: location for location in batch.locations}

    def sample(self, name: str, **labels: str) -> float | None:
        return self.door.metrics.registry.get_sample_value(f"cad_bridge_{name}", labels)


@asynccontextmanager
async def serving(folder: Path, **outbox: Any) -> AsyncGenerator[Bridge]:
    metrics = Metrics("0")
    async with Store(folder / "outbox.sqlite3", metrics.outbox_commit.observe) as store:
        clock = SystemClock()
        buffers = Buffers(
            fleet=Fleet(NAMES),
            coalescer=Coalescer(LocationsConfig(), NAMES),
            outbox=Outbox(store, OutboxConfig(**outbox), clock, metrics, NAMES),
        )
        native = NativeDoor(buffers, metrics, clock, max_coordinate=16000.0, instance="run-1")
        async with listening(native.routes, metrics=metrics) as door:
            yield Bridge(door, native, buffers)


async def test_a_push_is_counted_and_waits_for_its_batch(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        updates = [
            {"id": "a", "x": 1.5, "y": 2},
            {"id": "b"},
            {"id": "c", "x": 3, "y": 4, "location": "Alta St"},
        ]

        reply = await bridge.post("/v1/locations", {"updates": updates, "players": 7})

        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        assert reply.json == {
            "accepted": 2,
            "rejected": [{"index": 1, "reason": "bad_coordinates: x and y: expected two finite numbers"}],
            "instance": "run-1",
            "api": 1,
        }
        assert list(bridge.due()) == ["a", "c"]
        assert bridge.fleet[MAIN].players(bridge.door.clock.monotonic()) == 7
        assert bridge.sample("locations_received_total", server="main") == 2
        assert bridge.sample("locations_rejected_total", server="main", reason="bad_coordinates") == 1
        assert bridge.sample("locations_rejected_total", server="main", reason="bad_id") == 0
        assert bridge.sample("locations_coalesced_total", server="main") == 0


async def test_the_newest_place_replaces_the_one_before(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        for x in (1, 50, 100):
            await bridge.post("/v1/locations", [{"id": "a", "x": x, "y": 2}])

        assert bridge.due()["a"].report.x == 100.0
        assert bridge.sample("locations_coalesced_total", server="main") == 2


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"updates":[]}', b'[{"id":""}]'])
async def test_a_push_without_a_place_says_that_the_server_lives(tmp_path: Path, body: bytes) -> None:
    async with serving(tmp_path) as bridge:
        reply = await bridge.post("/v1/locations", body)

        assert (reply.status, reply.json["accepted"]) == (200, 0)
        assert bridge.fleet[MAIN].last_push_at is not None
        assert bridge.fleet[OTHER].last_push_at is None


async def test_those_who_left_are_forgotten_before_others_come(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        await bridge.post("/v1/locations", [{"id": "a", "x": 1, "y": 2}, {"id": "b", "x": 1, "y": 2}])

        await bridge.post("/v1/locations", {"updates": [{"id": "a", "x": 9, "y": 9}], "left": ["a", "b"]})

        assert list(bridge.due()) == ["a"]


async def test_a_full_roster_forgets_all_but_those_it_names(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        everybody = [{"id": name, "x": 1, "y": 2} for name in "abcd"]
        await bridge.post("/v1/locations", everybody)
        await bridge.post("/v1/locations", [{"id": "far", "x": 1, "y": 2}], OTHER)

        body = b'{"full":true,"updates":[{"id":"a","x":1,"y":2},{"id":"b","x":NaN,"y":2}]}'
        reply = await bridge.post("/v1/locations", body)

        assert reply.json["accepted"] == 1
        assert set(bridge.due()) == {"a", "b"}
        assert set(bridge.due(OTHER)) == {"far"}


async def test_a_bad_push_changes_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        malformed = await bridge.post("/v1/locations", b'{"updates":[{"id":"a","x":1,"y":2}')
        scalar = await bridge.post("/v1/locations", b'"a"')

        assert (malformed.status, malformed.json["offset"]) == (400, 34)
        assert (scalar.status, scalar.json["title"]) == (422, "Unprocessable Entity")
        assert bridge.coalescer.count(MAIN) == 0
        assert bridge.fleet[MAIN].last_push_at is None


async def test_a_panic_is_on_disk_when_it_is_answered(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        reply = await bridge.post("/v1/panic", {"ids": ["a", "b"]})

        assert reply.status == 202
        assert re.fullmatch(r"[A-Za-z0-9-]{16,64}", reply.json["event"])
        shown = (await bridge.show(reply.json["event"])).json
        assert shown.pop("accepted_at") == pytest.approx(bridge.door.clock.wall(), abs=5.0)
        assert shown == {"id": reply.json["event"], "type": "panic", "state": "pending", "attempts": 0}
        assert len(bridge.outbox.backlog.claim(EventKind.PANIC, LATER, busy=set(), limit=9)) > 0


async def test_a_panicking_unit_goes_first_and_from_where_it_is(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        await bridge.post("/v1/locations", [{"id": "a", "x": 1, "y": 2}])

        await bridge.post("/v1/panic", {"id": "b", "location": [5, 6, 7]})

        due = bridge.due()
        assert list(due) == ["b", "a"]
        assert (due["b"].report.x, due["b"].report.z) == (5.0, 7.0)


async def test_a_panic_may_name_the_street_of_a_known_unit(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        await bridge.post("/v1/locations", [{"id": "a", "x": 1, "y": 2, "location": "Alta St"}])

        await bridge.post("/v1/panic", {"id": "a", "location": "Grove St"})

        assert bridge.due()["a"].text == "Grove St"


async def test_a_panic_that_ended_lets_others_go_first_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        await bridge.post("/v1/locations", [{"id": "a", "x": 1, "y": 2}, {"id": "b", "x": 1, "y": 2}])
        await bridge.post("/v1/events", {"type": "panic", "id": "b"})
        assert bridge.coalescer.has_panic(MAIN)

        await bridge.post("/v1/panic", {"id": "b", "active": False})

        assert not bridge.coalescer.has_panic(MAIN)


async def test_several_events_are_answered_in_their_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        call = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"}
        status = {"type": "status", "id": "a", "status": "BUSY"}

        reply = await bridge.post("/v1/events", [call, status])

        assert reply.status == 202
        shown = [(await bridge.show(event_id)).json["type"] for event_id in reply.json["events"]]
        assert shown == ["call_911", "status"]


async def test_one_bad_event_keeps_all_out_and_every_bad_one_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        good = {"type": "panic", "id": "a"}

        reply = await bridge.post("/v1/events", [{"type": "panic"}, good, {"type": "kick", "id": "a"}])

        assert reply.status == 422
        assert reply.json["problems"] == [
            {"index": 0, "reason": "id or ids: expected at least one unit"},
            {"index": 2, "reason": "reason: expected text"},
        ]
        assert bridge.outbox.backlog.claim(EventKind.PANIC, LATER, busy=set(), limit=9) == []


async def test_the_same_key_and_body_give_the_same_events(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        body = [{"type": "panic", "id": "a"}, {"type": "status", "id": "a", "status": 3}]

        first = await bridge.post("/v1/events", body, Idempotency_Key="k-1")
        again = await bridge.post("/v1/events", body, Idempotency_Key="k-1")
        other = await bridge.post("/v1/events", body[:1], Idempotency_Key="k-1")
        elsewhere = await bridge.post("/v1/events", body, OTHER, Idempotency_Key="k-1")

        assert first.status == again.status == elsewhere.status == 202
        assert first.json == again.json != elsewhere.json
        assert other.status == 422
        assert bridge.sample("events_accepted_total", server="main", kind="panic") == 1


async def test_a_panic_can_be_pushed_twice_under_one_key(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        first = await bridge.post("/v1/panic", {"id": "a"}, Idempotency_Key="k" * 255)
        again = await bridge.post("/v1/panic", {"id": "a"}, Idempotency_Key="k" * 255)

        assert first.json == again.json


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "k\u00e9"])
async def test_a_key_is_up_to_255_visible_characters(tmp_path: Path, key: str) -> None:
    async with serving(tmp_path) as bridge:
        reply = await bridge.post("/v1/panic", {"id": "a"}, Idempotency_Key=key)

        assert (reply.status, reply.json["title"]) == (422, "Unprocessable Entity")


async def test_a_full_outbox_says_when_to_come_again(tmp_path: Path) -> None:
    async with serving(tmp_path, max_events=1) as bridge:
        await bridge.post("/v1/panic", {"id": "a"})

        reply = await bridge.post("/v1/panic", {"id": "b"})

        assert (reply.status, reply.headers["retry-after"], reply.json["retry_after"]) == (503, "5", 5)


async def test_a_panic_that_could_not_be_kept_moves_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path, max_events=1) as bridge:
        await bridge.post("/v1/panic", {"id": "a"})

        await bridge.post("/v1/panic", {"id": "b", "location": [5, 6]})

        assert bridge.coalescer.count(MAIN) == 0


async def test_only_its_own_server_sees_an_event(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        event_id = (await bridge.post("/v1/panic", {"id": "a"})).json["event"]

        assert (await bridge.show(event_id)).status == 200
        assert (await bridge.show(event_id, OTHER)).status == 404


async def test_an_event_that_never_was_is_not_found(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        for event_id in ("7", "%20", "a'b", "x" * 65, "\u00e9"):
            assert (await bridge.show(event_id)).status in {400, 404}


async def test_what_can_be_no_event_is_not_looked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        (show,) = (route.handler for route in bridge.native.routes if route.method == "GET")

        answer = await show(Push(server_id=MAIN, body=b"", headers={}, argument="\udcff"))

        assert answer.status == 404


async def test_a_heartbeat_says_how_many_play(tmp_path: Path) -> None:
    async with serving(tmp_path) as bridge:
        reply = await bridge.post("/v1/heartbeat", {"players": 42})

        assert (reply.status, reply.body) == (204, b"")
        assert bridge.fleet[MAIN].players(bridge.door.clock.monotonic()) == 42
        assert (await bridge.post("/v1/heartbeat", b"")).status == 422


@pytest.mark.parametrize("path", ["/v1/locations", "/v1/panic", "/v1/events", "/v1/heartbeat"])
async def test_half_a_million_brackets_are_a_bad_request(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as bridge:
        assert (await bridge.post(path, b"[" * 500_000)).status == 400


async def test_whatever_is_pushed_the_answer_is_the_clients_business(tmp_path: Path) -> None:
    chance = random.Random(11)
    words = [
        "id",
        "ids",
        "x",
        "y",
        "updates",
        "type",
        "panic",
        "status",
        "call_911",
        "players",
        "\ud83d",
        "\x00",
    ]

    def value(depth: int) -> Any:
        kind = chance.randrange(9 if depth else 6)
        if kind < 6:
            return chance.choice([None, True, 1, -1700, 1e308, float("nan"), 10**400, chance.choice(words)])
        if kind == 6:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        return {chance.choice(words): value(depth - 1) for _ in range(chance.randrange(6))}

    async with serving(tmp_path) as bridge, aiohttp.ClientSession() as client:
        headers = {"Authorization": f"Bearer {TOKENS[MAIN]}"}
        with capture_logs() as logs:
            for _ in range(400):
                path = chance.choice(["locations", "panic", "events", "heartbeat"])
                body = json.dumps(value(4), ensure_ascii=chance.random() < 0.5).encode(
                    "utf-8", "surrogatepass"
                )
                if chance.random() < 0.2:
                    body = body[: chance.randrange(len(body) + 1)] + chance.randbytes(2)
                url = f"{bridge.door.url}/v1/{path}"
                async with client.post(url, data=body, headers=headers) as answer:
                    assert answer.status in {200, 202, 204, 400, 422}
        assert [entry for entry in logs if entry["log_level"] not in {"debug", "info"}] == []
        assert (await bridge.post("/v1/panic", {"id": "a"})).status == 202
