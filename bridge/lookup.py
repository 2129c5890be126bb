"""Looks whether the CAD has the calls whose creation ended unclear, so that none is created twice.

Every call carries a mark in its metaData: the id of its event. One getCalls of a server settles all that wait there.
"""

from random import Random

from bridge import logs
from bridge.clock import Clock
from bridge.config import OutboxConfig
from bridge.errors import CadError
from bridge.events import EmergencyCall, EventKind
from bridge.operations import GET_CALLS
from bridge.outbox import Backlog, PendingEvent
from bridge.retry import Done, Fail, Hold, Retry, backoff, judge
from bridge.sonoran import v2
from bridge.sonoran.budget import WINDOW
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer
from bridge.units import ServerId

SLACK = 0.001  # seconds: timers of event loops ring a little early
PAGE = 100  # closed calls in one answer
MOST_PAGES = 5  # as many as getCalls is allowed in a minute
PROMPT = 90.0  # seconds after the earliest look in which nobody is thought to have removed a 911 call already
TOGETHER = 1.0  # seconds a look waits for other calls, since the next one is some seconds off
LONGEST_FAILURE = 600.0  # seconds that looks may fail although the CAD answers other questions
REFUSED_PAUSE = 600.0  # seconds: a plan that lacks getCalls does not change within minutes

log = logs.get("lookup")


class Lookup:
    """Settles the calls in doubt, at the pace of getCalls' budget.

    Args:
        backlog: holds the calls in doubt.
        client: asks the CAD.
        config: ``unclear`` says what becomes of a call that cannot be looked up.
        timeout: seconds after an attempt at which the CAD has acted on it or never will.
        clock: what time it is.
        random: where the jitter of retries comes from.
    """

    def __init__(
        self,
        backlog: Backlog,
        client: CadClient,
        config: OutboxConfig,
        timeout: float,
        clock: Clock,
        random: Random,
    ) -> None:
        self._backlog = backlog
        self._client = client
        self._config = config
        self._timeout = timeout
        self._clock = clock
        self._random = random
        self._not_before: dict[ServerId, float] = {}
        self._failures: dict[ServerId, int] = {}
        self._failing: dict[
            ServerId, tuple[float, float]
        ] = {}  # when a look last failed, and seconds of that so far
        self._refused_until: dict[ServerId, float] = {}
        self._forbidden_until = float("-inf")  # a plan is the key's, not a server's
        self._suspect_at: float | None = None  # when the CAD last refused the key for a look
        self._pace = WINDOW / client.budgets[GET_CALLS.name].limit
        self._paced_until = float("-inf")
        client.breaker.on_recovery(self._recover)

    def reconfigure(self, config: OutboxConfig) -> None:
        """Do with calls that cannot be looked up what the configuration now says."""
        self._config = config
        self._pace = WINDOW / self._client.budgets[GET_CALLS.name].limit

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            now = self._clock.monotonic()
            self._settle_refused(now)
            server_id, at = self._next(now)
            if server_id is not None and at is not None and at <= now:
                await self._look_once(server_id, now)
            else:
                await self._backlog.doubt_alarm.wait_until(at)

    def _recover(self) -> None:
        self._not_before.clear()
        self._paced_until = float("-inf")
        self._backlog.doubt_alarm.ring()

    def _settle_refused(self, now: float) -> None:
        """Decide without a look where looking is refused, so that no call waits for nothing."""
        for event in self._backlog.doubtful():
            if max(self._forbidden_until, self._refused_until.get(event.server_id, now)) > now:
                self._leave_unverified(event, now)

    def _next(self, now: float) -> tuple[ServerId | None, float | None]:
        """Return which server to look at next, and when; (None, None) while there is nothing to look for."""
        if self._client.breaker.holding:
            return None, None
        in_doubt = {event.server_id for event in self._backlog.doubtful()}
        for server_id in self._failing.keys() - in_doubt:
            del self._failing[server_id]
            self._failures.pop(server_id, None)
        first = min(self._backlog.doubtful(), key=self._due_at, default=None)
        if first is None:
            return None, None
        latest = self._due_at(first) + TOGETHER
        times = (
            self._due_at(event) for event in self._backlog.doubtful() if event.server_id == first.server_id
        )
        together = max(time for time in times if time <= latest)
        at = max(together, self._paced_until, self._client.free_at(GET_CALLS.name, now))
        return first.server_id, at

    def _due_at(self, event: PendingEvent) -> float:
        attempted_at = event.attempted_at
        assert attempted_at is not None, "an event in doubt was attempted"  # noqa: S101 -- the backlog sees to it
        over_at = max(attempted_at, event.doubted_at) + self._timeout
        return max(over_at, self._not_before.get(event.server_id, attempted_at))

    async def _look_once(self, server_id: ServerId, now: float) -> None:
        try:
            await self._look(server_id, now)
        except Exception as error:  # one look must not end the daemon
            log.exception("look raised", server=self._backlog.name_of(server_id))
            self._postpone(server_id, self._clock.monotonic(), type(error).__name__)

    async def _look(self, server_id: ServerId, now: float) -> None:
        """Read page after page until all that are due are settled."""
        self._paced_until = now + self._pace  # evenly, so that no call waits for a whole window to pass
        due: list[PendingEvent] = [
            event for event in self._backlog.doubtful()
            if event.server_id == server_id and self._due_at(event) <= now
        ]  # fmt: skip
        closed = 0
        for page in range(1, MOST_PAGES + 1):
            calls = await self._ask(server_id, closed)
            if calls is None:
                return
            closed += calls.closed
            complete = _is_last(calls, closed)
            over = complete or not calls.closed or page == MOST_PAGES
            due = [
                event for event in due if not self._settle(event, calls.marks, complete=complete, over=over)
            ]
            if over or not due:
                self._failures.pop(server_id, None)
                self._failing.pop(server_id, None)
                return

    def _settle(
        self, event: PendingEvent, marks: dict[str, int | None], *, complete: bool, over: bool
    ) -> bool:
        """Settle a call by one page, if that decides it; a closed one may be on a later page."""
        if not self._backlog.in_doubt(event):  # it may have expired meanwhile
            return True
        if event.id in marks:
            log.info("call found, it is not sent again", id=event.id, kind=event.kind)
            self._backlog.confirm(event, marks[event.id])
        elif not over:
            return False
        elif self._is_surely_absent(event, complete=complete):
            log.info("call not found, it is sent again", id=event.id, kind=event.kind)
            self._backlog.absolve(event)
        else:
            self._leave_unverified(event, self._clock.monotonic())
        return True

    def _is_surely_absent(self, event: PendingEvent, *, complete: bool) -> bool:
        """Tell whether a call that was not seen cannot have been created and closed meanwhile.

        Closed dispatch calls are listed, removed 911 calls are not: a person may have taken one off the board, though
        hardly within a minute or two, and deleteAfterMinutes takes it off by itself.
        """
        if event.kind is EventKind.DISPATCH_CALL:
            return complete
        assert event.attempted_at is not None, "an event in doubt was attempted"  # noqa: S101 -- the backlog sees to it
        now = self._clock.monotonic()  # not when the look left: the CAD may have looked any time until now
        call = event.event
        minutes = call.delete_after_minutes if isinstance(call, EmergencyCall) else None
        prompt = now - max(event.attempted_at, event.doubted_at) <= self._timeout + PROMPT
        return prompt and (minutes is None or now - event.attempted_at < minutes * 60.0)

    def _leave_unverified(self, event: PendingEvent, now: float) -> None:
        """Do with a call that cannot be looked up what the configuration says."""
        if self._config.unclear == "fail" and not event.insisted:
            self._backlog.give_up(event, "an attempt may have reached the CAD, and nobody can look")
            return
        log.warning("call sent again unverified, it may be there twice", id=event.id, kind=event.kind)
        delay = backoff(max(1, event.attempts), urgent=False, random=self._random)
        self._backlog.repeat(event, now + delay)

    async def _ask(self, server_id: ServerId, offset: int) -> v2.Calls | None:
        """Read one page, in a slot of the budget."""
        while (ticket := self._client.budgets.take(GET_CALLS.name)) is None:
            now = self._clock.monotonic()
            await self._clock.sleep(max(SLACK, self._client.free_at(GET_CALLS.name, now) - now))
        end: CadAnswer | CadError
        try:
            end = await self._client.send(v2.get_calls(server_id, PAGE, offset), ticket)
        except CadError as error:
            end = error.with_traceback(None)  # its frames keep this one, and the request
        return self._take(server_id, end)

    def _take(self, server_id: ServerId, end: CadAnswer | CadError) -> v2.Calls | None:
        now = self._clock.monotonic()
        match judge(end):
            case Done():
                return self._read(server_id, now, end)
            case Fail(reason="forbidden"):
                detail = v2.read_problem(end) if isinstance(end, CadAnswer) else ""
                self._refuse(server_id, detail, everywhere=True)
            case Retry(limited=True):
                return None  # the budget knows when
            case Fail(reason=reason) | Retry(reason=reason):
                self._postpone(server_id, now, reason)
            case Hold():
                self._hold(server_id, now, end)
        return None

    def _read(self, server_id: ServerId, now: float, end: CadAnswer | CadError) -> v2.Calls | None:
        calls = v2.read_calls(end) if isinstance(end, CadAnswer) else None
        if calls is None:
            self._postpone(server_id, now, "an answer that is no list of calls")
        elif calls.hidden:
            self._refuse(server_id, "the CAD shows calls without their metaData")
            return None
        else:
            self._suspect_at = None  # an earlier 401 has nothing to do with the next one
        return calls

    def _hold(self, server_id: ServerId, now: float, end: CadAnswer | CadError) -> None:
        """Look again when the key was looked at; take for a refusal what is refused although the key is right."""
        breaker, suspect_at = self._client.breaker, self._suspect_at
        if suspect_at is not None and breaker.refused_at < suspect_at < breaker.accepted_at:
            self._suspect_at = None
            self._refuse(server_id, v2.read_problem(end) if isinstance(end, CadAnswer) else "")
            return
        self._suspect_at = now
        self._not_before[server_id] = now + backoff(1, urgent=False, random=self._random)

    def _postpone(self, server_id: ServerId, now: float, reason: str) -> None:
        """Look again later, though not for ever: some CAD may answer everything but this."""
        failed_at, seconds = self._failing.get(server_id, (now, 0.0))
        if not self._client.breaker.down:  # else it answers nobody, and will answer when it is back
            seconds += now - failed_at
        self._failing[server_id] = now, seconds
        if seconds >= LONGEST_FAILURE:
            del self._failing[server_id]
            self._refuse(server_id, f"looks have failed for long, the last with {reason}")
            return
        self._failures[server_id] = self._failures.get(server_id, 0) + 1
        log.warning("look for calls failed", server=self._backlog.name_of(server_id), reason=reason)
        delay = backoff(self._failures[server_id], urgent=False, random=self._random)
        self._not_before[server_id] = now + delay

    def _refuse(self, server_id: ServerId, detail: str, *, everywhere: bool = False) -> None:
        until = self._clock.monotonic() + REFUSED_PAUSE
        if everywhere:
            self._forbidden_until = until
        else:
            self._refused_until[server_id] = until
        log.warning(
            "calls cannot be looked up",
            server=self._backlog.name_of(server_id),
            detail=detail,
            unclear=self._config.unclear,
        )


def _is_last(calls: v2.Calls, closed: int) -> bool:
    """Tell whether all closed calls were seen; ``closed`` were on this page and those before."""
    if calls.closed_count is None:
        return not calls.closed
    return calls.closed < PAGE and closed >= calls.closed_count
