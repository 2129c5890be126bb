"""Every error the program raises on purpose.

::

    BridgeError
    ├── ConfigError             the configuration, or a file of another version, cannot be used: exit 2
    ├── StartError              the daemon cannot start, or a command cannot use a file: exit 1
    │   └── HeldError           another process holds the outbox
    ├── StoreError              the outbox file does not take or give data now
    │   └── OutboxFullError     as many events wait as the configuration allows
    ├── IdempotencyError        an Idempotency-Key came again with another body
    ├── PushError               a request body is no push at all
    │   └── MalformedError      it is not even JSON
    └── CadError                the CAD gave no usable answer
        └── BudgetError         no slot is free in the operation's rate budget
"""

from collections.abc import Sequence


class BridgeError(Exception):
    """The base of all errors below."""


class ConfigError(BridgeError):
    """The configuration, or a file of another version, cannot be used; ``problems`` holds a finished line for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StartError(BridgeError):
    """The daemon cannot start; the message is one line for a person."""


class HeldError(StartError):
    """Another process holds the outbox file."""


class StoreError(BridgeError):
    """The outbox file does not take or give data now (disk full, read-only, failing)."""


class OutboxFullError(StoreError):
    """As many events wait for the CAD as ``outbox.max_events`` allows."""


class IdempotencyError(BridgeError):
    """An Idempotency-Key came again with another body."""


class PushError(BridgeError):
    """A request body is no push at all: HTTP 422.

    ``problems`` names single records where the request has several: pairs of index and reason.
    """

    def __init__(self, message: str, problems: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class MalformedError(PushError):
    """A request body is not JSON: HTTP 400; ``offset`` is the byte where reading stopped."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (byte {offset})")
        self.offset = offset


class CadError(BridgeError):
    """The CAD gave no complete answer.

    ``reason`` is one of the closed set in ``bridge.sonoran.http.FAILURE_REASONS``;
    ``sent`` tells whether the first byte of the request may have left this machine; ``sends`` counts how often it
    went over the wire.
    """

    def __init__(self, reason: str, *, sent: bool, sends: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.sends = int(sent) if sends is None else sends


class BudgetError(CadError):
    """No slot is free in the operation's rate budget until ``free_at`` (monotonic seconds)."""

    def __init__(self, free_at: float) -> None:
        super().__init__("budget", sent=False)
        self.free_at = free_at
