"""``cad-bridge run``: the daemon."""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from bridge import host, logs
from bridge.app import Daemon, secrets_of
from bridge.cli.configured import config_option, exit_unusable, load_or_exit, read
from bridge.clock import SystemClock
from bridge.config import Config, Loaded
from bridge.errors import ConfigError, StartError
from bridge.systemd import Supervisor

DIED = 1  # exit code where a part of the daemon died; whoever started it starts it again
CUT_SHORT = 130  # exit code after a second signal


@click.command()
@config_option
def run(path: Path | None) -> None:
    """Take pushes from game servers and send them on until stopped.

    SIGTERM or SIGINT drains and exits 0; a second one ends at once, with what is undelivered safe on disk. SIGHUP
    reads the configuration again, as `cad-bridge reload` does.
    """
    host.ignore_hangups()
    loaded = load_or_exit(path)
    config = loaded.config
    try:
        logs.configure(level=config.log.level, format=config.log.format, secrets=secrets_of(config))
        for warning in loaded.warnings:
            logs.get("config").warning("configuration is unwise", detail=warning)
        host.run(lambda: _serve(config, partial(read, path)))
    except ConfigError as error:
        exit_unusable(error)
    except StartError as error:
        raise click.ClickException(str(error)) from None
    except ExceptionGroup:  # the log has it
        raise SystemExit(DIED) from None


async def _serve(config: Config, reread: Callable[[], Loaded]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        if stop.is_set():
            os._exit(CUT_SHORT)
        stop.set()

    supervisor = Supervisor(os.environ, os.getpid())
    with host.stop_signals(loop, signalled, hangup=False):
        daemon = Daemon(config, SystemClock(), supervisor=supervisor, reread=reread)
        with host.reload_signal(loop, daemon.ask_to_reload):
            async with daemon:
                await daemon.run(stop)
