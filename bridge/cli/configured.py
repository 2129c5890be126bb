"""What commands that need the configuration share: the option, and how problems are told."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from bridge.cli.epilog import UNUSABLE
from bridge.config import Loaded, default_path, load
from bridge.errors import ConfigError
from bridge.operations import DOCUMENTED_LIMITS

config_option = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The TOML file; else $CAD_BRIDGE_CONFIG, else the system's place for it.",
)


def load_or_exit(path: Path | None) -> Loaded:
    """Return the configuration, or print every problem on a line of its own and exit 2."""
    try:
        return read(path)
    except ConfigError as error:
        exit_unusable(error)


def read(path: Path | None) -> Loaded:
    """Return the configuration.

    Raises:
        ConfigError: it cannot be used.
    """
    path = path or default_path(os.environ, sys.platform)
    return load(path, environ=os.environ, documented_limits=DOCUMENTED_LIMITS)


def exit_unusable(error: ConfigError) -> NoReturn:
    """Print every problem of a configuration on a line of its own and exit 2."""
    for problem in error.problems:
        click.echo(problem, err=True)
    raise SystemExit(UNUSABLE)
