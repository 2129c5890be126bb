"""What each reader takes; what it refuses has a file in ``tests/config/invalid``."""

import pytest

from bridge.config.readers import (
    binds,
    cloud_url,
    duration,
    game_server_url,
    host_names,
    integer,
    number,
    size,
    text,
    word,
    words,
)
from bridge.config.values import TcpBind


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("1ms", 0.001), ("250ms", 0.25), ("1.5s", 1.5), ("10m", 600.0), ("24h", 86400.0), ("30d", 2_592_000.0)],
)
def test_a_duration_is_seconds(value: str, seconds: float) -> None:
    assert duration()(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value", ["5", "s", "5 s", "5S", "1h30m", ".5s", "5.s", "\u0665s", "1e3s", "", " 5s", "5s\n", None, 5.0]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        duration()(value)


def test_a_duration_may_be_nothing_where_that_means_something() -> None:
    assert duration(minimum=0.0)("0s") == 0.0


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("100B", 100),
        ("2KB", 2000),
        ("2KiB", 2048),
        ("1MB", 10**6),
        ("1MiB", 2**20),
        ("1GB", 10**9),
        ("1GiB", 2**30),
    ],
)
def test_a_size_is_bytes(value: str, count: int) -> None:
    assert size("1B", "1GiB")(value) == count


@pytest.mark.parametrize("value", ["1", "1 MiB", "1.5MiB", "1mib", "1TiB", "-1B", "1MiB\n", None])
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        size("1B", "1GiB")(value)


def test_a_number_may_be_whole_or_not() -> None:
    assert number()(2) == 2.0
    assert isinstance(number()(2), float)
    assert number(minimum=0, maximum=1)(1) == 1.0
    assert integer(1)(1) == 1


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("-inf"), 10**400])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        number()(value)


def test_words_and_texts_are_taken_as_they_are() -> None:
    assert word("a", "b")("b") == "b"
    assert text("[a-z]+", "letters")("abc") == "abc"


def test_a_text_fits_its_pattern_as_a_whole() -> None:
    with pytest.raises(ValueError, match="expected letters, found"):
        text("[a-z]+", "letters")("abc\n")


def test_host_names_are_compared_in_lower_case() -> None:
    assert host_names(["Bridge.Example.com", "10.0.0.1"]) == ("bridge.example.com", "10.0.0.1")


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("127.0.0.1:30180", "127.0.0.1", 30180),
        ("0.0.0.0:0", "0.0.0.0", 0),
        ("[::1]:30180", "::1", 30180),
        ("[0:0::1]:65535", "::1", 65535),
        ("localhost:1", "localhost", 1),
        ("game_host-1.example.com:1", "game_host-1.example.com", 1),
    ],
)
def test_an_address_is_host_and_port(value: str, host: str, port: int) -> None:
    assert binds(value) == (TcpBind(host=host, port=port),)


@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1",
        "127.1:80",
        "1.2.3.4.5:80",
        "[127.0.0.1]:80",
        "[::1]",
        "::1:80",
        "[::g]:80",
        "a b:80",
        "-a:80",
        "a:-1",
        "a:80/",
        "unix:",
        "",
    ],
)
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        binds(value)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://api.sonorancad.com", "https://api.sonorancad.com"),
        ("https://API.sonorancad.com:8443/", "https://api.sonorancad.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_the_cads_address_has_no_slash_at_its_end(value: str, url: str) -> None:
    assert cloud_url(value) == url


@pytest.mark.parametrize(
    "value",
    [
        "http://api.sonorancad.com",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "https://",
        "https://:443",
        "https://exa mple.com",
        "https://example.com:0",
        "https://example.com:99999",
        "https://[::1",
        "https://example.com\\@localhost",
        "https://example.com\n",
        "//example.com",
        443,
    ],
)
def test_a_key_is_never_sent_to_an_odd_address(value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        cloud_url(value)


def test_a_game_server_may_be_elsewhere_without_encryption() -> None:
    assert game_server_url("http://10.0.0.5:30120/") == "http://10.0.0.5:30120"
    assert game_server_url("") is None


def test_a_list_of_words_may_be_empty_and_holds_only_known_ones() -> None:
    read = words("red", "green")

    assert read([]) == ()
    assert read(["green", "red", "green"]) == ("green", "red", "green")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("red", "expected a list of words"),
        ({"red": 1}, "a list"),
        (["blue"], '"red" or "green"'),
        ([["red"]], '"red"'),
    ],
)
def test_what_is_no_list_of_these_words_is_refused(value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        words("red", "green")(value)
