"""Whether a player may join: answered from the fetched whitelists, by the CMS itself where they do not tell.

However many players join, the CMS is asked at most a dozen times a minute for those who are named by their API id. Who
is on a list is let in at once, be the list old. For who is on none it is fetched anew, and a few are asked for one by
one: whoever bypasses the whitelist may be on no list. Accounts under other names are always asked for, and what the CMS
says of anybody is remembered for a minute, or for a day while it says nothing.
"""

import asyncio
from asyncio import TaskGroup
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus

from msgspec import Struct

from bridge import logs
from bridge.clock import Clock
from bridge.errors import BudgetError, CadError
from bridge.metrics import Metrics
from bridge.sonoran import cms
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer
from bridge.store import Store
from bridge.units import Account, ServerId
from bridge.whitelist.allowance import Allowance
from bridge.whitelist.roll import Roll

PATIENCE = 4.0  # seconds until somebody who asks is answered; a game server gives up after 5
PERIOD = 60.0  # seconds between two fetches of a server's whitelist
USUAL_FETCHES = 6  # a minute; with more servers each one's turn comes less often
RENEWALS = 2  # fetches a minute besides, for players who are on no list
MOST_REQUESTS = 12  # a minute; what the fetches leave is for questions about players who are on no list
RENEW_AFTER = 10.0  # seconds; an older list is fetched anew for a player who is not on it
RETRY = 10.0  # seconds until a list that could not be fetched is tried again
FRESH_SECONDS = 60.0  # what the CMS said of somebody is told again so long
KNOWN_SECONDS = 86_400.0  # and so long where it cannot be asked
MOST_REMEMBERED = 10_000

NOT_ALLOWED = "NOT ALLOWED ON WHITELIST"
BYPASSED = "BYPASSED WHITELIST - "

RESULTS = ("allowed", "denied", "stale", "unknown")
"""How a check ends; ``stale``: let in by what is known from before, ``unknown``: ``cms.when_down`` decided."""

log = logs.get("whitelist")


class Verdict(Struct, frozen=True, kw_only=True):
    """What a check is answered with, one of ``RESULTS``, and how old that is, where it was known before."""

    status: int
    text: str
    result: str
    age: float | None = None
    content_type: str | None = None


class Listing(Struct, frozen=True, kw_only=True):
    """A whitelist as the CMS wrote it, how many seconds ago, and whether it should be newer."""

    body: bytes
    age: float
    stale: bool


class _Question(Struct, frozen=True, kw_only=True):
    """An account, and the server it is asked for; None: any."""

    account: Account
    server_id: ServerId | None


class _Told(Struct, frozen=True, kw_only=True):
    """What the CMS said of an account."""

    status: int
    text: str
    content_type: str | None
    at: float


class Whitelist:
    """The whitelists of all servers.

    Args:
        client: what asks the CMS.
        store: where the lists are kept.
        metrics: what is counted.
        clock: what time it is.
        names: the servers.
        community: what tells this community from others.
        allow_unknown: whether a player is let in of whom nobody can say anything.
    """

    def __init__(
        self,
        client: CadClient,
        store: Store,
        metrics: Metrics,
        clock: Clock,
        names: Mapping[ServerId, str],
        *,
        community: str,
        allow_unknown: bool,
    ) -> None:
        self._client = client
        self._metrics = metrics
        self._clock = clock
        self._community = community
        self._store = store
        self._changed = asyncio.Event()
        self._names: dict[ServerId, str] = {}
        self._rolls: dict[ServerId, Roll] = {}
        self._fetches = Allowance(0)
        self._questions = Allowance(0)
        self.reconfigure(names, allow_unknown=allow_unknown)
        self._told: OrderedDict[_Question, _Told] = OrderedDict()
        client.breaker.on_recovery(self._fetch_all)

    def reconfigure(self, names: Mapping[ServerId, str], *, allow_unknown: bool) -> None:
        """Keep the lists of these servers from now on; the list of one that stays is kept, and so is a former one's."""
        if set(names) != set(self._names):
            self._changed.set()
        self._names = dict(names)
        self._allow_unknown = allow_unknown
        for server_id in names:
            if server_id not in self._rolls:
                self._rolls[server_id] = Roll(server_id, self._community, self._store, self._clock)
        self._period = max(PERIOD, PERIOD * len(names) / USUAL_FETCHES)
        self._fetches.limit = min(len(names), USUAL_FETCHES) + RENEWALS
        self._questions.limit = MOST_REQUESTS - self._fetches.limit

    async def load(self) -> None:
        """Take up the lists of a former run.

        Raises:
            StoreError: the file gives no data now.
        """
        for roll in self._rolls.values():
            await roll.load()
            self._gauge(roll)

    async def run(self) -> None:
        """Keep the lists new until cancelled."""
        while True:
            self._changed.clear()
            async with TaskGroup() as group:
                tasks = [group.create_task(self._keep(self._rolls[server_id])) for server_id in self._names]
                await self._changed.wait()
                for task in tasks:
                    task.cancel()

    def listing(self, server_id: ServerId) -> Listing | None:
        """Return a server's whitelist, or None where it never was fetched."""
        roll = self._rolls[server_id]
        return None if roll.body is None else Listing(body=roll.body, age=roll.age, stale=self._is_old(roll))

    async def check(self, server_id: ServerId, account: Account, *, any_server: bool = False) -> Verdict:
        """Return whether an account may join a server, or any of the community.

        Raises:
            BudgetError: the CMS must be asked, and may not be asked now.
        """
        roll = self._rolls[server_id]
        question = _Question(account=account, server_id=None if any_server else server_id)
        verdict = self._look(roll, question)
        if verdict is None:
            try:
                async with asyncio.timeout(PATIENCE):
                    verdict = await self._ask(roll, question)
            except TimeoutError:
                verdict = self._look(roll, question) or self._guess(question)
        if server_id in self._names:  # else it was taken out of the configuration meanwhile
            self._metrics.whitelist_checks.labels(self._names[server_id], verdict.result).inc()
        return verdict

    @property
    def _away(self) -> bool:
        breaker = self._client.breaker
        return breaker.down or breaker.holding

    def _look(self, roll: Roll, question: _Question) -> Verdict | None:
        """Return the verdict on whoever is on the list."""
        account = question.account
        name = roll.find(account.value) if account.kind == "apiId" else None
        if name is None:
            return None
        result = "stale" if self._is_old(roll) else "allowed"
        return Verdict(status=HTTPStatus.OK, text=name or account.value, result=result, age=roll.age)

    def _is_old(self, roll: Roll) -> bool:
        return roll.failing or self._away or roll.age > 2 * self._period

    async def _ask(self, roll: Roll, question: _Question) -> Verdict:
        """Find out about somebody who is not on the list as it is."""
        if self._away:
            return self._guess(question)
        listed = question.account.kind == "apiId"
        if listed and roll.age > RENEW_AFTER and self._may_fetch(roll):
            await roll.wait_for_attempt()
            verdict = self._look(roll, question)
            if verdict is not None:
                return verdict
        told = self._recall(question, FRESH_SECONDS)
        if told is not None:
            return told
        if listed and roll.body is not None and not self._questions.take(self._clock.monotonic()):
            return self._recall(question, KNOWN_SECONDS) or self._deny(roll)
        return await self._verify(roll, question)

    def _may_fetch(self, roll: Roll) -> bool:
        now = self._clock.monotonic()
        return roll.fetching or self._fetches.free_at(now) <= now

    async def _verify(self, roll: Roll, question: _Question) -> Verdict:
        """Ask the CMS for one account.

        Raises:
            BudgetError: it may not be asked now, and nothing is known from before.
        """
        try:
            answer = await self._client.send(cms.verify_whitelist(question.account, question.server_id))
        except BudgetError:
            known = self._recall(question, KNOWN_SECONDS)
            if known is None:
                raise
            return known
        except CadError:
            answer = None
        if answer is None or not _is_verdict(answer):
            roll.alarm.ring()  # whether the list can be fetched tells whether it is old
            return self._guess(question)
        told = _Told(
            status=answer.status,
            text=answer.body.decode("utf-8", "replace"),
            content_type=answer.content_type,
            at=self._clock.monotonic(),
        )
        self._remember(question, told)
        return _verdict(told, "allowed" if answer.ok else "denied")

    def _remember(self, question: _Question, told: _Told) -> None:
        self._told[question] = told
        self._told.move_to_end(question)
        while len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)

    def _recall(self, question: _Question, seconds: float) -> Verdict | None:
        """Return what the CMS said of an account at most so long ago."""
        told = self._told.get(question)
        age = 0.0 if told is None else self._clock.monotonic() - told.at
        if told is None or age > seconds:
            return None
        allowed = told.status == HTTPStatus.OK
        result = "denied" if not allowed else "allowed" if age <= FRESH_SECONDS else "stale"
        return _verdict(told, result, age)

    def _deny(self, roll: Roll) -> Verdict:
        return Verdict(status=HTTPStatus.NOT_FOUND, text=NOT_ALLOWED, result="denied", age=roll.age)

    def _guess(self, question: _Question) -> Verdict:
        """Return a verdict although the CMS gives none."""
        known = self._recall(question, KNOWN_SECONDS)
        if known is not None:
            return known
        if self._allow_unknown:
            return Verdict(status=HTTPStatus.OK, text=BYPASSED + question.account.value, result="unknown")
        return Verdict(status=HTTPStatus.NOT_FOUND, text=NOT_ALLOWED, result="unknown")

    async def _keep(self, roll: Roll) -> None:
        while True:
            again_at = await self._fetch(roll)
            roll.tell_attempt()
            await roll.alarm.wait_until(again_at)

    async def _fetch(self, roll: Roll) -> float:
        """Fetch a list, if it may be, and return when to do so again."""
        now = self._clock.monotonic()
        if self._client.breaker.holding:
            return now + RETRY
        free_at = max(self._fetches.free_at(now), self._client.free_at(cms.FULL_WHITELIST.name, now))
        if free_at > now:
            return free_at
        self._fetches.take(now)
        roll.fetching = True
        try:
            answer = await self._client.send(cms.full_whitelist(roll.server_id))
            reason = (
                cms.read_reason(answer) if not answer.ok else "" if roll.take(answer.body) else "no whitelist"
            )
        except CadError as error:
            reason = error.reason
            if not error.sends:
                self._fetches.give_back()
        finally:
            roll.fetching = False
        self._note(roll, reason)
        return self._clock.monotonic() + (RETRY if reason else self._period)

    def _note(self, roll: Roll, reason: str) -> None:
        name = self._names[roll.server_id]
        if reason and not roll.failing:
            log.warning("whitelist cannot be fetched", server=name, reason=reason)
        elif not reason and (roll.failing or not roll.told):
            log.info("whitelist fetched", server=name, players=roll.number)
        roll.told = roll.told or not reason
        roll.failing = bool(reason)
        self._gauge(roll)

    def _gauge(self, roll: Roll) -> None:
        name = self._names[roll.server_id]
        self._metrics.whitelist_players.labels(name).set(roll.number)
        self._metrics.whitelist_fetched.labels(name).set(roll.fetched_at)

    def _fetch_all(self) -> None:
        for roll in self._rolls.values():
            roll.alarm.ring()


def _verdict(told: _Told, result: str, age: float | None = None) -> Verdict:
    return Verdict(status=told.status, text=told.text, result=result, age=age, content_type=told.content_type)


def _is_verdict(answer: CadAnswer) -> bool:
    """Tell whether an answer says something of the account, rather than of the CMS or of us."""
    return answer.status in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
