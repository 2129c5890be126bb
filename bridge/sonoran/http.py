"""The wire to Sonoran: HTTP requests over lines that are kept warm, and every library error mapped.

Three kinds of line, since they must not wait for each other: the urgent one for panics, the ordinary one, and a
fresh one for requests that must not be repeated, which never rides on a connection that idled for long.
"""

import math
import re
import ssl
from collections.abc import AsyncIterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Self

import aiohttp
import msgspec
from yarl import URL

from bridge.clock import Clock
from bridge.config import Secret
from bridge.errors import CadError
from bridge.sonoran.messages import CadAnswer, CadRequest, Line

FAILURE_REASONS = ("dns", "connect", "tls", "timeout", "reset", "protocol", "answer_too_large", "budget")
MAX_ANSWER = 16 * 1024 * 1024  # bytes; the longest documented answers are lists of accounts and of records
LONGEST_RETRY_AFTER = 300.0  # seconds; a longer one is taken for a mistake
EPOCH = 1_000_000_000.0  # X-RateLimit-Reset from here on is a point in time, below it a duration
TRACE_HEADERS = ("x-trace-id", "x-kong-request-id")
OK, BEYOND = 200, 600  # the statuses that an answer can have begin and end here
MASK = b"***"  # stands for the key where the CAD's answer repeats it

IDLE_SECONDS = {Line.URGENT: 90.0, Line.ORDINARY: 30.0, Line.FRESH: 4.0}
"""How long a connection may idle and still be used."""


class CadHttp:
    """The sessions to one CAD. An async context manager."""

    def __init__(self, base_url: str, api_key: Secret, timeout: float, clock: Clock) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._timeout = timeout
        self._clock = clock
        self._sessions: dict[Line, aiohttp.ClientSession] = {}
        self._key = _any_spelling(api_key.reveal())

    async def __aenter__(self) -> Self:
        """Make the sessions; no connection is opened yet."""
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_count_send)
        context = ssl.create_default_context()
        for line in Line:
            self._sessions[line] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS[line], ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[trace],
            )
            # On a line that broke the library sends some requests again by itself, past every budget.
            self._sessions[line]._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name for it
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def exchange(self, request: CadRequest) -> CadAnswer:
        """Send one request and return the complete answer, in which the key is masked.

        Raises:
            CadError: none came; ``sent`` says whether the request may have left.
        """
        wire = SimpleNamespace(sends=0)
        started = self._clock.monotonic()
        try:
            async with self._sessions[request.line].request(
                request.method or request.operation.method,
                URL(self._base_url + request.path, encoded=True),
                data=self._body(request),
                headers=self._headers(request),
                timeout=self._limits(request),
                allow_redirects=False,
                trace_request_ctx=wire,
            ) as response:
                body = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CadError(classify(error), sent=wire.sends > 0, sends=wire.sends) from error
        if not OK <= response.status < BEYOND:
            raise CadError("protocol", sent=True, sends=wire.sends)
        trace_id = next((response.headers[name] for name in TRACE_HEADERS if name in response.headers), None)
        return CadAnswer(
            status=response.status,
            body=self._mask(body),
            retry_after=read_retry_after(response.headers, self._clock.wall()),
            trace_id=self._clean(trace_id),
            seconds=self._clock.monotonic() - started,
            sends=max(1, wire.sends),
            content_type=self._clean(response.headers.get("Content-Type")),
        )

    def _body(self, request: CadRequest) -> bytes | AsyncIterable[bytes] | None:
        if request.upload is not None:
            return request.upload.parts
        return with_key(request.body, self._api_key) if request.keyed else request.body

    def _headers(self, request: CadRequest) -> dict[str, str]:
        key = {} if request.keyed else {"Authorization": f"Bearer {self._api_key.reveal()}"}
        return {**key, "Accept": "application/json", **_content_headers(request)}

    def _limits(self, request: CadRequest) -> aiohttp.ClientTimeout:
        if request.upload is None:
            return aiohttp.ClientTimeout(total=self._timeout)
        return aiohttp.ClientTimeout(
            total=request.upload.seconds, sock_connect=self._timeout, sock_read=request.upload.seconds
        )

    def _mask(self, body: bytes) -> bytes:
        return self._key.sub(MASK, body)

    def _clean(self, header: str | None) -> str | None:
        if header is None:
            return None
        text = self._mask(header.encode("ascii", "replace")).decode("ascii", "replace")
        return "".join(filter(str.isprintable, text))


def with_key(body: bytes | None, key: Secret) -> bytes:
    """Return a body that is a JSON object with members, and the key as one more.

    Raises:
        ValueError: it is another body.
    """
    if body is None or not body.startswith(b'{"'):
        raise ValueError("the key goes into an object that has members")
    return b'{"key":' + msgspec.json.encode(key.reveal()) + b"," + body[1:]


def classify(error: BaseException) -> str:
    """Return the one of ``FAILURE_REASONS`` that a library error means."""
    table: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        (TimeoutError, "timeout"),
        (aiohttp.ClientConnectorDNSError, "dns"),
        (aiohttp.ClientSSLError, "tls"),
        (aiohttp.ClientConnectorError, "connect"),
        (
            (aiohttp.ServerConnectionError, aiohttp.ClientOSError, aiohttp.ClientPayloadError, OSError),
            "reset",
        ),
        (_TooLargeError, "answer_too_large"),
    )
    return next((reason for kinds, reason in table if isinstance(error, kinds)), "protocol")


def read_retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Return the seconds the CAD asks to wait, or None where it does not say so in a way that makes sense.

    Sonoran sends Retry-After as seconds or an HTTP date, RateLimit-Reset as seconds, and X-RateLimit-Reset as
    seconds or as Unix time.
    """
    for name in ("Retry-After", "RateLimit-Reset", "X-RateLimit-Reset"):
        seconds = _as_seconds(headers.get(name), wall)
        if seconds is not None and seconds > 0:
            return min(seconds, LONGEST_RETRY_AFTER)
    return None


def _as_seconds(value: str | None, wall: float) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return _seconds_until(value, wall)
    if not math.isfinite(number):
        return None
    return number - wall if number >= EPOCH else number


def _seconds_until(date: str, wall: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.fromtimestamp(wall, UTC)).total_seconds()


class _TooLargeError(ValueError):
    """The answer is longer than any the CAD documents."""


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > MAX_ANSWER:
            raise _TooLargeError
        parts.append(part)
    return b"".join(parts)


def _content_headers(request: CadRequest) -> dict[str, str]:
    if request.upload is not None:
        length = {} if request.upload.length is None else {"Content-Length": str(request.upload.length)}
        return {"Content-Type": request.content_type, **length}
    return {} if request.body is None else {"Content-Type": request.content_type}


def _any_spelling(key: str) -> re.Pattern[bytes]:
    """Return what finds a key as it is, escaped as in JSON by anybody's rules, or encoded as in an address."""
    return re.compile(b"".join(_spelling(character) for character in key))


def _spelling(character: str) -> bytes:
    if character.isascii() and character.isalnum():
        return character.encode()
    plain = re.escape(character.encode())
    escaped = character.encode("utf-16-be").hex(" ", 2).replace(" ", r"\\u").encode()
    encoded = character.encode().hex(" ").replace(" ", "%").encode()
    form = rb"|\+" if character == " " else b""
    return rb"(?:\\?%b|(?i:\\u%b|%%%b)%b)" % (plain, escaped, encoded, form)


async def _count_send(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    context.trace_request_ctx.sends += 1
