"""The OpenAPI 3.1 document of the push door: ``paths`` by hand, their schemas from ``shapes``."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address

import msgspec

from bridge import __version__
from bridge.config import Bind, TcpBind
from bridge.listener.examples import BODIES, EVENTS
from bridge.listener.shapes import EVENT_ID, Schema, components, reference
from bridge.operations import OPERATIONS, UPLOAD_BODYCAM_RECORDING

JSON = "application/json"
PROBLEM = "application/problem+json"
USUAL_ADDRESS = "127.0.0.1:30180"
CALLABLE = [name for name in OPERATIONS if name != UPLOAD_BODYCAM_RECORDING.name]
"""What ``/v1/operations`` serves: a recording comes only as itself, under its own path."""

INFO = """\
What FiveM game servers push to cad-bridge, and how they ask what became of it.

The schemas show the form that a well-made script writes. What FXServer really sends is taken too: any Content-Type or \
none, an empty body for `{}`, a list with nulls or an object where a list is meant, `[]` for an empty object, numbers and \
ids as text or as numbers, a single id for a list of them, coordinates flat or under `coords`, `coordinates` or \
`position` as an object or a list, bare NaN, invalid UTF-8. Unknown fields are ignored; too long a text is cut.

Every error of the bridge is `application/problem+json`. A request with an `Origin` header gets 403: a browser is no game \
server. Each answer comes from memory or from disk, except under `/v1/operations` and where the bridge stands in \
for Sonoran's address: there it is Sonoran's own."""

TAGS = (
    ("locations", "Where units are; the newest place of each goes to the CAD in batches."),
    ("events", "What must reach the CAD: on disk before it is answered, then sent until the CAD has it."),
    ("heartbeat", "That a game server lives, for those that push no locations."),
    (
        "operations",
        "Sonoran CAD v2 by the names of its operations, in the bridge's rate budget, with the bridge's key.",
    ),
    (
        "drop-in",
        (
            "Not listed below: every path under `/v2/` is Sonoran CAD v2's own, for SDKs and resources whose API URL is the "
            "bridge's and whose API key is the server's token. Locations, panics, states, 911 and dispatch calls and "
            "heartbeats go through the bridge's batches and outbox; the rest is forwarded, and answered by the CAD. The key "
            "`allow` of `[[servers]]` says what a token reaches; Sonoran's own documents describe the paths. So it is with "
            "`/emergency/`, `/general/` and `/civilian/`, which are Sonoran CAD v1's, and with `/cms/`, which is Sonoran CMS "
            "v1's: there the token is the `key` of the body, no header, and errors are plain text as Sonoran words them."
        ),
    ),
)

HEADERS: Mapping[str, Schema] = {
    "Allow": {"description": "The methods that the path takes.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to say who speaks.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "Age": {"description": "Seconds since the CAD gave this answer.", "schema": {"type": "string"}},
    "Cache-Status": {"description": "Whether the answer was remembered.", "schema": {"type": "string"}},
}

EVERYWHERE = (400, 401, 403, 405, 408, 413)
STORED = (422, 503)
WHY = {
    400: "Not JSON, not HTTP, or a body that ends too early; `offset` is the byte where reading stopped.",
    401: "The token is wrong or missing. The answer is late on purpose.",
    403: "The request comes from a browser, or the token may not reach this operation.",
    404: "There is no such thing, or it is another server's.",
    405: "The path takes another method.",
    408: "The request was not complete in time.",
    413: "The body is longer than `listener.max_body`.",
    422: "The request makes no sense; `problems` names each bad record. Nothing was stored.",
    502: "The CAD gave no answer, or a call did not reach it.",
    503: "The outbox cannot take it now; `retry_after` says in how many seconds to try again.",
    504: "The CAD gave no answer in time.",
}
HEADERS_OF = {401: ["WWW-Authenticate"], 405: ["Allow"], 503: ["Retry-After"]}

CAD_ERROR: Schema = {JSON: {"schema": {}}, PROBLEM: {"schema": {"type": "object"}}}
"""What the CAD says when something goes wrong; Sonoran does not document its fields."""

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key from the same server within 24 h returns the same events and adds none; with another "
    "body it is refused with 422.",
    "schema": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255},
}


def describe(addresses: Iterable[Bind], *, tls: bool = False) -> bytes:
    """Return the document as JSON; ``addresses`` is where the listener listens, with ``tls`` or without."""
    document: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "cad-bridge: the push door",
            "version": __version__,
            "summary": "Locations, panics, events and heartbeats of FiveM game servers for Sonoran CAD.",
            "description": INFO,
        },
        "servers": [_server(addresses, "https" if tls else "http")],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": description} for name, description in TAGS],
        "paths": paths(),
        "components": {
            "schemas": components(),
            "headers": HEADERS,
            "responses": {str(status): _problem(status) for status in WHY},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a `[[servers]]` entry; it says which server speaks.",
                }
            },
        },
    }
    return msgspec.json.encode(document)


def paths() -> dict[str, Schema]:
    """Return what the door serves, by path and method."""
    return {
        "/v1/locations": {"post": _locations()},
        "/v1/panic": {"post": _panic()},
        "/v1/events": {"post": _events()},
        "/v1/events/{id}": {"get": _event()},
        "/v1/heartbeat": {"post": _heartbeat()},
        "/v1/operations/{operationId}": {"post": _operation()},
    }


def _locations() -> Schema:
    either = {"anyOf": [reference("LocationBody"), {"type": "array", "items": reference("LocationRecord")}]}
    return {
        "operationId": "pushLocations",
        "tags": ["locations"],
        "summary": "Say where units are",
        "description": "With `full` this is everybody, and the others are forgotten. An empty push says that the server is "
        "alive. Without `location` the last text of a unit stands, else its postal, else its coordinates.",
        "requestBody": _body(either, BODIES["locations"], required=False),
        "responses": {
            "200": _answer(
                "Taken; one bad record never costs the others. Another `instance` than before: push everything again.",
                reference("LocationsTaken"),
            ),
            **_errors(*EVERYWHERE, 422),
        },
    }


def _panic() -> Schema:
    return {
        "operationId": "pushPanic",
        "tags": ["events"],
        "summary": "Press or release panic buttons",
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": _body(reference("PanicBody"), BODIES["panic"]),
        "responses": {
            "202": _answer("It is on disk.", reference("EventTaken")) | _link("$response.body#/event"),
            **_errors(*EVERYWHERE, *STORED),
        },
    }


def _events() -> Schema:
    return {
        "operationId": "pushEvents",
        "tags": ["events"],
        "summary": "Push one event or a list of them",
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": _body({"anyOf": [reference("Event"), reference("Events")]}, EVENTS),
        "responses": {
            "202": _answer("All are on disk.", reference("EventsTaken")) | _link("$response.body#/events/0"),
            **_errors(*EVERYWHERE, *STORED),
        },
    }


def _event() -> Schema:
    return {
        "operationId": "getEvent",
        "tags": ["events"],
        "summary": "Ask what became of an event",
        "description": "A server sees its own only. Times are Unix seconds.",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": EVENT_ID}],
        "responses": {
            "200": _answer("Where it stands.", reference("EventView")),
            **_errors(*EVERYWHERE, 404, 503),
        },
    }


def _heartbeat() -> Schema:
    return {
        "operationId": "pushHeartbeat",
        "tags": ["heartbeat"],
        "summary": "Say that the server lives, and with how many players",
        "requestBody": _body(reference("HeartbeatBody"), BODIES["heartbeat"]),
        "responses": {"204": {"description": "Taken."}, **_errors(*EVERYWHERE, 422)},
    }


def _operation() -> Schema:
    told = {name: _header(name) for name in ("Age", "Cache-Status")}
    limited = {"429": _answer("No slot is free in the operation's rate budget.", reference("RateLimited"))}
    limited["429"]["headers"] = {"Retry-After": _header("Retry-After")}
    name = {
        "name": "operationId",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": CALLABLE},
    }
    return {
        "operationId": "callOperation",
        "tags": ["operations"],
        "summary": "Ask the CAD for one of its operations",
        "description": "The parameters of the operation's path by name, its query and its body, as Sonoran documents them. "
        "Remembered answers, durable panics and the token's `allow` are as under `/v2/`.",
        "parameters": [name, IDEMPOTENCY_KEY],
        "requestBody": _body(reference("OperationBody"), BODIES["operations"], required=False),
        "responses": {
            "200": _answer("The CAD's own answer, or what it answers to what is on disk now.", {}) | {"headers": told},
            "202": _answer("A call is on disk and the CAD did not answer yet.", reference("EventTaken"))
            | _link("$response.body#/event"),
            "2XX": _answer("The CAD's own answer.", {}) | {"headers": told},
            **_errors(*EVERYWHERE, 404, 422, 502, 503, 504, cad=True),
            **limited,
            "4XX": {"description": "The CAD's own refusal.", "content": CAD_ERROR},
            "5XX": {"description": "The CAD's own failure.", "content": CAD_ERROR},
        },
    }  # fmt: skip


def _body(schema: Schema, examples: Mapping[str, object], *, required: bool = True) -> Schema:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"required": required, "content": {JSON: {"schema": schema, "examples": shown}}}


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _link(event: str) -> Schema:
    return {"links": {"event": {"operationId": "getEvent", "parameters": {"id": event}}}}


def _errors(*statuses: int, cad: bool = False) -> Schema:
    """Return the answers of an operation that goes wrong; ``cad``: the CAD may answer so itself, in its own words."""
    if not cad:
        return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}
    return {str(status): _problem(status, cad=True) for status in statuses}


def _problem(status: int, *, cad: bool = False) -> Schema:
    content: Schema = {PROBLEM: {"schema": reference("Problem")}}
    if cad:
        content = CAD_ERROR | {PROBLEM: {"schema": {"anyOf": [reference("Problem"), {"type": "object"}]}}}
    headers = {name: _header(name) for name in HEADERS_OF.get(status, ())}
    described = f"{HTTPStatus(status).phrase}: {WHY[status]}"
    answer: Schema = {"description": described, "content": content}
    return answer | {"headers": headers} if headers else answer


def _header(name: str) -> Schema:
    return {"$ref": f"#/components/headers/{name}"}


def _server(addresses: Iterable[Bind], scheme: str) -> Schema:
    """Return where to push to; a wildcard is no place to push to, a unix socket has no URL."""
    found = [address for address in addresses if isinstance(address, TcpBind)]
    at = USUAL_ADDRESS
    if found:
        host = ip_address(found[0].host)
        loopback = "::1" if host.version == 6 else "127.0.0.1"  # noqa: PLR2004 -- the protocol's number
        at = str(TcpBind(host=loopback if host.is_unspecified else found[0].host, port=found[0].port))
    return {
        "url": f"{scheme}://{{address}}",
        "description": "The listener of this daemon.",
        "variables": {"address": {"default": at, "description": "One of `listener.bind`."}},
    }
