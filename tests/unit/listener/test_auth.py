from random import Random

import pytest

from bridge.config import Secret
from bridge.listener.auth import Tokens, delay_after, unauthorized
from bridge.units import ServerId

TOKENS = Tokens(
    [(ServerId(1), Secret("made-up-token-of-server-one")), (ServerId(2), Secret("zwölf-made-up-signs"))]
)


@pytest.mark.parametrize(
    ("header", "server_id"),
    [
        ("Bearer made-up-token-of-server-one", 1),
        ("bearer  made-up-token-of-server-one ", 1),
        ("Bearer zwölf-made-up-signs", 2),
        ("Basic made-up-token-of-server-one", None),
        ("Bearermade-up-token-of-server-one", None),
        ("Bearer made-up-token-of-server-on", None),
        ("Bearer made-up-token-of-server-one x", None),
        ("Bearer \udcff", None),
        ("Bearer ", None),
        ("", None),
        (None, None),
    ],
)
def test_a_header_is_a_servers_or_nobodys(header: str | None, server_id: int | None) -> None:
    assert TOKENS.server_of(header) == server_id


def test_without_servers_nobody_is_known() -> None:
    assert Tokens([]).server_of("Bearer ") is None


def test_tokens_are_not_kept() -> None:
    assert b"made-up" not in repr(vars(TOKENS)).encode()


def test_the_delay_grows_to_two_seconds_a_quarter_more_or_less() -> None:
    nominal = {1: 0.25, 2: 0.5, 3: 1.0, 4: 2.0, 5: 2.0, 1000: 2.0}
    for failures, delay in nominal.items():
        drawn = [delay_after(failures, Random(seed)) for seed in range(200)]
        assert 0.75 * delay <= min(drawn) < 0.8 * delay
        assert 1.2 * delay < max(drawn) <= 1.25 * delay


def test_the_refusal_says_what_was_expected() -> None:
    answer = unauthorized()

    assert (answer.status, answer.headers) == (401, {"WWW-Authenticate": "Bearer"})
