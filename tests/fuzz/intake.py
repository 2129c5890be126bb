"""The intake in this process: as many inputs as time allows, changed further where they lead somewhere new."""

import gc
import random
import signal
import time
import traceback
from collections.abc import Sequence
from types import FrameType

from msgspec import Struct

from bridge.errors import PushError
from tests.fuzz.documents import Tree, write
from tests.fuzz.findings import Finding, Findings, say, shrink
from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.trail import Trail

SECONDS_EACH = 2.0  # of this process' time, which one input may take; what is traced takes ten times as long
TELL_EVERY = 20.0
MOST_KEPT = 2_000  # inputs of a target that led somewhere new
TOO_DEEP = "refused: nested too deeply"
ROUND = 200  # inputs of one target before it is the next one's turn


class TookTooLongError(BaseException):
    """An input takes more time than anything may; no reader must catch it."""


class Tried(Struct):
    """An input that led somewhere new, as a tree where it still is one."""

    data: bytes
    tree: Tree | None


class Bench:
    """One target and what was found out about it."""

    def __init__(self, target: Target, seed: int, trail: Trail) -> None:
        self.target = target
        self.count = 0
        self.accepted = 0
        self._dice = random.Random(f"{seed}-{target.name}")
        self._trail = trail
        others: Sequence[Tree] = target.seeds or [raw.decode("latin-1") for raw in target.raw]
        self._mutator = Mutator(self._dice, others)
        self._pool = [Tried(write(tree), tree) for tree in target.seeds]
        self._pool += [Tried(data, None) for data in target.raw]

    def seeds(self) -> list[bytes]:
        return [one.data for one in self._pool]

    def next(self) -> Tried:
        """Return another input: a usual one, or one that led somewhere lately, changed."""
        pool, dice = self._pool, self._dice
        recent = pool[-50:] if dice.random() < 0.3 else pool
        base = dice.choice(recent)
        if base.tree is None:
            return Tried(self._mutator.spoil(base.data), None)
        tree = self._mutator.mutate(base.tree)
        data = write(tree)
        return Tried(self._mutator.spoil(data), None) if dice.random() < 0.1 else Tried(data, tree)

    def judge(self, data: bytes) -> tuple[str, str] | None:
        """Return the kind of what is wrong and a description, or None."""
        self.count += 1
        try:
            with _time_limit(), self._trail:
                self.target.read(data)
            self.accepted += 1
        except PushError as error:
            return _judge_refusal(error)
        except TookTooLongError:
            return f"{self.target.name} takes too long", f"it takes more than {SECONDS_EACH} s"
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it must not be
            return _kind(self.target.name, error), "".join(traceback.format_exception(error, limit=-6))
        return None

    def compare(self, data: bytes) -> tuple[str, str] | None:
        """Return how the other way of reading differs, if it does."""
        if self.target.twin is None or data.startswith(b"\xef\xbb\xbf"):
            return None
        one, other = _result(self.target.read, data), _result(self.target.twin, data)
        if TOO_DEEP in {one, other}:  # the depth that can be read is what the stack has left
            return None
        return (
            None if one == other else (f"{self.target.name}: two ways differ", f"{one}\n  but {other}"[:1500])
        )

    def keep(self, tried: Tried) -> None:
        if self._trail.is_new and len(self._pool) < MOST_KEPT and len(tried.data) < 50_000:
            self._pool.append(tried)


class IntakeRun:
    """Tries inputs until the time or the number is over."""

    def __init__(self, seed: int, findings: Findings) -> None:
        self._findings = findings
        self._trail = Trail()
        self.benches = [Bench(target, seed, self._trail) for target in TARGETS]

    def run(self, seconds: float, rounds: int | None = None) -> None:
        started = told = time.monotonic()
        for bench in self.benches:
            for data in bench.seeds():
                self._try(bench, Tried(data, None))
        done = 0
        while time.monotonic() - started < seconds and (rounds is None or done < rounds):
            for bench in self.benches:
                for _ in range(ROUND):
                    tried = bench.next()
                    self._try(bench, tried)
                    bench.keep(tried)
            done += 1
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                say(f"{told - started:5.0f} s: {self.summary()}")
        gc.collect()
        say(f"intake, {time.monotonic() - started:.0f} s: {self.summary()}")
        for bench in self.benches:
            say(f"  {bench.target.name}: {bench.count} inputs, {bench.accepted} taken")

    def summary(self) -> str:
        count = sum(bench.count for bench in self.benches)
        return f"{count} inputs, {self._trail.steps} steps of code, {sum(self._findings.kinds.values())} findings"

    def _try(self, bench: Bench, tried: Tried) -> None:
        wrong = bench.judge(tried.data)
        if wrong is None:
            wrong = bench.compare(tried.data)
        if wrong is None:
            return
        kind, problem = wrong
        data = tried.data if self._findings.knows(kind) else self._shrunk(bench, kind, tried.data)
        self._findings.add(Finding(target=bench.target.name, kind=kind, problem=problem, data=data))

    def _shrunk(self, bench: Bench, kind: str, data: bytes) -> bytes:
        def still(shorter: bytes) -> bool:
            wrong = bench.judge(shorter) or bench.compare(shorter)
            return wrong is not None and wrong[0] == kind

        return shrink(data, still)


def repeat(name: str, data: bytes) -> tuple[str, str] | None:
    """Return what is wrong with one input, if anything is."""
    [target] = [one for one in TARGETS if one.name == name]
    bench = Bench(target, 0, Trail())
    return bench.judge(data) or bench.compare(data)


class _time_limit:  # noqa: N801 -- it reads as a word of the language
    """Ends what takes too much of the process' time."""

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, _alarm)
        signal.setitimer(signal.ITIMER_PROF, SECONDS_EACH)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def _alarm(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLongError


def _judge_refusal(error: PushError) -> tuple[str, str] | None:
    """A refusal is told to a client: it must be text, and not endless."""
    text = str(error) + "".join(reason for _, reason in error.problems)
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a refusal is no text", f"the refusal cannot be told: {text[:300]!a}"
    if any(len(reason) > 1000 for _, reason in error.problems):
        return "a refusal is endless", f"the refusal is {len(text)} characters long: {text[:300]!a}"
    return None


def _result(read: object, data: bytes) -> str:
    assert callable(read)
    try:
        return repr(read(data))
    except PushError as error:
        return (
            f"refused: {str(error).partition(' (byte')[0]}"
            if not error.problems
            else f"refused: {error} {error.problems}"
        )


def _kind(name: str, error: BaseException) -> str:
    """Return what an error has in common with others of the same fault: its class, and where it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/bridge/" in frame.filename]
    where = f"{ours[-1].filename.rpartition('/bridge/')[2]}:{ours[-1].name}" if ours else frames[-1].name
    return f"{name}: {type(error).__name__} in {where}"
