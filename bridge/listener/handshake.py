"""TLS on a connection before it speaks HTTP: counted and timed from its first moment.

The event loop's own TLS servers tell of a connection only when its handshake is done: one that says nothing would be
outside every limit until then. So connections are accepted here, and a handshake is part of its first request's time.
"""

import asyncio
import socket
import ssl
from asyncio import Task, TaskGroup
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from prometheus_client import Counter

from bridge import logs
from bridge.clock import Clock
from bridge.listener.certificate import ServedCertificate
from bridge.listener.connection import Connection

FAREWELL = 2.0  # seconds for the other side to end TLS in good order
WARN_EVERY = 60.0  # seconds between two log lines of one reason
PAUSE = 1.0  # seconds without accepting, where the system has no descriptor left
PLAIN, SLOW, UNTRUSTED, BROKEN = "plain_http", "timeout", "untrusted", "broken"
REASONS = (PLAIN, SLOW, UNTRUSTED, BROKEN)
REASON_OF = {
    "HTTP_REQUEST": PLAIN,
    "HTTPS_PROXY_REQUEST": PLAIN,
    "TLSV1_ALERT_UNKNOWN_CA": UNTRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": UNTRUSTED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": UNTRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": UNTRUSTED,
}
HINTS = {
    PLAIN: "a game server speaks http:// to a TLS listener, its URL has to begin with https://",
    UNTRUSTED: "a client does not trust the certificate; FXServer's own does not ask, Node's does",
}

log = logs.get("listener")

Connect = Callable[[float], Connection]
"""Makes the HTTP side of a connection that came then (event loop's time)."""


class Handshakes:
    """Accepts connections and secures them. An async context manager: what is not done when it is left is cut."""

    def __init__(
        self,
        certificate: ServedCertificate,
        seconds: float,
        failures: Counter,
        clock: Clock,
    ) -> None:
        self._certificate = certificate
        self.seconds = seconds
        self._failures = {reason: failures.labels(reason) for reason in REASONS}
        self._clock = clock
        self._warn_again_at: dict[str, float] = {}
        self._group = TaskGroup()
        self._accepting: dict[socket.socket, Task[None]] = {}
        self._shaking: set[Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        for task in self._shaking:
            task.cancel()
        await self._group.__aexit__(None, None, None)

    def accept(self, sock: socket.socket, connect: Connect) -> None:
        """Serve a socket that listens."""
        self._accepting[sock] = self._group.create_task(self._accept(sock, connect))

    def close(self) -> None:
        """Accept no more; handshakes under way go on."""
        for task in self._accepting.values():
            task.cancel()
        self._accepting.clear()

    async def _accept(self, sock: socket.socket, connect: Connect) -> None:
        loop = asyncio.get_running_loop()
        with sock:
            while True:
                try:
                    accepted, _ = await loop.sock_accept(sock)
                except ConnectionAbortedError:  # whoever came has gone again
                    continue
                except OSError as error:
                    log.error("no connection accepted", detail=error.strerror)  # noqa: TRY400 -- that says it all
                    await self._clock.sleep(PAUSE)
                    continue
                connection = connect(loop.time())
                if not connection.come_in():
                    accepted.close()
                    continue
                task = connection.handshake = self._group.create_task(self._shake(accepted, connection))
                self._shaking.add(task)
                task.add_done_callback(self._shaking.discard)

    async def _shake(self, accepted: socket.socket, connection: Connection) -> None:
        """Secure a connection that was let in; from then on it is HTTP's."""
        peer = _peer(accepted)
        try:
            async with asyncio.timeout(self.seconds):
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: connection,
                    accepted,
                    ssl=self._certificate.context,
                    ssl_handshake_timeout=2 * self.seconds,
                    ssl_shutdown_timeout=FAREWELL,
                )
        except OSError as error:
            self._note(_reason_of(error), peer)
        except Exception:
            log.exception("TLS handshake failed")
        finally:
            connection.give_up()

    def _note(self, reason: str, peer: str | None) -> None:
        """Count a handshake that failed, and tell the operator of it, but not for each one."""
        self._failures[reason].inc()
        now = self._clock.monotonic()
        if now < self._warn_again_at.get(reason, now):
            return
        self._warn_again_at[reason] = now + WARN_EVERY
        tell = log.warning if reason in HINTS else log.info
        tell("TLS handshake failed", reason=reason, peer=peer, hint=HINTS.get(reason))


def _peer(accepted: socket.socket) -> str | None:
    with suppress(OSError):  # it may be gone again
        return str(accepted.getpeername()[0])
    return None


def _reason_of(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return REASON_OF.get(error.reason or "", BROKEN)
    return SLOW if isinstance(error, TimeoutError) else BROKEN
