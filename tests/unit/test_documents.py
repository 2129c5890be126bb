"""What the documents point to is there: links, headings, files, commands with their options, keys, targets."""

import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import msgspec
import pytest

from bridge.cli import main
from tests.support.command_lines import IncompleteError, UnknownCommandError, examine
from tests.support.documents import (
    EXTERNAL,
    ROOT,
    Block,
    anchors,
    blocks,
    documents,
    links,
    prose,
    read,
    spans,
)

DOCUMENTS = documents()
SHELLS = ("sh", "bash", "console", "powershell", "batch")
KNOWN_LANGUAGES = {*SHELLS, "lua", "js", "python", "json", "toml", "ini", "cfg", "yaml", ""}
TO_BE_MADE = {"deploy/fivem/cad_bridge/README.md": {"locales/de.json"}}  # by the reader
PATH = re.compile(r"[\w.-]+(?:/[\w.*-]+)+/?")
IN_TEXT = re.compile(r"(?:sudo )?(?:cad-bridge|curl|docker|journalctl|make|podman|promtool|systemctl) [\w-]")
SHELL_BLOCKS = [block for document in DOCUMENTS for block in blocks(document, *SHELLS)]


def test_there_are_documents_to_look_at() -> None:
    assert {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md"} <= set(
        DOCUMENTS
    )
    assert len(SHELL_BLOCKS) > 10
    assert sum(len(links(document)) for document in DOCUMENTS) > 50


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    broken = [
        link for link in links(document) if not EXTERNAL.match(link) and not leads_somewhere(document, link)
    ]

    assert broken == []


def leads_somewhere(document: str, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = os.path.normpath((Path(document).parent / name).as_posix()) if name else document
    if not (ROOT / target).exists():
        return False
    return not anchor or ((ROOT / target).suffix == ".md" and anchor in anchors(target))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_link_goes_around_encryption(document: str) -> None:
    plain = [link for link in links(document) if link.startswith("http://") and "127.0.0.1" not in link]

    assert plain == []


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one != "CHANGELOG.md"])
def test_every_file_of_the_repository_that_is_named_is_there(document: str) -> None:
    assert [name for name in named_files(document) if not is_there(document, name)] == []


def named_files(document: str) -> Iterator[str]:
    """Yield what looks like a path that begins in the repository, or beside the document."""
    folders = {one.name for one in (*ROOT.iterdir(), *(ROOT / document).parent.iterdir()) if one.is_dir()}
    for span in spans(document):
        if PATH.fullmatch(span) and span.split("/", 1)[0] in folders - {"dist"}:
            yield span


def is_there(document: str, name: str) -> bool:
    if name in TO_BE_MADE.get(document, ()):
        return True
    places = [(ROOT / document).parent, ROOT, ROOT / "bridge"]
    return any(any(place.glob(one)) for place in places for one in (name.rstrip("/"), f"{name}.py"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_fenced_block_says_its_language(document: str) -> None:
    assert {block.language for block in blocks(document)} <= KNOWN_LANGUAGES
    assert read(document).count("```") == 2 * len(blocks(document))


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=str)
def test_every_command_of_a_block_is_one_that_there_is(block: Block) -> None:
    folders = [(ROOT / block.document).parent]
    assert block.commands
    for command in block.commands:
        examine(command, *folders)
        if command[0] == "cd":
            folders.insert(0, ROOT / command[1])


@pytest.mark.parametrize(
    "line",
    [
        ["cad-bridge", "nothing"],
        ["cad-bridge", "status", "--wach"],
        ["~/venv/bin/cad-bridge", "check", "--on-line"],
        ["sudo", "cad-bridge", "outbox", "retry", "--oops"],
        ["make", "nothing"],
        ["curl", "-s", "http://127.0.0.1:30181/statuss"],
        ["systemctl", "restart", "cad-brigde"],
        ["systemctl", "restrat", "cad-bridge"],
        ["/opt/cad-bridge/bin/pip", "install", "--require-hashes", "-r", "requirement.txt"],
        ["/opt/cad-bridge/bin/pip", "install", "--no-dependency", "."],
        ["install", "-m", "644", "systemd/nothing.service", "/etc/systemd/system/"],
        ["python", "-m", "deploy.nothing"],
        ["frobnicate", "it"],
    ],
)
def test_a_command_that_there_is_not_is_noticed(line: list[str]) -> None:
    with pytest.raises((UnknownCommandError, click.ClickException)):
        examine(line, ROOT)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_in_running_text_is_one_that_there_is(document: str) -> None:
    for span in spans(document):
        words = shlex.split(span) if re.match(IN_TEXT, span) else []
        if len(words) > 1:
            with suppress(click.MissingParameter, IncompleteError):  # a sentence need not say everything
                examine(words, (ROOT / document).parent)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_shown_as_json_or_toml_is_some(document: str) -> None:
    for block in blocks(document, "json"):
        msgspec.json.decode(block.text)
    for block in blocks(document, "toml"):
        tomllib.loads(block.text)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_nothing_is_left_to_be_written(document: str) -> None:
    assert not re.search(r"\b(?:TODO|TBD|FIXME|XXX|lorem)\b", prose(document), re.IGNORECASE)


def test_the_commands_are_those_of_the_program() -> None:
    told = "\n".join(prose(document) for document in DOCUMENTS)

    assert [name for name in main.commands if f"cad-bridge {name}" not in told] == []
