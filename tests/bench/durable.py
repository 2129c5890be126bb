"""Events that are on disk when they are answered, as many as fit, against syncs one after the other."""

from contextlib import AsyncExitStack

import msgspec

from tests.bench.bench import Bench
from tests.bench.bodies import NUMBER, Shape
from tests.bench.disk import sync_seconds
from tests.bench.load import load
from tests.bench.rows import Row
from tests.bench.servers import TOKEN, daemon, simulator

CONNECTIONS = (1, 64)
SYNCS = 500
EVENTS = Shape(method="POST", path="/v1/events", write=lambda _: b"")
ROOM = {"outbox": {"max_events": 1_000_000}}  # for what comes in faster than the CAD's limits let it out


async def measure(bench: Bench) -> None:
    """Add the rows of durable events."""
    folder = bench.folder / "durable"
    async with AsyncExitStack() as stack:
        cad = await stack.enter_async_context(simulator(folder, bench.cores))
        ours = await stack.enter_async_context(daemon(folder / "ours", bench.cores, cad.url, ROOM))
        events = folder / "events"
        status = {"type": "status", "ids": [f"license:event-{NUMBER}"], "status": "BUSY"}
        events.write_bytes(msgspec.json.encode(status))
        first = 0
        rates: dict[int, list[float]] = {connections: [] for connections in CONNECTIONS}
        bare: list[float] = []
        bench.say("durable events")
        for _ in range(bench.plan.rounds):
            bare.append(SYNCS / sum(sync_seconds(folder, SYNCS)))
            for connections in CONNECTIONS:
                done = await load(
                    ours.url, EVENTS, events, bench.plan.seconds,
                    token=TOKEN, connections=connections, first=first,
                )  # fmt: skip
                rates[connections].append(done.per_second)
                first += done.requests + 1000  # so many may have been under way
        accepted = await ours.metric("cad_bridge_events_accepted_total", server="server-1", kind="status")
    assert accepted >= sum(sum(figures) for figures in rates.values()) * bench.plan.seconds * 0.9
    for connections, figures in rates.items():
        bench.add(
            Row(
                key=f"durable.{connections}",
                title=f"durable events over {connections} connection{'s' * (connections > 1)}",
                unit="events/s",
                ours=tuple(figures),
                against="bare fdatasync, one after the other",
                baseline=tuple(bare),
                more=True,
            )
        )
