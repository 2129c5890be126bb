"""The files of the status page: read once, served from memory.

They hold nothing of this bridge, so that everybody may have them: the page asks for what it shows, with the token where
that is needed. They are read as resources of the package, which may be a folder or an archive.
"""

from hashlib import sha256
from http import HTTPStatus
from importlib import resources

from aiohttp import hdrs, web
from msgspec import Struct

from bridge.admin.problem import PRIVATE

INDEX = "index.html"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    **PRIVATE,
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    hdrs.CACHE_CONTROL: "no-cache",  # kept, but asked for again: a newer bridge has newer files
}


class File(Struct, frozen=True, kw_only=True):
    """A file of the page; ``etag`` changes with its content."""

    content_type: str
    body: bytes
    etag: str


class Page:
    """Serves the page at ``/`` and what it loads under ``/page/``."""

    def __init__(self) -> None:
        folder = resources.files("bridge.admin") / "page"
        self._files = {
            entry.name: _file(entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.is_file()
        }

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Open the paths."""
        router.add_get("/", self._index)
        router.add_get("/page/{name}", self._named)

    async def _index(self, request: web.Request) -> web.Response:
        return _answer(request, self._files[INDEX])

    async def _named(self, request: web.Request) -> web.Response:
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return _answer(request, file)


def _file(name: str, body: bytes) -> File:
    content_type = TYPES[name[name.rindex(".") :]]
    return File(content_type=content_type, body=body, etag=sha256(body).hexdigest()[:20])


def _answer(request: web.Request, file: File) -> web.Response:
    asked = request.if_none_match or ()
    headers = {**HEADERS, hdrs.ETAG: f'"{file.etag}"'}
    if any(tag.value in (file.etag, "*") for tag in asked):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=file.body, content_type=file.content_type, charset="utf-8", headers=headers)
