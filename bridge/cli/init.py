"""``cad-bridge init``: from nothing to a configuration that runs, and one more server whenever it is run again."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import click

from bridge.cli.check import check
from bridge.cli.configured import exit_unusable
from bridge.cli.epilog import epilog
from bridge.cli.fivem_resource import copy, shipped, target_in
from bridge.cli.handover import Handover, command_line, config_words, describe, program
from bridge.cli.installation import NewServer, commit, extend, is_blank, render
from bridge.cli.planning import Former, Plan, Wanted, make_plan, parse_server, parse_url
from bridge.cli.questions import checked, reader
from bridge.config import CadConfig, ListenerConfig, Loaded, default_path, load
from bridge.errors import ConfigError
from bridge.operations import DOCUMENTED_LIMITS

FILE_NAME = "bridge.toml"
SERVICE = Path("/etc/systemd/system/cad-bridge.service")
SERVICE_TOML = Path("/etc/cad-bridge/bridge.toml")  # what that service reads

T = TypeVar("T")


def _one(read: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """Return a callback that reads an option's value, if it has one, and tells what is wrong with it."""

    def callback(_context: click.Context, _parameter: click.Parameter, value: str | None) -> T | None:
        return None if value is None else checked(read)(value)

    return callback


def _each(
    read: Callable[[str], T],
) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[T, ...]]:
    """Return a callback that does so with an option that may be given several times."""

    def callback(
        _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
    ) -> tuple[T, ...]:
        return tuple(map(checked(read), values))

    return callback


def _text(read: Callable[[str], object]) -> Callable[[str], str]:
    """Return a reader that only checks: the text itself goes into the file."""

    def check_text(value: str) -> str:
        read(value)
        return value

    return check_text


_binds = _each(_text(reader(ListenerConfig, "bind")))

PAGE_END = epilog(
    "cad-bridge init",
    "cad-bridge init --dir . --community-id examplecad --api-key-file my-key \\\n    --server 1:main --no-input",
    exits={
        0: "the bridge is set up, or nothing was left to add",
        1: "it did not work out; what was written stays, and the last lines say how to go on",
        2: "something that was given cannot be used; nothing was written",
    },
)


@click.command(epilog=PAGE_END)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go: by default /etc/cad-bridge for root, cad-bridge in your home folder else; "
    "on Windows %ProgramData%\\cad-bridge.",
)
@click.option(
    "--community-id",
    callback=_one(_text(reader(CadConfig, "community_id"))),
    help="From the CAD: Admin > In-Game Integration > API.",
)
@click.option(
    "--api-key-file",
    metavar="FILE",
    help="Holds the API key; - is stdin. Else $CAD_BRIDGE_API_KEY, else it is asked. Never an option itself: "
    "those are seen in the shell's history and by other users.",
)
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="ID[:NAME]",
    callback=_each(parse_server),
    help="A game server: Sonoran's number of it, and a short name. Several times for several.",
)
@click.option(
    "--fxserver-url",
    "fxserver_urls",
    multiple=True,
    metavar="[ID=]URL",
    callback=_each(parse_url),
    help="Where a game server answers, such as http://127.0.0.1:30120: player count without any resource.",
)
@click.option("--api", type=click.Choice(["v1", "v2"]), help="v1 for a community that is still on it.")
@click.option(
    "--base-url",
    metavar="URL",
    callback=_one(_text(reader(CadConfig, "base_url"))),
    help="Another address than Sonoran's, such as a simulator's.",
)
@click.option(
    "--bind",
    multiple=True,
    metavar="HOST:PORT",
    callback=_binds,
    help="Where game servers push, if not 127.0.0.1:30180.",
)
@click.option(
    "--admin",
    multiple=True,
    metavar="HOST:PORT",
    callback=_binds,
    help="Where status and metrics are read, if not 127.0.0.1:30181.",
)
@click.option(
    "--resources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="FXServer's resources folder: the resource cad_bridge is put there, or brought up to date.",
)
@click.option(
    "--hide-tokens",
    is_flag=True,
    help="Write the lines for server.cfg to server-ID.cfg, for you alone, instead of showing them.",
)
@click.option("--offline", is_flag=True, help="Do not ask the CAD whether it takes the key.")
@click.option(
    "--input/--no-input", "ask", default=None, help="Ask for what is missing; by default only on a terminal."
)
@click.option("--yes", is_flag=True, help="Write without asking once more.")
@click.pass_context
def init(context: click.Context, /, **given: object) -> None:
    """Set up a bridge: ask for what it needs, write its files, try the key, and say what to do next.

    Run again it adds a game server and changes nothing else.
    """
    wanted = Wanted(**cast(dict[str, Any], given))
    path = place(wanted.folder)
    source = shipped()
    target = None if wanted.resources is None else target_in(wanted.resources, source)
    former = _read_former(path)
    if former is not None and target is not None and not wanted.servers:
        raise SystemExit(0 if _copy_resource(source, target) else 1)
    try:
        plan = make_plan(wanted, path, former)
        if not plan.servers:
            return
        loaded = _write(path, plan, former)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nNothing was written.", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        _fail(error)
    _tell_written(path, plan, loaded)
    copied = target is not None and _copy_resource(source, target)
    well = _check(context, path, online=not wanted.offline)
    _hand_over(path, plan, loaded, anew=former is None, copied=copied)
    if not well or (target is not None and not copied):
        _end_unwell(path, online=not wanted.offline)


def place(folder: Path | None, *, platform: str = sys.platform) -> Path:
    """Return where the TOML goes: where it is told, else where ``run`` looks by itself, else into the home folder."""
    if folder is not None:
        return folder.expanduser().absolute() / FILE_NAME
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root or platform == "win32" or os.environ.get("CAD_BRIDGE_CONFIG"):
        return default_path(os.environ, platform).absolute()
    try:
        return Path.home() / "cad-bridge" / FILE_NAME
    except RuntimeError:
        raise click.UsageError("this user has no home folder: say with --dir where the files go") from None


def _read_former(path: Path) -> Former | None:
    """Return what is there already; nothing is added to a file that cannot be used."""
    if not os.path.lexists(path) or is_blank(path):
        return None
    try:
        content = path.read_bytes()
        loaded = load(path, environ=os.environ, documented_limits=DOCUMENTED_LIMITS)
    except OSError as error:
        _fail(error)
    except ConfigError as error:
        click.echo(f"{path} is there already, cannot be used, and is left as it is:", err=True)
        exit_unusable(error)
    return Former(content=content, config=loaded.config)


def _write(path: Path, plan: Plan, former: Former | None) -> Loaded:
    content = render(plan.bridge, plan.servers) if former is None else extend(former.content, plan.servers)
    try:
        return commit(path, content, plan.to_write, former=b"" if former is None else former.content)
    except ConfigError as error:
        by_hand = "" if former is None else "; it is not a file that an entry can be added to at the end"
        click.echo(f"Nothing was written to {path}{by_hand}:", err=True)
        exit_unusable(error)


def _fail(error: OSError) -> NoReturn:
    where = f"{error.filename}: " if error.filename else ""
    raise click.ClickException(
        f"{where}{(error.strerror or str(error)).lower()}; nothing was written"
    ) from None


def _tell_written(path: Path, plan: Plan, loaded: Loaded) -> None:
    click.echo(f"Written to {path.parent}: {', '.join([path.name, *plan.to_write])}")
    for name in plan.taken_up:
        click.echo(f"{name} was there already, and is used as it is")
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)


def _copy_resource(source: Path | None, target: Path) -> bool:
    """Copy the resource; whatever goes wrong with it is told, and the bridge's files stay."""
    if source is None:
        return False
    try:
        copied = copy(source, target)
    except OSError as error:
        click.echo(f"warning: {target}: the resource was not copied: {error.strerror or error}", err=True)
        return False
    click.echo(
        f"The FiveM resource {'was brought up to date' if copied.updated else 'is now'} in {copied.target}"
    )
    for name in copied.kept:
        click.echo(f"note: {name} was changed there and stays as it is")
    return True


def _check(context: click.Context, path: Path, *, online: bool) -> bool:
    """Do what ``cad-bridge check`` does, and return whether all is well."""
    click.echo()
    try:
        context.invoke(check, path=path, online=online)
    except SystemExit:
        return False
    except KeyboardInterrupt:
        click.echo("\nThe check was cut short.", err=True)
        return False
    return True


def _hand_over(path: Path, plan: Plan, loaded: Loaded, *, anew: bool, copied: bool) -> None:
    done = Handover(
        path=path,
        config=loaded.config,
        servers=[(server, _shown(plan, server)) for server in plan.servers],
        command=program(sys.argv[0]),
        anew=anew,
        copied=copied,
        by_service=path == SERVICE_TOML and SERVICE.exists(),
    )
    click.echo()
    for line in describe(done, os.environ):
        click.echo(line)


def _shown(plan: Plan, server: NewServer) -> str | None:
    """Return a server's token where it is to be shown."""
    return None if server.cfg_file in plan.to_write else plan.tokens[server.id].reveal()


def _end_unwell(path: Path, *, online: bool) -> NoReturn:
    words = config_words(path, os.environ)
    again = [*program(sys.argv[0]), "check", *words, *(["--online"] if online else [])]
    click.echo(
        f"\nNot all is well yet, see above. Mend it, then try again:\n\n  {command_line(again)}",
        err=True,
    )
    raise SystemExit(1)
