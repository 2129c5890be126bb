"""The listener's certificate with its key, read from two PEM files and tried before it is used."""

import datetime as dt
import hashlib
import ssl
from pathlib import Path

from msgspec import Struct

CERT_KEY, KEY_KEY = "listener.tls_cert_file", "listener.tls_key_file"
LARGEST_PEM = 2**20  # bytes of a file; a chain of certificates has a few thousand
SOON = 14 * 86400.0  # seconds before its end from which on a certificate is talked about
PROTOCOLS = ["http/1.1"]  # FXServer's client offers HTTP/2 beside it, which the listener does not speak
MISMATCH = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"})

_SEQUENCE, _UTC_TIME, _VERSION = 0x30, 0x17, 0xA0


class CertificateError(ValueError):
    """The pair cannot be used; ``key`` is the configuration's key that is at fault."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Certificate(Struct, frozen=True, kw_only=True):
    """A pair that works: what new connections are served with, and when it ends (Unix seconds)."""

    context: ssl.SSLContext
    expires_at: float
    digest: str


def digest_of(certificate: Path, key: Path) -> str:
    """Return what changes when either file's content does.

    Raises:
        CertificateError: one cannot be read.
    """
    contents = (_content(CERT_KEY, certificate), _content(KEY_KEY, key))
    return " ".join(hashlib.sha256(content).hexdigest() for content in contents)


def read_certificate(certificate: Path, key: Path, wall: float | None = None) -> Certificate:
    """Read a pair that can be served at ``wall`` (Unix seconds); None: whatever the time.

    Game servers do not look at the time: a pair that has expired serves them better than a door that stays closed.

    Raises:
        CertificateError: a file cannot be read, is of another kind, belongs to another one, or its time is over.
    """
    digest = digest_of(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(PROTOCOLS)
    begins_at, expires_at = _validity(_content(CERT_KEY, certificate))
    _load(context, certificate, key)
    if digest_of(certificate, key) != digest:
        raise CertificateError(CERT_KEY, "the file is being written")
    if wall is not None and wall >= expires_at:
        raise CertificateError(CERT_KEY, f"the certificate expired on {day(expires_at)}")
    if wall is not None and wall < begins_at:
        raise CertificateError(CERT_KEY, f"the certificate is not valid before {day(begins_at)}")
    return Certificate(context=context, expires_at=expires_at, digest=digest)


def day(moment: float) -> str:
    """Return a moment as the day that people write, in UTC."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%d")


def remaining(expires_at: float, wall: float) -> str | None:
    """Return what there is to say of a certificate's end; None while that is far away."""
    if wall >= expires_at:
        return f"the certificate expired on {day(expires_at)}"
    days = int((expires_at - wall) // 86400)
    if expires_at - wall > SOON:
        return None
    return f"the certificate expires on {day(expires_at)}, in {days} day{'' if days == 1 else 's'}"


def _content(key: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_PEM + 1)
    except FileNotFoundError:
        raise CertificateError(key, f"no such file: {path}") from None
    except OSError as error:
        raise CertificateError(
            key, f"{path} cannot be read: {(error.strerror or 'unknown error').lower()}"
        ) from None
    if len(content) > LARGEST_PEM:
        raise CertificateError(key, f"{path} is larger than {LARGEST_PEM} bytes")
    return content


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except _EncryptedError:
        raise CertificateError(
            KEY_KEY, f"{key} is encrypted, and nobody is there to type its password"
        ) from None
    except ssl.SSLError as error:
        if error.reason in MISMATCH:
            raise CertificateError(
                KEY_KEY, f"{key} is not the key of the certificate in {CERT_KEY}"
            ) from None
        raise CertificateError(*_blame(certificate, key)) from None
    except OSError as error:
        raise CertificateError(KEY_KEY, f"{key} cannot be read: {(error.strerror or '').lower()}") from None


def _blame(certificate: Path, key: Path) -> tuple[str, str]:
    """Return which of two files the TLS library could not use: it does not say."""
    if b" PRIVATE KEY-----" not in _content(KEY_KEY, key):
        return KEY_KEY, f"{key} holds no private key in PEM form"
    try:
        ssl.create_default_context().load_verify_locations(certificate)
    except ssl.SSLError:
        return CERT_KEY, f"{certificate} holds no certificate that can be used"
    return KEY_KEY, f"{key} holds no private key that can be used with the certificate"


def _refuse_password() -> str:
    raise _EncryptedError


class _EncryptedError(Exception):
    """Somebody would have to type a password."""


def _validity(pem: bytes) -> tuple[float, float]:
    """Return from when to when the first certificate of a file is valid, in Unix seconds."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    start = pem.find(begin)
    stop = pem.find(end, start)
    if start < 0 or stop < 0:
        raise CertificateError(CERT_KEY, "the file holds no certificate in PEM form")
    try:
        der = ssl.PEM_cert_to_DER_cert(pem[start : stop + len(end)].decode("ascii"))
        return _read_validity(der)
    except (ValueError, IndexError):
        raise CertificateError(CERT_KEY, "the file holds no certificate that can be read") from None


def _read_validity(der: bytes) -> tuple[float, float]:
    """Walk to the validity in X.509's fixed order: version, serial number, algorithm, issuer, validity."""
    (_, certificate), _ = _element(der, 0)
    (_, body), _ = _element(certificate, 0)
    (kind, _), after = _element(body, 0)
    at = after if kind == _VERSION else 0
    for _ in ("serial number", "algorithm", "issuer"):
        _, at = _element(body, at)
    (kind, validity), _ = _element(body, at)
    if kind != _SEQUENCE:
        raise ValueError("no validity")
    first, at = _element(validity, 0)
    last, _ = _element(validity, at)
    return _moment(*first), _moment(*last)


def _element(der: bytes, at: int) -> tuple[tuple[int, bytes], int]:
    """Return an element's kind and content, and where the next one begins."""
    kind, length, at = der[at], der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(der[at : at + count], "big"), at + count
    if at + length > len(der):
        raise ValueError("cut short")
    return (kind, der[at : at + length]), at + length


def _moment(kind: int, text: bytes) -> float:
    """Return a time of a certificate, which has two years' digits until 2049 and four from then on."""
    digits = text.decode("ascii")
    if kind == _UTC_TIME:
        digits = ("20" if digits < "5" else "19") + digits
    return dt.datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
