import base64
import random

import pytest

from bridge.config import Secret
from bridge.config.weak import is_guessable


@pytest.mark.parametrize(
    "token",
    [
        "a" * 24,
        "abababababababababababab",
        "s3cret!!s3cret!!s3cret!!",
        "abcdefghijklmnopqrstuvwxyz",
        "0123456789012345678901234567",
        "aaaabbbbccccddddeeeeffffgggg",
        "changeme-changeme-changeme-2",
        "CHANGE_ME_TO_SOMETHING_ELSE!",
        "your-token-goes-here-1234567",
        "password-of-server-number-one",
    ],
)
def test_what_people_write_for_want_of_something_better_is_guessable(token: str) -> None:
    assert is_guessable(Secret(token))


@pytest.mark.parametrize("token", ["made-up-token-of-server-one", "correct horse battery staple 1"])
def test_what_somebody_thought_up_is_left_alone(token: str) -> None:
    assert not is_guessable(Secret(token))


def test_what_chance_made_is_never_guessable() -> None:
    chance = random.Random(1)
    for _ in range(5000):
        for token in (
            chance.randbytes(12).hex(),
            base64.urlsafe_b64encode(chance.randbytes(18)).decode(),
            base64.urlsafe_b64encode(chance.randbytes(32)).decode().rstrip("="),
        ):
            assert not is_guessable(Secret(token)), token
