"""``cad-bridge reload``: have a running daemon read its configuration again."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import click
import msgspec

from bridge.cli.admin_door import AdminDoor, RefusedError
from bridge.cli.configured import UNUSABLE, config_option, exit_unusable
from bridge.cli.whereabouts import find, read_token
from bridge.errors import ConfigError
from bridge.reload import Change


class _Reloaded(msgspec.Struct, frozen=True):
    changes: list[Change]


@click.command()
@config_option
@click.option(
    "--admin", envvar="CAD_BRIDGE_ADMIN", metavar="URL", show_envvar=True,
    help="The daemon's admin door; else as the configuration says.",
)  # fmt: skip
@click.option("--token-file", type=click.Path(path_type=Path), help="The file of the daemon's admin token.")
def reload(path: Path | None, admin: str | None, token_file: Path | None) -> None:
    r"""Have a running daemon read its configuration again, as SIGHUP does.

    Prints what changed, and what waits for a restart. Exits 2 where the file cannot be used: nothing changes then.

    \b
    Example: cad-bridge reload
    """
    try:
        places = find(path)
    except ConfigError as error:
        exit_unusable(error)
    door = AdminDoor(
        admin or places.admin, lambda: read_token(places, token_file), named=token_file is not None
    )
    for line in describe(asyncio.run(_post(door))):
        click.echo(line)


def describe(changes: list[Change]) -> list[str]:
    """Return what a person is told of the changes, a line each."""
    lines = [f"{change.key}: {change.old} → {change.new}" for change in changes if not change.restart]
    lines += [
        f"{change.key}: {change.old} stays until the daemon is restarted, then {change.new}"
        for change in changes if change.restart
    ]  # fmt: skip
    return lines or ["nothing has changed"]


async def _post(door: AdminDoor) -> list[Change]:
    try:
        return msgspec.json.decode(await door.post("/reload", {}), type=_Reloaded).changes
    except RefusedError as error:
        if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            click.echo(error.message, err=True)
            raise SystemExit(UNUSABLE) from None
        raise
