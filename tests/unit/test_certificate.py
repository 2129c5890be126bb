"""Pairs of files as operators, renewals and editors leave them."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from bridge.certificate import (
    CERT_KEY,
    KEY_KEY,
    SOON,
    CertificateError,
    digest_of,
    read_certificate,
    remaining,
)
from bridge.clock import SystemClock
from tests.support.tls import Authority

NOW = SystemClock().wall()
DAY = 86400.0


@pytest.fixture(name="authority")
def _authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.issue(days=90.0, begun=1.0)
    return authority


def fault(authority: Authority, wall: float = NOW) -> tuple[str, str]:
    with pytest.raises(CertificateError) as caught:
        read_certificate(authority.certificate, authority.key, wall)
    assert "\n" not in str(caught.value)
    assert "PRIVATE KEY" not in str(caught.value)
    return caught.value.key, str(caught.value).replace(f"{authority.folder}/", "")


def test_a_good_pair_says_when_it_ends_and_speaks_nothing_old(authority: Authority) -> None:
    pair = read_certificate(authority.certificate, authority.key, NOW)

    assert pair.expires_at == pytest.approx(NOW + 90 * DAY, abs=DAY / 2)
    assert pair.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert pair.digest == digest_of(authority.certificate, authority.key)


def test_both_may_be_in_one_file(authority: Authority) -> None:
    authority.certificate.write_bytes(authority.key.read_bytes() + authority.certificate.read_bytes())

    pair = read_certificate(authority.certificate, authority.certificate, NOW)

    assert pair.expires_at > NOW


def test_a_time_in_the_far_future_is_read(authority: Authority) -> None:
    authority.issue(days=40 * 365.0)

    pair = read_certificate(authority.certificate, authority.key, NOW)

    assert dt.datetime.fromtimestamp(pair.expires_at, dt.UTC).year >= 2065


@pytest.mark.parametrize(
    ("days", "key", "words"),
    [
        (90.1, CERT_KEY, "the certificate expired on "),
        (-1.5, CERT_KEY, "the certificate is not valid before "),
    ],
)
def test_a_pair_is_good_only_in_its_time(authority: Authority, days: float, key: str, words: str) -> None:
    at, said = fault(authority, NOW + days * DAY)

    assert at == key
    assert said.startswith(words)


def test_the_key_of_another_certificate_is_named(authority: Authority) -> None:
    other = authority.issue().private_key_pem.bytes()
    authority.issue()
    authority.key.write_bytes(other)

    assert fault(authority) == (KEY_KEY, f"tls.key is not the key of the certificate in {CERT_KEY}")


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_is_named_and_asks_for_no_password(
    authority: Authority, form: PrivateFormat
) -> None:
    key = load_pem_private_key(authority.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"made-up"))
    authority.key.write_bytes(locked)

    assert fault(authority) == (KEY_KEY, "tls.key is encrypted, and nobody is there to type its password")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("tls.crt", b"no certificate", (CERT_KEY, "the file holds no certificate in PEM form")),
        (
            "tls.crt",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            (CERT_KEY, "the file holds no certificate that can be read"),
        ),
        ("tls.key", b"no key", (KEY_KEY, "tls.key holds no private key in PEM form")),
        (
            "tls.key",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            (KEY_KEY, "tls.key holds no private key that can be used with the certificate"),
        ),
        ("tls.crt", b"x" * (2**20 + 1), (CERT_KEY, "tls.crt is larger than 1048576 bytes")),
    ],
)
def test_a_file_of_another_kind_is_named(
    authority: Authority, file: str, content: bytes, expected: tuple[str, str]
) -> None:
    (authority.folder / file).write_bytes(content)

    assert fault(authority) == expected


def test_a_certificate_that_only_looks_like_one_is_named(authority: Authority) -> None:
    """Its validity can be read, its signature's algorithm cannot."""
    body = ssl.PEM_cert_to_DER_cert(
        authority.certificate.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    )
    authority.certificate.write_text(ssl.DER_cert_to_PEM_cert(body[:-40]))

    key, _ = fault(authority)

    assert key == CERT_KEY


def test_a_half_written_file_is_named(authority: Authority) -> None:
    for path, key in ((authority.certificate, CERT_KEY), (authority.key, KEY_KEY)):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 3])
        assert fault(authority)[0] == key
        path.write_bytes(whole)


@pytest.mark.parametrize(("file", "key"), [("certificate", CERT_KEY), ("key", KEY_KEY)])
def test_a_file_that_is_missing_or_a_folder_is_named(authority: Authority, file: str, key: str) -> None:
    path: Path = getattr(authority, file)
    path.unlink()
    assert fault(authority) == (key, f"no such file: {path.name}")

    path.mkdir()
    assert fault(authority) == (key, f"{path.name} cannot be read: is a directory")


def test_the_end_is_told_a_fortnight_ahead() -> None:
    end = dt.datetime(2027, 3, 15, 12, tzinfo=dt.UTC).timestamp()

    assert remaining(end, end - SOON - 1) is None
    assert remaining(end, end - SOON) == "the certificate expires on 2027-03-15, in 14 days"
    assert remaining(end, end - 1.5 * DAY) == "the certificate expires on 2027-03-15, in 1 day"
    assert remaining(end, end) == "the certificate expired on 2027-03-15"
