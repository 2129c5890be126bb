"""Honest clients: they push what game servers push, and keep count of every answer."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from tests.support.daemon import TOKENS, update

PUSH_EVERY = 0.01  # seconds
PANIC_EVERY = 0.05
ARRIVE_EVERY = 0.05
POSITIONS = 64

KINDS = ("push", "panic", "arrival")
PUSH = "/v1/locations"
PANIC = "/v1/panic"


class Honest:
    """One keeps its connection and pushes, one keeps its own and panics, and new ones arrive and push."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}

    def restart(self) -> None:
        """Forget what was measured; not what failed."""
        for taken in self.seconds.values():
            taken.clear()

    def p99(self, what: str) -> float:
        """Return milliseconds."""
        taken = sorted(self.seconds[what])
        return 1000 * taken[int(len(taken) * 0.99)] if taken else float("nan")

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        """Push while entered."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._keep("push", PUSH_EVERY)),
                group.create_task(self._keep("panic", PANIC_EVERY)),
                group.create_task(self._arrive()),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _keep(self, what: str, every: float) -> None:
        while True:
            async with self._connection() as streams:
                for number in itertools.count():
                    began = time.monotonic()
                    data = _push(number) if what == "push" else _panic(number)
                    if not await self._exchange(what, data, *streams):
                        break
                    await asyncio.sleep(max(0.0, began + every - time.monotonic()))

    async def _arrive(self) -> None:
        for number in itertools.count():
            began = time.monotonic()
            async with self._connection() as streams:
                await self._exchange("arrival", _push(number), *streams, began=began)
            await asyncio.sleep(max(0.0, began + ARRIVE_EVERY - time.monotonic()))

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def _exchange(
        self,
        what: str,
        data: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        began: float | None = None,
    ) -> bool:
        began = time.monotonic() if began is None else began
        try:
            async with asyncio.timeout(10.0):
                writer.write(data)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.failures.append(f"{what}: {error!r}")
            return False
        self.seconds[what].append(time.monotonic() - began)
        self.answers[f"{what} {head[9:12]}"] += 1
        if head[9] != "2":
            self.failures.append(f"{what}: {head}")
        return True


def _request(path: str, content: object) -> bytes:
    body = msgspec.json.encode(content)
    head = f"POST {path} HTTP/1.1\r\nHost: bridge\r\nAuthorization: Bearer {TOKENS[1]}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _push(number: int) -> bytes:
    return _request(PUSH, [update(f"license:{unit:08}", float(number % 1000)) for unit in range(POSITIONS)])


def _panic(number: int) -> bytes:
    return _request(PANIC, {"ids": [f"license:{number % POSITIONS:08}"], "active": number % 2 == 0})
