"""Uploads, ``multipart/form-data``: read piece by piece, so that a long film is never held in memory."""

import hashlib
from collections.abc import Callable
from email.message import Message
from email.parser import BytesHeaderParser

from msgspec import Struct

KEPT_BYTES = 64 * 1024  # of a part; fields are short, files are not
MAX_HEAD_BYTES = 16 * 1024  # of a part

_LINE = b"\r\n"
_END = b"--"


class Part(Struct, frozen=True, kw_only=True):
    """One part of a form: a field, or a file where it has a ``filename``.

    ``content`` is empty where it is longer than ``KEPT_BYTES``; ``length`` is in bytes, ``sha256`` in hexadecimal
    digits.
    """

    name: str
    filename: str | None
    content_type: str
    length: int
    sha256: str
    content: bytes

    @property
    def text(self) -> str:
        """Return the content as text."""
        return self.content.decode(errors="replace")


class Form(Struct, frozen=True, kw_only=True):
    """The parts in the order in which they came; ``flaw`` says what is wrong with a body that is no form."""

    parts: tuple[Part, ...] = ()
    flaw: str | None = None

    def field(self, name: str) -> str | None:
        """Return the text of the first part of a name."""
        part = self.part(name)
        return None if part is None else part.text

    def part(self, name: str) -> Part | None:
        """Return the first part of a name."""
        return next((part for part in self.parts if part.name == name), None)


class FormReader:
    """Takes the body of an upload in pieces of any size."""

    def __init__(self, content_type: str) -> None:
        header = Message()
        header["Content-Type"] = content_type
        boundary = header.get_boundary()
        self._delimiter = b"" if boundary is None else b"\r\n--" + boundary.encode(errors="surrogateescape")
        self._buffer = _LINE  # so that the first delimiter is found as all others are
        self._read: Callable[[], bool] = self._skip
        self._open: _OpenPart | None = None
        self._parts: list[Part] = []
        self._ended = False
        self._flaw = None if self._delimiter else "The form has no boundary."

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        if self._ended or self._flaw is not None:
            return
        self._buffer += piece
        while self._read():
            pass

    def form(self) -> Form:
        """Return what came, once all of it came."""
        if self._flaw is None and not self._ended:
            self._flaw = "The form is cut off."
        return Form(flaw=self._flaw) if self._flaw else Form(parts=tuple(self._parts))

    def _skip(self) -> bool:
        """Read on to the next delimiter; False: more has to come first."""
        found = self._buffer.find(self._delimiter)
        content_end = len(self._buffer) - len(self._delimiter) + 1 if found < 0 else found
        if content_end > 0:
            if self._open is not None:
                self._open.add(self._buffer[:content_end])
            self._buffer = self._buffer[content_end:]
        if found < 0:
            return False
        self._buffer = self._buffer[len(self._delimiter) :]
        if self._open is not None:
            self._parts.append(self._open.close())
            self._open = None
        self._read = self._after_delimiter
        return True

    def _after_delimiter(self) -> bool:
        if len(self._buffer) < len(_END):
            return False
        if self._buffer.startswith(_END):
            self._ended = True
            return False
        padding, line, rest = self._buffer.partition(_LINE)
        if padding.strip(b" \t\r"):
            self._flaw = "The form's boundary is followed by something else."
            return False
        if line:
            self._buffer = _LINE + rest  # a part may have no header at all
            self._read = self._head
        return bool(line)

    def _head(self) -> bool:
        end = self._buffer.find(_LINE + _LINE)
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                self._flaw = "The headers of a part are too long."
            return False
        head = BytesHeaderParser().parsebytes(self._buffer[len(_LINE) : end + len(_LINE)])
        name = head.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            self._flaw = "A part of the form has no name."
            return False
        self._open = _OpenPart(name, head.get_filename(), head.get_content_type())
        self._buffer = self._buffer[end + len(_LINE + _LINE) :]
        self._read = self._skip
        return True


def read_form(content_type: str, body: bytes) -> Form:
    """Return the form that is in a whole body."""
    reader = FormReader(content_type)
    reader.feed(body)
    return reader.form()


class _OpenPart:
    def __init__(self, name: str, filename: str | None, content_type: str) -> None:
        self._name = name
        self._filename = filename
        self._content_type = content_type
        self._digest = hashlib.sha256()
        self._length = 0
        self._kept = b""

    def add(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._length += len(piece)
        if self._length <= KEPT_BYTES:
            self._kept += piece

    def close(self) -> Part:
        return Part(
            name=self._name,
            filename=self._filename,
            content_type=self._content_type,
            length=self._length,
            sha256=self._digest.hexdigest(),
            content=self._kept if self._length <= KEPT_BYTES else b"",
        )
