"""The door for clients of the CMS, before a scripted CMS on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.clock import Clock
from bridge.coalescer import Coalescer
from bridge.config import LocationsConfig, OutboxConfig, Secret
from bridge.errors import CadError
from bridge.events import Clocking, EventId, EventKind
from bridge.fleet import Fleet
from bridge.forward import Forward
from bridge.listener import Buffers, Token, Tokens
from bridge.listener.answer import Answer
from bridge.listener.cms_v1 import CmsAccess, CmsV1Door, route_without_cms
from bridge.listener.reception import Reception
from bridge.listener.routes import NOBODY, Push
from bridge.outbox import Outbox
from bridge.outbox.watch import Reply
from bridge.sonoran import cms
from bridge.sonoran.messages import CadAnswer
from bridge.units import ServerId
from tests.support.transport import answer
from tests.support.whitelisting import DENIED, NAMES, SERVER, Whitelisting, run_whitelist

TOKEN = "made-up-token-of-server-one"
OTHER_TOKEN = "made-up-token-of-server-two"
COMMUNITY = "examplecms"
FXSERVER = {"User-Agent": "FXServer/PerformHttpRequest"}
PATHS = {operation.name: f"/cms{operation.path}" for operation in cms.OPERATIONS}


class Bench:
    """The door, its outbox, and the whitelist's bench behind both."""

    def __init__(self, whitelisting: Whitelisting, allow: Iterable[str]) -> None:
        clock: Clock = whitelisting.clock
        self.cms = whitelisting
        metrics = whitelisting.metrics
        self.outbox = Outbox(whitelisting.store, OutboxConfig(), clock, metrics, NAMES)
        buffers = Buffers(
            fleet=Fleet(NAMES), coalescer=Coalescer(LocationsConfig(), NAMES), outbox=self.outbox
        )
        tokens = Tokens([(SERVER, Secret(TOKEN)), (ServerId(2), Secret(OTHER_TOKEN))])
        allowed = {
            SERVER: Token(name="main", allow=frozenset(allow)),
            ServerId(2): Token(name="other", allow=frozenset()),
        }
        self.forward = Forward(whitelisting.client, metrics, clock)
        self.door = CmsV1Door(
            CmsAccess(community_id=COMMUNITY, tokens=tokens, allow=allowed),
            whitelisting.whitelist,
            self.forward,
            Reception(buffers, metrics, clock),
            clock,
            timeout=10.0,
        )

    async def ask(
        self, kind: str, *data: object, path: str = "", headers: dict[str, str] | None = None, **said: str
    ) -> Answer:
        body = {"id": COMMUNITY, "key": TOKEN, "type": kind, "data": data} | said
        push = Push(
            server_id=NOBODY,
            body=msgspec.json.encode(body),
            headers=headers or {},
            method="POST",
            path=path or PATHS[kind],
        )
        (route,) = self.door.routes
        assert route.keyed
        return await route.handler(push)

    def pending(self) -> list[Any]:
        queue = self.outbox.backlog.queue(EventKind.CLOCK)
        return [delivery.event.event for delivery in queue._waiting.values()]


def run_door(
    folder: Path, case: Callable[[Bench], Awaitable[None]], *, allow: Iterable[str] = ("cms",)
) -> None:
    async def inside(whitelisting: Whitelisting) -> None:
        bench = Bench(whitelisting, allow)
        await bench.outbox.load()
        async with bench.forward:
            await case(bench)

    run_whitelist(folder, inside)


def test_a_player_on_the_list_is_told_by_name_and_how_old_that_is(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        bench.cms.listed.players["license:1"] = "Dawson G."
        await bench.cms.start()
        told = await bench.ask("VERIFY_WHITELIST", {"apiId": "license:1", "serverId": 1})

        assert (told.status, told.body) == (200, b"Dawson G.")
        assert told.content_type == "text/plain; charset=utf-8"
        assert told.headers == {"Age": "0", "Cache-Status": "cad-bridge; hit; ttl=60"}

        bench.cms.meet(CadError("connect", sent=False))
        await bench.cms.clock.sleep(100.0)
        old = await bench.ask("VERIFY_WHITELIST", {"apiId": "license:1"})
        new = await bench.ask("VERIFY_WHITELIST", {"apiId": "license:2"})
        assert (old.status, old.body) == (200, b"Dawson G.")
        assert old.headers == {"Age": "100", "Cache-Status": "cad-bridge; hit; ttl=-40"}
        assert (new.status, new.body) == (404, DENIED.encode())
        assert new.headers == {"Cache-Status": 'cad-bridge; fwd=miss; detail="cms.when_down"'}

    run_door(tmp_path, case)


def test_what_the_cms_itself_said_is_passed_on_as_it_is(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        await bench.cms.start()
        problem = b'{"status":400,"message":"API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"}'
        bench.cms.transport.always(cms.VERIFY_WHITELIST, answer(400, problem))
        told = await bench.ask("VERIFY_WHITELIST", {"apiId": "license:1"})

        assert (told.status, told.body) == (400, problem)
        assert told.headers == {"Cache-Status": "cad-bridge; fwd=miss"}

    run_door(tmp_path, case)


def test_a_whitelist_comes_from_memory_and_before_it_was_fetched_from_the_cms(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        bench.cms.listed.players["license:1"] = "Jo"
        first = await bench.ask("FULL_WHITELIST", {"serverId": "1"})
        await bench.cms.start()
        asked = len(bench.cms.sent)
        second = await bench.ask("FULL_WHITELIST", {})

        assert first.body == second.body == b'[{"name":"Jo","apiIds":["license:1"]}]'
        assert second.headers["Cache-Status"] == "cad-bridge; hit; ttl=60"
        assert len(bench.cms.sent) == asked
        assert bench.cms.sent[0].body == [{"serverId": 1}]

    run_door(tmp_path, case)


def test_ranks_are_forwarded_once_a_minute(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        bench.cms.transport.always(cms.GET_ACCOUNT_RANKS, answer(200, ["4298c76d"]))
        for _ in range(5):
            told = await bench.ask("GET_ACCOUNT_RANKS", {"apiId": "license:1"})
            assert (told.status, told.body) == (200, b'["4298c76d"]')
        await bench.cms.clock.sleep(61.0)
        await bench.ask("GET_ACCOUNT_RANKS", {"apiId": "license:1"})

        sent = bench.cms.transport.requests(cms.GET_ACCOUNT_RANKS)
        assert [one.body for one in sent] == [[{"apiId": "license:1"}]] * 2

    run_door(tmp_path, case)


def test_a_refusal_of_the_bridge_s_own_key_does_not_look_like_one_of_the_token(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        bench.cms.transport.always(cms.GET_SUB_VERSION, answer(401, b"INVALID API KEY"))
        told = await bench.ask("GET_SUB_VERSION")

        assert told.status == 502
        assert b"cms.api_key_file" in told.body
        assert not told.wrong_key

    run_door(tmp_path, case)


def test_no_answer_and_no_slot_are_told_apart(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        bench.cms.transport.always(cms.GET_COM_ACCOUNT, CadError("reset", sent=True))
        silent = await bench.ask("GET_COM_ACCOUNT", {"apiId": "a"})
        bench.cms.transport.always(cms.GET_COM_ACCOUNT, CadError("timeout", sent=True))
        late = await bench.ask("GET_COM_ACCOUNT", {"apiId": "b"})
        bench.cms.transport.always(cms.GET_COM_ACCOUNT, answer(200, {}))
        for number in range(25):
            assert (await bench.ask("GET_COM_ACCOUNT", {"apiId": str(number)})).status == 200
        limited = await bench.ask("GET_COM_ACCOUNT", {"apiId": "c"})

        assert (silent.status, silent.body) == (502, b"the CMS gave no answer (reset)")
        assert (late.status, late.body) == (504, b"the CMS gave no answer (timeout)")
        assert limited.status == 429
        assert int(limited.headers["Retry-After"]) > 0

    run_door(tmp_path, case)


def test_a_clocking_is_kept_and_answered_as_the_cms_answers(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        told, delivered = await asyncio.gather(
            bench.ask("CLOCK_IN_OUT", {"accId": "a1", "forceClockIn": True}),
            _deliver(bench, answer(200, b"FORCE CLOCKED IN")),
        )

        assert delivered == Clocking(id="a1", clocked_in=True, account="accId")
        assert (told.status, told.body) == (200, b"FORCE CLOCKED IN")

    run_door(tmp_path, case)


def test_a_clocking_that_nobody_takes_in_time_is_kept_and_can_be_asked_for(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        started = bench.cms.clock.monotonic()
        told = await bench.ask("CLOCK_IN_OUT", {"apiId": "a", "forceClockOut": True}, headers=FXSERVER)
        assert bench.cms.clock.monotonic() - started == pytest.approx(4.0, abs=0.1)
        slow = await bench.ask("CLOCK_IN_OUT", {"apiId": "b", "forceClockOut": True})

        assert (told.status, slow.status) == (202, 202)
        view = await bench.outbox.find(SERVER, EventId(msgspec.json.decode(told.body)["event"]))
        assert view is not None
        assert view.type is EventKind.CLOCK
        assert bench.pending()[0] == Clocking(id="a", clocked_in=False)

    run_door(tmp_path, case)


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("CLOCK_IN_OUT", {"apiId": "a"}, b"a mere toggle is refused"),
        ("CLOCK_IN_OUT", {"forceClockIn": True}, b"expected an account"),
        ("VERIFY_WHITELIST", {}, b"expected an account"),
        ("VERIFY_WHITELIST", {"apiId": "a", "serverId": 2}, b"serverId: the token is another server's"),
        ("FULL_WHITELIST", {"serverId": 2}, b"serverId: the token is another server's"),
        ("GET_COM_ACCOUNT", {"apiId": "a", "serverId": "x"}, b"serverId: expected a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused_in_text_and_changes_nothing(
    tmp_path: Path, kind: str, data: dict[str, object], text: bytes
) -> None:
    async def case(bench: Bench) -> None:
        told = await bench.ask(kind, data)

        assert told.status == 400
        assert text in told.body
        assert not told.wrong_key
        assert bench.pending() == []
        assert bench.cms.sent == []

    run_door(tmp_path, case)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"type": "VERIFY_WHITELIST", "id": "x", "key": "x"}, b"INVALID REQUEST TYPE"),
        ({"id": "x", "key": "x"}, b"INVALID COMMUNITY ID"),
        ({"key": "x"}, b"INVALID API KEY"),
    ],
)
def test_the_checks_come_in_sonoran_s_order(tmp_path: Path, said: dict[str, str], text: bytes) -> None:
    async def case(bench: Bench) -> None:
        body = {"id": COMMUNITY, "key": TOKEN, "type": "GET_SUB_VERSION"} | said
        told = await bench.ask(body["type"], path=PATHS["GET_SUB_VERSION"], id=body["id"], key=body["key"])

        assert (told.status, told.body) == (400, text)
        assert bench.cms.sent == []

    run_door(tmp_path, case)


@pytest.mark.parametrize("path", ["/cms//servers/verify_whitelist", "/cms/Servers/VERIFY_WHITELIST/"])
def test_a_path_is_known_however_it_is_spelled(tmp_path: Path, path: str) -> None:
    async def case(bench: Bench) -> None:
        bench.cms.listed.players["license:1"] = "Jo"
        await bench.cms.start()

        assert (await bench.ask("VERIFY_WHITELIST", {"apiId": "license:1"}, path=path)).body == b"Jo"

    run_door(tmp_path, case)


@pytest.mark.parametrize("path", ["/cms/servers/set_game_servers", "/cms/", "/cms/general"])
def test_a_path_that_is_none_of_the_cms_s_eight_leads_nowhere(tmp_path: Path, path: str) -> None:
    async def case(bench: Bench) -> None:
        told = await bench.ask("SET_GAME_SERVERS", path=path)

        assert (told.status, told.body) == (400, b"INVALID REQUEST TYPE")
        assert bench.cms.sent == []

    run_door(tmp_path, case)


def test_a_token_without_the_scope_opens_nothing(tmp_path: Path) -> None:
    async def case(bench: Bench) -> None:
        for kind in PATHS:
            told = await bench.ask(kind, {"apiId": "a", "forceClockIn": True}, key=OTHER_TOKEN)
            assert told.status == 403
            assert b'"cms" in the key allow of server "other"' in told.body
        assert bench.cms.sent == []
        assert bench.pending() == []

    run_door(tmp_path, case)


async def test_without_a_cms_the_door_says_why() -> None:
    route = route_without_cms()
    told = await route.handler(Push(server_id=NOBODY, body=b"", headers={}))

    assert route.keyed
    assert (told.status, told.body) == (404, b"bridge.toml has no section [cms]")


async def _deliver(bench: Bench, end: CadAnswer) -> Clocking:
    """Take the clocking that comes and end it as the relay does."""
    backlog = bench.outbox.backlog
    while not (
        deliveries := backlog.claim(EventKind.CLOCK, bench.cms.clock.monotonic(), busy=set(), limit=1)
    ):
        await bench.cms.clock.sleep(0.05)
    event = deliveries[0].event.event
    assert isinstance(event, Clocking)
    backlog.hear(deliveries, Reply(status=end.status, body=end.body, content_type="text/plain"))
    backlog.acknowledge(deliveries, None)
    return event
