"""``python -m tests.support.hostile.attacker ATTACK PORT``: attacks until SIGTERM, then says what came of it."""

import asyncio
import json
import signal
import sys
from collections import Counter

from tests.support.hostile.attacks import carry_out

READY = "ready\n"


async def serve_attack(name: str, port: int) -> None:
    """Be the attacker until SIGTERM, then say what came of it."""
    tally: Counter[str] = Counter()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sys.stdout.write(READY)
    sys.stdout.flush()
    async with asyncio.TaskGroup() as group:
        attacking = group.create_task(carry_out(name, port, tally))
        await stop.wait()
        attacking.cancel()
    sys.stdout.write(json.dumps(tally))


if __name__ == "__main__":
    asyncio.run(serve_attack(sys.argv[1], int(sys.argv[2])))
