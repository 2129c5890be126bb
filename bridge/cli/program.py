"""The program around its commands: what holds for each of them, before and after it runs."""

import gc
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

import click

from bridge.cli.streams import settle_streams

WORD = re.compile(r"[a-z]+\b(?![.:/\\_-])")
"""What a sentence may begin with in lower case, and no name of a file, a key or an option is."""

ENDS = (".", "!", "?", "…")


class Listed(click.Command):
    """A command as the list of commands shows it; its module is imported only when it is called.

    ``cad-bridge --help`` needs none of them, and ``run`` neither simulator nor tables.
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(name, help=sentence)

    def load(self) -> click.Command:
        """Return the command itself, which is named as its module is."""
        with _collector_at_rest():
            module = import_module(f"bridge.cli.{self.name}")
        return cast(click.Command, vars(module)[str(self.name)])


class Program(click.Group):
    """The commands; whatever they print, no console or file is too poor for it, and every error is a sentence."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:  # noqa: ANN401 -- click's own
        """Run the command that the arguments name."""
        settle_streams()
        return super().main(args, *rest, **extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Listed) else command, rest

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's own
        """Read the rest of the command line, and do what it says."""
        with _sentences():
            return super().invoke(ctx)


@contextmanager
def _collector_at_rest() -> Generator[None]:
    """Look for no garbage while modules are imported, nor afterwards in what they made: it stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _sentences() -> Generator[None]:
    try:
        yield
    except click.ClickException as error:
        text = sentence(error.message, whole=not isinstance(error, click.BadParameter))
        setattr(error, "message", text)  # noqa: B010 -- final for subclasses alone
        raise


def sentence(text: str, *, whole: bool = True) -> str:
    """Return a text with a capital letter, unless something stands before it, and with a full stop."""
    if not text:
        return text
    begun = text[0].upper() + text[1:] if whole and WORD.match(text) else text
    return begun if begun.endswith(ENDS) else f"{begun}."
