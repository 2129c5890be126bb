"""From tables to structs, and what is remembered on the way."""

from pathlib import Path

from bridge.config.reading import Reading, join_path
from bridge.config.schema import Config, LocationsConfig, LogConfig
from bridge.config.sources import Sources


def reading(folder: Path, **environ: str) -> Reading:
    return Reading("bridge.toml", Sources(folder, environ, "linux"))


def test_an_empty_table_is_all_defaults(tmp_path: Path) -> None:
    assert reading(tmp_path).table(LogConfig, {}, "log") == LogConfig()


def test_one_bad_key_costs_the_table_and_is_the_only_problem(tmp_path: Path) -> None:
    one = reading(tmp_path)

    assert one.table(LocationsConfig, {"max_batch": 0, "min_distance": 5}, "locations") is None
    assert one.problems == ["bridge.toml: locations.max_batch: expected at least 1, found 0"]
    assert one.value("locations.min_distance", float) == 5.0
    assert one.value("locations.interval", float) == 5.0
    assert one.value("locations.max_batch", int) is None


def test_problems_come_in_the_order_of_the_file_and_missing_keys_last(tmp_path: Path) -> None:
    one = reading(tmp_path)

    one.table(Config, {"log": {"format": 1, "level": 2}, "cad": {"timeout": 3, "api": 4}})

    assert [line.split(": ")[1] for line in one.problems] == [
        "log.format",
        "log.level",
        "cad.timeout",
        "cad.api",
        "cad.community_id",
        "cad.api_key_file",
        "servers",
    ]


def test_values_are_found_by_their_place_whatever_their_number(tmp_path: Path) -> None:
    one = reading(tmp_path)

    one.table(Config, {"servers": [{"id": 1}, {"id": True}, {"id": 3}]})

    assert list(one.values(int, "servers[].id")) == [("servers[0].id", 1), ("servers[2].id", 3)]


def test_a_servers_variable_is_named_by_its_id(tmp_path: Path) -> None:
    one = reading(tmp_path, CAD_BRIDGE_TOKEN_7="made-up-token-of-server-seven", CAD_BRIDGE_API_KEY="key")
    servers = [{"id": 7, "name": "seven"}]

    config = one.table(Config, {"cad": {"community_id": "examplecad"}, "servers": servers})

    assert config is not None
    assert config.servers[0].token.reveal() == "made-up-token-of-server-seven"
    assert config.cad.api_key.reveal() == "key"


def test_a_key_that_is_not_bare_is_quoted() -> None:
    assert join_path("", "log") == "log"
    assert join_path("log", "level") == "log.level"
    assert join_path("log", "a b") == 'log."a b"'
