"""The judge: compares what was answered 202, what became of it, and what the CAD was asked and has."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from bridge.config import TtlConfig
from bridge.simulator.board import EmergencyCall
from bridge.simulator.cloud import Cloud
from bridge.simulator.journal import Received
from tests.chaos.ledger import Accepted, Ledger
from tests.chaos.life import ALWAYS_SERVERS
from tests.support.judgement import CANCELLED_BY, STATES, Evidence

OPERATION_OF = {
    "panic": "setUnitPanic", "status": "setUnitStatus", "dispatch_attach": "attachUnits",
    "dispatch_detach": "detachUnits", "kick": "kickUnit", "dispatch_note": "addCallNote",
    "call_911": "create911Call", "dispatch_call": "createDispatchCall", "call_911_remove": "remove911Call",
    "dispatch_close": "closeDispatchCalls", "blip": "createBlip", "photo": "sendPhoto",
}  # fmt: skip
STATUS_OF = {
    "bad_request": 400, "unauthorized": 401, "forbidden": 403, "not_found": 404, "conflict": 409, "unprocessable": 422,
}  # fmt: skip
NO_SERVER = "its server is no longer configured"
SHOWN_REQUESTS = 25
TTL = TtlConfig()

Found = str | None


class Charge(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an event: it is ``lost`` or ``doubled``."""

    sort: str
    event: str
    what: str


class Verdict:
    """What the run came to; to be asked when everything has ended, or should have."""

    def __init__(self, ledger: Ledger, cloud: Cloud) -> None:
        self._ledger = ledger
        self._cad = Evidence(cloud)
        self._cloud = cloud
        self._requests = list(cloud.journal)
        self._about_unit: dict[tuple[str, str], list[Accepted]] = {}
        for one in ledger.accepted.values():
            for unit in one.content.get("ids", ()):
                self._about_unit.setdefault((one.kind, unit), []).append(one)
        self._delivered: dict[str, Callable[[Accepted], Found]] = {
            "panic": self._state, "status": self._state, "call_911": self._call, "dispatch_call": self._call,
            "call_911_remove": self._ending, "dispatch_close": self._ending, "dispatch_note": self._note,
            "dispatch_attach": self._units, "dispatch_detach": self._units, "kick": self._kick, "blip": self._blip,
            "photo": self._photo,
        }  # fmt: skip
        self.charges = [*self._lost(), *self._wrong_states(), *self._doubled()]
        self.passed = dict(self._limits_passed())

    @property
    def counts(self) -> dict[str, int]:
        states = Counter(end["state"] for end in self._ledger.ends.values())
        return {
            "accepted": len(self._ledger.accepted),
            **{state: states[state] for state in ("delivered", "failed", "expired", "superseded")},
            **{
                sort: len({one.event for one in self.charges if one.sort == sort})
                for sort in ("lost", "doubled")
            },
            "limits passed": len(self.passed),
        }

    @property
    def failures(self) -> Counter[str]:
        """Return how often events failed, by kind and reason."""
        ends = self._ledger.ends.items()
        return Counter(
            f"{end['type']} {str(end.get('error')).partition(':')[0]}"
            for _, end in ends
            if end["state"] == "failed"
        )

    def evidence(self, event: str) -> Iterator[str]:
        """Tell everything that is known of an event: what was seen of it, and the requests that name it."""
        yield from self._ledger.history(event)
        one = self._ledger.accepted.get(event)
        words = [event, *self._words(one)] if one else [event]
        naming = [
            received for received in self._requests
            if any(word in f"{received.path} {received.body.decode(errors='replace')}" for word in words)
        ]  # fmt: skip
        for received in naming[:SHOWN_REQUESTS]:
            yield self._shown(received)

    def _shown(self, received: Received) -> str:
        body = received.body.decode(errors="replace")
        at = received.monotonic - self._ledger.started
        lost = ", its answer was lost" if received.lost else ""
        return f"{at:8.2f} request {received.operation} {received.status}{lost}: {received.path} {body[:200]}"

    def _words(self, one: Accepted) -> list[str]:
        """Return what the requests of an event have in them."""
        content = one.content
        return [*content.get("ids", ()), *([content["reason"]] if one.kind == "kick" else [])]

    def _limits_passed(self) -> Iterator[tuple[str, str]]:
        for operation, tally in self._cloud.cad.limiter.tallies().items():
            if tally.violations or (tally.limit is not None and tally.peak > tally.limit):
                yield (
                    operation,
                    f"limit {tally.limit}, most in 60 s {tally.peak}, {tally.violations} too many",
                )

    def _lost(self) -> Iterator[Charge]:
        for event, what in self._ledger.untrue:
            yield Charge(sort="lost", event=event, what=what)
        for event, one in self._ledger.accepted.items():
            end = self._ledger.ends.get(event)
            what = "it has not ended" if end is None else self._problem(one, end)
            if what is not None:
                yield Charge(sort="lost", event=event, what=f"{one.kind}: {what} ({end})")

    def _problem(self, one: Accepted, end: Any) -> Found:
        if end["type"] != one.kind:
            return "it is told to be of another kind"
        match end["state"]:
            case "delivered":
                return self._delivered[one.kind](one)
            case "superseded":
                return self._superseded(one)
            case "expired":
                return self._expired(one)
            case _:
                return self._failed(one, str(end["error"]))

    def _failed(self, one: Accepted, error: str) -> Found:
        """Return what is wrong with the reason: each must be of our making."""
        reason, _, detail = error.partition(": ")
        if reason in STATUS_OF:
            operation, status = OPERATION_OF[one.kind], STATUS_OF[reason]
            answered = [r for r in self._requests if r.operation == operation and r.status == status]
            return (
                None if any(r.monotonic >= one.asked for r in answered) else "the CAD refused no such request"
            )
        if reason == "internal" and detail == NO_SERVER:
            return None if one.server not in ALWAYS_SERVERS else "its server was always there"
        if reason == "discarded":
            return None if one.event in self._ledger.discarded else "nobody discarded it"
        if reason == "unclear":
            return None if one.kind == "kick" else "it could have been looked up"
        if reason in {"call_failed", "call_unknown"}:
            return self._explained_by_its_call(one)
        return f"nothing was done that explains {error} {detail}"

    def _explained_by_its_call(self, one: Accepted) -> Found:
        """Return what is wrong where an event failed since its call did, or was retried by an operator since."""
        calls = [str(call) for call in _calls(one)]
        states = [self._ledger.ends.get(call, {"state": "unknown"})["state"] for call in calls]
        ended = {"failed", "expired"} & {*states}
        return None if ended or self._ledger.retried & {*calls} else f"its calls are {states}"

    def _expired(self, one: Accepted) -> Found:
        until = self._ledger.ended_at[one.event]
        oldest = until - one.asked + self._ledger.ahead(one.asked, until)
        return None if oldest >= _time_to_live(one) - 1.0 else f"it was {oldest:.1f} s old at most"

    def _superseded(self, one: Accepted) -> Found:
        if one.kind in STATES:
            newest = [unit for unit in one.content["ids"] if self._newest(one, unit)]
            return (
                f"nothing newer of {newest} was accepted"
                if newest and one.event not in self._ledger.retried
                else None
            )
        if one.kind in CANCELLED_BY:
            there = [call.call_id for call in self._cad.by_mark.get(one.event, ()) if _is_open(call)]
            return f"it was cancelled, and the CAD has it as {there}" if there else None
        ends = [self._ledger.ends.get(str(call), {"state": "unknown"})["state"] for call in _calls(one)]
        return None if "superseded" in ends else f"its calls are {ends}"

    def _newest(self, one: Accepted, unit: str) -> bool:
        return self._about_unit[one.kind, unit][-1] is one

    def _acted(self, one: Accepted) -> Iterator[Any]:
        """Go through the bodies that the CAD acted on since the event was pushed, of its operation."""
        operation = OPERATION_OF[one.kind]
        for received in self._requests:
            if received.operation == operation and received.status == 200 and received.monotonic >= one.asked:
                yield received.decoded()

    def _state(self, one: Accepted) -> Found:
        reached: set[str] = set()
        for body in self._acted(one):
            if body.get("isPanic", body.get("status")) == _value(one):
                reached.update(body["communityUserIds"])
        missed = [unit for unit in one.content["ids"] if unit not in reached]
        newest = [unit for unit in missed if self._newest(one, unit)]
        return (
            f"the CAD never heard it of {missed}"
            if newest or len(missed) == len(one.content["ids"])
            else None
        )

    def _wrong_states(self) -> Iterator[Charge]:
        """The CAD holds the newest state of every unit, if that was delivered."""
        for (kind, unit), sequence in self._about_unit.items():
            last = sequence[-1]
            told = self._ledger.ends.get(last.event, {}).get("state")
            touched = any(one.event in self._ledger.retried for one in sequence)
            if kind not in STATES or told != "delivered" or touched:
                continue
            found = self._cad.community.units.get(unit)
            holds = None if found is None else (found.is_panic if kind == "panic" else found.status)
            if holds != _value(last):
                what = f"{kind} of {unit}: the newest is {_value(last)}, the CAD has {holds}"
                yield Charge(sort="lost", event=last.event, what=what)

    def _call(self, one: Accepted) -> Found:
        calls = self._cad.by_mark.get(one.event, [])
        told = self._ledger.ends[one.event].get("result", {}).get("callId")
        if not calls:
            return "the CAD has no such call"
        return None if told in [call.call_id for call in calls] else f"the CAD calls it {calls[0].call_id}"

    def _ending(self, one: Accepted) -> Found:
        still = [
            call.call_id for reference in _calls(one) for call in self._cad.by_mark.get(str(reference), ())
            if _is_open(call)
        ]  # fmt: skip
        return f"{still} are open" if still else None

    def _note(self, one: Accepted) -> Found:
        notes = [
            note.content for call in self._cad.by_mark.get(one.content["call"], ()) for note in call.notes
        ]  # fmt: skip
        return None if one.content["note"] in notes else "the call has no such note"

    def _units(self, one: Accepted) -> Found:
        asked = {unit for body in self._acted(one) for unit in body["communityUserIds"]}
        missed = [unit for unit in one.content["ids"] if unit not in asked]
        return f"the CAD never heard it of {missed}" if missed else None

    def _kick(self, one: Accepted) -> Found:
        return None if self._kicks[one.content["reason"]] else "nobody was kicked"

    def _blip(self, one: Accepted) -> Found:
        found = any(blip.content.tooltip == one.content["tooltip"] for blip in self._cad.community.blips)
        return None if found else "the CAD has no such blip"

    def _photo(self, one: Accepted) -> Found:
        found = any(photo.url == one.content["url"] for photo in self._cad.community.photos)
        return None if found else "nobody saw it"

    @property
    def _kicks(self) -> Counter[str]:
        return Counter(kick.reason for kick in self._cad.community.kicks)

    def _doubled(self) -> Iterator[Charge]:
        """Calls by their mark and by the push they are of, kicks by their reason: each push has its own."""
        pushes: Counter[str] = Counter()
        for mark, calls in self._cad.by_mark.items():
            pushes.update(str((call.content.meta_data or {}).get("push")) for call in calls)
            if mark and len(calls) > 1:
                yield Charge(sort="doubled", event=mark, what=f"the CAD has it {len(calls)} times")
        kicks = self._kicks
        for one in self._ledger.accepted.values():
            push = one.content.get("metadata", {}).get("push")
            if pushes[str(push)] > 1 and len(self._cad.by_mark.get(one.event, ())) <= 1:
                yield Charge(
                    sort="doubled", event=one.event, what=f"{push} is there {pushes[str(push)]} times"
                )
            if one.kind == "kick" and kicks[one.content["reason"]] > 1:
                times = kicks[one.content["reason"]]
                yield Charge(sort="doubled", event=one.event, what=f"kicked {times} times")


def _value(one: Accepted) -> object:
    return one.content["active"] if one.kind == "panic" else one.content["status"]


def _calls(one: Accepted) -> list[object]:
    content = one.content
    return [*content["calls"]] if "calls" in content else [content.get("call")]


def _is_open(call: Any) -> bool:
    return (call.ended_at if isinstance(call, EmergencyCall) else call.closed_at) is None


def _time_to_live(one: Accepted) -> float:
    if one.kind == "panic":
        return TTL.panic_on if one.content["active"] else TTL.panic_off
    return {"status": TTL.status, "kick": TTL.kick, "call_911": TTL.call_911}.get(one.kind, TTL.other)
