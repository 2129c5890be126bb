"""The circuit breaker: what is known of the CAD's health, and who is told when it changes.

An open breaker slows attempts down to probes; it never drops anything.
"""

import math
from collections.abc import Callable
from enum import StrEnum

from bridge import logs
from bridge.clock import Clock

DOWN_AFTER = 3  # failures in a row; fewer may be one bad request that is tried again

log = logs.get("breaker")


class KeyState(StrEnum):
    """What the CAD last said of the API key."""

    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Breaker:
    """Whether the CAD answers, and whether it accepts the key. Times are monotonic seconds.

    ``whose`` is what the log calls it; ``key`` names the key of the configuration that holds its API key.
    """

    def __init__(self, clock: Clock, *, whose: str = "CAD", key: str = "cad.api_key_file") -> None:
        self.whose = whose
        self._clock = clock
        self._hint = f"put the right key into {key} and reload"
        self._failures = 0
        self._answered_at = -math.inf
        self._recovered: list[Callable[[], None]] = []
        self._resumed: list[Callable[[], None]] = []
        self._doubted: list[Callable[[], None]] = []
        self.reason = ""  # of the last failure
        self.key = KeyState.UNKNOWN
        self.suspected = False  # a request was refused with 401; getVersion has not confirmed it yet
        self.accepted_at = -math.inf
        self.refused_at = -math.inf
        self.last_answer_at: float | None = None  # Unix seconds

    def say(self, phrase: str) -> str:
        """Return a phrase about the CAD as it stands in the log: about the service that this breaker is for."""
        return phrase.replace("CAD", self.whose, 1)

    @property
    def down(self) -> bool:
        """Tell whether only probes should be sent."""
        return self._failures >= DOWN_AFTER

    @property
    def holding(self) -> bool:
        """Tell whether nothing but getVersion may be sent: the key is refused, or about to be asked for."""
        return self.suspected or self.key is KeyState.REFUSED

    def on_recovery(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called whenever sending becomes worth while again."""
        self._recovered.append(callback)

    def on_resume(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when sending may go on, though nothing says that it is worth more than before."""
        self._resumed.append(callback)

    def on_doubt(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the key should be looked at."""
        self._doubted.append(callback)

    def answered(self) -> None:
        """Record an answer of any kind but a redirect, 408 and 5xx."""
        was_down = self.down
        self._failures = 0
        self._answered_at = self._clock.monotonic()
        self.last_answer_at = self._clock.wall()
        if was_down:
            log.info(self.say("CAD is back"))
            self._tell()

    def failed(self, reason: str, started_at: float = math.inf) -> None:
        """Record that no usable answer came to a request that left at ``started_at``.

        One that left before the last answer came tells of the time before it: after an outage in which requests
        hung, the last of them end when the CAD is long back.
        """
        if started_at < self._answered_at:
            return
        self._failures += 1
        self.reason = reason
        if self._failures == DOWN_AFTER:
            log.warning(self.say("CAD is down"), reason=reason)

    def suspect_key(self) -> None:
        """Hold everything until the key has been looked at: the CAD answered 401."""
        self.suspected = True
        for callback in self._doubted:
            callback()

    def leave_doubt(self) -> None:
        """Let things go on although nobody could say whether the key is right: getVersion gave no verdict."""
        if self.suspected:
            self.suspected = False
            for callback in self._resumed:
                callback()

    def refuse_key(self) -> None:
        """Hold everything: getVersion says that the key is wrong."""
        if self.key is not KeyState.REFUSED:
            log.error("API key refused, everything is held", service=self.whose, hint=self._hint)
        self.suspected = False
        self.key = KeyState.REFUSED
        self.refused_at = self._clock.monotonic()

    def accept_key(self) -> None:
        """Let everything go: getVersion took the key."""
        held = self.holding
        if self.key is KeyState.REFUSED:
            log.info("API key accepted again", service=self.whose)
        self.suspected = False
        self.key = KeyState.ACCEPTED
        self.accepted_at = self._clock.monotonic()
        if held:
            self._tell()

    def _tell(self) -> None:
        for callback in self._recovered:
            callback()
