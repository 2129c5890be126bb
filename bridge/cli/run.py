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
from bridge.cli.epilog import CUT_SHORT, epilog
from bridge.clock import SystemClock
from bridge.config import Config, Loaded
from bridge.errors import ConfigError, StartError
from bridge.systemd import Supervisor

DIED = 1  # exit code where a part of the daemon died; whoever started it starts it again
PATIENCE = 2.0  # seconds that a start may take without a word

PAGE_END = epilog(
    "cad-bridge run",
    "cad-bridge run --config bridge.toml",
    exits={
        0: "stopped by SIGTERM or SIGINT",
        1: "it could not start, such as for a port that is taken; or a part of it died, and the log says which",
        2: "the configuration cannot be used, or a newer version wrote the outbox",
        CUT_SHORT: "ended at once by a second signal",
    },
)


@click.command(epilog=PAGE_END)
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
        with host.spooled_stderr() as spool:
            logs.configure(level=config.log.level, format=config.log.format, secrets=secrets_of(config))
            for warning in loaded.warnings:
                logs.get("config").warning("configuration is unwise", detail=warning)
            host.collect_seldom()
            host.run(lambda: _serve(config, partial(read, path), spool.finish))
    except ConfigError as error:
        exit_unusable(error)
    except StartError as error:
        raise click.ClickException(str(error)) from None
    except ExceptionGroup:  # the log has it
        raise SystemExit(DIED) from None


async def _serve(config: Config, reread: Callable[[], Loaded], say_all: Callable[[], object]) -> None:
    """Run the daemon; ``say_all`` writes what waits to be logged, before the system may end the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        if stop.is_set():
            say_all()
            os._exit(CUT_SHORT)
        stop.set()

    supervisor = Supervisor(os.environ, os.getpid())
    with host.stop_signals(loop, signalled, hangup=False):
        daemon = Daemon(config, SystemClock(), supervisor=supervisor, reread=reread)
        patience = loop.call_later(PATIENCE, _tell_start, config)
        try:
            with host.reload_signal(loop, daemon.ask_to_reload):
                async with daemon:
                    patience.cancel()
                    with host.collected_by_the_clock(loop):
                        await daemon.run(stop)
        finally:
            say_all()


def _tell_start(config: Config) -> None:
    """Say why nothing else is said yet: a large outbox is read, or what a damaged one still holds."""
    logs.get("run").info("daemon still starting, it reads the outbox", path=str(config.outbox.path))
