"""Sonoran CAD v1 through the bridge: every type, every way in which one is refused, and Sonoran's own first examples."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from bridge.config.schema import SCOPES
from bridge.intake.fields import is_list, is_object
from bridge.simulator.faults import Answer as Fault
from bridge.simulator.faults import Down
from bridge.simulator.journal import Received
from bridge.simulator.server import SimulatorServer
from bridge.types_v1 import TYPES
from tests.support.daemon import API_KEY, TOKENS, Answer, Daemon, daemon_of, until
from tests.support.prepared_cad import comparable, prepared_cad
from tests.support.v1_examples import COMMUNITY, EXAMPLES, Example

KEPT = frozenset(
    {
        "ADD_CALL_NOTE",
        "ATTACH_UNIT",
        "UNIT_STATUS",
        "CLOSE_CALL",
        "DETACH_UNIT",
        "HEARTBEAT",
        "KICK_UNIT",
        "REMOVE_911",
        "UNIT_LOCATION",
        "UNIT_PANIC",
    }
)
"""What the bridge answers itself."""

CREATED = frozenset({"ADD_BLIP", "CALL_911", "NEW_DISPATCH"})
"""What it answers when the CAD has, or with the event's id where that takes too long."""

ALLOWED = {"servers": {"allow": list(SCOPES)}, "cad": {"timeout": "1s"}, "cad.limits": {"other": 60}}
NONE: dict[str, dict[str, Any]] = {"servers": {"allow": []}}
CHUNK = 14  # requests of game servers that a minute of v1 has room for

VARYING = frozenset({"updated", "joined", "lastLogin", "mapPort", "location", "apiId1", "communityUserId"})
"""What v2 does not say as v1 does, or what follows with the next batch."""

PLACES = {"x": 420.1, "y": -980.4}

Table = dict[str, dict[str, int]]


async def ask(daemon: Daemon, url: str, example: Example, body: dict[str, Any], path: str = "") -> Answer:
    """Send an example as curl does, to the bridge or to a CAD itself."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await daemon.ask("POST", url + (path or example.path), msgspec.json.encode(body), headers)


async def nothing_waits(daemon: Daemon) -> None:
    """Return when the CAD has what the bridge took for it."""
    while (await daemon.status())["outbox"]["pending"]:
        await asyncio.sleep(0.01)


def in_both(example: Example) -> Example:
    """Return an example as both of Sonoran's interfaces carry it out.

    In v2 a look-up's types are templates, where v1 has kinds of records, and a street sign has a place.
    """
    changed: Any = msgspec.to_builtins(example.data)
    for record in cast("list[dict[str, Any]]", changed if is_list(changed) else [changed]):
        record.pop("types", None)
        for sign in record.get("signConfig", ()):
            sign["coordinates"] = PLACES
    return msgspec.structs.replace(example, data=changed)


def content_of(answer: Answer) -> Any:
    """Return what an answer says, without what the two interfaces show differently."""
    if not answer.headers["Content-Type"].startswith("application/json"):
        return answer.body.decode()
    return _comparable(comparable(answer.json))


def _comparable(value: object) -> object:
    if is_list(value):
        return [_comparable(member) for member in value]
    if not is_object(value):
        return value
    if "x" in value:  # v1 knows no heights
        return {name: value[name] for name in ("x", "y")}
    fields = {name: _comparable(member) for name, member in value.items() if name not in VARYING}
    if "metaData" in fields:  # the bridge's own mark on a call is in it
        fields["metaData"] = {
            name: text for name, text in _object(fields["metaData"]).items() if name != "cadBridgeEvent"
        }
    if "permissions" in fields:  # v2 shows those that were ever set, v1 all
        fields["permissions"] = {name: True for name, held in _object(fields["permissions"]).items() if held}
    return fields


def _object(value: object) -> dict[str, object]:
    return value if is_object(value) else {}


def show(table: Table) -> None:
    """Print a table: a type a line, a column for each way of asking."""
    columns = list(table)
    head = f"\n{'type':26}" + "".join(f"{column:>16}" for column in columns)
    rows = [
        f"{name:26}" + "".join(f"{table[column].get(name, ''):>16}" for column in columns) for name in TYPES
    ]
    print("\n".join([head, *rows]))  # noqa: T201 -- for who runs it with -s


def without_limits(cad: SimulatorServer) -> SimulatorServer:
    cad.cloud.cad.limiter.enforced = False
    return cad


@pytest.mark.timeout(120)
async def test_every_type_is_answered_as_by_the_cad_itself_or_refused_as_documented(tmp_path: Path) -> None:
    examples = [in_both(example) for example in EXAMPLES]
    assert {example.type for example in examples} == set(TYPES)
    table: Table = {}
    async with prepared_cad() as twin, prepared_cad() as cad, daemon_of(tmp_path, cad, ALLOWED) as daemon:
        without_limits(twin)
        direct: dict[str, Answer] = {}
        through: dict[str, Answer] = {}
        for example in examples:
            direct[example.type] = await ask(daemon, twin.url, example, example.body(API_KEY))
            through[example.type] = await ask(daemon, daemon.url, example, example.body(TOKENS[1]))
            await nothing_waits(daemon)
        table |= {"direct": status_of(direct), "bridge": status_of(through)}
        spoken = {received.operation for received in cad.cloud.journal if received.operation is not None}
        table["wrong key"] = await refused(daemon, examples, "INVALID API KEY", key="of-somebody-else")
        table["community"] = await refused(daemon, examples, "INVALID COMMUNITY ID", community="another")
        table["wrong type"] = await refused(daemon, examples, "INVALID REQUEST TYPE", type="KICK_UNITS")
        table["other server"] = await of_another_server(daemon, examples)
        cad.cloud.faults.add(Down())
        table["CAD down"] = await statuses(daemon, examples)
    async with prepared_cad() as cad, daemon_of(tmp_path / "limited", cad, ALLOWED) as daemon:
        cad.cloud.faults.add(Fault(status=429, retry_after="7"))
        table["429"] = await statuses(daemon, examples)
    async with prepared_cad() as cad, daemon_of(tmp_path / "none", cad, NONE) as daemon:
        table["not allowed"] = await statuses(daemon, examples)
        assert not {received.operation for received in cad.cloud.journal} - {"getVersion", "getServers"}
    show(table)

    assert set(table["direct"].values()) == {200}
    compare({name: told_by_v2(name, content_of(answer)) for name, answer in direct.items()}, direct, through)
    assert {name for name in spoken if name.startswith("V1:")} == {
        f"V1:{name}" for name, row in TYPES.items() if row.equal is None
    }
    assert set(table["not allowed"].values()) == {403}
    for name in TYPES:
        found = table["CAD down"][name], table["429"][name]
        assert (name, *found) == (name, *without_the_cad(name))


def without_the_cad(name: str) -> tuple[int, int]:
    """Return what a type is answered when the CAD is down, though it was asked before, and when it has had enough."""
    if name in KEPT:
        return 200, 200
    if name in CREATED:
        return 202, 202
    equal = TYPES[name].equal
    remembered = equal is not None and equal.cache_seconds > 0
    return (200 if remembered else 502), 429


@pytest.mark.timeout(120)
async def test_a_community_on_v1_is_asked_every_type_as_it_came(tmp_path: Path) -> None:
    """A minute of v1 has not room for all types, so that they come to several bridges."""
    on_v1 = {**ALLOWED, "cad": {"timeout": "1s", "api": "v1"}}
    direct: dict[str, Answer] = {}
    through: dict[str, Answer] = {}
    for start in range(0, len(EXAMPLES), CHUNK):
        folder = tmp_path / str(start)
        async with prepared_cad() as twin, prepared_cad() as cad, daemon_of(folder, cad, on_v1) as daemon:
            without_limits(twin)
            cad.cloud.cad.community.api = "v1"
            for example in EXAMPLES[start : start + CHUNK]:
                direct[example.type] = await ask(daemon, twin.url, example, example.body(API_KEY))
                through[example.type] = await ask(daemon, daemon.url, example, example.body(TOKENS[1]))
                await nothing_waits(daemon)
            assert all((received.operation or "").startswith("V1:") for received in cad.cloud.journal)

    assert set(status_of(direct).values()) == {200}
    compare({name: content_of(answer) for name, answer in direct.items()}, direct, through)


def compare(expected: dict[str, Any], direct: dict[str, Answer], through: dict[str, Answer]) -> None:
    for name, answer in through.items():
        assert (name, answer.status, answer.body) == (name, 200, answer.body)
        assert (name, content_of(answer)) == (name, expected[name])
        assert answer.headers["Content-Type"] == direct[name].headers["Content-Type"]
        assert API_KEY.encode() not in answer.body


def told_by_v2(name: str, content: Any) -> Any:
    """Return what v1 answers without what v2 does not tell: the ids of many accounts, and whose a character was."""
    if name == "GET_ACCOUNTS":
        rows: list[dict[str, Any]] = content["accounts"]
        content["accounts"] = [{**row, "apiIds": []} for row in rows]
        return content
    return re.sub(r" FOR .*", "", content) if name == "REMOVE_CHARACTER" else content


def status_of(answers: dict[str, Answer]) -> dict[str, int]:
    return {name: answer.status for name, answer in answers.items()}


async def statuses(daemon: Daemon, examples: Iterable[Example]) -> dict[str, int]:
    found: dict[str, int] = {}
    for example in examples:
        answer = await ask(daemon, daemon.url, example, example.body(TOKENS[1]))
        found[example.type] = answer.status
        if answer.status == 429:
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
        if answer.status == 403:
            assert answer.body.decode().endswith(
                'in the key allow of server "server-1" ([[servers]] in bridge.toml)'
            )
        if answer.status == 502:
            assert answer.body == b"ERROR: the CAD gave no answer (reset); it may have acted all the same"
    return found


async def refused(
    daemon: Daemon, examples: Sequence[Example], text: str, *, key: str = TOKENS[1], **wrong: str
) -> dict[str, int]:
    """Ask all at once: a connection on which a wrong key was shown is slowed."""
    changed = {"id": wrong["community"]} if "community" in wrong else wrong
    bodies = [{**example.body(key), **changed} for example in examples]
    pairs = zip(examples, bodies, strict=True)
    answers = await asyncio.gather(*(ask(daemon, daemon.url, example, body) for example, body in pairs))
    assert {(answer.status, answer.body.decode()) for answer in answers} == {(400, text)}
    return {example.type: answer.status for example, answer in zip(examples, answers, strict=True)}


async def of_another_server(daemon: Daemon, examples: Iterable[Example]) -> dict[str, int]:
    """Ask with the number of another server for what names one."""
    found: dict[str, int] = {}
    for example in examples:
        payload = example.payload(TOKENS[1])
        if b'"serverId":1' in payload:
            body = msgspec.json.decode(payload.replace(b'"serverId":1', b'"serverId":2'))
            answer = await ask(daemon, daemon.url, example, body)
            assert (answer.status, answer.body) == (400, b"serverId: the key is another server's")
            found[example.type] = answer.status
    assert len(found) > 20
    return found


SEEDS = {
    "/emergency/unit_location": """
{
    "id": "YOUR_COMMUNITY_ID",
    "key": "YOUR_API_KEY",
    "type": "UNIT_LOCATION",
    "data": [
        {
            "apiId": "STEAM:1234",
            "location": "1234 W. Example St.",
            "coordinates": {
                "x": 1000,
                "y": 2000,
            }
        },
        {
            "apiId": "STEAM:5678",
            "location": "5678 E. Test Ave.",
            "coordinates": {
                "x": 1000,
                "y": 2000,
            }
        }
    ]
}
""",
    "/emergency/unit_panic": """{"id":"YOUR_COMMUNITY_ID","key":"YOUR_API_KEY","type":"UNIT_PANIC",
"data":[{"apiId":"STEAM:5678","isPanic":true}]}""",
    "/general/get_servers": """
{
    "id": "YOUR_COMMUNITY_ID",
    "key": "YOUR_API_KEY",
    "type": "GET_SERVERS",
    "data": []
}
""",
}
"""The bodies of Sonoran's first documents, without their comments: locations with a comma too many, a panic as both the
JavaScript and the Lua example encode it, the list of servers."""

ON_BOTH = pytest.mark.parametrize("api", ["v1", "v2"])


@ON_BOTH
async def test_sonoran_s_first_examples_become_a_batch_a_panic_and_a_list_of_servers(
    tmp_path: Path, api: str
) -> None:
    sections = {"cad": {"api": api}, "locations": {"interval": "5s"}}
    async with prepared_cad() as cad, daemon_of(tmp_path, cad, sections) as daemon:
        answers: dict[str, Answer] = {}
        for path, seed in SEEDS.items():
            body = seed.replace("YOUR_COMMUNITY_ID", COMMUNITY).replace("YOUR_API_KEY", TOKENS[1])
            for headers in ({}, {"Content-Type": "application/json"}):
                answers[path] = await daemon.ask("POST", daemon.url + path, body.encode(), headers)
                assert answers[path].status == 200, answers[path].body
        await nothing_waits(daemon)
        units = cad.cloud.cad.community.units
        await until(lambda: {"STEAM:1234", "STEAM:5678"} <= {*units} and _placed(units.values()), 15.0)

        assert answers["/emergency/unit_location"].body == b"UNIT LOCATION UPDATED"
        assert answers["/emergency/unit_panic"].body == b"UNIT PANIC UPDATED"
        servers = answers["/general/get_servers"].json["servers"]
        assert [server["id"] for server in servers] == [1, 2, 3, 4]
        assert {"name", "mapUrl", "mapIp", "mapPort", "listenerPort", "isStatic"} <= servers[0].keys()
        assert units["STEAM:5678"].is_panic
        assert (units["STEAM:1234"].location, units["STEAM:5678"].location) == (
            "1234 W. Example St.",
            "5678 E. Test Ave.",
        )
        batch = next(received for received in cad.cloud.journal if _is_batch(received))
        assert {b"STEAM:1234" in batch.body, b"STEAM:5678" in batch.body} == {True}


def _placed(units: Iterable[Any]) -> bool:
    return all(unit.coordinates is not None for unit in units if unit.unit_id.startswith("STEAM:"))


def _is_batch(received: Received) -> bool:
    return received.operation in {"updateUnitLocations", "V1:UNIT_LOCATION"}
