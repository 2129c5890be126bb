"""What reads bytes: each reader of the intake, and what the doors do with what it returned before anything is sent."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bridge.events import Clocking
from bridge.intake import (
    LocationPush,
    read_cad_dispatch_call,
    read_cad_emergency_call,
    read_cad_heartbeat,
    read_cad_locations,
    read_cad_panic,
    read_cad_status,
    read_events,
    read_heartbeat,
    read_locations,
    read_operation,
    read_panic,
)
from bridge.intake.cad_v1 import (
    EVENT_TYPES,
    clean,
    encode,
    read_beside,
    read_events_v1,
    read_locations_v1,
    read_players_v1,
)
from bridge.intake.cms_v1 import encode_cms_data, read_cms_account, read_cms_clocking, read_cms_server
from bridge.intake.document import check_encoding
from bridge.intake.fields import mapping_of
from bridge.listener.body import decompress
from bridge.listener.examples import BODIES, EVENTS
from bridge.listener.forward_v1 import Passing, v1_request
from bridge.listener.keyed import Envelope, read_envelope
from bridge.listener.paths import BadPathError, MethodError, clean_query, fill, find, names_server
from bridge.listener.translation import requests_of, ways_of
from bridge.operations import OPERATIONS
from bridge.sonoran import cms
from bridge.types_v1 import TYPES
from bridge.units import ServerId
from tests.fuzz.documents import Tree, tree_of
from tests.fuzz.oracle import check_events, check_locations, check_path, check_query
from tests.support import cms_examples, operation_examples, v1_examples

MAX_COORDINATE = 16_000.0
SERVER = ServerId(1)
LIMIT = 2**20  # bytes of a body


class Target(Struct, frozen=True, kw_only=True):
    """Something that reads; ``seeds`` are well-made documents, or ``raw`` ones that are no JSON.

    ``twin`` reads the same in another way, and must come to the same.
    """

    name: str
    read: Callable[[bytes], object]
    seeds: Sequence[Tree] = ()
    raw: Sequence[bytes] = ()
    twin: Callable[[bytes], object] | None = None


def _locations(body: bytes) -> LocationPush:
    push = read_locations(body, max_coordinate=MAX_COORDINATE)
    check_locations(push, MAX_COORDINATE)
    return push


def _cad_locations(body: bytes) -> LocationPush:
    push = read_cad_locations(body, max_coordinate=MAX_COORDINATE)
    check_locations(push, MAX_COORDINATE)
    return push


def _panic(body: bytes) -> object:
    push = read_panic(body, max_coordinate=MAX_COORDINATE)
    check_events([push.event])
    check_locations(LocationPush(reports=push.reports), MAX_COORDINATE)
    return push


def _events(body: bytes) -> object:
    events = read_events(body, cms=True)
    check_events(events)
    return events


def _operation(body: bytes) -> object:
    push = read_operation(body)
    msgspec.json.decode(push.body or b"null")
    check_query(push.query)
    names_server(SERVER, push.query, push.body)
    for operation in OPERATIONS.values():
        if set(push.path) | {"serverId"} >= set(operation.parameters):
            try:
                check_path(fill(operation, {"serverId": "1"} | push.path).path)
            except BadPathError:
                continue
    return push


def _of_cad(read: Callable[[bytes], Any]) -> Callable[[bytes], object]:
    def read_and_check(body: bytes) -> object:
        names_server(SERVER, "", body)
        event = read(body)
        if not isinstance(event, int):
            check_events([event])
        return event

    return read_and_check


def _cad_path(data: bytes) -> object:
    """Read ``METHOD path?query``, as the door finds what is asked for."""
    method, _, rest = data.decode("utf-8", "surrogateescape").partition(" ")
    path, _, query = rest.partition("?")
    path = path if path.startswith("/v2/") else f"/v2/{path}"
    check_query(clean_query(query))
    names_server(SERVER, query, b"")
    try:
        target = find(method, path)
    except (BadPathError, MethodError) as error:
        return str(error)
    check_path(target.path)
    if target.operation.path:
        again = find(target.method, target.path)
        assert again == target, f"{target} is {again} when it is read again"
    return target


def _cad_body(body: bytes) -> object:
    named = names_server(SERVER, "", body)
    check_encoding(body)
    return named


def _envelope(body: bytes) -> Envelope:
    envelope = read_envelope(body)
    envelope.key.encode("ascii")
    msgspec.json.encode([envelope.id, envelope.type])
    return envelope


def _cad_v1(body: bytes) -> object:
    """Read as the door does, whatever path it came by: that of its type."""
    envelope = _envelope(body)
    row = TYPES.get(envelope.type)
    if row is None or envelope.fault:
        return envelope
    records = [mapping_of(clean(record)) for record in envelope.data]
    names_server(SERVER, "", encode(records))
    if row.name == "UNIT_LOCATION":
        push = read_locations_v1(records, max_coordinate=MAX_COORDINATE)
        check_locations(push, MAX_COORDINATE)
        return push
    if row.name == "HEARTBEAT":
        return read_players_v1(records)
    if row.name in EVENT_TYPES:
        check_events(read_events_v1(row.name, records))
    beside = read_beside(row.name, envelope.more)
    passing = Passing(row=row, server_id=SERVER, records=records, beside=beside, seconds=4.0)
    v1_request(passing, "examplecad")
    return _translated(passing, [beside] if beside else records)


def _translated(passing: Passing, records: Sequence[dict[str, object]]) -> object:
    if passing.row.equal is None or passing.row.name in EVENT_TYPES:
        return None
    try:
        return [request for way in ways_of(passing.row, records) for request in requests_of(way, SERVER)]
    except BadPathError as error:
        return str(error)


def _cms_v1(body: bytes) -> object:
    envelope = _envelope(body)
    if envelope.fault:
        return envelope
    server_id = read_cms_server(envelope.data)
    encode_cms_data(envelope.data)
    if envelope.type == "CLOCK_IN_OUT":
        event = read_cms_clocking(envelope.data)
        check_events([event])
        return event
    account = read_cms_account(envelope.data)
    cms.verify_whitelist(account, server_id)
    cms.clock(Clocking(id=account.value, clocked_in=True, account=account.kind))
    return account


def _compressed(data: bytes) -> object:
    opened = decompress(data, LIMIT)
    assert opened is None or len(opened) <= LIMIT + 1, f"{len(opened)} bytes came out"
    return None if opened is None else len(opened)


def _after_a_mark(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Read with a byte order mark before it, which the fast way refuses: both must come to the same."""
    return lambda body: read(b"\xef\xbb\xbf" + body)


def _trees(values: Iterable[object]) -> list[Tree]:
    return [tree_of(value) for value in values]


def _of_operation(*names: str) -> list[Tree]:
    return _trees(operation_examples.BY_OPERATION[name].body for name in names)


_LUA: tuple[Mapping[str, object] | list[object], ...] = (
    {"updates": {"3": {"id": 3, "coords": {"x": 1.5, "y": 2.5, "z": 3.5, "w": 90}}, "12": {"id": "12", "position": [1, 2, 3, 4]}}},
    [None, {"id": "license:1", "x": "1.5", "y": "2.5", "heading": "90", "peerId": 7, "bucket": 0}],
    {"updates": [{"id": "a", "x": 1, "y": 2, "vehicle": {"model": "police", "headingOffset": 1, "zOffset": 2, "lights": 1}}], "full": 1, "players": "42"},
    {"left": ["license:1", 7, {"id": "license:2"}], "updates": []},
)  # fmt: skip
_CAD_PUSH = operation_examples.BY_OPERATION["updateUnitLocations"].body
_DEFLATED = tuple(zlib.compress(b'{"id":"license:1"}' * count) for count in (1, 100, 70_000))

TARGETS: tuple[Target, ...] = (
    Target(name="native/locations", read=_locations, seeds=_trees((*BODIES["locations"].values(), *_LUA)), twin=_after_a_mark(_locations)),
    Target(name="native/panic", read=_panic, seeds=_trees(BODIES["panic"].values())),
    Target(name="native/events", read=_events, seeds=_trees(EVENTS.values())),
    Target(name="native/heartbeat", read=read_heartbeat, seeds=_trees(({"players": 42}, 42))),
    Target(name="native/operations", read=_operation, seeds=_trees((*BODIES["operations"].values(), {"path": {"callId": 7}, "query": {"a": [1, "b"]}, "body": []}))),
    Target(name="cad_v2/locations", read=_cad_locations, seeds=_trees((_CAD_PUSH, {"updates": {"apiId": "a", "coordinates": [1, 2]}})), twin=_after_a_mark(_cad_locations)),
    Target(name="cad_v2/panic", read=_of_cad(read_cad_panic), seeds=[*_of_operation("setUnitPanic"), tree_of({"identIds": [1, 2], "roblox": 7, "discord": "8", "accountUuid": "x", "isPanic": 1})]),
    Target(name="cad_v2/status", read=_of_cad(read_cad_status), seeds=_of_operation("setUnitStatus")),
    Target(name="cad_v2/call_911", read=_of_cad(read_cad_emergency_call), seeds=_of_operation("create911Call")),
    Target(name="cad_v2/dispatch_call", read=_of_cad(read_cad_dispatch_call), seeds=_of_operation("createDispatchCall")),
    Target(name="cad_v2/heartbeat", read=_of_cad(read_cad_heartbeat), seeds=_of_operation("heartbeat")),
    Target(name="cad_v2/path", read=_cad_path, raw=[f"{one.method} {one.target}".encode() for one in operation_examples.EXAMPLES]),
    Target(name="cad_v2/body", read=_cad_body, seeds=_trees(one.body for one in operation_examples.EXAMPLES)),
    Target(name="cad_v1", read=_cad_v1, seeds=_trees(one.body() for one in v1_examples.EXAMPLES)),
    Target(name="cms_v1", read=_cms_v1, seeds=_trees(msgspec.json.decode(one.payload()) for one in cms_examples.EXAMPLES)),
    Target(name="compressed", read=_compressed, raw=_DEFLATED),
)  # fmt: skip
