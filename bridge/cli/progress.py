"""What a person is told while a command takes long: on stderr, and on a terminal alone, where somebody waits."""

import sys

import click

from bridge.clock import Clock
from bridge.phrases import count

PATIENCE = 1.0  # seconds between two lines


def tell(text: str) -> None:
    """Say what is being done, if somebody waits for it: a script finds problems alone on stderr."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


class Counted:
    """Says how many there are so far, once a second: what is quick says nothing."""

    def __init__(self, verb: str, noun: str, clock: Clock) -> None:
        self._verb = verb
        self._noun = noun
        self._clock = clock
        self._told_at = clock.monotonic()
        self._number = 0

    def add(self, number: int) -> None:
        """Count some more."""
        self._number += number
        if self._clock.monotonic() - self._told_at >= PATIENCE:
            self._told_at = self._clock.monotonic()
            tell(f"{self._verb} {count(self._number, self._noun)} so far …")
