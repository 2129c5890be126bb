"""Text of strangers is made fit in time that grows with its length, and no faster."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fxserver.lua import load, new_state

SOURCE = Path(__file__).parents[3] / "deploy" / "fivem" / "cad_bridge" / "server" / "text.lua"
MOST_MEMORY = 200  # bytes for each byte of a text


class Cleaner:
    """The shipped text.lua in a state of its own, with the memory that it takes."""

    def __init__(self) -> None:
        state = new_state()
        load(state, SOURCE.read_bytes(), "text.lua")()
        self._clean: Callable[..., tuple[bytes | None, float]] = load(
            state,
            b"""local text, limit = ...
            collectgarbage()
            collectgarbage('stop')
            local before = collectgarbage('count')
            local cleaned = Text.clean(text, limit)
            return cleaned, (collectgarbage('count') - before) * 1024""",
            "test",
        )

    def clean(self, text: str, limit: int = 1000) -> str | None:
        found, _ = self._clean(text.encode(), limit)
        return None if found is None else found.decode()

    def memory(self, text: str) -> float:
        return self._clean(text.encode(), len(text))[1]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("^1red", "red"),
        ("^^11red", "red"),
        ("^^^123", None),
        ("^^1x2", "^x2"),
        ("a^", "a^"),
        ("^x^1^2^", "^x^"),
        ("1^^0^12", "1"),
        ("ß^1ß", "ßß"),
    ],
)
def test_every_colour_code_goes_also_one_that_is_put_together_by_another(text: str, kept: str | None) -> None:
    assert Cleaner().clean(text) == kept


def test_nested_colour_codes_cost_no_more_than_their_length() -> None:
    nested = "^" * 4000 + "1" * 4000

    assert Cleaner().clean(nested, len(nested)) is None
    assert Cleaner().memory(nested) <= MOST_MEMORY * len(nested)
