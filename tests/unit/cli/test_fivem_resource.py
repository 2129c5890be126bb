"""How the FiveM resource gets into FXServer's folder, and what is never put over."""

import os
import re
import stat
from pathlib import Path

import click
import pytest

from bridge.cli.fivem_resource import NAME, copy, shipped, target_in

MANIFEST = "fx_version 'cerulean'\nname 'cad_bridge'\nversion '{}'\n"


def resource(folder: Path, version: str = "1", **files: str) -> Path:
    folder.mkdir(parents=True)
    content = {"fxmanifest.lua": MANIFEST.format(version), "server/main.lua": f"-- {version}", **files}
    for name, text in content.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def read(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    return resource(tmp_path / "source", "2", **{"locales/en.json": '{"new": 1}'})


@pytest.fixture(name="resources")
def _resources(tmp_path: Path) -> Path:
    folder = tmp_path / "resources"
    folder.mkdir()
    return folder


def test_the_program_comes_with_a_resource_of_that_name() -> None:
    found = shipped()

    assert found is not None
    assert found.name == NAME
    assert re.search(r"^name\W+cad_bridge\W", (found / "fxmanifest.lua").read_text(), re.MULTILINE)


def test_a_first_copy_is_whole_and_readable_for_fxserver(source: Path, resources: Path) -> None:
    former = os.umask(0o077)
    try:
        copied = copy(source, target_in(resources, source))
    finally:
        os.umask(former)

    assert (copied.target, copied.updated, copied.kept) == (resources / NAME, False, ())
    assert read(copied.target) == read(source)
    assert [path.name for path in resources.iterdir()] == [NAME]
    assert {stat.S_IMODE(path.stat().st_mode) for path in copied.target.rglob("*") if path.is_file()} == {
        0o644
    }
    assert stat.S_IMODE((copied.target / "server").stat().st_mode) == 0o755


def test_a_copy_is_brought_up_to_date_but_for_locales_and_what_is_the_owners(
    source: Path, resources: Path
) -> None:
    own = {"locales/en.json": '{"mine": 1}', "locales/de.json": "{}", "notes.txt": "mine"}
    target = resource(resources / NAME, "1", **own)

    copied = copy(source, target_in(resources, source))

    assert (copied.updated, copied.kept) == (True, ("locales/en.json",))
    assert read(target) == {**read(source), **own}


def test_a_copy_that_is_up_to_date_stays(source: Path, resources: Path) -> None:
    copy(source, target_in(resources, source))
    before = (resources / NAME / "server/main.lua").stat().st_ino

    copied = copy(source, target_in(resources, source))

    assert copied.kept == ()
    assert (resources / NAME / "server/main.lua").stat().st_ino == before


def test_a_copy_is_known_by_its_name_however_the_manifest_is_written(source: Path, resources: Path) -> None:
    target = resource(resources / NAME, "1")
    (target / "fxmanifest.lua").write_text("fx_version('cerulean')\nname('cad_bridge')\n")

    assert copy(source, target_in(resources, source)).updated


@pytest.mark.parametrize("manifest", ["name 'another'", "fx_version 'cerulean'", None])
def test_what_is_not_ours_is_left_alone(source: Path, resources: Path, manifest: str | None) -> None:
    (resources / NAME).mkdir()
    if manifest is not None:
        (resources / NAME / "fxmanifest.lua").write_text(manifest)

    with pytest.raises(click.ClickException, match="is not this resource"):
        target_in(resources, source)


def test_a_link_is_left_alone(source: Path, resources: Path) -> None:
    (resources / NAME).symlink_to(source)

    with pytest.raises(click.ClickException, match="is a link"):
        target_in(resources, source)


def test_a_resource_is_no_folder_of_resources(source: Path, tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="is a resource itself"):
        target_in(resource(tmp_path / "another"), source)


def test_an_installation_without_the_resource_says_so(resources: Path) -> None:
    with pytest.raises(click.ClickException, match="came without"):
        target_in(resources, None)


def test_a_first_copy_that_fails_leaves_nothing(source: Path, resources: Path) -> None:
    (source / "vehicles.json").symlink_to("/proc/self/mem")  # a file that is there and cannot be read

    with pytest.raises(OSError, match=r"."):
        copy(source, target_in(resources, source))

    assert list(resources.iterdir()) == []
