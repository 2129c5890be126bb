"""Requests and replies as plain values, and the ways in which the CAD says no."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

import msgspec
from msgspec import Struct

from bridge.simulator.multipart import Form, read_form

Shape = TypeVar("Shape")

JSON = "application/json"
MULTIPART = "multipart/form-data"
PROBLEM = "application/problem+json"


class Request(Struct, frozen=True, kw_only=True):
    """One HTTP request.

    ``path`` and ``raw_query`` are as they came over the wire, percent-encoding included; ``query`` is decoded and
    holds the first value of each name; header names may have any case, ``fields`` are all of them as they came. Of
    an upload, ``body`` is empty where that is too long to keep: then ``form`` tells what came, and ``digest`` its
    length in bytes and SHA-256.
    """

    method: str
    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""
    raw_query: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    form: Form | None = None
    digest: "Digest | None" = None

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever the case of its name."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


class Digest(Struct, frozen=True, kw_only=True):
    """A body that is not kept: its length in bytes and its SHA-256 in hexadecimal digits."""

    length: int
    sha256: str


class Reply(Struct, frozen=True, kw_only=True):
    """One complete HTTP answer; ``body`` is what ``headers["Content-Type"]`` says."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class ProblemError(Exception):
    """The CAD refuses a request: ``status`` and one sentence of ``detail`` for the problem document.

    ``title`` None: the words that belong to the status.
    """

    def __init__(self, status: int, detail: str, title: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title


class Problem(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of every failure but a 429: Sonoran's ``application/problem+json``."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str


class Ask(Struct, frozen=True, kw_only=True):
    """A request that found its operation: what a handler reads it through.

    ``parameters`` are the decoded path parameters, ``now`` is Unix time, ``refused`` are community user ids
    that the CAD is told not to like. Everything that reads raises ``ProblemError`` 400 where it makes no sense.
    """

    request: Request
    parameters: Mapping[str, str]
    now: float
    refused: frozenset[str] = frozenset()

    def parameter(self, name: str) -> int:
        """Return a path parameter of type integer."""
        return integer(name, self.parameters[name])

    @property
    def server_id(self) -> int:
        """Return the server that the path names."""
        return self.parameter("serverId")

    def number(self, name: str) -> int:
        """Return a required query parameter of type integer, not below zero."""
        value = integer(name, self._query(name))
        if value < 0:
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"The value of '{name}' must not be negative.")
        return value

    def text(self, name: str) -> str | None:
        """Return an optional query parameter."""
        return self.request.query.get(name)

    def flag(self, name: str) -> bool:
        """Return a required query parameter of type boolean."""
        value = self._query(name).lower()
        if value not in {"true", "false"}:
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"The value of '{name}' is not a boolean.")
        return value == "true"

    def body(self, decoder: msgspec.json.Decoder[Shape]) -> Shape:
        """Return the JSON body in its documented shape."""
        if self._media_type() != JSON:
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {JSON}.")
        try:
            return decoder.decode(self.request.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ProblemError(HTTPStatus.BAD_REQUEST, str(error)) from error

    def form(self) -> Form:
        """Return the form of a body that is ``multipart/form-data``."""
        if self._media_type() != MULTIPART:
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {MULTIPART}.")
        request = self.request
        form = (
            read_form(request.header("Content-Type") or "", request.body)
            if request.form is None
            else request.form
        )
        if form.flaw is not None:
            raise ProblemError(HTTPStatus.BAD_REQUEST, form.flaw)
        return form

    def _media_type(self) -> str:
        return (self.request.header("Content-Type") or "").partition(";")[0].strip().lower()

    def _query(self, name: str) -> str:
        if name not in self.request.query:
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"The query parameter '{name}' is required.")
        return self.request.query[name]


def json_reply(
    content: object, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Reply:
    """Return an answer with a JSON body."""
    return Reply(
        status=status, headers={"Content-Type": JSON, **(headers or {})}, body=msgspec.json.encode(content)
    )


def title_of(status: int) -> str:
    """Return the words that belong to an HTTP status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def integer(name: str, text: str) -> int:
    """Return what a parameter or form field of type integer says; ``ProblemError`` 400 where it is none."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:  # noqa: PLR2004 -- what a 64-bit integer holds
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"The value of '{name}' is not an integer.")
    return int(text)
