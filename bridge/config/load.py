"""From a file's name to a configuration, or to all the reasons why it is none."""

import datetime as dt
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from bridge.config.check import check, warnings
from bridge.config.reading import Reading
from bridge.config.schema import Config
from bridge.config.sources import LARGEST_FILE, Sources, decode, reason
from bridge.errors import ConfigError
from bridge.host.places import long_path


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration that can be used, and finished lines about what is unwise in it."""

    config: Config
    warnings: tuple[str, ...]


def load(
    path: Path,
    *,
    environ: Mapping[str, str],
    documented_limits: Mapping[str, int],
    platform: str = sys.platform,
    wall: float | None = None,
) -> Loaded:
    """Read a configuration and the secrets it names.

    Args:
        path: The TOML file.
        environ: The process's environment: secrets, and systemd's folders.
        documented_limits: Sonoran's requests a minute by operation; its keys are what ``cad.limits`` may name.
        platform: As ``sys.platform`` has it.
        wall: Unix seconds that certificates are held against; None: now.

    Raises:
        ConfigError: With one line for each problem there is; no line holds a secret.
    """
    sources = Sources(path.absolute().parent, environ, platform)
    reading = Reading(path.name, sources)
    config = reading.table(Config, _parse(long_path(path, platform=platform)))
    check(reading, documented_limits, platform)
    if reading.problems or config is None:
        raise ConfigError(reading.problems)
    # The module that knows the time is not a pure one.
    now = dt.datetime.now(dt.UTC).timestamp() if wall is None else wall
    exposed = (f"{file} can be read by every user of this machine" for file in sources.exposed)
    return Loaded(
        config=config, warnings=tuple(f"{path.name}: {line}" for line in (*exposed, *warnings(config, now)))
    )


def _parse(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {reason(error)}"]) from None
    if len(content) > LARGEST_FILE:
        raise ConfigError([f"{path}: larger than {LARGEST_FILE} bytes"])
    try:
        return tomllib.loads(decode(content))
    except ValueError as error:
        raise ConfigError([f"{path.name}: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path.name}: nested too deeply"]) from None
