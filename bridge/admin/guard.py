"""Who may read at the admin door, and who may change something.

Reading is free on loopback and needs the token elsewhere; health, and the empty status page that asks for the token,
are free everywhere. A page on the web that has its
name resolve to 127.0.0.1 (DNS rebinding) still sends its own name as Host, so that without the token only loopback
names and the configured ones are answered. Changing something needs the token from everywhere: no page can know it.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from http import HTTPStatus

from aiohttp import hdrs, web
from yarl import URL

from bridge import logs
from bridge.admin.problem import problem
from bridge.clock import Clock
from bridge.config import Secret, is_loopback

HEALTH = ("/healthz", "/readyz")
PAGE, PAGE_FILES = "/", "/page/"
SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
SAME_SITE = frozenset({"same-origin", "none"})
BEARER = {"WWW-Authenticate": "Bearer"}
FIRST_DELAY = 0.1  # seconds before a wrong token is answered; doubled with each one that follows
LONGEST_DELAY = 2.0  # seconds
CALM = 60.0  # seconds without a wrong token after which it begins anew, and between two lines about them

log = logs.get("admin")


class Guard:
    """Knows the token and the names of the door.

    Args:
        token: what readers from elsewhere show, and everybody who changes something.
        hosts: names, besides loopback ones, under which it may be read without the token.
        clock: what time it is.
    """

    def __init__(self, token: Secret, hosts: Sequence[str], clock: Clock) -> None:
        self.reconfigure(token, hosts)
        self._clock = clock
        self._failures = 0
        self._failed_at = float("-inf")
        self._told_at = float("-inf")

    def reconfigure(self, token: Secret, hosts: Sequence[str]) -> None:
        """Expect this token, and know these names, from the next request on."""
        self._token = token
        self._hosts = frozenset(name.lower() for name in hosts)

    async def refuse(self, request: web.Request) -> web.Response | None:
        """Return why a request is not answered, or None if it is. A wrong token is told of slowly."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and _authority(origin) != request.host.lower():
            return problem(HTTPStatus.FORBIDDEN, "a page of another origin may not read this")
        shown = request.headers.get(hdrs.AUTHORIZATION)
        if shown is not None and not self._knows(shown):
            await self._slow(request)
            return problem(HTTPStatus.UNAUTHORIZED, "the token is wrong", BEARER)
        if shown is None:
            refusal = self._refuse_stranger(request)
            if refusal is not None:
                return refusal
        return _refuse_change(request) if _changes(request) else None

    def _refuse_stranger(self, request: web.Request) -> web.Response | None:
        """Return why a request without the token is not answered."""
        if request.path in (*HEALTH, PAGE) or request.path.startswith(PAGE_FILES):
            return None
        if request.remote and not is_loopback(request.remote):
            detail = "reading from elsewhere needs Authorization: Bearer and the admin token"
            return problem(HTTPStatus.UNAUTHORIZED, detail, BEARER)
        name = _host_name(request.host)
        if is_loopback(name) or name in self._hosts:
            return None
        return problem(HTTPStatus.FORBIDDEN, "this Host is neither a loopback name nor one of admin.hosts")

    def _knows(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        shown = sha256(token.strip().encode("utf-8", "surrogateescape")).digest()
        expected = sha256(self._token.reveal().encode()).digest()
        return hmac.compare_digest(shown, expected) and scheme.lower() == "bearer"

    async def _slow(self, request: web.Request) -> None:
        """Let whoever guesses wait, and tell the operator of it, but not once a second."""
        now = self._clock.monotonic()
        if now - self._failed_at > CALM:
            self._failures = 0
        self._failures += 1
        self._failed_at = now
        if now - self._told_at > CALM:
            self._told_at = now
            log.warning("admin token wrong", peer=request.remote or "local socket")
        await self._clock.sleep(min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._failures - 1, 10)))


def _changes(request: web.Request) -> bool:
    """Tell whether there is something here that the request would change; what is not there is refused later."""
    return request.method not in SAFE_METHODS and request.match_info.http_exception is None


def _refuse_change(request: web.Request) -> web.Response | None:
    """Return why a request that would change something is not carried out.

    What a page can make a browser send to another site without asking is a form, a text or nothing, and new browsers
    say where it comes from; none of them sends the token.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in SAME_SITE:
        return problem(HTTPStatus.FORBIDDEN, "a page of another site may not change this")
    if hdrs.AUTHORIZATION not in request.headers:
        detail = "changing something needs Authorization: Bearer and the admin token, on this machine too"
        return problem(HTTPStatus.UNAUTHORIZED, detail, BEARER)
    typed = hdrs.CONTENT_TYPE in request.headers
    if (typed or request.can_read_body) and request.content_type != "application/json":
        return problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected a body of Content-Type application/json, or none"
        )
    return None


def _authority(origin: str) -> str:
    try:
        return URL(origin).authority.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    """Return a Host header without its port; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()
