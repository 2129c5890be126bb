"""The wire to Sonoran: HTTP requests over lines that are kept warm, and every library error mapped.

Three kinds of line, since they must not wait for each other: the urgent one for panics, the ordinary one, and a
fresh one for requests that must not be repeated, which never rides on a connection that idled for long.
"""

import math
import re
import socket
import ssl
from collections.abc import AsyncIterable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from bridge import host, logs
from bridge.clock import Clock
from bridge.config import Proxy, Secret
from bridge.errors import CadError, StartError
from bridge.sonoran.messages import CadAnswer, CadRequest, Line

FAILURE_REASONS = (
    "dns",
    "connect",
    "proxy",
    "tls",
    "timeout",
    "reset",
    "protocol",
    "answer_too_large",
    "budget",
)
ON_THE_WAY = frozenset(
    {"dns", "connect", "timeout", "reset", "protocol"}
)  # before a proxy has let us through
PROXY_WANTS_LOGIN = 407
MAX_ANSWER = 16 * 1024 * 1024  # bytes; the longest documented answers are lists of accounts and of records
LONGEST_RETRY_AFTER = 300.0  # seconds; a longer one is taken for a mistake
EPOCH = 1_000_000_000.0  # X-RateLimit-Reset from here on is a point in time, below it a duration
TRACE_HEADERS = ("x-trace-id", "x-kong-request-id")
OK, BEYOND = 200, 600  # the statuses that an answer can have begin and end here
MASK = b"***"  # stands for the key where the CAD's answer repeats it

IDLE_SECONDS = {Line.URGENT: 90.0, Line.ORDINARY: 30.0, Line.FRESH: 4.0}
"""How long a connection may idle and still be used."""

PATIENCE = 0.45  # part of a request's timeout that its line waits for the network
# Seconds; TCP asks for a connection after 0, 1, 3 and 7 s, and then the next try is due.
URGENT_PATIENCE = 3.5

_Address = tuple[int, int, int, str, object]  # family, kind, protocol, name, and where to

log = logs.get("cad")


class Outbound(Struct, frozen=True, kw_only=True):
    """How one gets out: through a proxy, and whom one trusts besides the system's authorities (PEM)."""

    proxy: Proxy | None = None
    ca_file: Path | None = None


class CadHttp:
    """The sessions to one CAD, direct or through a proxy. An async context manager.

    What a proxy does not let through never reached the CAD: that is the reason ``proxy``, and nothing was sent.
    """

    def __init__(
        self,
        base_url: str,
        api_key: Secret,
        timeout: float,
        clock: Clock,
        *,
        outbound: Outbound = Outbound(),  # noqa: B008 -- it is frozen
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._outbound = outbound
        self._refusal: int | str | None = None
        self.use_key(api_key)
        self._timeout = timeout
        self._clock = clock
        self._sessions: dict[Line, aiohttp.ClientSession] = {}

    def use_key(self, api_key: Secret) -> None:
        """Show this key from the next request on."""
        self._api_key = api_key
        self._key = _any_spelling(api_key.reveal())

    async def __aenter__(self) -> Self:
        """Make the sessions; no connection is opened yet.

        Raises:
            StartError: the authorities' file is not what it was when the configuration was read.
        """
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_count_send)
        context = _trusting(self._outbound.ca_file)
        proxy = None if self._outbound.proxy is None else URL(self._outbound.proxy.url)
        for line in Line:
            self._sessions[line] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    keepalive_timeout=IDLE_SECONDS[line],
                    ssl=context,
                    socket_factory=_sockets(self._patience(line)),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[trace],
                proxy=proxy,
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
                proxy_headers=_login(self._outbound.proxy),  # of CONNECT, which the CAD does not see
                trace_request_ctx=wire,
            ) as response:
                body = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # The connection keeps its error, and the error's frames the connection: a cycle with the request in it.
            raise CadError(
                self._classify(error, wire.sends), sent=wire.sends > 0, sends=wire.sends
            ) from error.with_traceback(None)
        if response.status == PROXY_WANTS_LOGIN and self._outbound.proxy is not None:  # a plain http one
            self._note_refusal(PROXY_WANTS_LOGIN)
            raise CadError("proxy", sent=False, sends=wire.sends)
        self._refusal = None
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

    def _classify(self, error: BaseException, sends: int) -> str:
        """Return why no answer came, and say so where it is the proxy that the operator has to look at."""
        reason = classify(error)
        if self._outbound.proxy is None or sends or reason not in {*ON_THE_WAY, "proxy"}:
            return reason
        self._note_refusal(error.status if isinstance(error, aiohttp.ClientHttpProxyError) else reason)
        return "proxy"

    def _note_refusal(self, refusal: int | str) -> None:
        if refusal != self._refusal:
            hint = (
                "it wants user and password, see CAD_BRIDGE_PROXY" if refusal == PROXY_WANTS_LOGIN else None
            )
            log.warning(
                "proxy lets nothing through", proxy=str(self._outbound.proxy), reason=refusal, hint=hint
            )
        self._refusal = refusal

    def _body(self, request: CadRequest) -> bytes | AsyncIterable[bytes] | None:
        if request.upload is not None:
            return request.upload.parts
        return with_key(request.body, self._api_key) if request.keyed else request.body

    def _headers(self, request: CadRequest) -> dict[str, str]:
        key = {} if request.keyed else {"Authorization": f"Bearer {self._api_key.reveal()}"}
        login = _login(self._outbound.proxy) if self._base_url.startswith("http:") else {}
        return {**key, **login, "Accept": "application/json", **_content_headers(request)}

    def _limits(self, request: CadRequest) -> aiohttp.ClientTimeout:
        if request.upload is None:
            return aiohttp.ClientTimeout(total=self._timeout, sock_connect=self._patience(request.line))
        return aiohttp.ClientTimeout(
            total=request.upload.seconds, sock_connect=self._timeout, sock_read=request.upload.seconds
        )

    def _patience(self, line: Line) -> float:
        """Return the seconds a line may take to connect, and may then go without the far end's receipt for bytes.

        Both together are less than a request's timeout, so that nothing arrives after it, though a killed daemon's
        kernel goes on sending; and a network that is back is found before its packets are repeated after ever longer
        pauses.
        """
        patience = self._timeout * PATIENCE
        return min(patience, URGENT_PATIENCE) if line is Line.URGENT else patience

    def _mask(self, body: bytes) -> bytes:
        return self._key.sub(MASK, body)

    def _clean(self, header: str | None) -> str | None:
        if header is None:
            return None
        text = self._mask(header.encode("ascii", "replace")).decode("ascii", "replace")
        return "".join(filter(str.isprintable, text))


def _sockets(patience: float) -> Callable[[_Address], socket.socket]:
    """Return what makes sockets that give up on bytes nobody confirms, and do not send them ever after."""

    def make(address: _Address) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        host.give_up_after(made, patience)
        return made

    return make


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
        ((aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError), "proxy"),
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


def _trusting(ca_file: Path | None) -> ssl.SSLContext | bool:
    """Return what trusts the system's authorities, and those of a file besides."""
    if ca_file is None:
        return True  # the library's own context, which it has read them into already
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        raise StartError(f"cad.ca_file: {ca_file} cannot be used: {error.strerror}") from None
    return context


def _login(proxy: Proxy | None) -> dict[str, str]:
    """Return the header that tells a proxy who we are."""
    if proxy is None or proxy.login is None:
        return {}
    user, _, password = proxy.login.reveal().partition(":")
    return {"Proxy-Authorization": aiohttp.encode_basic_auth(user, password, encoding="utf-8")}


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
