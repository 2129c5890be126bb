"""Whether all is well: one sentence for the status page, ``/status`` and ``cad-bridge status``, and what to do.

What follows from something else that is told already is left out: while the CAD is down events wait, of course.
"""

from collections.abc import Iterator, Sequence

from bridge.admin.status import ProblemStatus, ServerStatus, Status, VerdictStatus
from bridge.outbox.history import DISCARDED
from bridge.phrases import count, duration

OLD = 60.0  # seconds after which an event that waits is told of, though the CAD answers
RECENT = 600.0  # seconds during which a failure is told of
STALL = 1.0  # seconds the event loop may stall

PROBLEM = "problem"
WARNING = "warning"
WELL = "well"

_READ_AGAIN = "run `cad-bridge reload`, or restart the service where systemd hands the key over"
_BLOCKING = {
    "draining": "It stops by itself once what waits is sent; it has to be started again to take pushes.",
    "store unwritable": "Free space on the disk of outbox.path and look at its rights; positions still go on, but "
    "panics and calls are refused until it can be written.",
    "store full": "See below why events wait; end those that are pointless with `cad-bridge outbox discard`, or raise "
    "outbox.max_events. Panics are still taken.",
    "key refused": f"Put the right key into the file that cad.api_key_file names, then {_READ_AGAIN}. Pushes are taken "
    "meanwhile, but nothing is sent.",
    "CAD down": "Nothing is lost: events are kept and positions come again. If Sonoran is up, see whether this machine "
    "reaches it: `cad-bridge check --online`.",
    "CMS key refused": f"Put the right key into the file that cms.api_key_file names, then {_READ_AGAIN}.",
    "listener": "Renew the files of listener.tls_cert_file and listener.tls_key_file; a renewed certificate is taken up by itself.",
    "CMS down": "Nothing to do here: whitelists are answered from memory meanwhile, and clockings are kept.",
}
_STATES = {
    "hitching": (
        WARNING,
        "{} hitches",
        "Its pushes come late: the game server's main thread stalls. Look at its resources with the profiler or resmon.",
    ),
    "resource_silent": (
        PROBLEM,
        "{} pushes nothing though the game server runs",
        "Start the resource that pushes to this bridge again, and look at the game server's console for its errors.",
    ),
    "silent": (
        PROBLEM,
        "{} is silent",
        "See that the game server runs, and that its resource pushes to this bridge with the token of this server.",
    ),
}


def judge(seen: Status) -> VerdictStatus:
    """Return the verdict on a status that has none yet: problems first, then warnings."""
    problems = sorted(_problems(seen), key=lambda one: one.level != PROBLEM)
    if not problems:
        return VerdictStatus(level=WELL, sentence=_well(seen), problems=[])
    said = "; ".join(dict.fromkeys(one.text for one in problems))
    return VerdictStatus(level=problems[0].level, sentence=f"{said}.", problems=problems)


def _well(seen: Status) -> str:
    cad = "the CAD answers" if seen.cad.up else "the CAD was not asked yet"
    units = sum(server.units for server in seen.servers)
    return f"All is well: {count(len(seen.servers), 'server')}, {count(units, 'unit')}, {cad}."


def _problems(seen: Status) -> Iterator[ProblemStatus]:
    for reason in seen.reasons:
        yield _reason(reason, seen)
    for finding in seen.cad.findings:
        if finding.severity == PROBLEM:
            yield ProblemStatus(
                level=PROBLEM,
                text=finding.text,
                advice="Change the configuration or Sonoran's settings so that they agree, then run `cad-bridge reload`.",
            )
    for server in seen.servers:
        yield from _of_server(server)
    yield from _of_locations(seen)
    yield from _of_outbox(seen)
    if seen.reload_refused:
        yield ProblemStatus(
            level=WARNING,
            text="the configuration on disk was refused, and the former one goes on",
            advice="`cad-bridge check` says what is wrong with it; then run `cad-bridge reload`.",
        )
    if seen.loop_lag > STALL:
        yield ProblemStatus(
            level=WARNING,
            text=f"the bridge stalled for {duration(seen.loop_lag)}",
            advice="This machine is overloaded, or was asleep: give the bridge more of the processor.",
        )


def _reason(reason: str, seen: Status) -> ProblemStatus:
    name, _, _ = reason.partition(":")
    since = seen.cad.last_answer_at if name == "CAD down" else None
    level = WARNING if name == "listener" else PROBLEM  # a certificate: pushes still come in
    return ProblemStatus(level=level, text=reason, advice=_BLOCKING.get(name, ""), since=since)


def _of_server(server: ServerStatus) -> Iterator[ProblemStatus]:
    if server.state in _STATES:
        level, text, advice = _STATES[server.state]
        yield ProblemStatus(
            level=level, text=text.format(server.name), advice=advice, since=server.last_push_at
        )


def _of_locations(seen: Status) -> Iterator[ProblemStatus]:
    last, aside = seen.locations.last_batch, seen.locations.set_aside
    if last is not None and last.reason and not _cad_is_to_blame(seen.reasons):
        yield ProblemStatus(
            level=WARNING,
            text=f"the last batch failed ({last.reason})",
            advice="Its positions go out with a later batch; the log says what the CAD answered.",
        )
    if last is not None and last.updated == 0 and last.units:
        yield ProblemStatus(
            level=WARNING,
            text=f"the CAD matched none of the {count(last.units, 'unit')} of {last.server} in the last batch",
            advice="Are these players on duty in the CAD, and are the identifiers that the resource pushes the "
            "community user ids that Sonoran knows?",
        )
    if aside:
        yield ProblemStatus(
            level=WARNING,
            text=f"the CAD refuses {count(len(aside), 'unit')}",
            advice="They are left out for ten minutes so that the others get through: see below which they are.",
        )


def _of_outbox(seen: Status) -> Iterator[ProblemStatus]:
    oldest = seen.outbox.oldest_pending_at
    if oldest is not None and seen.now - oldest > OLD and not _cad_is_to_blame(seen.reasons):
        because = f" ({seen.outbox.hindrance})" if seen.outbox.hindrance else ""
        yield ProblemStatus(
            level=WARNING,
            text=f"an event waits longer than it should{because}",
            advice="`cad-bridge outbox list --state pending` shows what waits, and `cad-bridge outbox show` why.",
            since=oldest,
        )
    failed = [
        one for one in seen.outbox.recent_failures
        if seen.now - one.ended_at <= RECENT and not (one.error or "").startswith(DISCARDED)
    ]  # fmt: skip
    if failed:
        yield ProblemStatus(
            level=WARNING,
            text=f"{count(len(failed), 'event')} of the last 10 minutes did not reach the CAD",
            advice="See below which and why; `cad-bridge outbox retry` sends one again.",
        )


def _cad_is_to_blame(reasons: Sequence[str]) -> bool:
    return any(reason.startswith(("CAD down", "key refused")) for reason in reasons)
