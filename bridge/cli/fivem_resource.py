"""The FiveM resource that comes with the program, and how it gets into FXServer's folder."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path

import click
from msgspec import Struct

import bridge

NAME = "cad_bridge"
MANIFEST = "fxmanifest.lua"
LOCALES = "locales"
FILE_MODE, FOLDER_MODE = 0o644, 0o755  # FXServer may be another user


class Copied(Struct, frozen=True, kw_only=True):
    """What was done: where to, and which changed locales were kept."""

    target: Path
    updated: bool
    kept: tuple[str, ...] = ()


def shipped() -> Path | None:
    """Return the resource's folder: in the installed package, else in the repository that the program runs from."""
    package = Path(bridge.__file__).parent
    places = (package / "fivem" / NAME, package.parent / "deploy" / "fivem" / NAME)
    return next((place for place in places if (place / MANIFEST).is_file()), None)


def target_in(resources: Path, source: Path | None) -> Path:
    """Return where the resource goes.

    Raises:
        click.ClickException: If it cannot go there: nothing is put over what is not ours.
    """
    if source is None:
        raise click.ClickException(f"this installation came without the resource {NAME}")
    if (resources / MANIFEST).exists():
        raise click.ClickException(
            f"{resources} is a resource itself; name the folder that the resources are in"
        )
    target = resources / NAME
    if target.is_symlink():
        raise click.ClickException(f"{target} is a link; what it leads to is left alone")
    if target.exists() and _name_of(target) != _name_of(source):
        raise click.ClickException(f"{target} is there and is not this resource; nothing was changed")
    return target


def copy(source: Path, target: Path) -> Copied:
    """Copy the resource, or bring a copy up to date; a locale that is there stays as its owner wants it.

    What is there besides stays too: FXServer loads only what the manifest names.

    Raises:
        OSError: If a file cannot be written; a first copy leaves nothing behind then.
    """
    if not target.exists():
        _copy_anew(source, target)
        return Copied(target=target, updated=False)
    kept: list[str] = []
    for name in _files(source):
        there = target / name
        if there.exists() and cmp(source / name, there, shallow=False):
            continue
        if there.exists() and Path(name).parts[0] == LOCALES:
            kept.append(name)
            continue
        _replace(source / name, there)
    return Copied(target=target, updated=True, kept=tuple(kept))


def _name_of(resource: Path) -> str | None:
    """Return the name that a resource gives itself in its manifest."""
    try:
        text = (resource / MANIFEST).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"""^\s*name\s*\(?\s*['"]([^'"]+)['"]""", text, re.MULTILINE)
    return None if found is None else found[1]


def _files(folder: Path) -> Iterator[str]:
    """Yield the names of all files, the manifest last: it is what makes a folder a resource."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    yield from (name for name in names if name != MANIFEST)
    yield from (name for name in names if name == MANIFEST)


def _copy_anew(source: Path, target: Path) -> None:
    draft = Path(tempfile.mkdtemp(prefix=f".{NAME}.", dir=target.parent))
    try:
        for name in _files(source):
            _replace(source / name, draft / name)
        draft.chmod(FOLDER_MODE)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _replace(source: Path, target: Path) -> None:
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(FOLDER_MODE)
    draft = target.with_name(f".{target.name}.new")
    try:
        shutil.copyfile(source, draft)
        draft.chmod(FILE_MODE)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
