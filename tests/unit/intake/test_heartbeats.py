import pytest

from bridge.errors import PushError
from bridge.intake import read_heartbeat


@pytest.mark.parametrize("body", [b'{"players":42}', b'{"players":"42"}', b"42", b"42.0", b'"42"'])
def test_a_heartbeat_counts_players(body: bytes) -> None:
    assert read_heartbeat(body) == 42


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"null", b"NaN", b"true", b'{"players":null}', b'{"players":-1}', b'{"players":[]}'],
)
def test_a_heartbeat_without_a_count_is_refused(body: bytes) -> None:
    with pytest.raises(PushError, match="expected"):
        read_heartbeat(body)
