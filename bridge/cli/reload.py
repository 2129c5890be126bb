"""``cad-bridge reload``: have a running daemon read its configuration again."""

import asyncio
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path

import click
import msgspec

from bridge.cli.admin_door import AdminDoor, NobodyAnswersError, RefusedError
from bridge.cli.configured import config_option, exit_unusable
from bridge.cli.epilog import UNUSABLE, epilog
from bridge.cli.whereabouts import find, read_tokens
from bridge.config import Secret
from bridge.errors import ConfigError
from bridge.reload import Change

PAGE_END = epilog(
    "cad-bridge reload",
    "cad-bridge reload --config /etc/cad-bridge/bridge.toml",
    exits={
        0: "the daemon goes by the configuration as it is now",
        1: "no daemon answers, or it refuses",
        2: "the command line or the configuration cannot be used: nothing changed",
    },
)


class _Reloaded(msgspec.Struct, frozen=True):
    changes: list[Change]


@click.command(epilog=PAGE_END)
@config_option
@click.option(
    "--admin", envvar="CAD_BRIDGE_ADMIN", metavar="URL", show_envvar=True,
    help="The daemon's admin door; else as the configuration says.",
)  # fmt: skip
@click.option("--token-file", type=click.Path(path_type=Path), help="The file of the daemon's admin token.")
def reload(path: Path | None, admin: str | None, token_file: Path | None) -> None:
    """Have a running daemon read its configuration again, as SIGHUP does.

    Prints what changed, and what waits for a restart. A file that cannot be used changes nothing.
    """
    try:
        places = find(path)
    except ConfigError as error:
        exit_unusable(error)
    address = admin or places.admin
    try:
        for line in describe(
            asyncio.run(_ask(address, read_tokens(places, token_file), token_file is not None))
        ):
            click.echo(line)
    except NobodyAnswersError as error:
        hint = "if admin.bind was just changed, name the former address with --admin"
        raise click.ClickException(error.message if admin else f"{error.message}; {hint}") from error


def describe(changes: list[Change]) -> list[str]:
    """Return what a person is told of the changes, a line each."""
    lines = [f"{change.key}: {change.old} → {change.new}" for change in changes if not change.restart]
    lines += [
        f"{change.key}: {change.old} stays until the daemon is restarted, then {change.new}"
        for change in changes if change.restart
    ]  # fmt: skip
    return lines or ["nothing has changed"]


async def _ask(address: str, tokens: Sequence[Secret], named: bool) -> list[Change]:  # noqa: FBT001 -- as AdminDoor has it
    """Show one token after the other: the daemon may still know the former one."""
    for token in tokens[:-1]:
        try:
            return await _post(AdminDoor(address, partial(_same, token), named=named))
        except RefusedError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
    return await _post(AdminDoor(address, partial(_same, tokens[-1]), named=named))


def _same(token: Secret) -> Secret:
    return token


async def _post(door: AdminDoor) -> list[Change]:
    try:
        return msgspec.json.decode(await door.post("/reload", {}), type=_Reloaded).changes
    except RefusedError as error:
        if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            click.echo(error.message, err=True)
            raise SystemExit(UNUSABLE) from None
        raise
