"""What stands in a log line, and what never does."""

import io
import logging
import warnings
from collections.abc import Iterable, Iterator

import msgspec
import pytest
import structlog

from bridge.logs import Scrubber, configure, get

SECRET = "made-up-token-of-a-game-server"

early = get("early")  # as other modules do it, long before anything is configured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


class Stubborn:
    def __repr__(self) -> str:
        raise RuntimeError("no name for me")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()  # noqa: TID251 -- put back what configure replaces
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def configured(
    *,
    level: str = "info",
    form: str = "json",
    secrets: Iterable[str] = (SECRET,),
    stream: io.StringIO | None = None,
) -> io.StringIO:
    stream = io.StringIO() if stream is None else stream
    configure(level=level, format=form, secrets=secrets, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [msgspec.json.decode(line, type=dict[str, object]) for line in stream.getvalue().splitlines()]


def library(name: str) -> logging.Logger:
    return logging.getLogger(name)  # noqa: TID251 -- as aiohttp does


def fail() -> None:
    local_token = "a-local-" + "variable"
    raise ValueError(f"no use for {SECRET}", len(local_token))


def test_a_line_is_an_event_with_its_keys() -> None:
    stream = configured()

    early.info("batch sent", server="main", units=3, lag=0.5, matched=True, left=None)

    (line,) = lines(stream)
    timestamp = str(line.pop("timestamp"))
    assert timestamp.endswith("Z")
    assert timestamp[10] == "T"
    assert list(line) == ["level", "logger", "event", "server", "units", "lag", "matched", "left"]
    assert list(line.values()) == ["info", "early", "batch sent", "main", 3, 0.5, True, None]


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_lies_below_the_level_is_left_out(level: str, events: list[str]) -> None:
    stream = configured(level=level)

    for event in ("debug", "info", "warning", "error"):
        getattr(early, event)(event)

    assert [line["event"] for line in lines(stream)] == events


def test_a_logger_follows_the_next_configuration() -> None:
    log = get("relay")
    first = configured()
    log.info("one")
    second = configured(level="debug", secrets=["another"])
    log.debug("two another")

    assert [line["event"] for line in lines(first)] == ["one"]
    assert [line["event"] for line in lines(second)] == ["two ***"]


def test_libraries_speak_in_the_same_form_from_warning_on() -> None:
    stream = configured(level="debug")

    library("aiohttp.access").info("GET /v1/locations")
    library("aiohttp.server").error("Error handling request from %s", SECRET)

    (line,) = lines(stream)
    assert (line["level"], line["logger"]) == ("error", "aiohttp.server")
    assert line["event"] == "Error handling request from ***"
    assert set(line) == {"timestamp", "level", "logger", "event"}


def test_libraries_are_no_louder_than_the_daemon() -> None:
    stream = configured(level="error")

    library("asyncio").warning("Executing took 0.2 seconds")

    assert stream.getvalue() == ""


def test_warnings_of_python_are_lines_too() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        stream = configured()
        warnings.warn(f"odd: {SECRET}", RuntimeWarning, stacklevel=1)

    (line,) = lines(stream)
    assert line["logger"] == "py.warnings"
    assert SECRET not in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_neither_locals_nor_secrets(form: str) -> None:
    stream = configured(form=form)

    try:
        fail()
    except ValueError:
        early.exception("it failed")
        library("aiohttp.server").exception("it failed there")

    assert stream.getvalue().count("no use for ***") == 2
    assert "Traceback (most recent call last)" in stream.getvalue()
    assert "a-local-variable" not in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_a_traceback_is_one_line_of_json() -> None:
    stream = configured()

    try:
        fail()
    except ValueError as error:
        early.error("it failed", exc_info=error)

    (line,) = lines(stream)
    assert "fail()" in str(line["exception"])


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_value_carries_a_secret(form: str) -> None:
    stream = configured(form=form)

    early.warning(
        f"event {SECRET}",
        text=f"Bearer {SECRET}",
        raw=SECRET.encode(),
        nested={SECRET: [{"deep": (SECRET, {SECRET})}]},
        error=ValueError(SECRET),
        kind=type(SECRET, (), {}),
    )

    assert stream.getvalue().count("***") == 8
    assert SECRET not in stream.getvalue()


def test_a_secret_that_begins_with_another_is_masked_whole() -> None:
    stream = configured(secrets=["abc", "abcdef", ""])

    early.info("keys", one="abcdef", two="abc", three="ab")

    (line,) = lines(stream)
    assert (line["one"], line["two"], line["three"]) == ("***", "***", "ab")


def test_odd_values_make_no_odd_lines() -> None:
    stream = configured(form="json")
    endless: list[object] = []
    endless.append(endless)

    early.info("odd", nan=float("nan"), half="\ud800", it=Stubborn(), endless=endless, keys={(1, 2): None})

    (line,) = lines(stream)
    assert (line["nan"], line["it"], line["keys"]) == ("nan", "<Stubborn>", {"(1, 2)": None})


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_players_text_cannot_speak_to_the_terminal(form: str) -> None:
    stream = configured(form=form)

    early.info("call made", text="\x1b[2Jgone\x9b", more="line\nlevel=error")

    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_auto_is_for_people_on_a_terminal_and_for_machines_elsewhere() -> None:
    terminal, file = configured(form="auto", stream=Terminal()), io.StringIO()
    early.info("hello")
    configured(form="auto", stream=file)
    early.info("hello")

    assert not terminal.getvalue().startswith("{")
    assert "\x1b[" in terminal.getvalue()
    assert lines(file)[0]["event"] == "hello"


def test_a_console_of_windows_gets_no_colours() -> None:
    console = Terminal()
    configure(level="info", format="auto", secrets=(), stream=console, platform="win32")
    early.info("hello")

    assert "hello" in console.getvalue()
    assert "\x1b" not in console.getvalue()


def test_json_on_a_terminal_is_json() -> None:
    stream = configured(form="json", stream=Terminal())

    early.info("hello")

    assert lines(stream)[0]["event"] == "hello"


def test_a_full_disk_or_a_closed_pipe_costs_only_the_line() -> None:
    for stream in (FullDisk(), io.StringIO()):
        configured(form="json", stream=stream)
        stream.close()
        early.error("nobody reads this")
        configured(form="auto", stream=stream)
        early.error("nor this")
        library("asyncio").error("nor that")


def test_stderr_is_where_lines_go(capsys: pytest.CaptureFixture[str]) -> None:
    configure(level="info", format="json", secrets=())

    early.info("hello")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert '"event": "hello"' in captured.err


def test_without_secrets_everything_stays() -> None:
    event = Scrubber([])(None, "info", {"event": "hello", "text": "anything"})

    assert event == {"event": "hello", "text": "anything"}
