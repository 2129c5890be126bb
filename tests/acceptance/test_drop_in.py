"""Sonoran CAD v2 through the bridge: every operation, and every way in which one is refused."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.config.schema import SCOPES
from bridge.intake.fields import is_list, is_object
from bridge.operations import OPERATIONS
from bridge.simulator.faults import Answer as Fault
from bridge.simulator.faults import Down, Hang
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import API_KEY, TOKENS, Answer, Daemon, daemon_of
from tests.support.operation_examples import BY_OPERATION, EXAMPLES, Example
from tests.support.prepared_cad import comparable, prepared_cad
from tests.support.push_door import Wire

KEPT = frozenset({"updateUnitLocations", "setUnitPanic", "setUnitStatus", "heartbeat"})
"""What the bridge answers itself, as Sonoran does."""

CALLS = frozenset({"create911Call", "createDispatchCall"})
"""What it answers with the CAD's own answer, or with the event's id where that takes too long."""

ALL = {"servers": {"allow": list(SCOPES)}, "cad": {"timeout": "1s"}}
NONE: dict[str, dict[str, Any]] = {"servers": {"allow": []}}

Table = dict[str, dict[str, int]]


async def ask(daemon: Daemon, url: str, secret: str, example: Example, path: str = "") -> Answer:
    """Send an example to the bridge, or to a CAD itself."""
    kind = {} if example.content_type is None else {"Content-Type": example.content_type}
    headers = {"Authorization": f"Bearer {secret}", **kind}
    return await daemon.ask(example.method, url + (path or example.target), example.payload or None, headers)


async def nothing_waits(daemon: Daemon) -> None:
    """Return when the CAD has what the bridge took for it."""
    while (await daemon.status())["outbox"]["pending"]:
        await asyncio.sleep(0.01)


def content_of(answer: Answer) -> Any:
    """Return what an answer says, without instants, credentials and the bridge's own mark on a call."""
    content: Any = comparable(answer.json)
    for unit in _having(content, "aop"):  # where it is comes with the next batch, seconds later
        unit.update(location="", coordinates=None)
    for call in _having(content, "metaData"):
        data: dict[str, Any] = call["metaData"] or {}
        data.pop("cadBridgeEvent", None)
        call["metaData"] = data or None
    return content


def _having(content: object, key: str) -> list[dict[str, Any]]:
    """Return the objects in an answer that have a key."""
    if is_list(content):
        return [found for item in content for found in _having(item, key)]
    if not is_object(content):
        return []
    here = [content] if key in content else []
    return here + [found for item in content.values() for found in _having(item, key)]


def show(table: Table) -> None:
    """Print a table: an operation a line, a column for each way of asking."""
    columns = list(table)
    head = f"\n{'operation':26}" + "".join(f"{column:>16}" for column in columns)
    rows = [
        f"{name:26}" + "".join(f"{table[column].get(name, ''):>16}" for column in columns)
        for name in OPERATIONS
    ]
    print("\n".join([head, *rows]))  # noqa: T201 -- for who runs it with -s


@pytest.mark.timeout(90)
async def test_every_operation_is_answered_as_by_the_cad_itself_or_refused_as_documented(
    tmp_path: Path,
) -> None:
    assert [example.operation for example in EXAMPLES] == list(dict.fromkeys(e.operation for e in EXAMPLES))
    assert {example.operation for example in EXAMPLES} == set(OPERATIONS)
    table: Table = {}
    async with prepared_cad() as twin, prepared_cad() as cad, daemon_of(tmp_path, cad, ALL) as daemon:
        direct: dict[str, Answer] = {}
        through: dict[str, Answer] = {}
        for example in EXAMPLES:
            direct[example.operation] = await ask(daemon, twin.url, API_KEY, example)
            through[example.operation] = await ask(daemon, daemon.url, TOKENS[1], example)
            await nothing_waits(daemon)
        table |= {"direct": status_of(direct), "bridge": status_of(through)}
        table["wrong key"] = await statuses(daemon, "wrong-key-of-somebody-else")
        table["other server"] = await of_another_server(daemon)
        table["CAD down"] = await while_down(daemon, cad)
        table["429"] = await while_limited(daemon, cad)
    async with prepared_cad() as cad, daemon_of(tmp_path / "none", cad, NONE) as daemon:
        table["not allowed"] = await statuses(daemon, TOKENS[1])
        assert not {received.operation for received in cad.cloud.journal} - {"getVersion", "getServers"}
    show(table)

    assert set(table["direct"].values()) == {200}
    compare(direct, through)
    assert set(table["wrong key"].values()) == {401}
    assert set(table["not allowed"].values()) == {403}
    assert set(table["other server"].values()) == {404}
    for name, operation in OPERATIONS.items():
        down, limited = table["CAD down"][name], table["429"][name]
        if name in KEPT:
            assert (name, down, limited) == (name, 200, 200)
        elif name in CALLS:
            assert (name, down, limited) == (name, 202, 202)
        elif operation.cache_seconds:
            assert (name, down) == (name, 200), "an old answer is better than none"
            assert (name, limited) == (name, 429)
        else:
            assert (name, down, limited) == (name, 502, 429)


def compare(direct: dict[str, Answer], through: dict[str, Answer]) -> None:
    for name, answer in direct.items():
        assert (name, through[name].status) == (name, answer.status)
        assert (name, content_of(through[name])) == (name, content_of(answer))
        assert through[name].headers["Content-Type"] == answer.headers["Content-Type"]
        assert API_KEY.encode() not in through[name].body


def status_of(answers: dict[str, Answer]) -> dict[str, int]:
    return {name: answer.status for name, answer in answers.items()}


async def statuses(daemon: Daemon, secret: str) -> dict[str, int]:
    """Ask all at once: a connection on which a wrong token was shown is slowed."""
    answers = await asyncio.gather(*(ask(daemon, daemon.url, secret, example) for example in EXAMPLES))
    return {example.operation: answer.status for example, answer in zip(EXAMPLES, answers, strict=True)}


async def of_another_server(daemon: Daemon) -> dict[str, int]:
    """Ask for what names a server with the number of another one."""
    found: dict[str, int] = {}
    for example in EXAMPLES:
        if "serverId" in example.path:
            path = example.target.replace("/servers/1/", "/servers/2/")
            found[example.operation] = (await ask(daemon, daemon.url, TOKENS[1], example, path)).status
    return found


async def while_down(daemon: Daemon, cad: SimulatorServer) -> dict[str, int]:
    cad.cloud.faults.add(Down())
    answers = {example.operation: await ask(daemon, daemon.url, TOKENS[1], example) for example in EXAMPLES}
    cad.cloud.clear_faults()
    for name, answer in answers.items():
        if OPERATIONS[name].cache_seconds:
            assert int(answer.headers["Age"]) < 600
            assert answer.headers["Cache-Status"].startswith("cad-bridge; hit")
    return status_of(answers)


async def while_limited(daemon: Daemon, cad: SimulatorServer) -> dict[str, int]:
    """Ask for what nobody has asked for yet, of a CAD that has had enough."""
    cad.cloud.faults.add(Fault(status=429, retry_after="7"))
    answers: dict[str, Answer] = {}
    for example in EXAMPLES:
        path = example.target + ("&" if "?" in example.target else "?") + "anew=1"
        answers[example.operation] = await ask(daemon, daemon.url, TOKENS[1], example, path)
    cad.cloud.clear_faults()
    for answer in answers.values():
        if answer.status == 429:
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
            assert answer.json["message"] == "API rate limit exceeded"
    return status_of(answers)


FOREIGN = (
    "/v2/emergency/servers/2/units",
    "/v2/emergency/servers/1%2F..%2F2/units",
    "/v2/emergency/servers/%32/units",
    "/v2/emergency/SERVERS/2/units",
    "/v2//emergency//servers//2//units",
    "/v2/emergency/servers/1/../2/units",
    "/v2/emergency/servers/1/%2e%2e/2/units",
    "/v2/emergency/servers/+2/units",
    "/v2/emergency/servers/2;1/units",
    "/v2/emergency/servers/2%00/units",
    "/v2/emergency/servers/1/identifier-groups/..%2F..%2F2%2Funits",
    "/v2/emergency/servers/1/identifier-groups/..%5C..%5C2",
    "/v2/fivem/servers/2/configuration",
    "/v2/fivem/Servers/2/configuration",
    "/v2/fivem/servers%2F2/configuration",
    "/v2/fivem/servers/1/..%2f2",
    "/v2/fivem/%C5%BFervers/2/configuration",
    "/v2/emergency/%C5%BFervers/2/units",
    "/v2/fivem/x?serverId=2",
    "/v2/fivem/x?SERVERID=2",
    "/v2/fivem/x?server%49d=2",
    "/v2/fivem/x?serverId=1&serverId=2",
)
CLOSED = (
    "/v2/general/accounts?limit=1&offset=0&status=0",
    "/v2/General/Accounts?limit=1&offset=0&status=0",
    "/v2/general//accounts",
    "/v2/general/acc%6Funts",
    "/v2/general%2Faccounts",
    "/v2/general/accounts/",
    "/v2/general/./accounts",
    "/v2/emergency/../general/accounts",
    "/v2/general/%61%63counts%20",
    "/v2/general/accounts%3Flimit=1",
    "/v2/general/accounts;x=1",
    "/v2/general/%2561ccounts",
    "/v2/civilian/characters?communityUserId=license:1",
)


async def test_no_spelling_of_a_path_leads_to_another_server_or_past_the_scopes(tmp_path: Path) -> None:
    allow = {"servers": {"allow": ["emergency", "heartbeat", "lookups", "other"]}}
    async with prepared_cad() as cad, daemon_of(tmp_path, cad, allow, servers=(1, 2)) as daemon:
        for path in (*FOREIGN, *CLOSED):
            status = await raw_get(daemon, path)
            assert (path, status) in {(path, 403), (path, 404), (path, 405)}
        seen = [
            received
            for received in cad.cloud.journal
            if received.operation not in ("getVersion", "getServers")
        ]
        assert seen == []


async def raw_get(daemon: Daemon, path: str) -> int:
    """Ask for a path that no client of good manners would send."""
    line = Wire(*await asyncio.open_connection("127.0.0.1", daemon.port))
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS[1]}\r\n\r\n"
    await line.send(head.encode())
    reply = await line.reply()
    line.close()
    return reply.status


async def test_whoever_waits_for_a_call_when_the_daemon_stops_is_told_its_event(tmp_path: Path) -> None:
    long = {"cad": {"timeout": "20s"}, "outbox": {"drain": "1s"}}
    example = BY_OPERATION["create911Call"]
    read = BY_OPERATION["getInfo"]
    async with prepared_cad() as cad, daemon_of(tmp_path, cad, long) as daemon:
        cad.cloud.faults.add(Hang(operation="create911Call"))
        cad.cloud.faults.add(Hang(operation="getInfo"))
        asked = [asyncio.ensure_future(ask(daemon, daemon.url, TOKENS[1], one)) for one in (example, read)]
        while not all(cad.cloud.journal.of(name) for name in ("create911Call", "getInfo")):
            await asyncio.sleep(0.02)
        assert await daemon.stop() == 0
        call, answer = [await one for one in asked]
        cad.cloud.clear_faults()
        await daemon.start()
        event = call.json["event"]
        assert (call.status, answer.status) == (202, 504)
        (view,) = await daemon.ended([event], 60.0)
    assert view["state"] == "delivered"
