"""What all of Sonoran's interfaces have in common: the cloud acts on requests through these, whatever they speak."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from bridge.simulator.envelope import INVALID_KEY, TEXT, RefusedError, answer
from bridge.simulator.messages import JSON, Reply, Request, json_reply


class Door(Protocol):
    """One interface."""

    def handle(self, request: Request, now: float, refused: frozenset[str] = frozenset()) -> Reply:
        """Act on a request at ``now`` (Unix seconds)."""
        ...

    def locate(self, request: Request) -> tuple[str | None, int | None]:
        """Return the operation and the server that a request is for, as far as it names them."""
        ...

    def count(self, request: Request, now: float) -> None:
        """Count a request against its limit that is not going to be acted on."""
        ...

    def problem(
        self, request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return a refusal as this interface words it."""
        ...

    def refuse_key(self, request: Request) -> Reply:
        """Return what a wrong key is answered."""
        ...

    def refuse_rate(self, headers: Mapping[str, str] | None = None) -> Reply:
        """Return what a request too many is answered."""
        ...

    def kind(self, body: str) -> str:
        """Return the content type of a success with this body."""
        ...


class Gateway:
    """What stands in front of an interface: it numbers answers and refuses what is too much."""

    def __init__(self) -> None:
        self._traces = 0

    def refuse_rate(self, headers: Mapping[str, str] | None = None) -> Reply:
        """Return the 429 that the gateway gives; it is JSON whatever stands behind it."""
        trace = self.trace()
        content = {"message": "API rate limit exceeded", "request_id": trace}
        ids = {"x-trace-id": trace, "x-kong-request-id": trace}
        return json_reply(content, status=HTTPStatus.TOO_MANY_REQUESTS, headers={**ids, **(headers or {})})

    def too_many(self, wait: float) -> Reply:
        """Return the 429 of a request that comes ``wait`` seconds too early."""
        seconds = str(max(1, math.ceil(wait)))
        return self.refuse_rate({"Retry-After": seconds, "RateLimit-Reset": seconds})

    def trace(self) -> str:
        """Return the number of the next answer."""
        self._traces += 1
        return f"{self._traces:032x}"


class TextGateway(Gateway):
    """The gateway in front of an interface that answers ``{id, key, type, data}``."""

    def problem(
        self, request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return a refusal: its reason as text."""
        del request
        return self.refusal(RefusedError(detail, status), headers)

    def refuse_key(self, request: Request) -> Reply:
        """Return what a wrong key is answered."""
        return self.problem(request, HTTPStatus.BAD_REQUEST, INVALID_KEY)

    def refusal(self, error: RefusedError, headers: Mapping[str, str] | None = None) -> Reply:
        """Return a refusal with its reason, text or JSON."""
        reply = answer(error.reason, self.trace(), status=error.status)
        return Reply(status=reply.status, headers={**reply.headers, **(headers or {})}, body=reply.body)

    def kind(self, body: str) -> str:
        """Return the content type of a success: only what looks like it is JSON."""
        return JSON if body[:1] in {"{", "["} else TEXT
