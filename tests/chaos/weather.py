"""What goes wrong at the CAD and on the way to it, by chance."""

import asyncio
import random

from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Answer, Delay, Down, Drop, Fault, Half, Hang, RefuseKey
from tests.support import fault_proxy
from tests.support.fault_proxy import NO_FAULT, FaultProxy

OPERATIONS = (
    "updateUnitLocations", "setUnitPanic", "setUnitStatus", "create911Call", "create911Call", "remove911Call",
    "createDispatchCall", "createDispatchCall", "addCallNote", "attachUnits", "detachUnits", "closeDispatchCalls",
    "kickUnit", "kickUnit", "createBlip", "sendPhoto", "getCalls", "getCalls", "getVersion", "heartbeat",
)  # fmt: skip
STATES = (
    "setUnitPanic",
    "setUnitStatus",
)  # what a killed daemon sent of these must not overtake its successor
LOOKS = "getCalls"  # never refused: where the CAD does not let us look, a call may be there twice
REFUSALS = (400, 403, 404, 409, 422)
ROUGH_SECONDS, CALM_SECONDS = (8.0, 16.0), (4.0, 8.0)


def accident(dice: random.Random) -> Fault:
    """Return something that befalls the next requests of some operation."""
    operation = dice.choice(OPERATIONS)
    acts = dice.random() < 0.6
    longest = 0.12 if operation in STATES else 0.8  # far below cad.timeout: later nobody can tell any more
    faults: list[tuple[int, Fault]] = [
        (3, Drop(operation=operation, acts=acts, times=1)),
        (1, Half(operation=operation, times=1)),
        (2, Answer(operation=operation, status=dice.choice((500, 502, 504)), acts=acts, times=1)),
        (1, Answer(operation=operation, status=dice.choice((408, 503)), times=dice.choice((1, 3)))),
        (1, Answer(operation=operation, status=429, retry_after=dice.choice(("1", "2", None)), times=1)),
        (2, Hang(operation=operation, acts=acts, times=1)),
        (2, Delay(operation=operation, seconds=dice.uniform(0.02, longest), times=4)),
    ]
    if operation != LOOKS:
        faults.append((1, Answer(operation=operation, status=dice.choice(REFUSALS), times=1)))
        faults.append((1, RefuseKey(operation=operation, times=dice.choice((1, 2)))))
    [fault] = dice.choices([fault for _, fault in faults], [weight for weight, _ in faults])
    return fault


async def change_the_weather(cloud: Cloud, dice: random.Random) -> None:
    """Put faults in force until cancelled, with calm spells between."""
    while True:
        rough = dice.uniform(*ROUGH_SECONDS)
        while rough > 0:
            cloud.faults.add(accident(dice))
            if dice.random() < 0.02:
                cloud.faults.add(Down(times=15))
            if dice.random() < 0.02:
                cloud.faults.add(Answer(status=503, times=15))
            if dice.random() < 0.01:
                cloud.faults.add(
                    RefuseKey(operation="setUnitStatus", times=1), RefuseKey(operation="getVersion", times=1)
                )
            pause = dice.uniform(0.05, 0.6)
            rough -= pause
            await asyncio.sleep(pause)
        cloud.clear_faults()
        await asyncio.sleep(dice.uniform(*CALM_SECONDS))


def mishap(dice: random.Random) -> fault_proxy.Fault:
    """Return something that befalls all lines of a proxy for a while."""
    match dice.randrange(6):
        case 0 | 1:
            return fault_proxy.Fault(latency=dice.uniform(0.0, 0.15), jitter=dice.uniform(0.0, 0.2))
        case 2:
            return fault_proxy.Fault(bytes_per_second=dice.choice((1_000, 5_000)))
        case 3:
            return fault_proxy.Fault(silent=True)
        case 4:
            return fault_proxy.Fault(answer_bytes=dice.randrange(400), resets=dice.random() < 0.5)
        case _:
            return fault_proxy.Fault(request_bytes=dice.randrange(3_000), resets=dice.random() < 0.5)


async def shake_the_network(proxy: FaultProxy, dice: random.Random) -> None:
    """Let a network fail for moments, until cancelled."""
    while True:
        await asyncio.sleep(dice.uniform(1.0, 6.0))
        match dice.randrange(8):
            case 0:
                proxy.reset()
            case 1:
                proxy.cut()
            case 2:
                proxy.silence()
            case 3:
                await proxy.refuse()
                await asyncio.sleep(dice.uniform(0.2, 2.5))
                await proxy.listen()
            case _:
                proxy.use(mishap(dice))
                await asyncio.sleep(dice.uniform(0.2, 3.0))
                proxy.use(NO_FAULT)


async def make_up(proxy: FaultProxy) -> None:
    """Let a network be fine from now on."""
    proxy.use(NO_FAULT)
    proxy.reset()
    await proxy.listen()
