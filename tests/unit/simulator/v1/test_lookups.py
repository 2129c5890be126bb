from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import SECRET
from tests.support.prepared_cad import (
    ACCOUNT,
    CHARACTER,
    IDENT,
    INCIDENT,
    OTHER_UNIT,
    UNIT,
    prepare,
)
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import ok, refusal

NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
WHO = {"apiId": UNIT}


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    cloud = Cloud(SteppingClock(), Cad(known_units={UNIT, OTHER_UNIT}))
    prepare(cloud)
    return cloud


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("LOOKUP", {}),
        ("LOOKUP_INT", {"searchType": 3, "value": ""}),
        ("LOOKUP_CUSTOM", {"map": "plate", "value": ""}),
    ],
)
def test_nothing_to_look_for_is_refused(cloud: Cloud, kind: str, wanted: dict[str, Any]) -> None:
    assert refusal(cloud, kind, [wanted]) == "INVALID EMPTY SEARCH"


@pytest.mark.parametrize(
    ("kind", "wanted", "found"),
    [
        ("LOOKUP", {"first": "joh"}, [CHARACTER]),
        ("LOOKUP", {"first": "joh", "partial": False}, []),
        ("LOOKUP", {"plate": "abc", "types": [12]}, []),
        ("LOOKUP", {"plate": "abc", "types": [9]}, [INCIDENT]),
        ("LOOKUP_INT", {"searchType": 3, "value": INCIDENT}, [INCIDENT]),
        ("LOOKUP_INT", {"searchType": 0, "value": IDENT, "types": [9]}, [INCIDENT, CHARACTER]),
        ("LOOKUP_INT", {"searchType": 5, "value": ACCOUNT, "limit": 1}, [INCIDENT]),
        ("LOOKUP_INT", {"searchType": 5, "value": ACCOUNT, "limit": 1, "offset": 1}, [CHARACTER]),
        ("LOOKUP_INT", {"searchType": 4, "value": SECRET}, []),
        ("LOOKUP_INT", {"searchType": 1, "value": 0}, []),
        ("LOOKUP_CUSTOM", {"map": "plate", "value": "ABC", "partial": True}, [INCIDENT]),
        ("LOOKUP_CUSTOM", {"map": "plate", "value": "ABC"}, []),
    ],
)
def test_records_are_looked_up(cloud: Cloud, kind: str, wanted: dict[str, Any], found: list[int]) -> None:
    answer = ok(cloud, kind, [wanted])
    rows = answer["records"] if kind == "LOOKUP" else answer

    assert [row["id"] for row in rows] == found
