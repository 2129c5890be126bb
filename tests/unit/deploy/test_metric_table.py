"""The metric table of deploy/README.md and the metrics of the code are the same."""

import re

from tests.support.alert_rules import ROOT
from tests.support.exported import exported

TEXT = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(cad_bridge_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", re.MULTILINE)
ROWS = ROW.findall(TEXT)


def test_every_metric_of_the_code_is_in_the_table_with_its_type_and_labels() -> None:
    told = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in ROWS}

    assert told == {one.name: (one.kind, one.labels) for one in exported()}


def test_no_metric_is_in_the_table_twice_and_no_row_is_overlooked() -> None:
    assert len(ROWS) == len(exported())
    assert len(ROWS) == TEXT.count("\n| `cad_bridge_")
