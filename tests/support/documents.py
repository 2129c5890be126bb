"""The documents of the repository, taken apart: headings, links, fenced blocks, tables, code spans."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]
MADE = (".git", ".venv", ".pytest_cache", "node_modules", "dist", "build")

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)|\b(?:src|srcset|href)=\"([^\"]+)\"|^\[[^\]]+\]: (\S+)", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
EXTERNAL = re.compile(r"[a-z]+:")


class Block(Struct, frozen=True, kw_only=True):
    """A fenced block; ``line`` is where it begins in its document."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Return what a failing test calls it."""
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """Return the words of each command line, comments left out."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        # A backslash of Windows is no shell's.
        words = [shlex.split(line.replace("\\", "\\\\"), comments=True) for line in joined.splitlines()]
        return [line for line in words if line]


def documents() -> list[str]:
    """Return every Markdown file, by its path from the root."""
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(path.as_posix() for path in paths if not set(MADE) & set(path.parts))


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, *languages: str) -> list[Block]:
    """Return the fenced blocks, in these languages if any are named."""
    text = read(document)
    return [
        Block(
            document=document,
            line=text.count("\n", 0, match.start()) + 1,
            language=match["language"],
            text=re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
        )
        for match in FENCE.finditer(text)
        if not languages or match["language"] in languages
    ]


def prose(document: str) -> str:
    """Return the text without its fenced blocks."""
    return FENCE.sub("", read(document))


def anchors(document: str) -> set[str]:
    """Return what a link may name behind ``#``, as the usual web pages make it of headings."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(document)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        number = next(n for n in range(len(found) + 1) if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


def links(document: str) -> list[str]:
    """Return where its links and pictures lead."""
    without_spans = SPAN.sub("", prose(document))
    return ["".join(groups) for groups in LINK.findall(without_spans)]


def spans(document: str) -> list[str]:
    """Return what stands in code type in running text and tables."""
    return [span.replace("\\|", "|") for span in SPAN.findall(prose(document))]


def rows(document: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading; an empty first cell repeats the one above."""
    return list(_rows(document, heading))


def _rows(document: str, heading: str) -> Iterator[list[str]]:
    _, found, after = read(document).partition(f"\n## {heading}\n")
    assert found, f"{document} has no section {heading}"
    table = re.search(r"(?:^\|.*\n)+", after.split("\n## ", 1)[0], re.MULTILINE)
    assert table is not None, f"{document}: {heading} has no table"
    first = ""
    for line in table[0].splitlines()[2:]:
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        first = cells[0] or first
        yield [first, *cells[1:]]
