from typing import Any

import pytest

from bridge.errors import PushError
from bridge.events import Kick, Panic, Photo, Status, UnitStatus
from bridge.intake.units import MAX_URL_LENGTH, kick_of, panic_of, photo_of, status_of
from bridge.units import UnitId

A = UnitId("a")
URL = "https://cdn.example.com/mugshots/a.png?size=1#top"


@pytest.mark.parametrize(
    ("active", "switched"), [(None, True), (True, True), (1, True), ("false", False), (0, False)]
)
def test_a_panic_is_switched_on_unless_it_says_otherwise(active: Any, *, switched: bool) -> None:
    assert panic_of({"id": "a", "active": active}) == Panic(ids=(A,), active=switched)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0, UnitStatus.UNAVAILABLE),
        (1, UnitStatus.BUSY),
        (2.0, UnitStatus.AVAILABLE),
        ("3", UnitStatus.ENROUTE),
        (4, UnitStatus.ON_SCENE),
        (100, UnitStatus.OFFLINE),
        ("on scene", UnitStatus.ON_SCENE),
        ("On-Scene", UnitStatus.ON_SCENE),
        ("ON_SCENE", UnitStatus.ON_SCENE),
        ("en_route", UnitStatus.ENROUTE),
    ],
)
def test_a_status_is_a_number_or_a_name(value: Any, status: UnitStatus) -> None:
    assert status_of({"id": "a", "status": value}) == Status(ids=(A,), status=status)


def test_a_kick_is_of_one_unit_and_has_a_reason() -> None:
    assert kick_of({"id": "a", "reason": " Server\nrestart "}) == Kick(id=A, reason="Server restart")
    assert kick_of({"id": 12, "reason": 5}) == Kick(id=UnitId("12"), reason="5")
    assert kick_of({"ids": ["a", None, "a"], "reason": "x" * 1000}) == Kick(id=A, reason="x" * 250)


@pytest.mark.parametrize(
    "url", [URL, "http://10.0.0.1:8080/", "HTTPS://example.com", "https://exämple.com/ä"]
)
def test_a_photo_is_an_address_on_the_web(url: str) -> None:
    assert photo_of({"id": "a", "url": f" {url}\n"}) == Photo(id=A, url=url)


def test_an_address_is_never_cut() -> None:
    longest = URL.ljust(MAX_URL_LENGTH, "x")

    assert photo_of({"id": "a", "url": longest}).url == longest
    with pytest.raises(PushError, match="of at most 2048 characters"):
        photo_of({"id": "a", "url": longest + "x"})


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        7,
        [URL],
        {"href": URL},
        "example.com/a.png",
        "//example.com/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "javascript:alert(1)//https://example.com",
        "data:image/png;base64,iVBORw0KGgo=",
        "https:/example.com",
        "https://",
        "https:///a.png",
        "https://?a",
        "https://#a",
        "https://example.com/a b.png",
        "https://example.com/a\nb.png",
        "https://example.com/\x07",
        "https://example.com/\u202e",
        "https://example.com/\ud800",
    ],
)
def test_what_no_browser_opens_is_no_photo_and_is_not_repeated(url: Any) -> None:
    with pytest.raises(PushError) as caught:
        photo_of({"id": "a", "url": url})

    assert str(caught.value) == "url: expected an http or https address of at most 2048 characters"


@pytest.mark.parametrize(
    ("reader", "fields", "reason"),
    [
        (panic_of, {}, "id or ids: expected at least one unit"),
        (panic_of, {"id": "a", "active": 2}, "active: expected true or false"),
        (status_of, {"status": 3}, "id or ids: expected at least one unit"),
        (status_of, {"id": "a", "status": 5}, "status: expected one of UNAVAILABLE (0), BUSY (1)"),
        (status_of, {"id": "a", "status": True}, "status: expected one of"),
        (status_of, {"id": "a"}, "status: expected one of"),
        (kick_of, {"reason": "Restart"}, "id: expected one unit, found 0"),
        (kick_of, {"id": ["a", "b"], "reason": "Restart"}, "id: expected one unit, found 2"),
        (kick_of, {"id": True, "reason": "Restart"}, "id: number 0 is no id"),
        (kick_of, {"id": "a"}, "reason: expected text"),
        (kick_of, {"id": "a", "reason": " "}, "reason: expected text"),
        (photo_of, {"url": URL}, "id: expected one unit, found 0"),
        (photo_of, {"ids": ["a", "b"], "url": URL}, "id: expected one unit, found 2"),
    ],
)
def test_what_is_missing_or_wrong_is_named(reader: Any, fields: dict[str, object], reason: str) -> None:
    with pytest.raises(PushError) as caught:
        reader(fields)

    assert str(caught.value).startswith(reason)
