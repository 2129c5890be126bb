"""The bridge's push door as a game server sees it."""

import math
from typing import TypeVar

import aiohttp
import msgspec
from msgspec import Struct

_Body = TypeVar("_Body", bound=Struct)


class Answer(Struct, frozen=True, kw_only=True):
    """What came back; ``status`` is 0 where nothing did, and ``problem`` says what is wrong in words.

    ``retry_after`` is seconds to leave the bridge alone, 0 where it asks for none.
    """

    status: int
    body: bytes = b""
    problem: str | None = None
    retry_after: float = 0.0

    @property
    def ok(self) -> bool:
        """Tell whether the bridge took the request."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's own

    @property
    def refused(self) -> bool:
        """Tell whether the same request would be refused again."""
        return 400 <= self.status < 500 and self.status != _TIMEOUT  # noqa: PLR2004 -- HTTP's own

    @property
    def busy(self) -> bool:
        """Tell whether the bridge asked to come again later."""
        return self.status == _BUSY

    def decode(self, kind: type[_Body]) -> _Body | None:
        """Return the body, or None where it is something else."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):  # msgspec lets the second one through
            return None


class Door:
    """Requests to one bridge over one session; none of them raises for what the network does.

    An answer is waited for as long as FXServer's own client waits: 5 s without a byte.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def post(self, path: str, body: Struct, key: str | None = None) -> Answer:
        """Push ``body``; the same ``key`` (Idempotency-Key) again adds nothing."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return await self._request("POST", path, headers, msgspec.json.encode(body))

    async def get(self, path: str) -> Answer:
        """Ask for something."""
        return await self._request("GET", path, {}, None)

    async def _request(self, method: str, path: str, headers: dict[str, str], data: bytes | None) -> Answer:
        try:
            async with self._session.request(
                method,
                self._url + path,
                headers=self._headers | headers,
                data=data,
                timeout=_TIMEOUTS,
                allow_redirects=False,
            ) as response:
                return _answer(response.status, await response.read())
        except TimeoutError:
            return Answer(status=0, problem="no answer within 5 s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(status=0, problem=str(error) or type(error).__name__)


class _Problem(Struct, frozen=True, kw_only=True):
    """problem+json; a FiveM script sees no headers, so the bridge writes ``retry_after`` here too."""

    title: str = ""
    detail: str = ""
    retry_after: float = 0.0


_TIMEOUT = 408
_BUSY = 503
_TIMEOUTS = aiohttp.ClientTimeout(total=5.0)
_MAX_RETRY_AFTER = 60.0  # seconds


def _answer(status: int, body: bytes) -> Answer:
    answer = Answer(status=status, body=body)
    if answer.ok:
        return answer
    problem = answer.decode(_Problem) or _Problem()
    words = ": ".join(part for part in (problem.title, problem.detail) if part)
    pause = problem.retry_after if math.isfinite(problem.retry_after) else 0.0
    return Answer(
        status=status,
        body=body,
        problem=f"HTTP {status}" + (f" ({words})" if words else ""),
        retry_after=min(_MAX_RETRY_AFTER, max(1.0 if answer.busy else 0.0, pause)),
    )
