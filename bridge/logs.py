"""Logs: one event a line on stderr, a constant phrase with keys beside it, and never a secret.

Other modules take a logger when they are imported, ``log = get("relay")``; it follows whatever ``configure``
says later. What aiohttp and asyncio log through the standard library comes out in the same form.
"""

import logging
import math
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TextIO, cast

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, TimeStamper, add_log_level, format_exc_info
from structlog.stdlib import ProcessorFormatter, add_logger_name
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

MASK = "***"
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
LEADING = ("timestamp", "level", "logger", "event")
DEEPEST = 8  # levels of nesting shown of one value; a value may hold itself
# Players choose what stands in some strings: terminals obey these characters, and half a surrogate pair is
# refused by whoever reads the JSON.
ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"} | {
    code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)
}


def get(name: str) -> FilteringBoundLogger:
    """Return the logger of one module; it may be taken before ``configure`` is called."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def configure(
    *,
    level: str,
    format: str,  # noqa: A002 -- the configuration's own word
    secrets: Iterable[str],
    stream: TextIO | None = None,
    platform: str = sys.platform,
) -> None:
    """Say what is logged from now on, and where to.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``; libraries are heard from ``warning`` on.
        format: ``console``, ``json``, or ``auto``: console on a terminal.
        secrets: What is replaced by ``***`` wherever it turns up.
        stream: Where lines go; stderr by default.
        platform: As ``sys.platform`` has it; not every console of Windows knows colours.
    """
    output = Output(sys.stderr if stream is None else stream)
    last: list[Processor] = [
        Scrubber(secrets),
        _renderer(format, terminal=output.isatty(), colors=platform != "win32"),
    ]
    first: list[Processor] = [
        add_logger_name,
        add_log_level,
        TimeStamper(fmt="iso", utc=True),
        format_exc_info,
    ]
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=partial(NamedLogger, output),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, LEVELS[level]), force=True)
    logging.captureWarnings(capture=True)


class Output:
    """A stream whose failure costs the line, never the daemon: a full disk, a closed pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Tell whether a person reads along."""
        with suppress(OSError, ValueError):
            return self._stream.isatty()
        return False


class NamedLogger(structlog.WriteLogger):
    """Writes the lines of one module."""

    def __init__(self, output: Output, name: str) -> None:
        super().__init__(cast(TextIO, output))
        self.name = name


class Scrubber:
    """The processor that lets no secret pass, and nothing that a renderer could stumble over."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: a secret that begins with another one is masked whole.
        known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Return the event's keys, the four that every line has in front, with clean values."""
        leading = {key: event.pop(key) for key in LEADING if key in event}
        return {key: self._clean(value, 0) for key, value in (leading | dict(event)).items()}

    def _clean(self, value: object, depth: int) -> object:
        match value:
            case None | bool() | int():
                return value
            case float():
                return value if math.isfinite(value) else str(value)
            case str():
                return self._mask(value)
            case _ if depth >= DEEPEST:
                return "…"
            case Mapping():
                entries = cast(Mapping[object, object], value)
                return {self._mask(str(key)): self._clean(entry, depth + 1) for key, entry in entries.items()}
            case list() | tuple() | set() | frozenset():
                return [self._clean(entry, depth + 1) for entry in cast(Iterable[object], value)]
            case _:
                return self._mask(_text(value))

    def _mask(self, text: str) -> str:
        masked = self._secrets.sub(MASK, text) if self._secrets else text
        return masked.translate(ESCAPED)


def _renderer(form: str, *, terminal: bool, colors: bool) -> Processor:
    if form == "json" or (form == "auto" and not terminal):
        return JSONRenderer()
    # The console's own tracebacks show local variables, and with them secrets.
    return ConsoleRenderer(colors=terminal and colors, exception_formatter=plain_traceback)


def _text(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 -- logging a value must not fail because of the value
        return f"<{type(value).__name__}>"
