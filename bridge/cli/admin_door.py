"""Asks a running daemon's admin door, over TCP or a unix socket, with the token where it is needed."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import aiohttp
import msgspec
from click import ClickException
from yarl import URL

from bridge.cli.admin_client import http_url, why_silent
from bridge.config import Secret, is_loopback

_TIMEOUT = aiohttp.ClientTimeout(total=60.0, sock_connect=5.0)  # a discarded event's request may be under way


class NobodyAnswersError(ClickException):
    """There is no daemon at the address."""


class RefusedError(ClickException):
    """The door said no; ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AdminDoor:
    """The door at an address.

    Args:
        address: a URL, ``HOST:PORT``, or ``unix:`` and a path.
        token: returns the token; called where it is needed alone.
        named: the token was named for this address; one that was only found is shown to this machine alone.
    """

    def __init__(self, address: str, token: Callable[[], Secret], *, named: bool) -> None:
        self._socket = address.removeprefix("unix:") if address.startswith("unix:") else None
        self.url = "http://127.0.0.1" if self._socket else http_url(address)
        self.address = address
        self._token = token
        self._named = named

    async def get(self, path: str, query: Sequence[tuple[str, str]] = (), *, trusted: bool = False) -> bytes:
        """Return what is there; the token is shown where it is asked for, and at once if ``trusted``."""
        if not trusted and not self._named:
            try:
                return await self._ask("GET", path, query)
            except RefusedError as error:
                if error.status != HTTPStatus.UNAUTHORIZED:
                    raise
        return await self._ask("GET", path, query, headers=self._authorization())

    async def post(self, path: str, content: object) -> bytes:
        """Have something changed and return the answer."""
        headers = {**self._authorization(), "Content-Type": "application/json"}
        return await self._ask("POST", path, body=msgspec.json.encode(content), headers=headers)

    def _authorization(self) -> dict[str, str]:
        if not (self._named or self._socket or is_loopback(URL(self.url).host or "")):
            raise ClickException(
                f"{self.address} is not on this machine: name its admin token with --token-file"
            )
        return {"Authorization": f"Bearer {self._token().reveal()}"}

    async def _ask(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        connector = aiohttp.UnixConnector(self._socket) if self._socket else None
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector) as session,
                session.request(
                    method,
                    self.url + path,
                    params=list(query),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                content = await response.read()
        except TimeoutError as error:
            raise ClickException(f"no answer from {self.address} in time") from error
        except aiohttp.ClientConnectorError as error:
            raise NobodyAnswersError(f"no bridge answers at {self.address}: {why_silent(error)}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ClickException(f"no bridge answers at {self.address}: {why_silent(error)}") from error
        if response.status == HTTPStatus.OK:
            return content
        raise RefusedError(response.status, _explain(response.status, content, self.address))


def _explain(status: int, content: bytes, address: str) -> str:
    """Return what a refusal says, in one line."""
    try:
        detail = msgspec.json.decode(content, type=dict[str, object]).get("detail")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        detail = None
    return f"{detail or 'it is no admin door of this version'} (HTTP {status} from {address})"
