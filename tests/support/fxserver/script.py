"""One resource on one side: its Lua state, and what the runtime in it asks of the machine around it."""

import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.support.fxserver.arguments import Kind, Native, NativeError, leading_number
from tests.support.fxserver.http import Request
from tests.support.fxserver.lua import load_source, new_state, table_of
from tests.support.fxserver.names import Side, lua_globals, natives

EPOCH = 1_800_000_000  # Unix seconds at which game time starts


class Machine(Protocol):
    """What runs scripts: the server, or one player's game."""

    side: Side
    natives: Counter[str]
    console: list[str]
    errors: list[str]
    faults: list[str]

    @property
    def milliseconds(self) -> int: ...
    @property
    def stubs(self) -> Mapping[str, Native]: ...
    def trigger(self, event: str, payload: bytes, source: str = "", by: "Script | None" = None) -> None: ...
    def call(self, reference: str, payload: bytes, by: "Script") -> tuple[bool, bytes]: ...
    def register_command(self, script: "Script", name: str, reference: str, *, restricted: bool) -> None: ...
    def send(self, event: str, target: object, payload: bytes) -> None: ...
    def request(self, script: "Script", request: Request) -> int: ...


class Script:
    """The Lua of a resource, running."""

    def __init__(self, machine: Machine, resource: str, instance: int) -> None:
        self.machine = machine
        self.resource = resource
        self.instance = instance
        self.listens: set[str] = set()
        self.globals_of_files: list[str] = []
        self.late_globals: list[str] = []
        self._state = new_state()
        vectors = load_source(self._state, "vectors")()
        self._runtime: Any = load_source(self._state, "runtime")(
            table_of(self._state, _Host(self).table()),
            vectors,
            self._load,
            resource.encode(),
            machine.side == "server",
        )
        self._runtime.set_time(machine.milliseconds)

    def take_routine(self, number: int) -> Any:
        return self._runtime.take_routine(number)

    def _load(self, name: bytes, *arguments: Any) -> Any:
        return load_source(self._state, name.decode())(*arguments)

    def run_file(self, name: str, path: Path) -> bool:
        """Load a file; what it raises is an error of the resource."""
        problem: bytes | None = self._runtime.run_file(name.encode(), path.read_bytes())
        if problem is not None:
            line = f"Error loading script {name} in resource {self.resource}: {_text(problem)}\n"
            self.machine.console.append(line)
        return problem is None

    def loaded(self) -> None:
        """From now on a new global is an accident."""
        self._runtime.settle()

    def dispatch(self, event: str, payload: bytes, source: str) -> None:
        self._runtime.dispatch(_bytes(event), payload, source.encode())

    def call(self, number: int, payload: bytes) -> bytes:
        answer: bytes = self._runtime.call(number, payload)
        return answer

    def tick(self) -> None:
        self._runtime.tick(self.machine.milliseconds)

    def forget_exports(self, resource: str) -> None:
        self._runtime.forget_exports(resource.encode())

    def evaluate(self, text: str, payload: bytes) -> list[tuple[bool, bytes]]:
        """Run a piece of Lua as a thread; the list holds how it ended once it has."""
        told: list[tuple[bool, bytes]] = []

        def tell(fine: bool, result: bytes) -> None:  # noqa: FBT001 -- Lua has no names for arguments
            told.append((fine, result))

        self._runtime.evaluate(text.encode(), payload, tell)
        return told


class _Host:
    """What the runtime asks for; every public method is there in Lua."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._machine = script.machine
        self._threads: dict[int, Any] = {}

    def table(self) -> dict[str, Callable[..., Any]]:
        """Return the methods; what goes wrong in them is kept, since a script's pcall would swallow it."""
        names = [name for name in vars(_Host) if not name.startswith("_") and name != "table"]
        return {name: self._watched(getattr(self, name)) for name in names}

    def trace(self, text: bytes) -> None:
        self._machine.console.append(_text(text))

    def failed(self, problem: bytes, trace: bytes) -> None:
        self._machine.errors.append(f"{_text(problem)}\n{_text(trace)}")

    def create(self, number: int) -> None:
        """Make a thread that hangs on no other: lupa binds what it is handed to the thread that hands it over."""
        self._threads[number] = self._script.take_routine(number).coroutine()

    def resume(self, number: int) -> None:
        try:
            self._threads[number].send(None)
        except StopIteration:
            del self._threads[number]

    def canonical(self, number: int) -> bytes:
        return f"{self._script.resource}:{self._script.instance}:{number}".encode()

    def invoke(self, reference: bytes, payload: bytes) -> tuple[bool, bytes]:
        return self._machine.call(_text(reference), payload, self._script)

    def listens(self, event: bytes) -> None:
        self._script.listens.add(_text(event))

    def trigger(self, event: bytes, payload: bytes) -> None:
        self._machine.trigger(_text(event), payload, by=self._script)

    def to_client(self, event: bytes, target: object, payload: bytes) -> None:
        self._machine.send(_text(event), target, payload)

    def to_server(self, event: bytes, payload: bytes) -> None:
        self._machine.send(_text(event), None, payload)

    def command(self, name: bytes, reference: bytes, restricted: object = None) -> None:
        self._machine.natives["RegisterCommand"] += 1
        self._machine.register_command(
            self._script, _text(name), _text(reference), restricted=bool(restricted)
        )

    def defined(self, name: object, loading: object) -> None:
        (self._script.globals_of_files if loading else self._script.late_globals).append(_text(name))

    def time(self) -> int:
        return EPOCH + self._machine.milliseconds // 1000

    def clock(self) -> float:
        return self._machine.milliseconds / 1000

    def date(self, form: bytes, at: float) -> bytes:
        return time.strftime(_text(form).lstrip("!"), time.gmtime(at)).encode()

    def native(self, name: object) -> Any:
        """Answer a native as its kind and a function, or nothing where that is no native."""
        wanted = _text(name)
        if wanted in lua_globals(self._machine.side):
            raise NotImplementedError(f"{wanted} is a global of FiveM's Lua that is not stubbed")
        if wanted not in natives(self._machine.side):
            return None
        if wanted not in self._machine.stubs:
            raise NotImplementedError(f"{wanted} is a native that is not stubbed")
        kind, routine = self._machine.stubs[wanted]
        return kind.encode(), self._watched(self._counted(wanted, kind, routine))

    def http(self, url: object, method: object, data: object, headers: Any, follow: object) -> Any:
        """Take only what the server's MessagePack takes: texts."""
        pairs: list[tuple[object, object]] = list(headers.items())
        texts = [
            part
            for part in (url, method, data, *(part for pair in pairs for part in pair))
            if isinstance(part, bytes)
        ]
        if len(texts) != 3 + 2 * len(pairs):
            return None, b"std::bad_cast"
        names = dict(zip(map(_text, texts[3::2]), map(_text, texts[4::2]), strict=True))
        request = Request(_text(url), _text(method), texts[2], names, bool(follow))
        return self._machine.request(self._script, request)

    def _watched(self, routine: Callable[..., Any]) -> Callable[..., Any]:
        faults = self._machine.faults

        def call(*arguments: Any) -> Any:
            try:
                return routine(*arguments)
            except Exception as error:
                # As text: a traceback would keep values of Lua alive beyond the state that they are of.
                faults.append("".join(traceback.format_exception(error)))
                raise

        return call

    def _counted(self, name: str, kind: Kind, routine: Callable[..., Any]) -> Callable[..., Any]:
        """Count calls, and turn what a native raises or returns into what Lua gets."""
        counts, script = self._machine.natives, self._script

        def native(*arguments: object) -> Any:
            counts[name] += 1
            try:
                found: Any = routine(script, *arguments)
            except NativeError as error:
                return False, str(error).encode()
            if kind == "truth":
                return True, (1 if found else False)
            return (True, *map(_lua, found)) if isinstance(found, tuple) else (True, _lua(found))  # pyright: ignore[reportUnknownArgumentType] -- whatever a native gives

        return native


def reference_parts(reference: str) -> tuple[str, int, int]:
    """Return resource, runtime and number of a function's reference, however it was forged."""
    resource, _, rest = reference.partition(":")
    instance, _, number = rest.partition(":")
    return resource, leading_number(instance), leading_number(number)


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _lua(value: Any) -> Any:
    return _bytes(value) if isinstance(value, str) else value
