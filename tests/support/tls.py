"""Certificates of an authority that exists only for a test, and the contexts that trust it."""

import datetime as dt
import ssl
from pathlib import Path

import trustme

from bridge.certificate import CERT_KEY, KEY_KEY
from bridge.clock import SystemClock
from bridge.listener.certificate import ServedCertificate
from bridge.metrics import Metrics

NAMES = ("localhost", "127.0.0.1", "::1", "bridge.test")
CERTIFICATE, PRIVATE_KEY, AUTHORITY = "tls.crt", "tls.key", "ca.pem"
TOML_KEYS = {CERT_KEY.partition(".")[2]: CERTIFICATE, KEY_KEY.partition(".")[2]: PRIVATE_KEY}


class Authority:
    """Signs certificates and writes them into a folder, as an operator's renewal would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / AUTHORITY
        self.certificate, self.key = folder / CERTIFICATE, folder / PRIVATE_KEY
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(self.file)

    def issue(
        self, *names: str, days: float = 90.0, begun: float = 1.0, at: float | None = None
    ) -> trustme.LeafCert:
        """Write a pair that ends so many days from now, or ``at``, and began before as many; return it."""
        now = dt.datetime.fromtimestamp(SystemClock().wall() if at is None else at, dt.UTC)
        pair = self._ca.issue_cert(
            *(names or NAMES),
            not_before=now - dt.timedelta(days=begun),
            not_after=now + dt.timedelta(days=days),
        )
        self.certificate.write_bytes(b"".join(pem.bytes() for pem in pair.cert_chain_pems))
        self.key.write_bytes(pair.private_key_pem.bytes())
        self.key.chmod(0o600)
        return pair

    def trusted(self, *protocols: str) -> ssl.SSLContext:
        """Return what a client trusts that knows this authority and offers some protocols."""
        context = ssl.create_default_context(cafile=self.file)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def served(self, metrics: Metrics | None = None) -> ServedCertificate:
        """Return what a listener shows, with a pair that was just issued if there is none yet."""
        if not self.certificate.exists():
            self.issue()
        return ServedCertificate(self.certificate, self.key, metrics or Metrics("0"), SystemClock())


def unverified() -> ssl.SSLContext:
    """Return what FXServer's client does: it encrypts and asks nobody for a name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
