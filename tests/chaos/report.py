"""Tells what a run came to."""

import sys
from collections.abc import Iterable

from tests.chaos.ledger import Ledger
from tests.chaos.verdict import Verdict

SHOWN_CASES = 8


def tell_charges(verdict: Verdict, ledger: Ledger, log: str, problems: Iterable[str]) -> bool:
    """Tell everything that is wrong, with what is known of it; return whether nothing is."""
    problems = list(problems)
    for charge in verdict.charges[:SHOWN_CASES]:
        say(f"\n{charge.sort.upper()} {charge.event}: {charge.what}")
        for line in verdict.evidence(charge.event):
            say(f"  {line}")
        for line in (line for line in log.splitlines() if charge.event in line):
            say(f"  log {line[:400]}")
    for operation, what in verdict.passed.items():
        say(f"\nLIMIT PASSED {operation}: {what}")
    guilty = bool(verdict.charges or verdict.passed or problems)
    if guilty:
        say("\n" + "\n".join(ledger.deeds))
    for problem in problems:
        say(f"\nPROBLEM {problem}")
    return not guilty


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
