"""A whitelist on virtual time, a real file under it, and a scripted CMS above it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from bridge.metrics import Metrics
from bridge.sonoran import cms
from bridge.sonoran.breaker import Breaker
from bridge.sonoran.budgets import Budgets
from bridge.sonoran.client import CadClient
from bridge.sonoran.http import FAILURE_REASONS
from bridge.sonoran.messages import CadAnswer
from bridge.store import Store
from bridge.units import Account, ServerId
from bridge.whitelist import RESULTS, Verdict, Whitelist
from tests.support.transport import End, ScriptedTransport, Sent, answer
from tests.support.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
SERVER, OTHER_SERVER = ServerId(1), ServerId(2)
NAMES = {SERVER: "main", OTHER_SERVER: "other"}
DENIED = "NOT ALLOWED ON WHITELIST"


class Listed:
    """What the CMS knows: names by API id on every server's list, and who bypasses them."""

    def __init__(self) -> None:
        self.players: dict[str, str] = {}
        self.bypassing: dict[str, str] = {}

    def full(self, _sent: Sent) -> End:
        return answer(200, [{"name": name, "apiIds": [api_id]} for api_id, name in self.players.items()])

    def verify(self, sent: Sent) -> End:
        named = str(next(iter(sent.body[0].values())))
        if named in self.players:
            return answer(200, self.players[named].encode())
        if named in self.bypassing:
            return answer(200, f"BYPASSED WHITELIST - {self.bypassing[named]}".encode())
        return answer(404, DENIED.encode())


class Whitelisting:
    """One run; ``start`` has the lists fetched."""

    def __init__(
        self,
        clock: VirtualClock,
        store: Store,
        transport: ScriptedTransport,
        *,
        names: Mapping[ServerId, str],
        allow_unknown: bool,
        community: str,
    ) -> None:
        self.clock = clock
        self.store = store
        self.transport = transport
        self.listed = Listed()
        self.metrics = Metrics("0")
        self.metrics.create_cms_series(names.values(), cms.LIMITS, FAILURE_REASONS, RESULTS)
        self.breaker = Breaker(clock, whose="CMS", key="cms.api_key_file")
        budgets = Budgets(store, clock, cms.LIMITS, 0.0, 10.0)
        self.client = CadClient(transport, budgets, self.breaker, self.metrics, clock)
        self.whitelist = Whitelist(
            self.client,
            store,
            self.metrics,
            clock,
            names,
            community=community,
            allow_unknown=allow_unknown,
        )
        self._task: asyncio.Task[None] | None = None
        self.be_healthy()

    def be_healthy(self) -> None:
        self.transport.always(cms.FULL_WHITELIST, self.listed.full)
        self.transport.always(cms.VERIFY_WHITELIST, self.listed.verify)

    def meet(self, end: CadAnswer | Exception) -> None:
        """Have every request end so."""
        for operation in (cms.FULL_WHITELIST, cms.VERIFY_WHITELIST):
            self.transport.always(operation, end)

    async def start(self) -> None:
        await self.whitelist.load()
        self._task = asyncio.create_task(self.whitelist.run())
        await self.clock.sleep(1.0)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def check(
        self, value: str, kind: str = "apiId", server: ServerId = SERVER, *, any_server: bool = False
    ) -> Verdict:
        return await self.whitelist.check(server, Account(value=value, kind=kind), any_server=any_server)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"cad_bridge_{name}", labels)

    @property
    def sent(self) -> list[Sent]:
        return self.transport.sent

    def most_in_a_minute(self) -> int:
        times = [one.at for one in self.sent]
        return max((sum(at <= other < at + 60.0 for other in times) for at in times), default=0)


def run_whitelist(
    folder: Path,
    case: Callable[[Whitelisting], Awaitable[T]],
    *,
    names: Mapping[ServerId, str] = NAMES,
    allow_unknown: bool = False,
    community: str = "https://cms.example examplecms",
    seconds_limit: float = 86_400.0,
) -> T:
    """Run ``case`` on virtual time; runs in one folder share the file."""

    async def main(clock: VirtualClock) -> T:
        metrics = Metrics("0")
        async with Store(folder / "outbox.sqlite3", metrics.outbox_commit.observe) as store:
            over = False
            clock.watch(lambda: store.busy and not over)
            bench = Whitelisting(
                clock,
                store,
                ScriptedTransport(clock),
                names=names,
                allow_unknown=allow_unknown,
                community=community,
            )
            try:
                return await case(bench)
            finally:
                await bench.stop()
                over = True

    return run_virtual(main, seconds_limit=seconds_limit)
