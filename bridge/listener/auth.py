"""Who speaks: a game server is known by its token."""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from http import HTTPStatus
from random import Random, SystemRandom

from bridge.config import Secret
from bridge.listener.answer import Answer
from bridge.listener.problem import problem
from bridge.units import ServerId

FIRST_DELAY = 0.25  # seconds before the first wrong token of a connection is answered
LONGEST_DELAY = 2.0  # seconds
SPREAD = 0.25  # of a delay, more or less: a crowd that guesses at once would come back at once
DICE = SystemRandom()


class Tokens:
    """The tokens of all servers, as digests only."""

    def __init__(self, tokens: Iterable[tuple[ServerId, Secret]]) -> None:
        self._digests = [(server_id, _digest(secret.reveal())) for server_id, secret in tokens]

    def server_of(self, authorization: str | None) -> ServerId | None:
        """Return whose token an Authorization header shows, or None.

        Takes the same time whether and where a token matches: digests are compared, all of them.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        found = self.server_of_token(token.strip())
        return found if scheme.lower() == "bearer" else None

    def server_of_token(self, token: str) -> ServerId | None:
        """Return whose token this is, or None; as long as ``server_of``."""
        shown = _digest(token)
        found = None
        for server_id, digest in self._digests:
            if hmac.compare_digest(shown, digest):
                found = server_id
        return found


def delay_after(failures: int, random: Random = DICE) -> float:
    """Return the seconds a connection waits for the answer to its n-th wrong token, from 1.

    It stays under the 5 s after which a game server gives up.
    """
    delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 10))
    return delay * random.uniform(1 - SPREAD, 1 + SPREAD)


def unauthorized() -> Answer:
    """Return the answer to a wrong or missing token."""
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "expected Authorization: Bearer and the token of a configured server",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
