from dataclasses import dataclass

import pytest
from aiohttp import web
from click import BadParameter, ClickException
from pytest_aiohttp import AiohttpServer

from bridge.cli.admin_client import Status, decode_status, fetch_status, http_url
from tests.support.status_json import NOW, status_json


@dataclass
class Admin:
    """An admin door with one answer."""

    status: int = 200
    body: bytes = b""

    async def start(self, aiohttp_server: AiohttpServer) -> str:
        app = web.Application()
        app.router.add_get("/status", self._answer)
        server = await aiohttp_server(app)
        return str(server.make_url("/"))

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(status=self.status, body=self.body)


def test_a_status_is_decoded_field_by_field() -> None:
    seen = decode_status(status_json())

    assert seen.ready is True
    assert seen.cad.budgets["updateUnitLocations"].remaining == 7
    assert seen.locations.last_batch is not None
    assert seen.locations.last_batch.lag_seconds == 4.2
    assert seen.servers[0].heartbeat_at == NOW - 30
    assert seen.outbox.recent_failures[0].error == "no_unit"
    assert [one.latency_seconds for one in seen.panics] == [None, 0.021]


def test_an_older_daemon_that_says_less_is_readable() -> None:
    assert decode_status(b"{}") == Status()
    assert (
        decode_status(b'{"servers": [{}], "panics": [{}], "locations": {"last_batch": {}}}').servers[0].units
        == 0
    )


def test_a_newer_daemon_that_says_more_is_readable() -> None:
    assert decode_status(status_json(hub={"open": True})) == decode_status(status_json())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"ready": "yes"}', b'{"version": "\xff"}'])
def test_what_is_no_status_is_one_line(body: bytes) -> None:
    with pytest.raises(ClickException) as caught:
        decode_status(body)

    assert "not the status of a cad-bridge" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("admin", "url"),
    [
        ("127.0.0.1:30181", "http://127.0.0.1:30181"),
        ("http://127.0.0.1:30181/", "http://127.0.0.1:30181"),
        ("https://bridge.example", "https://bridge.example"),
    ],
)
def test_an_address_without_scheme_will_do(admin: str, url: str) -> None:
    assert http_url(admin) == url


async def test_the_json_comes_as_the_daemon_gives_it(aiohttp_server: AiohttpServer) -> None:
    url = await Admin(body=b'{ "version": "9" }').start(aiohttp_server)

    assert await fetch_status(url) == b'{ "version": "9" }'


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "admin token"), (403, "admin.hosts"), (404, "no admin door"), (500, "HTTP 500")],
)
async def test_a_refusal_is_one_line_that_says_what_to_do(
    aiohttp_server: AiohttpServer, status: int, words: str
) -> None:
    url = await Admin(status=status).start(aiohttp_server)

    with pytest.raises(ClickException) as caught:
        await fetch_status(url)

    assert words in caught.value.message
    assert url.rstrip("/") in caught.value.message


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:1"])
async def test_nobody_there_is_one_line(url: str) -> None:
    with pytest.raises(ClickException) as caught:
        await fetch_status(url)

    assert caught.value.message == "no bridge answers at http://127.0.0.1:1/status: connection refused"


async def test_a_name_that_nobody_has_is_told_in_plain_words() -> None:
    with pytest.raises(ClickException) as caught:
        await fetch_status("http://nowhere.invalid:1")

    assert caught.value.message == "no bridge answers at http://nowhere.invalid:1/status: no such address"


@pytest.mark.parametrize(
    "address", ["http://", "ftp://127.0.0.1", "http://[::1", "http://127.0.0.1:99999", ""]
)
def test_what_is_no_address_is_told_with_its_option(address: str) -> None:
    with pytest.raises(BadParameter) as caught:
        http_url(address, "--to")

    assert caught.value.param_hint == "--to"
    assert repr(address) in caught.value.message
