"""A Sonoran CAD as a judge: small, of its own reading of the documents, and with a memory of everything.

It counts every arrival in sliding windows, keeps units and calls, and remembers in which order requests acted. It
is never unwell: faults happen on the way to it (``tests.support.model_line``).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from bridge.clock import Clock

SERVER = r"/v2/emergency/servers/(?P<server>\d+)"
ROUTES: dict[str, tuple[str, str, int]] = {
    "updateUnitLocations": ("PATCH", f"{SERVER}/unit-locations", 12),
    "setUnitPanic": ("PATCH", f"{SERVER}/units/panic", 20),
    "setUnitStatus": ("PATCH", f"{SERVER}/units/status", 30),
    "create911Call": ("POST", f"{SERVER}/calls/911", 10),
    "remove911Call": ("DELETE", rf"{SERVER}/calls/911/(?P<call>\d+)", 10),
    "createDispatchCall": ("POST", f"{SERVER}/dispatch-calls", 20),
    "addCallNote": ("POST", rf"{SERVER}/dispatch-calls/(?P<call>\d+)/notes", 60),
    "attachUnits": ("POST", rf"{SERVER}/dispatch-calls/(?P<call>\d+)/attachments", 10),
    "detachUnits": ("DELETE", f"{SERVER}/dispatch-calls/attachments", 10),
    "closeDispatchCalls": ("POST", f"{SERVER}/dispatch-calls/close", 20),
    "kickUnit": ("POST", f"{SERVER}/units/kick", 20),
    "createBlip": ("POST", f"{SERVER}/blips", 30),
    "sendPhoto": ("POST", "/v2/general/photos", 10),
    "getCalls": (
        "GET",
        rf"{SERVER}/calls\?closedLimit=(?P<limit>\d+)&closedOffset=(?P<offset>\d+)&type=100",
        5,
    ),
    "heartbeat": ("POST", r"/v2/general/servers/(?P<server>\d+)/heartbeat", 10),
    "getVersion": ("GET", "/v2/general/version", 10),
}
"""Method, path and requests a minute, by operation."""

FIRST_CALL = 101  # the number of the first call
MARK = "cadBridgeEvent"
NOT_FOUND = 404, {"title": "Not Found", "status": 404, "detail": "There is no such call."}


class Asked(Struct, frozen=True, kw_only=True):
    """A request as the CAD reads it; ``left_at`` is when it left the bridge, monotonic seconds."""

    operation: str
    server: int
    numbers: dict[str, int]
    body: Any
    left_at: float


class Call(Struct, kw_only=True):
    """A call of either sort; ``state`` is open, closed or removed."""

    number: int
    emergency: bool
    server: int
    body: dict[str, Any]
    left_at: float
    acted_at: float
    visible_at: float
    state: str = "open"
    by_person: bool = False
    notes: list[str] = []

    @property
    def mark(self) -> str | None:
        return self.body["metaData"].get(MARK)


Reply = tuple[int, Any]


def read(method: str, path: str, body: Any, left_at: float) -> Asked:
    """Return what a request asks for.

    Raises:
        AssertionError: nothing like it is documented.
    """
    for operation, (known, pattern, _) in ROUTES.items():
        match = re.fullmatch(pattern, path)
        if match and method == known:
            numbers = {name: int(value) for name, value in match.groupdict().items()}
            server = numbers.pop("server", 0)
            return Asked(operation=operation, server=server, numbers=numbers, body=body, left_at=left_at)
    raise AssertionError(f"Sonoran documents no {method} {path}")


class ModelCad:
    """The CAD. ``act`` carries a request out; ``count`` only notes that it came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.unknown: set[str] = set()  # units that no account has linked
        self.late = 0.0  # seconds after leaving the bridge until a new call shows in getCalls
        self.foreign_closed = 0  # closed calls of other people's making
        self.camel = False  # the other casing of getCalls
        self.arrivals: dict[str, list[float]] = defaultdict(list)
        self.calls: list[Call] = []
        self.states: dict[tuple[str, str], bool | int] = {}  # by operation and unit
        self.places: dict[str, tuple[float, float]] = {}
        self.attached: dict[str, int | None] = {}  # by unit: what attachUnits and detachUnits said last
        self.kicks: Counter[tuple[str, str]] = Counter()  # by unit and reason
        self.kicked_at: dict[str, float] = {}  # by reason: the last request
        self.blips: list[dict[str, Any]] = []
        self.photos: list[tuple[str, str]] = []

    def count(self, asked: Asked) -> None:
        """Note an arrival, whatever becomes of it."""
        self.arrivals[asked.operation].append(self._clock.monotonic())
        if asked.operation == "kickUnit":
            self.kicked_at |= {kick["reason"]: self._clock.monotonic() for kick in asked.body}

    def act(self, asked: Asked) -> Reply:
        """Do what is asked and return status and body of the answer."""
        handlers: dict[str, Callable[[Asked], Reply]] = {
            "updateUnitLocations": self._move,
            "setUnitPanic": self._set,
            "setUnitStatus": self._set,
            "create911Call": self._create,
            "createDispatchCall": self._create,
            "remove911Call": self._remove,
            "addCallNote": self._note,
            "attachUnits": self._attach,
            "detachUnits": self._detach,
            "closeDispatchCalls": self._close,
            "kickUnit": self._kick,
            "createBlip": self._blip,
            "sendPhoto": self._photo,
            "getCalls": self._list,
        }
        if asked.operation == "getVersion":
            return 200, {"version": 3, "name": "PRO"}
        handler = handlers.get(asked.operation)
        return (200, {}) if handler is None else handler(asked)

    def end_by_person(self, number: int) -> None:
        """Let a person close or remove one of the open calls, if there are any."""
        calls = [call for call in self.calls if call.state == "open"]
        if calls:
            call = calls[number % len(calls)]
            call.state = "removed" if call.emergency else "closed"
            call.by_person = True

    def of(self, mark: str) -> list[Call]:
        """Return the calls that came from an event."""
        return [call for call in self.calls if call.mark == mark]

    def busiest(self) -> dict[str, float]:
        """Return the operations past their limit, and the seconds in which one request too many arrived."""
        found: dict[str, float] = {}
        for operation, times in self.arrivals.items():
            limit = ROUTES[operation][2]
            spans = [after - before for before, after in zip(times, times[limit:], strict=False)]
            if spans and min(spans) < 60.0:
                found[operation] = min(spans)
        return found

    def _known(self, units: list[str]) -> list[str]:
        return [unit for unit in units if unit not in self.unknown]

    def _move(self, asked: Asked) -> Reply:
        updates = {update["communityUserId"]: update for update in asked.body["updates"]}
        known = self._known(list(updates))
        for unit in known:
            place = updates[unit]["coordinates"]
            self.places[unit] = place["x"], place["y"]
        return 200, {"updated": len(known)}

    def _set(self, asked: Asked) -> Reply:
        known = self._known(asked.body["communityUserIds"])
        value = asked.body["isPanic"] if asked.operation == "setUnitPanic" else asked.body["status"]
        self.states |= {(asked.operation, unit): value for unit in known}
        return 200, {"updated": len(known)}

    def _create(self, asked: Asked) -> Reply:
        now = self._clock.monotonic()
        call = Call(
            number=FIRST_CALL + len(self.calls),
            emergency=asked.operation == "create911Call",
            server=asked.server,
            body=asked.body,
            left_at=asked.left_at,
            acted_at=now,
            visible_at=max(now, asked.left_at + self.late),
        )
        self.calls.append(call)
        return 201, {"callId": call.number}

    def _find(self, asked: Asked) -> Call | None:
        return next(
            (
                call
                for call in self.calls
                if call.number == asked.numbers["call"]
                and call.server == asked.server
                and call.state == "open"
            ),
            None,
        )

    def _remove(self, asked: Asked) -> Reply:
        call = self._find(asked)
        if call is None or not call.emergency:
            return NOT_FOUND
        call.state = "removed"
        return 200, {"callId": call.number}

    def _note(self, asked: Asked) -> Reply:
        call = self._find(asked)
        if call is None:
            return NOT_FOUND
        call.notes = [*call.notes, asked.body["note"]]
        return 200, {}

    def _attach(self, asked: Asked) -> Reply:
        call = self._find(asked)
        if call is None:
            return NOT_FOUND
        self.attached |= dict.fromkeys(asked.body["communityUserIds"], call.number)
        return 200, {}

    def _detach(self, asked: Asked) -> Reply:
        self.attached |= dict.fromkeys(asked.body["communityUserIds"], None)
        return 200, {}

    def _close(self, asked: Asked) -> Reply:
        calls = {
            call.number: call for call in self.calls if not call.emergency and call.server == asked.server
        }
        if not calls.keys() >= set(asked.body["callIds"]):
            return NOT_FOUND
        for number in asked.body["callIds"]:
            calls[number].state = "closed"
        return 200, {}

    def _kick(self, asked: Asked) -> Reply:
        known = [kick for kick in asked.body if kick["communityUserId"] not in self.unknown]
        self.kicks.update((kick["communityUserId"], kick["reason"]) for kick in known)
        return (200, known) if known else NOT_FOUND

    def _blip(self, asked: Asked) -> Reply:
        self.blips.append(asked.body)
        return 201, {"id": len(self.blips)}

    def _photo(self, asked: Asked) -> Reply:
        unit = asked.body["communityUserId"]
        known = unit not in self.unknown
        if known:
            self.photos.append((unit, asked.body["url"]))
        return 200, {"delivered": int(known)}

    def _list(self, asked: Asked) -> Reply:
        now = self._clock.monotonic()
        shown = [call for call in self.calls if call.server == asked.server and call.visible_at <= now]
        closed = [_row(call) for call in reversed(shown) if call.state == "closed"]
        closed += [{"callId": 1_000_000 + number, "metaData": {}} for number in range(self.foreign_closed)]
        limit, offset = asked.numbers["limit"], asked.numbers["offset"]
        tables = {
            "ActiveCalls": [_row(call) for call in shown if call.state == "open" and not call.emergency],
            "EmergencyCalls": [_row(call) for call in shown if call.state == "open" and call.emergency],
            "ClosedCalls": closed[offset : offset + limit],
            "ClosedCallCount": len(closed),
        }
        return 200, {
            name[0].lower() + name[1:] if self.camel else name: rows for name, rows in tables.items()
        }


def _row(call: Call) -> dict[str, Any]:
    return {"callId": call.number, "metaData": call.body["metaData"]}
