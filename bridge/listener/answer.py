"""What a request is answered with."""

import msgspec
from msgspec import Struct

JSON = "application/json"

_ENCODER = msgspec.json.Encoder()


class Answer(Struct, frozen=True, kw_only=True):
    """One answer, free of any HTTP library; ``headers`` are those besides Content-Type.

    ``wrong_key`` says that the request showed no server's token: its connection is slowed.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = {}
    wrong_key: bool = False


def json_answer(status: int, value: object) -> Answer:
    """Return an answer that says ``value`` in JSON."""
    return Answer(status=status, body=_ENCODER.encode(value), content_type=JSON)
