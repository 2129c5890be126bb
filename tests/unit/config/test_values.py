"""The values themselves: secrets that do not show, addresses, texts."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from bridge.config.values import Secret, TcpBind, UnixBind, duration_text, expected, is_loopback, shown


def test_a_secret_shows_only_when_it_is_revealed() -> None:
    secret = Secret("made-up-token")

    assert (repr(secret), str(secret), f"{secret}", f"{[secret]}") == ("***", "***", "***", "[***]")
    assert secret.reveal() == "made-up-token"


def test_a_secret_cannot_be_encoded_by_accident() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret("made-up-token"))


def test_secrets_are_compared_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    assert TcpBind(host=host, port=1).loopback is loopback


def test_an_address_reads_as_it_is_written() -> None:
    assert str(TcpBind(host="127.0.0.1", port=30180)) == "127.0.0.1:30180"
    assert str(TcpBind(host="::1", port=30180)) == "[::1]:30180"
    assert str(UnixBind(path=Path("/run/cad.sock"))) == "unix:/run/cad.sock"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.25, "250ms"),
        (5.0, "5s"),
        (5.05, "5.05s"),
        (90.0, "90s"),
        (600.0, "10m"),
        (7200.0, "2h"),
        (86400.0, "1d"),
        (60 / 3.6, "16.667s"),  # up, or the text would fall below the limit it names
        (60 / 0.07, "857.143s"),
    ],
)
def test_a_duration_reads_as_it_is_written(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (5, "5"),
        (2**63, "a very large number"),
        (0.5, "0.5"),
        ('a "b"\n', '"a \\"b\\"\\n"'),
        ("x" * 61, '"' + "x" * 60 + '…"'),
        ([1], "a list"),
        ({}, "a table"),
        (dt.date(2026, 11, 1), "a date"),
        (dt.time(1, 2), "a date"),
    ],
)
def test_what_was_found_is_shown_short_and_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text
    assert str(expected("a thing", value)) == f"expected a thing, found {text}"
