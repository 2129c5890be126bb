"""Whether a simulated CAD holds what a daemon owes, no more and no less; see ``oracle``."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from bridge.simulator.board import Call, DispatchCall, EmergencyCall
from bridge.simulator.cloud import Cloud

MARK = "cadBridgeEvent"
STATES = ("panic", "status")
CANCELLED_BY = {"call_911": "call_911_remove", "dispatch_call": "dispatch_close"}
LATE = re.compile(r"^\(delayed \d+ min\) ")

Content = Mapping[str, Any]
Problem = str | None


class Obligation(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was answered 202, as it was pushed."""

    event: str
    server: int
    content: Content

    @property
    def kind(self) -> str:
        kind: str = self.content["type"]
        return kind


class Evidence:
    """What a simulated CAD has, and what it was asked that it acted on."""

    def __init__(self, cloud: Cloud) -> None:
        self.community = cloud.cad.community
        board = self.community.board
        calls: list[Call] = [
            *board.emergency(cloud.now()), *board.ended(cloud.now()), *board.dispatch(), *board.closed(),
        ]  # fmt: skip
        self.by_number = {call.call_id: call for call in calls}
        self.by_mark: dict[str, list[Call]] = {}
        for call in calls:
            self.by_mark.setdefault((call.content.meta_data or {}).get(MARK, ""), []).append(call)
        self.names = {unit.ident: unit.unit_id for unit in self.community.units.values()}
        self.requests = [
            (one.operation, one.path, one.decoded()) for one in cloud.journal if one.status == 200
        ]

    def asked(self, operation: str, path_end: str = "") -> Iterator[Any]:
        """Go through the bodies of an operation that the CAD acted on."""
        for done, path, body in self.requests:
            if done == operation and path.endswith(path_end):
                yield body

    def units_on(self, call: Call) -> set[str]:
        return {self.names[ident] for ident in call.idents}


class Judgement:
    """Goes through everything that is wrong."""

    def __init__(
        self, owed: Mapping[str, Obligation], ends: Mapping[str, Any], evidence: Evidence, *, may_look: bool
    ) -> None:
        self._owed = owed
        self._ends = ends
        self._cad = evidence
        self._may_look = may_look
        self._about_unit: dict[tuple[str, str], list[Obligation]] = {}
        for one in owed.values():
            lane = "attached" if one.kind in ("dispatch_attach", "dispatch_detach") else one.kind
            for unit in one.content.get("ids", ()):
                self._about_unit.setdefault((lane, unit), []).append(one)
        self._unclear = {"kick", *(() if may_look else CANCELLED_BY)}  # what may fail since nobody knows
        self._delivered: dict[str, Callable[[Obligation, Any], Problem]] = {
            "panic": self._state, "status": self._state, "call_911": self._call, "dispatch_call": self._call,
            "call_911_remove": self._ending, "dispatch_close": self._ending, "dispatch_note": self._note,
            "dispatch_attach": self._attachment, "dispatch_detach": self._detachment, "kick": self._kick,
            "blip": self._blip, "photo": self._photo,
        }  # fmt: skip

    def __iter__(self) -> Iterator[str]:
        for one in self._owed.values():
            problem = self._problem(one, self._ends[one.event])
            if problem is not None:
                yield f"{one.kind} {one.event}: {problem} ({self._ends[one.event]})"
        for (kind, unit), sequence in self._about_unit.items():
            if kind in STATES:
                yield from self._order(kind, unit, [_value(one) for one in sequence])
        yield from self._strays()

    def _problem(self, one: Obligation, end: Any) -> Problem:
        if end["type"] != one.kind:
            return "is told to be of another kind"
        match end["state"]:
            case "delivered":
                return self._delivered[one.kind](one, end)
            case "superseded":
                return self._superseded(one)
            case "failed" if end["error"].startswith("unclear: ") and one.kind in self._unclear:
                found = self._kicks(one) if one.kind == "kick" else len(self._cad.by_mark.get(one.event, ()))
                return f"the CAD has it {found} times" if found > 1 else None
            case _:
                return "did not arrive"

    def _superseded(self, one: Obligation) -> Problem:
        if one.kind in STATES:
            newest = [unit for unit in one.content["ids"] if self._about_unit[one.kind, unit][-1] is one]
            return f"nothing newer of {newest} was accepted" if newest else None
        if one.kind in CANCELLED_BY:
            return self._cancelled(one)
        call = str(one.content.get("call"))
        ended = self._ends[call]["state"] if call in self._ends else "unknown"
        return None if ended == "superseded" else f"its call is {ended}"

    def _cancelled(self, call: Obligation) -> Problem:
        if call.event in self._cad.by_mark:
            return "was cancelled, and the CAD has it"
        kind = CANCELLED_BY[call.kind]
        cancelling = (one.content for one in self._owed.values() if one.kind == kind)
        references = {reference for content in cancelling for reference in _references(content)}
        return None if call.event in references else "nobody cancelled it"

    def _state(self, one: Obligation, _: Any) -> Problem:
        operation = {"panic": "setUnitPanic", "status": "setUnitStatus"}[one.kind]
        reached: set[str] = set()
        for body in self._cad.asked(operation):
            if body.get("isPanic", body.get("status")) == _value(one):
                reached.update(body["communityUserIds"])
        missed = [unit for unit in one.content["ids"] if unit not in reached]
        newest = [unit for unit in missed if self._about_unit[one.kind, unit][-1] is one]
        if newest or len(missed) == len(one.content["ids"]):
            return f"the CAD never heard it of {missed}"
        return None

    def _order(self, kind: str, unit: str, accepted: list[object]) -> Iterator[str]:
        """The last state holds, and what the CAD heard is what was accepted, in that order, with gaps."""
        operation, name = {"panic": ("setUnitPanic", "isPanic"), "status": ("setUnitStatus", "status")}[kind]
        heard = [body[name] for body in self._cad.asked(operation) if unit in body["communityUserIds"]]
        changes = iter(accepted)
        if not all(value in changes for value, _ in itertools.groupby(heard)):
            yield f"{kind} of {unit}: accepted {accepted}, the CAD heard {heard}"
        found = self._cad.community.units.get(unit)
        holds = None if found is None else (found.is_panic if kind == "panic" else found.status)
        if holds != accepted[-1]:
            yield f"{kind} of {unit}: accepted {accepted}, the CAD has {holds}"

    def _call(self, one: Obligation, end: Any) -> Problem:
        calls = self._cad.by_mark.get(one.event, [])
        twice = {"unverified": True} if len(calls) == 2 and not self._may_look else {}
        if len(calls) != 1 + len(twice):
            return f"the CAD has it {len(calls)} times"
        if end.get("result") != {"callId": calls[-1].call_id, **twice}:
            return f"the CAD calls it {calls[-1].call_id}"
        wanted = _wanted(one)
        wrong = [shown for shown in map(_shown, calls) if shown != wanted]
        return f"the CAD has {wrong}, owed is {wanted}" if wrong else None

    def _ending(self, one: Obligation, end: Any) -> Problem:
        calls = [self._find(call) for call in _references(one.content)]
        cancelled = [
            reference for reference, call in zip(_references(one.content), calls, strict=True) if not call
        ]
        for reference in cancelled:
            if self._ends[reference]["state"] != "superseded":
                return f"the CAD does not have {reference}"
        if bool(end.get("result", {}).get("cancelled")) != (len(cancelled) == len(calls)):
            return f"cancelled are {cancelled}"
        still = [call.call_id for call in calls if call is not None and _is_open(call)]
        return f"{still} are open" if still else None

    def _note(self, one: Obligation, _: Any) -> Problem:
        call = self._find(one.content["call"])
        wanted = (one.content["label"], "text", one.content["note"])
        if call is None or wanted not in [(note.label, note.type, note.content) for note in call.notes]:
            return "the call has no such note"
        return None

    def _attachment(self, one: Obligation, _: Any) -> Problem:
        call = self._find(one.content["call"])
        if call is None:
            return "the CAD does not have the call"
        path = f"/servers/{one.server}/dispatch-calls/{call.call_id}/attachments"
        asked = [unit for body in self._cad.asked("attachUnits", path) for unit in body["communityUserIds"]]
        missed = [unit for unit in one.content["ids"] if unit not in asked]
        last = {unit for unit in one.content["ids"] if self._about_unit["attached", unit][-1] is one}
        missed += sorted(last - self._cad.units_on(call))
        return f"{missed} are not on it" if missed else None

    def _detachment(self, one: Obligation, _: Any) -> Problem:
        asked = [unit for body in self._cad.asked("detachUnits") for unit in body["communityUserIds"]]
        missed = {unit for unit in one.content["ids"] if unit not in asked}
        last = {unit for unit in one.content["ids"] if self._about_unit["attached", unit][-1] is one}
        for call in self._cad.by_number.values():
            if _is_open(call):
                missed |= last & self._cad.units_on(call)
        return f"{missed} were not taken off" if missed else None

    def _kick(self, one: Obligation, _: Any) -> Problem:
        kicks = self._kicks(one)
        return None if kicks == 1 else f"kicked {kicks} times"

    def _kicks(self, one: Obligation) -> int:
        kicks = [(kick.unit_id, kick.reason, kick.server_id) for kick in self._cad.community.kicks]
        return kicks.count((one.content["id"], one.content["reason"], one.server))

    def _blip(self, one: Obligation, end: Any) -> Problem:
        given = one.content
        place = {name: given[name] for name in ("x", "y", "z")} | {"w": 0.0}
        wanted = {
            "coordinates": place, "subType": given["sub_type"],
            **{name: given[name] for name in ("icon", "color", "tooltip", "radius", "data")},
        }  # fmt: skip
        same = [
            blip.blip_id for blip in self._cad.community.blips
            if blip.server_id == one.server and msgspec.to_builtins(blip.content) == wanted
        ]  # fmt: skip
        return None if end["result"]["blipId"] in same else f"such blips are {same}"

    def _photo(self, one: Obligation, _: Any) -> Problem:
        photos = [(photo.unit_id, photo.url) for photo in self._cad.community.photos]
        return None if (one.content["id"], one.content["url"]) in photos else "nobody saw it"

    def _find(self, reference: object) -> Call | None:
        end = self._ends.get(str(reference), {})
        return self._cad.by_number.get(end.get("result", {}).get("callId", reference))

    def _strays(self) -> Iterator[str]:
        """Nothing is there that nobody asked for."""
        for mark, calls in self._cad.by_mark.items():
            if mark and mark not in self._owed:
                yield f"nobody asked for the calls {calls}"
        wanted = {one.content.get("id") for one in self._owed.values()}
        wanted |= {unit for _, unit in self._about_unit}
        if strangers := self._cad.community.units.keys() - wanted:
            yield f"nobody named the units {strangers}"


def _value(one: Obligation) -> object:
    """Return the state that a panic or status sets, as the CAD writes it."""
    return one.content["active"] if one.kind == "panic" else one.content["status"]


def _references(content: Content) -> list[str]:
    return content["calls"] if "calls" in content else [content["call"]]


def _is_open(call: Call) -> bool:
    return (call.ended_at if isinstance(call, EmergencyCall) else call.closed_at) is None


def _shown(call: Call) -> dict[str, Any]:
    """Return a call in Sonoran's words, without what was left out."""
    shown: dict[str, Any] = msgspec.to_builtins(call.content)
    shown["description"] = LATE.sub("", shown["description"])
    about = {"server": call.server_id, "sort": type(call)}
    return {name: value for name, value in shown.items() if value is not None} | about


def _wanted(one: Obligation) -> dict[str, Any]:
    """Return how the CAD should show a pushed call."""
    content, emergency = one.content, one.kind == "call_911"
    sonorans = {
        "emergency": "isEmergency",
        "delete_after_minutes": "deleteAfterMinutes",
        "ids": "communityUserIds",
    }
    metadata = {**content["metadata"], MARK: one.event}
    metadata |= {name: f"{content[name]:.3f}".rstrip("0").rstrip(".") for name in ("x", "y")}
    metadata |= {"postal": content["postal"]} if emergency else {}
    apart = {"type", "x", "y", "metadata", *(("postal",) if emergency else ())}
    fields = {sonorans.get(name, name): value for name, value in content.items() if name not in apart}
    about = {"server": one.server, "sort": EmergencyCall if emergency else DispatchCall}
    return {**fields, "metaData": metadata, **about}
