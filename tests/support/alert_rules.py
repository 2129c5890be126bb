"""What stands in deploy/prometheus, decoded; the files themselves are judged by promtool."""

from pathlib import Path

import msgspec
from msgspec import Struct

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert, or a recording rule."""

    expr: str
    alert: str = ""
    record: str = ""
    hold: str = msgspec.field(name="for", default="")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Group(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    rules: list[Rule]


class _RuleFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    groups: list[_Group]


class AlertCase(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an alert should do at one time of a promtool test; nothing expected: it is silent."""

    alertname: str
    eval_time: str
    exp_alerts: list[dict[str, dict[str, str]]] = []


class _Series(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    series: str
    values: str | int


class _Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    interval: str
    input_series: list[_Series]
    alert_rule_test: list[AlertCase] = []
    promql_expr_test: list[dict[str, object]] = []


class _CaseFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule_files: list[str]
    evaluation_interval: str
    tests: list[_Case]


def rules() -> list[Rule]:
    return [
        rule
        for path in sorted((FOLDER / "rules").iterdir())
        for group in msgspec.yaml.decode(path.read_bytes(), type=_RuleFile).groups
        for rule in group.rules
    ]


def alerts() -> list[Rule]:
    return [rule for rule in rules() if rule.alert]


def alert_cases() -> list[AlertCase]:
    return [one for case in _cases() for one in case.alert_rule_test]


def series_of_cases() -> set[str]:
    """Return every series that a promtool test makes up, as it is spelt there."""
    return {one.series for case in _cases() for one in case.input_series}


def case_files() -> list[Path]:
    return sorted((FOLDER / "tests").iterdir())


def _cases() -> list[_Case]:
    return [
        case for path in case_files() for case in msgspec.yaml.decode(path.read_bytes(), type=_CaseFile).tests
    ]
