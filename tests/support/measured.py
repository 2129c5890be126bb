"""Figures that a test comes by, for whoever runs pytest with ``-s``."""

import sys


def measured(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
