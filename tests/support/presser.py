"""Presses one panic button as a careful resource does, as a process of its own: until the bridge has it.

``python -m tests.support.presser URL TOKEN UNIT`` asks for no certificate, gives up on an answer after 5 s and tries
again with the same Idempotency-Key, as FXServer's client would. It prints when it was taken (Unix seconds).
"""

import asyncio
import sys
import time

import aiohttp

from tests.support.tls import unverified


async def main(url: str, token: str, unit: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": unit}
    timeout = aiohttp.ClientTimeout(total=5.0)
    while True:
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=unverified())) as session,
                session.post(
                    f"{url}/v1/panic", json={"id": unit}, headers=headers, timeout=timeout
                ) as answer,
            ):
                assert answer.status == 202, await answer.text()
                break
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.2)
    sys.stdout.write(f"{time.time()}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
