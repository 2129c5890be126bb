"""Heartbeat pushes: how many players a game server has."""

from bridge.errors import PushError
from bridge.intake.document import read_document
from bridge.intake.fields import mapping_of, players_of


def read_heartbeat(body: bytes) -> int:
    """Return the player count of ``{"players": 42}`` or of a bare number.

    Raises:
        PushError: there is no count in it.
        MalformedError: the body is not JSON.
    """
    document = read_document(body)
    players = players_of(mapping_of(document).get("players", document))
    if players is None:
        raise PushError('expected {"players": 42}')
    return players
