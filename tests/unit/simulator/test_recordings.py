import hashlib
from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.messages import Request
from tests.support.cad_requests import NOON, cad_request, content

FILM = b"\x1a\x45\xdf\xa3film"
PATH = "/v2/general/bodycam-recordings"


def upload(
    *, film: bytes | None = FILM, filename: str = "clip.webm", kind: str = "video/webm", **fields: str
) -> Request:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    body = "".join(parts).encode()
    if film is not None:
        head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: {kind}'
        body += head.encode() + b"\r\n\r\n" + film + b"\r\n"
    usual = dict(cad_request("GET", PATH).headers)
    return cad_request(
        "POST",
        PATH,
        body + b"--b--\r\n",
        headers={**usual, "Content-Type": "multipart/form-data; boundary=b"},
    )


def test_a_film_is_taken() -> None:
    cad = Cad()

    reply = cad.handle(upload(durationMs="30000", identId="3", unitNumber="A-10", strange="x"), NOON)

    assert content(reply) == ["https://files.example.com/bodycam/examplecad/A-10/clip-1.webm"]
    (recording,) = cad.community.recordings
    assert (recording.duration_ms, recording.received_at) == (30_000, NOON)
    assert recording.fields == {"identId": "3", "unitNumber": "A-10"}
    assert (recording.file.length, recording.file.sha256) == (len(FILM), hashlib.sha256(FILM).hexdigest())


def test_no_two_films_have_one_address() -> None:
    cad = Cad()
    first = content(cad.handle(upload(durationMs="1"), NOON))
    cad.reset()

    assert content(cad.handle(upload(durationMs="1"), NOON)) != first


@pytest.mark.parametrize("milliseconds", ["1", "120000"])
def test_a_film_of_up_to_two_minutes_is_taken(milliseconds: str) -> None:
    assert Cad().handle(upload(durationMs=milliseconds), NOON).status == 200


@pytest.mark.parametrize(
    "named", [{"filename": "clip.WEBM", "kind": "application/octet-stream"}, {"filename": "clip"}]
)
def test_a_film_is_webm_by_its_name_or_its_type(named: dict[str, str]) -> None:
    assert Cad().handle(upload(durationMs="5", **named), NOON).status == 200  # pyright: ignore[reportArgumentType] -- table


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "'durationMs' is required"),
    ({"durationMs": "0"}, "'durationMs' must be 1 to 120000"),
    ({"durationMs": "120001"}, "'durationMs' must be 1 to 120000"),
    ({"durationMs": "1.5"}, "'durationMs' is not an integer"),
    ({"durationMs": "5", "film": None}, "'file' is required"),
    ({"durationMs": "5", "film": None, "file": "text"}, "'file' is required"),
    ({"durationMs": "5", "film": b""}, "empty"),
    ({"durationMs": "5", "filename": "clip.mp4", "kind": "video/mp4"}, "must be webm files"),
    ({"durationMs": "5", "identId": "x"}, "'identId' is not an integer"),
]


@pytest.mark.parametrize(("given", "detail"), REFUSED)
def test_a_film_that_makes_no_sense_is_refused(given: dict[str, Any], detail: str) -> None:
    cad = Cad()

    reply = cad.handle(upload(**given), NOON)

    assert reply.status == 400
    assert detail in content(reply)["detail"]
    assert cad.community.recordings == []


def test_the_refusal_is_titled_as_documented() -> None:
    problem = content(Cad().handle(upload(durationMs="5", filename="a.mp4", kind="video/mp4"), NOON))

    assert problem["title"] == "Unable to upload bodycam recording"
    assert problem["detail"] == "Bodycam uploads must be webm files."


def test_a_form_that_is_cut_off_is_a_400() -> None:
    whole = upload(durationMs="5")
    cut = cad_request("POST", PATH, whole.body[:-6], headers=dict(whole.headers))

    assert Cad().handle(cut, NOON).status == 400


def test_what_is_no_form_is_a_415() -> None:
    assert Cad().handle(cad_request("POST", PATH, {"durationMs": 5}), NOON).status == 415


def test_a_film_of_a_refused_player_is_a_400() -> None:
    request = upload(durationMs="5", communityUserId="a")

    assert Cad().handle(request, NOON, frozenset({"a"})).status == 400
