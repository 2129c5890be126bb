"""Answers of the admin door: errors as problem+json, values as JSON that nobody keeps."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

PROBLEM_TYPE = "application/problem+json"
PRIVATE = {  # for browsers: no other page may so much as embed it
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error as problem+json."""
    body = msgspec.json.encode(
        {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    )
    return web.Response(status=status, body=body, content_type=PROBLEM_TYPE, headers=headers)


def as_json(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return a value; no cache keeps it."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )
