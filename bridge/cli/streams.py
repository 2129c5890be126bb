"""What is printed, on consoles and in files that take fewer characters than there are.

Output that Windows redirects into a file or to another program knows the 200 characters of the language that
Windows was installed in, and Python fails at every other one; a program without a console has no output at all.
"""

import codecs
import io
import os
import sys
from pathlib import Path

PLAIN = {
    "…": "...",
    "→": "->",
    "←": "<-",
    "✓": "+",
    "✔": "+",
    "✗": "x",
    "✘": "x",
    "•": "*",
    "–": "-",  # noqa: RUF001 -- a dash is what is replaced
    "—": "-",
    "─": "-",
    "━": "-",
}
PLAINLY = "cad-bridge-plainly"


def settle_streams() -> None:
    """Let nothing that is printed end the program: what a stream cannot show becomes plainer, or ``?``."""
    codecs.register_error(PLAINLY, _plainly)
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAINLY)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(
        PLAIN.get(character, "?") for character in error.object[error.start : error.end]
    ), error.end


def _nowhere() -> io.TextIOWrapper:
    return Path(os.devnull).open("w", encoding="utf-8")
