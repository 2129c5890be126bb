import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator.multipart import KEPT_BYTES, MAX_HEAD_BYTES, Form, FormReader, read_form

TYPE = "multipart/form-data; boundary=b"
FIELD = b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n'


def test_fields_and_files_are_told_apart() -> None:
    body = (
        b'--b\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="durationMs"\r\n\r\n30000\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="clip.webm"\r\n'
        b"content-type: video/webm\r\n\r\nfilm\r\n--b--\r\n"
    )

    form = read_form(TYPE, body)

    field, film = form.parts
    assert (field.name, field.filename, field.text) == ("durationMs", None, "30000")
    assert (film.name, film.filename, film.content_type) == ("file", "clip.webm", "video/webm")
    assert (film.content, film.length) == (b"film", 4)
    assert film.sha256 == hashlib.sha256(b"film").hexdigest()
    assert form.flaw is None


@given(
    st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--b", b"\r\n--", b"x", b"\0"])), max_size=3),
    st.lists(st.integers(1, 7), max_size=40),
)
def test_a_form_is_the_same_in_pieces_of_any_size(contents: list[list[bytes]], sizes: list[int]) -> None:
    wanted = [b"".join(pieces) for pieces in contents]
    body = b"".join(
        b'--zz\r\nContent-Disposition: form-data; name="n"\r\n\r\n' + content + b"\r\n" for content in wanted
    )
    body += b"--zz--\r\n"

    reader = FormReader("multipart/form-data; boundary=zz")
    for size in sizes:
        reader.feed(body[:size])
        body = body[size:]
    reader.feed(body)

    form = reader.form()
    assert form.flaw is None
    assert [part.content for part in form.parts] == wanted


def test_of_a_long_part_length_and_hash_are_kept() -> None:
    reader = FormReader(TYPE)
    reader.feed(FIELD)
    for _ in range(100):
        reader.feed(b"x" * (KEPT_BYTES // 50))
    reader.feed(b"\r\n--b--")

    (part,) = reader.form().parts
    size = KEPT_BYTES // 50 * 100
    assert (part.content, part.length) == (b"", size)
    assert part.sha256 == hashlib.sha256(b"x" * size).hexdigest()


def test_a_part_of_just_the_kept_size_is_kept() -> None:
    for size, kept in ((KEPT_BYTES, KEPT_BYTES), (KEPT_BYTES + 1, 0)):
        (part,) = read_form(TYPE, FIELD + b"x" * size + b"\r\n--b--").parts
        assert len(part.content) == kept


def test_what_stands_before_and_after_the_form_is_ignored() -> None:
    form = read_form(TYPE, b"before\r\n" + FIELD + b"v\r\n--b--\r\nafter" + FIELD)

    assert form.field("n") == "v"
    assert form.field("other") is None
    assert len(form.parts) == 1


@pytest.mark.parametrize(
    ("content_type", "body", "flaw"),
    [
        ("multipart/form-data", FIELD + b"v\r\n--b--", "no boundary"),
        (TYPE, b"", "cut off"),
        (TYPE, FIELD + b"v\r\n--b", "cut off"),
        (TYPE, FIELD + b"v\r\n--b\r\n", "cut off"),
        (TYPE, b'{"a": 1}', "cut off"),
        (TYPE, b"--b\r\n\r\nv\r\n--b--", "no name"),
        (TYPE, b"--b\r\nContent-Type: a/b\r\n\r\nv\r\n--b--", "no name"),
        (TYPE, b"--bx\r\n", "followed by something else"),
        (TYPE, b"--b\r\nX: " + b"x" * MAX_HEAD_BYTES, "too long"),
    ],
)
def test_what_is_no_form_is_said_so(content_type: str, body: bytes, flaw: str) -> None:
    form = read_form(content_type, body)

    assert form.parts == ()
    assert flaw in (form.flaw or "")


@given(st.text(max_size=30), st.binary(max_size=80))
def test_whatever_comes_is_read(parameter: str, body: bytes) -> None:
    for content_type in (TYPE, f"multipart/form-data; {parameter}"):
        assert isinstance(read_form(content_type, b"--b\r\n" + body), Form)


def test_a_form_may_come_byte_by_byte_and_with_spaces_after_its_boundary() -> None:
    reader = FormReader(TYPE)
    for byte in FIELD.replace(b"--b", b"--b \t") + b"v\r\n--b--":
        reader.feed(bytes([byte]))

    assert reader.form().field("n") == "v"
