"""The runbook has a section for each alert, and says nothing that the program does not know."""

import re

import pytest

from bridge.config import Config
from tests.support.alert_rules import ROOT, alerts
from tests.support.exported import exported_series

TEXT = (ROOT / "deploy" / "runbook.md").read_text(encoding="utf-8")
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
SECTIONS = dict(zip(HEADING.findall(TEXT), HEADING.split(TEXT)[2::2], strict=True))
PHRASE = re.compile(r'`"([^"`]+)"`')
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "bridge").rglob("*.py")))


def test_the_sections_are_the_alerts_in_their_order() -> None:
    assert list(SECTIONS) == [rule.alert for rule in alerts()]


@pytest.mark.parametrize("alert", list(SECTIONS))
def test_each_section_says_what_it_means_where_to_look_and_what_to_do(alert: str) -> None:
    places = [SECTIONS[alert].index(f"**{part}.**") for part in ("Meaning", "Look here", "Do this")]

    assert places == sorted(places)


def test_every_link_leads_to_a_section() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)

    assert links
    assert set(links) <= {f"#{name.lower()}" for name in SECTIONS}


def test_every_phrase_in_quotes_is_logged_by_the_program() -> None:
    phrases = {" ".join(phrase.split()) for phrase in PHRASE.findall(TEXT)}

    assert len(phrases) > 20
    spelled = {re.sub("^CMS ", "CAD ", phrase) for phrase in phrases}  # so the source has them for both
    assert {phrase for phrase in spelled if f'"{phrase}"' not in SOURCE} == set()


def test_every_metric_it_names_exists() -> None:
    named = set(re.findall(r"\bcad_bridge_\w+", TEXT))
    known = {*exported_series(), *(name.removesuffix("_count") for name in exported_series())}

    assert named
    assert named <= known


def test_every_key_it_names_is_one_of_the_configuration() -> None:
    example = (ROOT / "config" / "bridge.example.toml").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)\.(\w+)(?: = [^`]+)?`", TEXT)
    sections = set(Config.__struct_fields__)

    for section, key in named:
        if section in sections:
            assert re.search(rf"^(# )?{key} *=", example, re.MULTILINE), f"{section}.{key}"
    assert {section for section, _ in named} & sections
