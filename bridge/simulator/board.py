"""The calls of a community: 911 calls, dispatch calls, their notes and the units on them."""

from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import Struct

from bridge.simulator.shapes import CallNote, NewDispatchCall, NewEmergencyCall


class EmergencyCall(Struct, kw_only=True):
    """A 911 call; it vanishes at ``ends_at`` (Unix time), if it has one, unless somebody removes it before.

    ``idents`` are the CAD's numbers of the units on it, ``ended_at`` is when it went.
    """

    call_id: int
    server_id: int
    content: NewEmergencyCall
    created_at: float
    updated_at: float
    ends_at: float | None
    ended_at: float | None = None
    notes: list[CallNote] = []
    idents: list[int] = []


class DispatchCall(Struct, kw_only=True):
    """A dispatch call, open until ``closed_at`` (Unix time); a closed one keeps its notes and units."""

    call_id: int
    server_id: int
    content: NewDispatchCall
    created_at: float
    updated_at: float
    closed_at: float | None = None
    notes: list[CallNote] = []
    idents: list[int] = []


Call = EmergencyCall | DispatchCall


class Board:
    """The calls of all servers; both sorts draw their ids from one row of numbers, and none is used twice."""

    def __init__(self) -> None:
        self._emergency: dict[int, EmergencyCall] = {}
        self._dispatch: dict[int, DispatchCall] = {}
        self._closed: list[DispatchCall] = []
        self._ended: list[EmergencyCall] = []
        self._last_id = 0

    def open_emergency(self, server_id: int, content: NewEmergencyCall, now: float) -> EmergencyCall:
        """Add a 911 call."""
        minutes = content.delete_after_minutes
        call = EmergencyCall(
            call_id=self._next_id(),
            server_id=server_id,
            content=content,
            created_at=now,
            updated_at=now,
            ends_at=None if minutes is None else now + minutes * 60.0,
        )
        self._emergency[call.call_id] = call
        return call

    def open_dispatch(
        self, server_id: int, content: NewDispatchCall, idents: Iterable[int], now: float
    ) -> DispatchCall:
        """Add a dispatch call and put units on it."""
        call = DispatchCall(
            call_id=self._next_id(),
            server_id=server_id,
            content=content,
            created_at=now,
            updated_at=now,
            notes=list(content.notes or ()),
        )
        self._dispatch[call.call_id] = call
        self.attach(call, idents, now)
        return call

    def emergency(self, now: float) -> list[EmergencyCall]:
        """Return the 911 calls that are open at ``now``, oldest first."""
        for call in list(self._emergency.values()):
            if call.ends_at is not None and call.ends_at <= now:
                self._end(call, call.ends_at)
        return list(self._emergency.values())

    def ended(self, now: float) -> list[EmergencyCall]:
        """Return the 911 calls that were removed or ran out, in the order in which they went."""
        self.emergency(now)
        return list(self._ended)

    def dispatch(self) -> list[DispatchCall]:
        """Return the open dispatch calls, oldest first."""
        return list(self._dispatch.values())

    def closed(self) -> list[DispatchCall]:
        """Return the closed dispatch calls, the one closed last first."""
        return self._closed[::-1]

    def find(self, server_id: int, call_id: int, now: float) -> Call | None:
        """Return an open call of a server, of either sort."""
        here: list[Call] = [*self.emergency(now), *self.dispatch()]
        return next((call for call in here if (call.server_id, call.call_id) == (server_id, call_id)), None)

    def change(self, call: DispatchCall, changes: Mapping[str, object], now: float) -> None:
        """Change what an open dispatch call says."""
        call.content = msgspec.structs.replace(call.content, **changes)
        call.updated_at = now

    def remove(self, server_id: int, call_id: int, now: float) -> bool:
        """Remove an open 911 call of a server; tell whether there was one."""
        call = self.find(server_id, call_id, now)
        if not isinstance(call, EmergencyCall):
            return False
        self._end(call, now)
        return True

    def close(self, server_id: int, call_id: int, now: float) -> bool:
        """Close an open dispatch call of a server; tell whether there was one."""
        call = self.find(server_id, call_id, now)
        if not isinstance(call, DispatchCall):
            return False
        call.closed_at = call.updated_at = now
        self._closed.append(self._dispatch.pop(call_id))
        return True

    def was_dispatched(self, server_id: int, call_id: int) -> bool:
        """Tell whether a server has or had a dispatch call of this id."""
        known = (*self._dispatch.values(), *self._closed)
        return any((call.server_id, call.call_id) == (server_id, call_id) for call in known)

    def attach(self, call: Call, idents: Iterable[int], now: float) -> None:
        """Put units on an open call; a unit is on one call at a time, so it leaves the one that it was on."""
        joining = [ident for ident in dict.fromkeys(idents) if ident not in call.idents]
        self.detach(joining, now)
        call.idents.extend(joining)
        call.updated_at = now

    def detach(self, idents: Collection[int], now: float) -> None:
        """Take units off the open call that they are on, if any."""
        every: list[Call] = [*self._emergency.values(), *self._dispatch.values()]
        for call in every:
            staying = [ident for ident in call.idents if ident not in idents]
            if staying != call.idents:
                call.idents, call.updated_at = staying, now

    def forget(self) -> None:
        """Forget all calls; their ids are never used again."""
        for calls in (self._emergency, self._dispatch, self._closed, self._ended):
            calls.clear()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _end(self, call: EmergencyCall, now: float) -> None:
        call.ended_at = now
        self._ended.append(self._emergency.pop(call.call_id))
