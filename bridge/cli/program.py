"""The program around its commands: what holds for each of them, before it runs."""

from collections.abc import Sequence
from typing import Any

import click

from bridge import host


class Program(click.Group):
    """The commands; whatever they print, no console or file is too poor for it."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:  # noqa: ANN401 -- click's own
        """Run the command that the arguments name."""
        host.settle_streams()
        return super().main(args, *rest, **extra)
