"""Tokens that are long enough and still easy to guess."""

import re
from itertools import pairwise

from bridge.config.values import Secret

FEWEST_CHARACTERS = 6  # different ones; of 24 made by chance, even hexadecimal ones, there are more
LONGEST_BLOCK = 8  # characters that, repeated, make no token
MOST_STEPS = 2 / 3  # of all steps from a character to itself or a neighbour, as in "aaaa" and "abcd1234"
PLACEHOLDERS = re.compile(
    r"(change|replace|insert|put|enter)(this|me|my|your|it|here|the)|your(secret|token|key|server)|password|letmein|qwerty",
    re.IGNORECASE,
)


def is_guessable(token: Secret) -> bool:
    """Tell whether somebody wrote a token who should have had it made by chance."""
    text = token.reveal()
    letters = re.sub(r"[^A-Za-z]", "", text)
    steps = sum(abs(ord(one) - ord(other)) <= 1 for one, other in pairwise(text))
    return (
        len(set(text)) < FEWEST_CHARACTERS
        or 0 < (text + text).find(text, 1) <= LONGEST_BLOCK
        or steps > MOST_STEPS * len(text)
        or PLACEHOLDERS.match(letters) is not None
    )
