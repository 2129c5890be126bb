"""Each alert is complete, tested in both directions, and about metrics that exist."""

import re

import pytest

from bridge.operations import OPERATIONS
from bridge.retry import FAILURE_REASONS
from tests.support.alert_rules import FOLDER, Rule, alert_cases, alerts, rules, series_of_cases
from tests.support.exported import exported_series

OURS = re.compile(r"\bcad_bridge_\w+")
RECORDED = re.compile(r"[a-z]\w*:cad_bridge_\w+:\w+")
LABEL_OF_THE_TARGET = frozenset({"job", "instance"})
BY_NAME = [pytest.param(rule, id=rule.alert) for rule in alerts()]


def test_there_are_alerts_and_each_has_its_own_name() -> None:
    names = [rule.alert for rule in alerts()]

    assert len(names) > 10
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("rule", BY_NAME)
def test_each_alert_says_how_urgent_it_is_what_happened_and_what_it_means(rule: Rule) -> None:
    assert rule.alert.startswith("CadBridge")
    assert rule.labels.keys() == {"severity"}
    assert rule.labels["severity"] in {"critical", "warning"}
    assert rule.annotations.keys() == {"summary", "description", "runbook_url"}
    assert rule.annotations["summary"].endswith(".")
    assert "$value" in rule.annotations["description"]
    assert rule.annotations["description"].endswith(".")
    assert rule.annotations["runbook_url"] == f"deploy/runbook.md#{rule.alert.lower()}"


@pytest.mark.parametrize("rule", BY_NAME)
def test_each_alert_is_seen_to_fire_and_to_stay_silent(rule: Rule) -> None:
    cases = [case for case in alert_cases() if case.alertname == rule.alert]

    assert any(case.exp_alerts for case in cases)
    assert any(not case.exp_alerts for case in cases)


def test_each_test_is_of_an_alert_that_exists() -> None:
    assert {case.alertname for case in alert_cases()} == {rule.alert for rule in alerts()}


def test_the_rules_ask_for_metrics_that_exist() -> None:
    recorded = {rule.record for rule in rules() if rule.record}

    for rule in rules():
        assert set(OURS.findall(RECORDED.sub("", rule.expr))) <= exported_series().keys()
        assert set(RECORDED.findall(rule.expr)) <= recorded


def test_each_recorded_series_is_used_by_an_alert() -> None:
    used = {name for rule in alerts() for name in RECORDED.findall(rule.expr)}

    assert used == {rule.record for rule in rules() if rule.record}


def test_the_tests_feed_series_as_the_bridge_exports_them() -> None:
    known = exported_series()

    for series in series_of_cases():
        name, _, labels = series.partition("{")
        if name.startswith("cad_bridge_"):
            assert set(re.findall(r"(\w+)=", labels)) == known[name] | LABEL_OF_THE_TARGET, series


@pytest.mark.parametrize(
    ("label", "known"),
    [("operation", set(OPERATIONS)), ("reason", {*FAILURE_REASONS, "no_unit"})],
)
def test_the_rules_name_values_that_the_code_knows(label: str, known: set[str]) -> None:
    named = {value for rule in rules() for value in re.findall(rf'\b{label}!?="([^"]*)"', rule.expr)}

    assert named
    assert named <= known


def test_the_alertmanager_silences_only_alerts_that_exist() -> None:
    named = re.findall(r"\bCadBridge\w+", (FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))

    assert named
    assert set(named) <= {rule.alert for rule in alerts()}


def test_a_lost_panic_is_never_silenced_by_another_alert() -> None:
    text = (FOLDER / "alertmanager.yml").read_text(encoding="utf-8")

    assert "CadBridgePanicLost" not in text
