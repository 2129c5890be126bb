"""The certificate that game servers are shown: loaded anew when its files change, without a restart."""

import ssl
from pathlib import Path

from bridge import logs
from bridge.certificate import Certificate, CertificateError, digest_of, read_certificate, remaining
from bridge.clock import Clock
from bridge.errors import StartError
from bridge.metrics import Metrics

LOOK_EVERY = 60.0  # seconds
REMIND_EVERY = 86400.0  # seconds between two warnings that the same certificate ends soon

log = logs.get("listener")


class ServedCertificate:
    """A pair of files and what was last good in them; connections that are open keep what they began with.

    ``problem`` is what is wrong with the files now, while the former pair is still shown.

    Raises:
        StartError: the pair cannot be used at all.
    """

    def __init__(self, certificate: Path, key: Path, metrics: Metrics, clock: Clock) -> None:
        self._files = certificate, key
        self._expiry = metrics.listener_certificate_expiry
        self._clock = clock
        self._remind_at = clock.monotonic()
        self.problem: str | None = None
        try:
            self._current = read_certificate(certificate, key)
        except CertificateError as error:
            raise StartError(f"{error.key}: {error}") from None
        self._expiry.set(self._current.expires_at)

    @property
    def context(self) -> ssl.SSLContext:
        """Return what a new connection is served with."""
        return self._current.context

    @property
    def complaints(self) -> list[str]:
        """Return what an operator should do something about; game servers themselves check nothing of it."""
        words = remaining(self._current.expires_at, self._clock.wall())
        unused = self.problem and f"the new certificate is not used, the former one is shown: {self.problem}"
        return [line for line in (words, unused) if line]

    async def run(self) -> None:
        """Look at the files every minute until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Load the pair if it has changed and is good; what is not is told once and changes nothing."""
        try:
            if digest_of(*self._files) != self._current.digest:
                self._take(read_certificate(*self._files, self._clock.wall()))
            elif self.problem is not None:
                log.info("certificate is as it was before")
            self.problem = None
        except CertificateError as error:
            self._refuse(f"{error.key}: {error}")
        self._remind()

    def _take(self, certificate: Certificate) -> None:
        self._current = certificate
        self._expiry.set(certificate.expires_at)
        self._remind_at = self._clock.monotonic()
        log.info("certificate loaded", expires_at=certificate.expires_at)

    def _refuse(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("certificate not loaded, the former one stays", detail=problem)
        self.problem = problem

    def _remind(self) -> None:
        words = remaining(self._current.expires_at, self._clock.wall())
        if words is not None and self._clock.monotonic() >= self._remind_at:
            self._remind_at = self._clock.monotonic() + REMIND_EVERY
            log.warning("certificate ends soon", detail=words)
