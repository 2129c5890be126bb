"""What the CMS answers."""

import pytest

from bridge.sonoran import cms
from tests.support.transport import answer


def test_a_whitelist_leads_from_every_api_id_to_its_name() -> None:
    members = cms.read_whitelist(
        b'[{"name":"Jo","apiIds":["STEAM:1",235947056630333440,""]},{"name":null,"apiIds":["x"]},{"apiIds":null}]'
    )

    assert members is not None
    assert members.names == {"steam:1": "Jo", "235947056630333440": "Jo", "x": ""}
    assert members.number == 3


def test_an_empty_whitelist_is_one() -> None:
    members = cms.read_whitelist(b"[]")

    assert members is not None
    assert (members.names, members.number) == ({}, 0)


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"NOT ALLOWED", b'["a"]', b'[{"apiIds":1}]', b"\xff"])
def test_what_is_no_whitelist_is_none(body: bytes) -> None:
    assert cms.read_whitelist(body) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"INVALID\nAPI KEY ", "INVALID API KEY"),
        (b'{"status":400,"message":"VALID BAD REQUEST REASON"}', "VALID BAD REQUEST REASON"),
        (b"", "status 400"),
        (b"x" * 5000, "x" * 300),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_reason_is_one_line_be_it_text_or_json(body: bytes, reason: str) -> None:
    assert cms.read_reason(answer(400, body)) == reason


def test_a_reason_says_where_the_cms_logs_it() -> None:
    assert cms.read_reason(answer(404, b"NO", trace_id="t-1")) == "NO (trace t-1)"


def test_an_account_that_is_not_there_is_told_from_other_refusals() -> None:
    assert cms.is_unknown_account(answer(404, b"API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"))
    assert cms.is_unknown_account(answer(400, b"NO ACCOUNT FOUND UNDER GIVEN PARAMETERS IN THIS COMMUNITY"))
    assert not cms.is_unknown_account(answer(400, b"INVALID REQUEST TYPE"))


@pytest.mark.parametrize(
    ("body", "plan"), [(b"4 - PRO", "PRO"), (b'"0 - FREE"', "FREE"), (b"", None), (b"4", None)]
)
def test_the_plan_is_read_by_its_name(body: bytes, plan: str | None) -> None:
    assert cms.read_plan(answer(200, body)) == plan
