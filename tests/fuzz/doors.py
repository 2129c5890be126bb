"""The doors on real sockets: many clients at once send what nobody should, and every answer is looked at."""

import asyncio
import itertools
import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.answers import judge
from tests.fuzz.findings import Finding, Findings, say
from tests.fuzz.honest import Honest
from tests.fuzz.shots import Gunner, Shot
from tests.fuzz.wire import BrokenAnswerError, Line, Reply
from tests.fuzz.world import World, world

LEEWAY_SECONDS = 3600.0  # after which the daemon ends whatever became of us
ROUND_SECONDS = 30.0  # between two looks whether all that was honest arrived
CLIENTS = {"native": 12, "cad_v2": 12, "cad_v1": 30, "cms_v1": 30, "admin": 12}  # a wrong key makes them wait
PATIENCE = 12.0  # seconds in which everything is answered or its connection closed
TELL_EVERY = 20.0
KIND = 80  # characters of a complaint that are the same where the fault is
REMEMBERED = 600  # latest requests, one of which a complaint in the log is about
SEARCH_SECONDS = 15.0  # for the request that a complaint is about
MOST_ANSWERS = 10  # to one request, which may be several
LOOK_EVERY = 1.0  # seconds between two looks at the log


class Client:
    """Sends one request after the other to one door; what can be is sent on a connection that is kept."""

    def __init__(self, door: str, number: int, run: "DoorsRun") -> None:
        self._run = run
        self._door = door
        self._gunner = Gunner(door, random.Random(f"{run.seed}-{door}-{number}"))
        self._kept: Line | None = None

    async def work(self, stop: asyncio.Event, most: int | None) -> None:
        for _ in itertools.count() if most is None else range(most):
            if stop.is_set():
                break
            shot = self._gunner.next()
            self._run.latest.append(shot)
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._fire(shot)
            except TimeoutError:
                self._drop()
                self._run.report(shot, "hangs", f"neither an answer nor an end within {PATIENCE:.0f} s")
            except OSError as error:
                self._drop()
                self._run.note(self._door, f"not connected: {error!r}"[:60])
                await asyncio.sleep(0.1)
        self._drop()

    async def _fire(self, shot: Shot) -> None:
        fresh = self._kept is None or not shot.sure
        if fresh:
            self._drop()
        line = self._kept or await Line.open(self._run.port_of(self._door))
        self._kept = None
        done = False
        try:
            replies = await converse(line, shot)
            if not replies and shot.sure and not fresh:  # it was being closed meanwhile
                line.close()
                line = await Line.open(self._run.port_of(self._door))
                replies = await converse(line, shot)
            done = bool(shot.sure and replies and replies[-1].keeps)
            self._run.look_at(shot, replies)
        except BrokenAnswerError as error:
            self._run.report(shot, "broken answer", str(error))
        finally:
            if done:
                self._kept = line
            else:
                line.close()

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None


class DoorsRun:
    """Tries doors until the time or the number is over."""

    def __init__(self, doors: Sequence[str], seed: int, findings: Findings, folder: Path) -> None:
        self.doors = doors
        self.seed = seed
        self.latest: deque[Shot] = deque(maxlen=REMEMBERED)
        self.counts: Counter[str] = Counter()
        self.answers: dict[str, Counter[str]] = {door: Counter() for door in doors}
        self._findings = findings
        self._folder = folder
        self._dice = random.Random(f"{seed}-doors")
        self._complaints: dict[str, tuple[str, list[Shot]]] = {}
        self._world: World
        self._slowest = 0.0
        self._told = self._started = time.monotonic()

    def port_of(self, door: str) -> int:
        daemon = self._world.daemon
        return daemon.admin_port if door == "admin" else daemon.port

    async def run(self, seconds: float, most: int | None = None) -> None:
        """Try for so long; where ``most`` is given, only so many requests of each client, and the CAD has a good day."""
        async with world(self._folder, seconds + LEEWAY_SECONDS) as self._world:
            honest = Honest(self._world, self._dice)
            end = time.monotonic() + seconds
            clients = [Client(door, number, self) for door in self.doors for number in range(CLIENTS[door])]
            while (left := end - time.monotonic()) > 0:
                await self._round(clients, honest, min(left, ROUND_SECONDS), most)
                if self._world.daemon.process.ended or most is not None:
                    break
            await self._end()
        self._tell_all(honest)

    async def _round(
        self, clients: Sequence[Client], honest: Honest, seconds: float, most: int | None
    ) -> None:
        stop = asyncio.Event()
        weather = "fine" if most is not None else self._world.begin_weather(self._dice)
        async with asyncio.TaskGroup() as group:
            firing = [group.create_task(client.work(stop, most)) for client in clients]
            pushing = group.create_task(honest.run(stop))
            end = time.monotonic() + seconds
            while time.monotonic() < end and not all(task.done() for task in firing):
                await asyncio.wait(firing, timeout=LOOK_EVERY)
                self._look_at_the_log()
                self._tell(weather)
                if self._world.daemon.process.ended:
                    break
            await self._world.calm()
            stop.set()
            await asyncio.wait([*firing, pushing])
        await self._take_stock(honest)

    async def _take_stock(self, honest: Honest) -> None:
        await self._find_culprits()
        ailment = self._world.ailment()
        if ailment is not None:
            self._complain("ailment", ailment)
        if not self._world.daemon.process.ended:
            await honest.settle()
            self._world.reset_cad()
        for problem in honest.problems:
            self._complain("honest", problem)
        honest.problems.clear()

    def _look_at_the_log(self) -> None:
        """Note each new kind of complaint, and which requests it may be about."""
        for complaint in self._world.complaints():
            kind = complaint[:KIND]
            if not self._findings.knows(kind) and kind not in self._complaints:
                self._complaints[kind] = (complaint, list(self.latest))

    async def _find_culprits(self) -> None:
        """Send what complaints may be about once more, one after the other."""
        self._look_at_the_log()
        for kind, (complaint, suspects) in self._complaints.items():
            culprit = await self._culprit(kind, suspects)
            data = b"" if culprit is None else culprit.data
            door = "log" if culprit is None else culprit.door
            self._findings.add(Finding(target=f"door/{door}", kind=kind, problem=complaint, data=data))
        self._complaints.clear()

    async def _culprit(self, kind: str, suspects: Sequence[Shot]) -> Shot | None:
        deadline = time.monotonic() + SEARCH_SECONDS
        for shot in suspects:
            if self._world.daemon.process.ended or time.monotonic() > deadline:
                break
            await fire_alone(self.port_of(shot.door), shot, patience=1.0)
            if any(complaint.startswith(kind) for complaint in self._world.complaints()):
                return shot
        return None

    async def _end(self) -> None:
        """Have the daemon end: it must be able to."""
        if self._world.daemon.process.ended:
            return
        self._say_size()
        try:
            code = await self._world.daemon.stop(within=30.0)
        except TimeoutError:
            self._complain("does not end", "the daemon does not end within 30 s")
            return
        if code != 0:
            self._complain("ends badly", f"the daemon ended with {code}:\n{self._world.daemon.log[-2000:]}")
        await self._find_culprits()

    def look_at(self, shot: Shot, replies: Sequence[Reply]) -> None:
        """Judge the answers to a request."""
        self.counts[shot.door] += 1
        if not replies:
            self.note(shot.door, "closed")
            if shot.sure:
                self.report(shot, "no answer", "the connection was closed without an answer")
        for reply in replies:
            self.note(shot.door, str(reply.status))
            self._slowest = max(self._slowest, reply.seconds)
            wrong = judge(shot.door, shot.path, reply, sure=shot.sure)
            if wrong is not None:
                self.report(
                    shot, wrong[:40], f"{wrong}\n  {reply.status} {reply.headers} {reply.body[:500]!r}"
                )

    def note(self, door: str, what: str) -> None:
        self.answers[door][what] += 1

    def report(self, shot: Shot, kind: str, problem: str) -> None:
        kind = f"{shot.door}: {kind}"
        self._findings.add(Finding(target=f"door/{shot.door}", kind=kind, problem=problem, data=shot.data))

    def _complain(self, kind: str, problem: str) -> None:
        self._findings.add(Finding(target="doors", kind=f"{kind}: {problem[:40]}", problem=problem, data=b""))

    def _tell(self, weather: str) -> None:
        now = time.monotonic()
        if now - self._told > TELL_EVERY:
            self._told = now
            count = sum(self.counts.values())
            say(
                f"{now - self._started:5.0f} s: {count} requests, the CAD is {weather}, {sum(self._findings.kinds.values())} findings"
            )

    def _say_size(self) -> None:
        say(f"the daemon has {self._world.resident >> 20} MiB")

    def _tell_all(self, honest: Honest) -> None:
        say(f"doors, {time.monotonic() - self._started:.0f} s, slowest answer {self._slowest:.1f} s")
        for door in self.doors:
            told = ", ".join(f"{what} {count}" for what, count in sorted(self.answers[door].items()))
            say(f"  {door}: {self.counts[door]} requests; {told}")
        say(f"  honest: {honest.locations} locations, {honest.events} events, slowest {honest.slowest:.2f} s")


async def converse(line: Line, shot: Shot) -> list[Reply]:
    """Send a request and return the answers to it; of what is not sure to be one, all until the line is closed."""
    for index, piece in enumerate(shot.pieces):
        if index:
            await asyncio.sleep(0.01)
        await line.send(piece)
    if shot.ends:
        line.end()
    first = await line.reply(bodiless=shot.bodiless)
    if first is None:
        return []
    replies = [first]
    while not shot.sure and not shot.bodiless and replies[-1].keeps and len(replies) < MOST_ANSWERS:
        try:
            async with asyncio.timeout(0.03):
                following = await line.reply(bodiless=shot.bodiless)
        except TimeoutError:
            break
        if following is None:
            break
        replies.append(following)
    return replies


async def fire_alone(port: int, shot: Shot, *, patience: float = PATIENCE) -> list[Reply]:
    """Send a request on a connection of its own; return the answers, none where they are none."""
    line = await Line.open(port)
    try:
        async with asyncio.timeout(patience):
            return await converse(line, shot)
    except (TimeoutError, BrokenAnswerError, OSError):
        return []
    finally:
        line.close()
