"""What stands below a command's options in its help: examples to copy, and what its exit codes mean."""

import textwrap
from collections.abc import Mapping
from types import MappingProxyType

WELL = 0
FAILED = 1
UNUSABLE = 2
CUT_SHORT = 130  # of ``run`` after a second signal
EXITS: Mapping[int, str] = MappingProxyType(
    {
        WELL: "it worked",
        FAILED: "it did not work, or Ctrl-C cut it short; the last line says why",
        UNUSABLE: "the command line or the configuration cannot be used",
    }
)
"""What the codes of every command mean; a command's own say more."""

_WIDTH = 74  # columns; click puts two before each line, and has 78 of a usual terminal
_UNWRAPPED = "\b\n"  # click leaves a paragraph that begins so as it is


def epilog(*examples: str, exits: Mapping[int, str] = EXITS) -> str:
    """Return the end of a help page.

    Args:
        examples: Command lines, or a comment above one that begins with ``#``.
        exits: What each exit code means.
    """
    title = "Example:" if len(examples) == 1 else "Examples:"
    lines = [line for code, meaning in exits.items() for line in _wrapped(f"{code:<3} ", meaning)]
    paragraphs = [[title, *(f"  {example}" for example in examples)], ["Exit codes:", *lines]]
    return "\n\n".join(_UNWRAPPED + "\n".join(paragraph) for paragraph in paragraphs)


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"  {label}", subsequent_indent=" " * (2 + len(label)))
