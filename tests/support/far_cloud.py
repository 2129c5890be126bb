"""A simulated CAD as the Internet has it, as a process of its own: over https, under a name, behind a proxy.

``python -m tests.support.far_cloud ADDRESS FOLDER KEY`` serves the proxy on port 3128 of the address; the CAD's
certificate is in the folder. A unix socket there, ``cloud.sock``, leads to the simulator's control door.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from bridge.certificate import read_certificate
from bridge.clock import SystemClock
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.server import SimulatorServer
from tests.support.proxy import FakeProxy, pipe
from tests.support.tls import CERTIFICATE, PRIVATE_KEY

NAME = "api.sonorancad.test"
PROXY_PORT = 3128
CONTROL = "cloud.sock"


async def main(address: str, folder: Path, key: str) -> None:
    clock = SystemClock()
    pair = read_certificate(folder / CERTIFICATE, folder / PRIVATE_KEY, clock.wall())
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(SimulatorServer(clock, cloud=Cloud(clock, Cad(key=key))))

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there = await asyncio.open_connection("127.0.0.1", simulator.port)
            async with asyncio.TaskGroup() as group:
                group.create_task(pipe(reader, there[1]))
                group.create_task(pipe(there[0], writer))

        secure = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=pair.context)
        proxy = FakeProxy({f"{NAME}:443": secure.sockets[0].getsockname()})
        await asyncio.start_server(proxy.serve, address, PROXY_PORT)
        await asyncio.start_unix_server(forward, folder / CONTROL)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
