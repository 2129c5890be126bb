"""Keeps the urgent line warm and knows whether the key is right, by one cheap question: getVersion."""

from collections.abc import Callable

from msgspec import Struct

from bridge import logs
from bridge.clock import Alarm, Clock
from bridge.errors import CadError
from bridge.sonoran import v2
from bridge.sonoran.breaker import Breaker
from bridge.sonoran.client import UNAUTHORIZED, CadClient
from bridge.sonoran.messages import CadAnswer, CadRequest, Line

WARM_EVERY = 25.0  # seconds of silence on the urgent line; servers close idle connections after 60 s and more
LONGEST_DOUBT = 2.0  # seconds everything may be held before getVersion has confirmed anything
PROBE_EVERY = 10.0  # seconds while the CAD is down
REFUSED_DELAYS = (2.0, 5.0, 15.0, 60.0)  # seconds between probes of a refused key; the last one repeats

log = logs.get("keeper")


class Question(Struct, frozen=True, kw_only=True):
    """What is asked to know whether the key is right, how the plan is read from a yes, and seconds between two."""

    request: CadRequest
    read_plan: Callable[[CadAnswer], str | None]
    every: float


CAD_QUESTION = Question(request=v2.get_version(Line.URGENT), read_plan=v2.read_plan, every=WARM_EVERY)


class Keeper:
    """Asks getVersion at start, before the urgent line cools, and whenever the key is in doubt.

    Another ``question`` keeps watch over another of Sonoran's services.
    """

    def __init__(
        self, client: CadClient, breaker: Breaker, clock: Clock, question: Question = CAD_QUESTION
    ) -> None:
        self._client = client
        self._breaker = breaker
        self._clock = clock
        self._question = question
        self._alarm = Alarm(clock)
        self._refusals = 0
        self._reached = False
        self._settled = False  # the last question was answered with yes
        self._told: list[Callable[[], None]] = []
        self.plan: str | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self._wait(await self._ask())

    def look(self) -> None:
        """Have the key looked at now: the CAD answered 401."""
        self._alarm.ring()

    def on_news(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the CAD was first reached, takes a refused key again, or names another plan."""
        self._told.append(callback)

    async def _wait(self, next_at: float) -> None:
        while self._clock.monotonic() < next_at:
            await self._alarm.wait_until(next_at)
            if self._breaker.suspected:
                return
            if self._settled and not self._breaker.down:
                next_at = max(next_at, self._client.urgent_used_at + self._question.every)

    async def _ask(self) -> float:
        """Ask once and return when to ask again."""
        self._settled = False
        now = self._clock.monotonic()
        free_at = self._client.free_at(self._question.request.operation.name, now)
        if free_at > now:
            if free_at - now > LONGEST_DOUBT:
                self._breaker.leave_doubt()
            await self._clock.sleep(free_at - now)
        asked_at = self._clock.monotonic()
        try:
            answer = await self._client.send(self._question.request)
        except CadError:
            self._breaker.leave_doubt()
            return max(self._clock.monotonic(), asked_at + PROBE_EVERY)
        return self._clock.monotonic() + self._learn(answer)

    def _learn(self, answer: CadAnswer) -> float:
        if answer.status == UNAUTHORIZED:
            self._breaker.refuse_key()
            self._refusals += 1
            return REFUSED_DELAYS[min(self._refusals, len(REFUSED_DELAYS)) - 1]
        if answer.ok:
            self._accept(self._question.read_plan(answer))
            return self._question.every
        self._breaker.leave_doubt()
        return PROBE_EVERY

    def _accept(self, plan: str | None) -> None:
        """Take note of a yes; one that names no plan leaves the plan as it was."""
        news = not self._reached or self._refusals > 0 or plan not in (None, self.plan)
        if not self._reached:
            log.info(self._breaker.say("CAD reached"), plan=plan)
        self._reached = self._settled = True
        self._refusals = 0
        self.plan = plan or self.plan
        self._breaker.accept_key()
        if news:
            for callback in self._told:
                callback()
