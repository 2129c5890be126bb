"""Whether a command line of a document can work, as far as that can be told without running it.

Every program has its own judge, and one that has none is an error: nothing is passed over.
"""

import ast
import functools
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import click

from bridge.cli import main
from tests.support.documents import ROOT

Judge = Callable[[Sequence[str], Sequence[Path]], None]

OTHER_UNITS = {"grafana-server", "prometheus", "prometheus-alertmanager"}
VERBS = {
    "daemon-reload",
    "disable",
    "edit",
    "enable",
    "list-units",
    "reload",
    "restart",
    "start",
    "status",
    "stop",
}
COMPOSE_VERBS = {"build", "down", "exec", "logs", "ps", "pull", "restart", "stop", "up"}
PLACEHOLDER = re.compile(r"[A-Z][A-Z:.]*…?|…|NAME|ID…")
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)(/[^?]*)?(?:\?.*)?")


class UnknownCommandError(AssertionError):
    """The command line names something that there is not, or is of a program that nobody here can judge."""


class IncompleteError(UnknownCommandError):
    """It is the name of a group, without one of its commands."""


def examine(words: Sequence[str], *folders: Path) -> None:
    """Look at a command line.

    Args:
        words: As a shell splits it, without comments.
        folders: Where the files may lie that it names.

    Raises:
        UnknownCommandError: It cannot work.
        click.ClickException: It is one of ours, and does not take it.
    """
    while words and (words[0] == "sudo" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
        words = words[1:]
    judge = JUDGES.get(program(words[0]))
    if judge is None:
        raise UnknownCommandError(f"nobody can tell whether this works: {' '.join(words)}")
    judge(words[1:], (*folders, ROOT))


def program(word: str) -> str:
    """Return the name of a program without its folder and ending."""
    name = re.split(r"[/\\]", word)[-1]
    return re.sub(r"\.(?:exe|bat)$", "", name)


def admin_routes() -> set[tuple[str, str]]:
    """Return method and path of everything at the admin door, as the code registers it."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "bridge" / "admin").glob("*.py"))
    )
    found = re.findall(r"router\.add_(get|post)\(f?\"([^\"]+)\"", source)
    routes = {(method.upper(), path.replace("{{id}}", "{id}")) for method, path in found}
    return {
        (method, path.replace("{verb}", verb))
        for method, path in routes
        for verb in (("retry", "discard") if "{verb}" in path else ("",))
    }


def our_commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command, and every one of a group, with its whole name."""
    context = click.Context(main)
    for name in ("", *main.list_commands(context)):
        command = main if not name else main.resolve_command(context, [name])[1]
        assert command is not None, name
        yield f"cad-bridge {name}".strip(), command
        if name and isinstance(command, click.Group):
            yield from ((f"cad-bridge {name} {inner}", one) for inner, one in command.commands.items())


def parse_ours(words: Sequence[str], *_: object) -> None:
    """Have click read one of our command lines; words in capitals stand for anything, brackets for what may be left out."""
    if len(words) > 1 and "|" in words[1]:
        _examine_synopsis(words[0], words[1].split("|"), words[2:])
        return
    _parse(main, [word.strip("[]") for word in words], None)


def _examine_synopsis(group: str, verbs: Sequence[str], rest: Sequence[str]) -> None:
    """See that there is each of several commands that are told of together, and each option with one of them."""
    commands = dict(our_commands())
    missing = [verb for verb in verbs if f"cad-bridge {group} {verb}" not in commands]
    options = {word.strip("[]") for word in rest if word.startswith(("--", "[--"))}
    for verb in set(verbs) - set(missing):
        for parameter in commands[f"cad-bridge {group} {verb}"].params:
            options -= {*parameter.opts, *parameter.secondary_opts}
    if missing or options:
        raise UnknownCommandError(f"cad-bridge {group}: there is no {[*missing, *options]}")


def _parse(command: click.Command, words: list[str], parent: click.Context | None) -> None:
    context = click.Context(command, parent=parent, info_name=command.name, **command.context_settings)
    options, rest, _ = command.make_parser(context).parse_args(list(words))
    if {"--help", "--version"} & set(words[:1]):
        return
    _convert(command, context, options)
    if isinstance(command, click.Group):
        if not rest:
            raise IncompleteError(f"{context.command_path}: which of its commands?")
        _, inner, after = command.resolve_command(context, rest)
        assert inner is not None, rest
        _parse(inner, after, context)
    elif rest:
        raise click.UsageError(f"unexpected: {rest}", context)


def _convert(command: click.Command, context: click.Context, options: Mapping[str, object]) -> None:
    """Read the values of all options but paths, which need not be there."""
    for parameter in command.params:
        values = _given(options.get(parameter.name or ""))
        if parameter.required and not values:
            raise click.MissingParameter(ctx=context, param=parameter)
        if not isinstance(parameter.type, click.Path):
            for value in (one for one in values if not PLACEHOLDER.fullmatch(one)):
                parameter.type.convert(value, parameter, context)


def _given(value: object) -> list[str]:
    """Return the values of an option or argument; a flag has none."""
    values: list[object] = list(value) if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownArgumentType] -- click's own
    return [one for one in values if isinstance(one, str)]


def _make(words: Sequence[str], _: Sequence[Path]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, assigned, _rest = word.partition("=")
        there = (
            f"$({name})" in makefile
            if assigned
            else re.search(rf"^{re.escape(name)}:", makefile, re.MULTILINE)
        )
        if not there:
            raise UnknownCommandError(f"make {word}: the Makefile has no such target or variable")


def _pip(words: Sequence[str], folders: Sequence[Path]) -> None:
    if words[0] != "install":
        raise UnknownCommandError(f"pip {' '.join(words)}")
    complaint = _read_by_pip(tuple(words[1:]))
    if complaint:
        raise UnknownCommandError(complaint)
    for option, value in pairwise(words):
        if option in {"-r", "--requirement"}:
            _there([value], folders)


@functools.cache
def _read_by_pip(words: tuple[str, ...]) -> str:
    reading = "import sys; from pip._internal.commands import create_command as c; c('install').parse_args(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", reading, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    return done.stderr if done.returncode else ""


def _python(words: Sequence[str], folders: Sequence[Path]) -> None:
    words = [word for word in words if not re.fullmatch(r"-3(\.\d+)?", word)]
    match words:
        case ["-m", "venv", _]:
            return
        case ["-m", "pip", *rest]:
            _pip(rest, folders)
        case ["-c", code, *_]:
            ast.parse(code)
        case ["-m", module, *rest] if module.split(".")[0] in {"deploy", "bridge", "tests"}:
            _module(module, rest)
        case _:
            raise UnknownCommandError(f"python {' '.join(words)}")


def _module(module: str, words: Sequence[str]) -> None:
    if module == "bridge":
        return parse_ours(words)
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise UnknownCommandError(f"python -m {module}: no such module")
    source = Path(spec.origin).read_text(encoding="utf-8")
    missing = [word for word in words if word.startswith("--") and f'"{word}"' not in source]
    if missing:
        raise UnknownCommandError(f"python -m {module} knows no {missing}")
    return None


def _curl(words: Sequence[str], _: Sequence[Path]) -> None:
    urls = [word for word in words if word.startswith("http")]
    if not urls:
        raise UnknownCommandError(f"curl {' '.join(words)}: no URL")
    for url in urls:
        ours = ADDRESS.fullmatch(url)
        if ours is None and not url.startswith(("https://", "http://<")):
            raise UnknownCommandError(f"curl {url}: neither ours nor over TLS")
        if ours is not None and ours[1] == "30181" and ("GET", ours[2] or "/") not in admin_routes():
            raise UnknownCommandError(f"curl {url}: the admin door has no such page")
        if ours is not None and ours[1] not in {"30180", "30181"}:
            raise UnknownCommandError(f"curl {url}: no default port of ours")


def _systemctl(words: Sequence[str], _: Sequence[Path]) -> None:
    verb, *units = [word for word in words if not word.startswith("-")]
    if verb not in VERBS:
        raise UnknownCommandError(f"systemctl {verb}")
    _units(units)


def _units(names: Sequence[str]) -> None:
    for name in names:
        file = re.sub(r"@[^.]+", "@", name)
        file = file if "." in file else f"{file}.service"
        if name not in OTHER_UNITS and not (ROOT / "systemd" / file).exists():
            raise UnknownCommandError(f"systemd/{file}: no such unit")


def _journalctl(words: Sequence[str], _: Sequence[Path]) -> None:
    _units([value for option, value in pairwise(words) if option == "-u"])


def _install(words: Sequence[str], folders: Sequence[Path]) -> None:
    sources = [word for word in words if re.search(r"\.\w+$", word) and not word.startswith(("/", "-"))]
    _there(sources, folders)


def _there(names: Sequence[str], folders: Sequence[Path]) -> None:
    for name in names:
        if not any((folder / name).exists() or any(folder.glob(name)) for folder in folders):
            raise UnknownCommandError(f"{name}: no such file")


def _cd(words: Sequence[str], folders: Sequence[Path]) -> None:
    _there(words, folders)


def _compose(words: Sequence[str], _: Sequence[Path]) -> None:
    if not words or words[0] != "compose":
        return _podman(words)
    text = (ROOT / "deploy" / "container" / "compose.yaml").read_text(encoding="utf-8")
    verb, *rest = words[1:] or ["ps"]
    if verb not in COMPOSE_VERBS:
        raise UnknownCommandError(f"compose {verb}")
    if verb == "exec" and f"\n  {rest[0]}:\n" not in text:
        raise UnknownCommandError(f"compose exec: no service {rest[0]}")
    return None


def _podman(words: Sequence[str]) -> None:
    if words and words[0] != "unshare":
        raise UnknownCommandError(f"docker {' '.join(words)}")


def _powershell(words: Sequence[str], _: Sequence[Path]) -> None:
    at = words.index("-File") + 1
    script = ROOT / "deploy" / "windows" / program(words[at])
    if not script.exists():
        raise UnknownCommandError(f"{script.name}: no such script")
    text = script.read_text(encoding="utf-8")
    missing = [word for word in words[at:] if word.startswith("-") and f"${word[1:]}" not in text]
    if missing:
        raise UnknownCommandError(f"{script.name} knows no {missing}")


def _service(words: Sequence[str], _: Sequence[Path]) -> None:
    definition = (ROOT / "deploy" / "windows" / "cadbridge.xml").read_text(encoding="utf-8")
    if f"<id>{words[0]}</id>" not in definition:
        raise UnknownCommandError(f"{words[0]}: no such service")


def _own_tool(_words: Sequence[str], _folders: Sequence[Path]) -> None:
    """Judge nothing: a tool of the system with nothing of this repository in it."""


JUDGES: dict[str, Judge] = {
    "cad-bridge": parse_ours,
    "make": _make,
    "pip": _pip,
    **dict.fromkeys(("python", "python3", "py"), _python),
    "curl": _curl,
    "systemctl": _systemctl,
    "journalctl": _journalctl,
    **dict.fromkeys(("install", "promtool"), _install),
    "cd": _cd,
    **dict.fromkeys(("docker", "podman"), _compose),
    "powershell": _powershell,
    **dict.fromkeys(("Get-Service", "Restart-Service", "Start-Service", "Stop-Service"), _service),
    **dict.fromkeys(
        ("chmod", "chown", "cp", "df", "icacls", "ln", "mkdir", "printf", "sed", "Get-Content"), _own_tool
    ),
}
