"""The simulated CAD as a transport in the same process: no sockets, so that it runs in virtual time too."""

import asyncio
from urllib.parse import parse_qsl

from bridge.clock import Clock
from bridge.config import Secret
from bridge.errors import CadError
from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.cloud import Cloud, Dropped
from bridge.simulator.messages import Reply, Request
from bridge.sonoran.http import TRACE_HEADERS, read_retry_after, with_key
from bridge.sonoran.messages import CadAnswer, CadRequest

JSON = {"Content-Type": "application/json"}
HEADERS = {"Authorization": f"Bearer {SIMULATOR_KEY}", **JSON}


class CloudTransport:
    """Carries requests to ``cloud``; an answer that takes longer than ``timeout`` seconds never comes."""

    def __init__(self, clock: Clock, *, timeout: float = 10.0) -> None:
        self.cloud = Cloud(clock)
        self._clock = clock
        self._timeout = timeout

    async def exchange(self, request: CadRequest) -> CadAnswer:
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self.cloud.exchange(asked(request))
        except Dropped as dropped:
            raise CadError("reset", sent=True) from dropped
        except TimeoutError as error:
            raise CadError("timeout", sent=True) from error
        return answered(reply, self._clock, started)


def asked(request: CadRequest) -> Request:
    """Return a request as the simulator takes it, with its key where it belongs."""
    path, _, query = request.path.partition("?")
    return Request(
        method=request.method or request.operation.method,
        path=path,
        query=dict(parse_qsl(query)),
        headers=JSON if request.keyed else HEADERS,
        body=with_key(request.body, Secret(SIMULATOR_KEY)) if request.keyed else request.body or b"",
    )


def answered(reply: Reply, clock: Clock, started: float) -> CadAnswer:
    """Return the simulator's reply as the client takes it."""
    return CadAnswer(
        status=reply.status,
        body=reply.body,
        retry_after=read_retry_after(reply.headers, clock.wall()),
        trace_id=next((reply.headers[name] for name in TRACE_HEADERS if name in reply.headers), None),
        seconds=clock.monotonic() - started,
        sends=1,
    )
