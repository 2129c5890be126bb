"""``config/bridge.example.toml`` and the schema are in step."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
from msgspec import NODEFAULT, Struct

from bridge.config import CmsConfig, Config, OutboxConfig, ServerConfig
from bridge.operations import OWN
from tests.support.configuration import load_configuration

EXAMPLE = Path(__file__).parents[2] / "config" / "bridge.example.toml"
SECTION_LEFT_OUT = re.compile(r"^# \[cms\].*(?:\n# .*)*", re.MULTILINE)


def complete() -> str:
    """Return the example with the optional section that it only shows."""
    return SECTION_LEFT_OUT.sub(lambda match: re.sub(r"(?m)^# ", "", match[0]), EXAMPLE.read_text())


def keys(kind: type[Struct], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a section and what lies under it; a server's keys stand under ``servers``."""
    for field in msgspec.structs.fields(kind):
        at = (*path, field.encode_name)
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from keys(field.type, at)
        elif at == ("servers",):
            yield from keys(ServerConfig, at)
        elif at == ("cms",):
            yield from keys(CmsConfig, at)
        else:
            yield at


def written(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        at = (*path, key)
        if at == ("servers",):
            yield from written(value[0], at)
        elif isinstance(value, dict) and at != ("cad", "limits"):
            yield from written(cast(dict[str, Any], value), at)
        else:
            yield at


def differing(section: Struct, path: str = "") -> Iterator[str]:
    """Every key whose value in the example is not the default."""
    for field in msgspec.structs.fields(type(section)):
        value: object = getattr(section, field.name)
        default = field.default_factory() if field.default_factory is not NODEFAULT else field.default
        if isinstance(value, Struct):
            yield from differing(value, f"{path}{field.encode_name}.")
        elif value != default and "Secret" not in str(get_args(field.type)[0]):
            yield f"{path}{field.encode_name}"


def test_the_example_holds_every_key_and_no_other() -> None:
    table = tomllib.loads(complete())

    assert sorted(written(table)) == sorted(keys(Config))


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    config = load_configuration(tmp_path, complete(), environ={"STATE_DIRECTORY": "/state"}).config

    assert sorted(differing(config)) == ["cad.community_id", "cms.community_id", "outbox.path", "servers"]
    assert config.outbox.path == Path("/state") / OutboxConfig().path
    assert sorted(differing(config.servers[0])) == ["id", "name"]


def test_every_line_of_the_example_has_one_comment() -> None:
    lines = [line for line in complete().splitlines() if line and not line.startswith("#")]

    assert [line for line in lines if line.count(" # ") != 1 or len(line) > 130] == []


def test_the_example_names_every_limit_of_what_the_bridge_sends_itself_as_documented() -> None:
    commented = re.findall(r"^# (\w+) = (\d+) +# \w", EXAMPLE.read_text(), re.MULTILINE)

    assert {operation: int(limit) for operation, limit in commented} == {
        operation.name: operation.per_minute for operation in OWN
    }
