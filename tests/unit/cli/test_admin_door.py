"""Asking the admin door: when the token is shown, and how refusals are told."""

from pathlib import Path

import pytest
from click import ClickException

from bridge.cli.admin_door import AdminDoor, NobodyAnswersError, RefusedError
from bridge.config import Secret, UnixBind
from tests.support.fake_desk import KNOWN, TOKEN, FakeDesk, serving
from tests.support.ports import free_port


class Token:
    """Counts how often it was needed."""

    def __init__(self, text: str = TOKEN) -> None:
        self.text = text
        self.needed = 0

    def __call__(self) -> Secret:
        self.needed += 1
        return Secret(self.text)


async def test_the_token_is_needed_for_changes_and_for_identifiers_alone() -> None:
    token = Token()
    async with serving(FakeDesk()) as address:
        door = AdminDoor(address, token, named=False)
        await door.get("/outbox")
        assert token.needed == 0
        await door.get(f"/outbox/{KNOWN}", [("full", "1")], trusted=True)
        await door.post("/outbox/retry", {"ids": [KNOWN]})

    assert token.needed == 2


async def test_a_door_that_wants_the_token_for_reading_gets_it() -> None:
    token = Token()
    async with serving(FakeDesk()) as address:
        await AdminDoor(address, token, named=False).get(f"/outbox/{KNOWN}", [("full", "1")])

    assert token.needed == 1


async def test_a_token_that_was_only_found_is_shown_to_this_machine_alone() -> None:
    token = Token()
    with pytest.raises(
        ClickException, match="is not on this machine: name its admin token with --token-file"
    ):
        await AdminDoor("http://bridge.example:30181", token, named=False).post("/outbox/retry", {})

    assert token.needed == 0


async def test_a_wrong_token_is_told_in_one_line_without_the_token() -> None:
    async with serving(FakeDesk()) as address:
        door = AdminDoor(address, Token("another-token-that-was-made-up"), named=True)
        with pytest.raises(RefusedError) as caught:
            await door.get("/outbox")

    assert caught.value.status == 401
    assert caught.value.message == f"the token is wrong (HTTP 401 from {address})"


async def test_a_unix_socket_is_asked_too(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    async with serving(FakeDesk(), UnixBind(path=path)):
        assert KNOWN.encode() in await AdminDoor(f"unix:{path}", Token(), named=False).get("/outbox")


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "unix:/nowhere/admin.sock"])
async def test_where_nobody_answers_that_is_said(address: str) -> None:
    with pytest.raises(NobodyAnswersError, match="no bridge answers at"):
        await AdminDoor(address.format(port=free_port()), Token(), named=False).get("/outbox")


async def test_a_page_that_is_not_there_is_of_another_version() -> None:
    async with serving(FakeDesk()) as address:
        with pytest.raises(RefusedError) as caught:
            await AdminDoor(address, Token(), named=False).get("/nowhere")

    assert caught.value.status == 404
