"""Requests as they go over the wire: well-made ones, and what becomes of them."""

import gzip
import random
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bridge.listener.examples import BODIES, EVENTS
from bridge.operations import OPERATIONS
from tests.fuzz.documents import Tree, tree_of, write
from tests.fuzz.mutation import Mutator
from tests.support import cms_examples, operation_examples, v1_examples
from tests.support.daemon import ADMIN_TOKEN, TOKENS

DOORS = ("native", "cad_v2", "cad_v1", "cms_v1", "admin")
KEY = "@the-token@"  # stands in documents where the token goes; wherever else it gets, it stays
COMMUNITY = "examplecad"

_BOMB = gzip.compress(b"0" * 30_000_000, 9)
_TYPES = (
    "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-16", "application/json; charset=latin-1", "", "*/*", "multipart/form-data",
    'multipart/form-data; boundary="', 'application/json; charset="', "text/html; charset=x\x7f", "application/json;;;", "a" * 3000,
)  # fmt: skip
_ODD_HEADERS = (
    b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 0x10", b"Content-Length: 3, 3", b"Content-Length:",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: xchunked", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding : chunked",
    b"Expect: 100-continue", b"Expect: 200-ok", b"Connection: close", b"Connection: Upgrade\r\nUpgrade: websocket", b"Connection: keep-alive, close", b"Upgrade: h2c",
    b"Host: a\r\nHost: b", b"Host:", b"Host: [::1", b"Host: \xff", b"Origin: null", b"Origin: https://x.example", b"Cookie: " + b"a=b; " * 300, b"X-Long: " + b"x" * 20_000,
    b"X: a\r\n folded", b"X\x00: 1", b"X: \x00", b": empty", b"NoColon", b"X-\xe9: \xe9", b"\r\n", b"Range: bytes=0-", b"If-None-Match: *", b"Accept-Encoding: br;q=x",
    b"Content-Encoding: br", b"Content-Encoding: gzip, gzip", b"Content-Encoding: \xff", b"User-Agent: FXServer/PerformHttpRequest", b"Idempotency-Key: a",
    b"Idempotency-Key: " + b"k" * 256, b"Idempotency-Key: \xff", b"Idempotency-Key:", b"Authorization: Bearer x", b"Forwarded: for=1", b"X-HTTP-Method-Override: DELETE",
    b"Sec-Fetch-Site: cross-site", b"TE: trailers", b"Trailer: Authorization", b"Date: x", *(b"X-%d: y" % number for number in range(3)),
)  # fmt: skip
_METHODS = (
    "GET",
    "HEAD",
    "OPTIONS",
    "PUT",
    "PATCH",
    "DELETE",
    "POST",
    "TRACE",
    "CONNECT",
    "post",
    "FOO",
    "P\x00ST",
    "G" * 300,
    "PRI",
)
_PATHS = (
    "//", "/./", "/../", "/%2e%2e/", "%00", "%", "%zz", "%ff", "%2f", "%5c", "\\", ";a=b", "#x", "?", "?serverId=2", "?a=%ff&a=\xff", "&&=", "?" + "a" * 9000, "/" * 50,
    "/x" * 2000, "*", "http://other.example/v1/locations", " ", "\t", "\x7f", "é", "٣", "9" * 40, "-1", "{id}", "{path}", "?limit=0", "?limit=9" * 5, "?cursor=²", "?full=1", "?state=x",
    "?since=1e999", "?until=NaN", "?count=-1", "@", ":80", "//[::1", "/v1/events/" + "a" * 65, "/v2/x", "/cms/x", "/emergency/x",
)  # fmt: skip


class Seed(Struct, frozen=True, kw_only=True):
    """A well-made request; ``tree`` is its body where that is JSON, else ``raw`` is."""

    method: str
    target: str
    tree: Tree | None = None
    raw: bytes = b""
    content_type: str = "application/json"


class Shot(Struct, frozen=True, kw_only=True):
    """What goes over the wire, in pieces; ``sure`` tells that it is one whole request of HTTP, with one answer.

    ``ends`` has the client say afterwards that nothing more comes.
    """

    door: str
    path: str
    pieces: Sequence[bytes]
    sure: bool
    bodiless: bool
    ends: bool = False

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


class Gunner:
    """Makes the requests of one door."""

    def __init__(self, door: str, dice: random.Random) -> None:
        self._door = door
        self._dice = dice
        self._seeds = SEEDS[door]
        trees = [seed.tree for seed in self._seeds if seed.tree is not None]
        self._mutator = Mutator(dice, trees or [tree_of({"id": "license:1"})])

    def next(self) -> Shot:
        """Return another request."""
        dice = self._dice
        seed = dice.choice(self._seeds)
        body = self._body(seed)
        way = dice.random()
        if way < 0.76:
            return self._shot(seed.method, seed.target, body, seed.content_type)
        if way < 0.85:
            method = dice.choice((seed.method, seed.method, dice.choice(_METHODS)))
            return self._shot(method, self._astray(seed.target), body, seed.content_type, sure=False)
        if way < 0.92:
            return self._encoded(seed, body)
        return self._abused(seed, body)

    def _body(self, seed: Seed) -> bytes:
        """Return a body, changed; nothing is where it always was but the token."""
        dice = self._dice
        if seed.tree is None:
            return self._mutator.spoil(seed.raw) if seed.raw and dice.random() < 0.7 else seed.raw
        way = dice.random()
        tree = seed.tree if way < 0.15 else self._mutator.mutate(seed.tree)
        data = write(tree)
        if way > 0.9:
            data = self._mutator.spoil(data)
        return data.replace(f'"key":"{KEY}"'.encode(), f'"key":"{TOKENS[1]}"'.encode(), 1)

    def _shot(
        self, method: str, target: str, body: bytes, content_type: str, *headers: bytes, sure: bool = True
    ) -> Shot:
        lines = [
            f"Content-Type: {content_type}".encode("latin-1", "replace"),
            *headers,
            *self._authorization(),
        ]
        if body or method in {"POST", "PUT", "PATCH"}:
            lines.append(b"Content-Length: %d" % len(body))
        return self._assemble(method, target, lines, body, sure=sure)

    def _assemble(self, method: str, target: str, lines: Sequence[bytes], body: bytes, *, sure: bool) -> Shot:
        first = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode("utf-8", "surrogateescape")
        head = first + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
        return Shot(
            door=self._door,
            path=target.partition("?")[0],
            pieces=(head + body,),
            sure=sure,
            bodiless=method == "HEAD",
        )

    def _authorization(self) -> list[bytes]:
        dice = self._dice
        token = ADMIN_TOKEN if self._door == "admin" else TOKENS[1]
        if self._door in {"cad_v1", "cms_v1"} or (self._door == "admin" and dice.random() < 0.4):
            return []
        usual = f"Authorization: Bearer {token}".encode()
        if dice.random() < 0.97:
            return [usual]
        odd = (
            b"Authorization:",
            b"Authorization: Bearer",
            b"Authorization: Bearer \xff\x00",
            b"Authorization: Basic " + b"x" * 5000,
            usual.lower(),
            usual + b"x",
        )
        return [dice.choice(odd)]

    def _astray(self, target: str) -> str:
        """Return a target that leads somewhere else, or nowhere."""
        dice = self._dice
        odd = dice.choice(_PATHS)
        at = dice.randint(1, len(target))
        match dice.randrange(5):
            case 0:
                return target[:at] + odd + target[at:]
            case 1:
                return target + odd
            case 2:
                segments = target.split("/")
                segments[dice.randrange(1, len(segments))] = odd
                return "/".join(segments)
            case 3:
                return target.upper() if dice.random() < 0.5 else target.replace("/", "//")
            case _:
                return "".join(
                    f"%{ord(letter):02x}" if dice.random() < 0.2 and letter != "/" else letter
                    for letter in target
                )

    def _encoded(self, seed: Seed, body: bytes) -> Shot:
        """Send the body compressed, in chunks, or called something else."""
        dice = self._dice
        kind = dice.choice(_TYPES)
        match dice.randrange(7):
            case 0:
                body, header = gzip.compress(body, mtime=0), b"Content-Encoding: gzip"
            case 1:
                body, header = zlib.compress(body), b"Content-Encoding: deflate"
            case 2:
                body, header = self._mutator.spoil(gzip.compress(body, mtime=0)), b"Content-Encoding: GZip"
            case 3:
                body, header = _BOMB, b"Content-Encoding: x-gzip"
            case 4:
                return self._chunked(seed, body)
            case 5:
                body, header = b" " * dice.choice((2**20, 2**20 + 1, 2**21)) + body, b"X: y"
            case _:
                header = dice.choice(_ODD_HEADERS[11:])
        return self._shot(seed.method, seed.target, body, kind, header, sure=False)

    def _chunked(self, seed: Seed, body: bytes) -> Shot:
        dice = self._dice
        size = dice.choice((1, 7, 1000)) if len(body) < 5000 else 4000
        chunks = [
            b"%x\r\n%b\r\n" % (len(part), part)
            for part in (body[at : at + size] for at in range(0, len(body), size))
        ]
        whole = b"".join(chunks) + b"0\r\n\r\n"
        if dice.random() < 0.4:
            whole = self._mutator.spoil(whole)
        lines = [b"Transfer-Encoding: chunked", *self._authorization()]
        return self._assemble(seed.method, seed.target, lines, whole, sure=False)

    def _abused(self, seed: Seed, body: bytes) -> Shot:
        """Break the rules of HTTP."""
        dice = self._dice
        shot = self._shot(
            seed.method,
            seed.target,
            body,
            seed.content_type,
            *(dice.choice(_ODD_HEADERS) for _ in range(dice.choice((1, 1, 2, 150)))),
            sure=False,
        )
        data = shot.data
        match dice.randrange(6):
            case 0:
                data = data[: dice.randint(1, len(data))]
            case 1:
                end = data.find(b"\r\n")
                data = self._mutator.spoil(data[:end]) + data[end:]
            case 2:
                data = data * dice.choice((2, 5)) if len(data) < 20_000 else data
            case 3:
                data = data.replace(
                    b"HTTP/1.1",
                    dice.choice((b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"", b"HTTP/1.1 x", b"\xff")),
                    1,
                )
            case 4:
                data = data.replace(b"\r\n", b"\n")
            case _:
                pass
        cuts = sorted(dice.randint(0, len(data)) for _ in range(dice.choice((0, 0, 1, 3))))
        pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        return msgspec.structs.replace(shot, pieces=pieces, ends=dice.random() < 0.5)


def _json(method: str, target: str, body: object) -> Seed:
    return Seed(method=method, target=target, tree=tree_of(body))


def _of_operation(example: operation_examples.Example) -> Seed:
    if example.upload is not None:
        return Seed(
            method=example.method,
            target=example.target,
            raw=example.payload,
            content_type=example.content_type or "",
        )
    return Seed(
        method=example.method,
        target=example.target,
        tree=None if example.body is None else tree_of(example.body),
    )


def _native() -> list[Seed]:
    seeds = [
        _json("POST", f"/v1/{name}", body)
        for name in ("locations", "panic", "heartbeat")
        for body in BODIES[name].values()
    ]
    seeds += [_json("POST", "/v1/events", body) for body in EVENTS.values()]
    seeds += [Seed(method="GET", target=f"/v1/events/{'0' * 32}")]
    for name, example in operation_examples.BY_OPERATION.items():
        if example.upload is None and name in OPERATIONS:
            path = {key: value for key, value in example.path.items() if key != "serverId"}
            seeds.append(
                _json(
                    "POST",
                    f"/v1/operations/{name}",
                    {"path": path, "query": example.query, "body": example.body},
                )
            )
    return seeds


def _admin() -> list[Seed]:
    reads = (
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/status",
        "/openapi.json",
        "/outbox",
        "/outbox?state=failed&limit=5",
        "/outbox?kind=panic&server=server-1&since=1&until=2",
        f"/outbox/{'0' * 32}",
        "/outbox/ab?full=1",
        "/live",
        "/live?full=1",
        "/units?q=license",
        "/units?q=1&full=1",
        "/page/page.js",
    )
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/outbox/retry", {"ids": ["0" * 32]}),
        ("/outbox/discard", {"filter": {"state": ["failed"], "server": ["server-1"]}, "count": 1}),
        ("/outbox/retry", {"filter": {"kind": ["panic"], "since": "1", "error": "x"}, "count": 0}),
        (f"/outbox/{'0' * 32}/retry", {}),
        ("/outbox/ab/discard", {}),
        ("/reload", {}),
    )
    return [Seed(method="GET", target=target) for target in reads] + [
        _json("POST", target, body) for target, body in changes
    ]


SEEDS = {
    "native": _native(),
    "cad_v2": [_of_operation(example) for example in operation_examples.EXAMPLES],
    "cad_v1": [_json("POST", one.path, one.body(KEY, COMMUNITY)) for one in v1_examples.EXAMPLES],
    "cms_v1": [
        _json("POST", f"/cms{one.path}", msgspec.json.decode(one.payload(KEY)))
        for one in cms_examples.EXAMPLES
    ],
    "admin": _admin(),
}
