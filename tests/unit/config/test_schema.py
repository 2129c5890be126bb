"""The schema as others build it in tests and read it in the program."""

from pathlib import Path

from bridge.config import CadConfig, Config, Secret, ServerConfig
from bridge.config.schema import SCOPES
from bridge.operations import Scope


def test_a_configuration_can_be_made_without_a_file() -> None:
    cad = CadConfig(community_id="examplecad", api_key=Secret("made-up"))
    server = ServerConfig(id=1, name="main", token=Secret("token"))

    config = Config(cad=cad, servers=(server,))

    assert config.outbox.path == Path("outbox.sqlite3")
    assert config.outbox.ttl.call_911 == 900.0
    assert (config.outbox.ttl.kick, config.outbox.ttl.other) == (60.0, 86_400.0)
    assert "made-up" not in repr(config)


def test_a_token_opens_what_a_game_server_needs_unless_more_or_less_is_written() -> None:
    server = ServerConfig(id=1, name="main", token=Secret("token"))

    assert server.allow == ("emergency", "lookups", "heartbeat", "cms")
    assert ServerConfig(id=1, name="main", token=Secret("token"), allow=()).allow == ()


def test_every_word_that_may_be_allowed_is_an_operation_s_and_the_other_way_round() -> None:
    assert sorted(SCOPES) == sorted(scope.value for scope in Scope)
