"""What fell out: said at once, and kept as a small file that repeats it."""

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

SHRINK_SECONDS = 2.0
MOST_OF_A_KIND = 2  # files of findings that look alike


class Finding(Struct, frozen=True, kw_only=True):
    """An input that something is wrong with; ``kind`` is the same for findings that look alike."""

    target: str
    kind: str
    problem: str
    data: bytes


class Header(Struct, frozen=True, kw_only=True):
    """The first line of a file that repeats a finding; the input follows as it is."""

    target: str
    kind: str
    problem: str


class Findings:
    """Collects findings and writes them to ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[str, int] = {}

    @property
    def kinds(self) -> dict[str, int]:
        """Return how many there are of each kind."""
        return self._counts

    def knows(self, kind: str) -> bool:
        """Tell whether there are enough of a kind: one more teaches nothing."""
        return self._counts.get(kind, 0) >= MOST_OF_A_KIND

    def add(self, finding: Finding) -> None:
        known = self.knows(finding.kind)
        self._counts[finding.kind] = self._counts.get(finding.kind, 0) + 1
        if known:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(finding.kind.encode("utf-8", "replace") + finding.data).hexdigest()[:10]
        path = self._folder / f"{finding.target.replace('/', '-')}-{digest}"
        header = Header(
            target=finding.target, kind=_writable(finding.kind), problem=_writable(finding.problem)
        )
        path.write_bytes(msgspec.json.encode(header) + b"\n" + finding.data)
        say(
            f"FOUND {_writable(finding.target)}: {_writable(finding.problem)[:1500]}\n  input: {finding.data[:200]!r}\n  kept in {path}"
        )


def read(path: Path) -> tuple[Header, bytes]:
    """Return what a file repeats."""
    head, _, data = path.read_bytes().partition(b"\n")
    return msgspec.json.decode(head, type=Header), data


def shrink(data: bytes, still: Callable[[bytes], bool], seconds: float = SHRINK_SECONDS) -> bytes:
    """Return a shorter input for which ``still`` holds, as far as that is found in time."""
    deadline = time.monotonic() + seconds
    size = max(1, len(data) // 2)
    while size:
        at, shorter = 0, False
        while at < len(data):
            if time.monotonic() > deadline:
                return data
            without = data[:at] + data[at + size :]
            if still(without):
                data, shorter = without, True
            else:
                at += size
        if not shorter or size > len(data):
            size = min(size // 2, len(data))
    return data


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _writable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
