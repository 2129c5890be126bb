"""What players read: every text has a use, and every use has a text."""

import re
from pathlib import Path

import msgspec

RESOURCE = Path(__file__).parents[3] / "deploy" / "fivem" / "cad_bridge"
TEXTS = msgspec.json.decode((RESOURCE / "locales" / "en.json").read_bytes(), type=dict[str, str])
SAID = re.compile(r"(?:Chat\.say\([^'\n)]*|Locale\.say\()'(\w+)'|= '(panic_\w+)'")
REPORTED = re.compile(r"reporter\(player, '(\w+)', '(\w+)', '(\w+)'\)")


def sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(RESOURCE.glob("server/*.lua")))


def said() -> set[str]:
    """Return the keys of all texts that the Lua says."""
    pairs = SAID.findall(sources()) + REPORTED.findall(sources())
    return {key for keys in pairs for key in keys if key}


def test_each_text_that_is_said_is_there_and_each_that_is_there_is_said() -> None:
    assert said() == set(TEXTS)


def test_each_text_is_a_sentence_of_one_line_that_fits_into_the_chat() -> None:
    for key, text in TEXTS.items():
        assert text == text.strip()
        assert "\n" not in text
        assert len(text) <= 120, key
