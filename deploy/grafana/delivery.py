"""Delivery: events, the outbox, the CAD and its budgets. For whoever is woken."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.bridge import (
    certificate,
    commit_seconds,
    configuration,
    handshakes,
    last_reload,
    memory,
    processor,
    push_seconds,
    pushes,
    stalls,
)
from deploy.grafana.cms import (
    cms_answers,
    cms_budgets,
    cms_requests,
    cms_seconds,
    whitelist_age,
    whitelist_checks,
    whitelist_players,
)
from deploy.grafana.frame import Row, framed
from deploy.grafana.panels import GREEN, Panel, Query, Question, Steps, Word, bars, graph, heat, word
from deploy.grafana.promql import (
    buckets,
    mean,
    of_bridge,
    of_server,
    per_minute,
)
from deploy.grafana.state import (
    UNKNOWN,
    bridge_runs,
    cad_answers,
    events_wait,
    key_is_taken,
    panic_seconds,
    panics_lost,
)


def delivery() -> Dashboard:
    """Return the dashboard."""
    return framed(
        "cad-bridge-delivery",
        "Why does something not reach the CAD? From top to bottom: what is wrong, what it hits, where it comes from.",
        "now-3h",
        [
            Row("What is wrong now", [bridge_runs(), cad_answers(), key_is_taken(), limited()]),
            Row("", [panics_lost(), panic_seconds(), events_wait(), oldest()]),
            Row("Events", [accepted(), endings(), latency(), failures(), unmatched(), waiting()]),
            Row("Sonoran CAD", [requests(), no_answers(), answer_seconds(), budgets(), forwarded()]),
            Row(
                "Sonoran CMS",
                [
                    cms_answers(),
                    whitelist_age(),
                    whitelist_checks(),
                    whitelist_players(),
                    cms_requests(),
                    cms_seconds(),
                    cms_budgets(),
                ],
            ),
            Row(
                "The bridge",
                [
                    pushes(),
                    push_seconds(),
                    handshakes(),
                    certificate(),
                    commit_seconds(),
                    stalls(),
                    processor(),
                    memory(),
                ],
            ),
            Row("", [configuration(), last_reload()]),
        ],
    )


def limited() -> Panel:
    """Return how often the CAD answered 429."""
    answers = of_bridge("cad_requests_total")
    counted = f"round(sum(increase({of_bridge('cad_requests_total', code='429')}[30m])))"
    return word(
        Question(
            title="How often did the CAD limit the bridge?",
            description="Not once: no 429 in the last 30 minutes. A number: so many; the bridge keeps to the documented "
            "limits, so something else uses the same key: give it its part with `cad.share`, or set the lower limit "
            "under `[cad.limits]`.",
            unit="short",
            alert="CadBridgeRateLimited",
            nothing=UNKNOWN,
        ),
        Query(f"{counted} or 0 * sum({answers})"),
        words=(Word(0, "Not once", GREEN),),
        steps=Steps(odd=1, bad=3),
    )


def oldest() -> Panel:
    """Return how long the oldest event has waited."""
    accepted_at = of_bridge("outbox_oldest_pending_timestamp_seconds")
    return word(
        Question(
            title="How long has the oldest event waited?",
            description="Seconds are normal, and a burst of calls may wait minutes for the CAD's limit. Over five "
            "minutes: the CAD is away or one event is refused again and again; `cad-bridge outbox list --state "
            "pending` names it. Panics and statuses expire after 10 minutes.",
            unit="s",
            alert="CadBridgeEventWaiting",
            nothing=UNKNOWN,
        ),
        Query(f"max((time() - ({accepted_at} > 0)) or 0 * {accepted_at})"),
        words=(Word(0, "Nothing waits", GREEN),),
        steps=Steps(odd=60, bad=300),
    )


def accepted() -> Panel:
    """Return which events come in."""
    return graph(
        Question(
            title="What do the game servers ask for?",
            description="Accepted events of each kind. Flat at zero is a quiet evening; one kind far above its usual "
            "height is a script that repeats itself.",
            unit="cpm",
        ),
        [Query(per_minute(of_server("events_accepted_total"), "kind"), "{{kind}}")],
    )


def endings() -> Panel:
    """Return how events end."""
    endings = ("delivered", "failed", "expired", "superseded", "retried")
    return graph(
        Question(
            title="How do events end?",
            description="Delivered follows what was accepted, within seconds. Failed: the CAD refused them. Expired: "
            "they waited longer than their time to live. Superseded: a newer state made them pointless, which is "
            "normal. Retried: an operator had them tried again, and they end a second time.",
            unit="cpm",
            alert="CadBridgeEventsFailed",
        ),
        [Query(per_minute(of_server(f"events_{ending}_total")), ending) for ending in endings],
    )


def latency() -> Panel:
    """Return the heatmap of delivery."""
    return heat(
        Question(
            title="How long do events take to reach the CAD?",
            description="All kinds, from the push to the CAD's answer. Dark cells at the bottom are good; a second "
            "band far above is retries or a spent budget, a column that climbs is an outage being worked off.",
            unit="s",
            alert="CadBridgePanicSlow",
            nothing="No events",
        ),
        buckets(of_bridge("event_delivery_seconds")),
    )


def failures() -> Panel:
    """Return why events fail."""
    return graph(
        Question(
            title="Why do events fail?",
            description="Zero is good. no_unit: nobody in the CAD has that community user id, the player is not linked "
            "or not on duty. forbidden: the plan or key lacks the permission. Others: the CAD's words are in "
            "`cad-bridge outbox list --state failed`.",
            unit="cpm",
            alert="CadBridgeEventsFailed",
        ),
        [Query(per_minute(of_server("events_failed_total"), "reason"), "{{reason}}")],
    )


def unmatched() -> Panel:
    """Return which kinds miss units."""
    return graph(
        Question(
            title="Which events name units that the CAD does not know?",
            description="Zero is good: the request was delivered, and so many units in it moved nothing. A few are "
            "players who are not linked; all of them are a wrong kind of id.",
            unit="cpm",
            alert="CadBridgeUnitsUnmatched",
        ),
        [Query(per_minute(of_server("events_unmatched_total"), "kind"), "{{kind}}")],
    )


def waiting() -> Panel:
    """Return the outbox over time."""
    return graph(
        Question(
            title="How full is the outbox?",
            description="Pending falls back to zero after each burst. Rising for ten minutes: more comes in than the "
            "CAD takes. At `outbox.max_events` new events are refused with 503. Ended ones are kept a while to look up.",
            unit="short",
            alert="CadBridgeOutboxGrowing",
        ),
        [
            Query(f"sum({of_bridge('outbox_events', state=state)})", state)
            for state in ("pending", "delivered", "failed", "expired", "superseded")
        ],
    )


def requests() -> Panel:
    """Return what the CAD answers."""
    return graph(
        Question(
            title="What does the CAD answer?",
            description="200 is good. 401: the key is refused. 403: the plan or key lacks a permission. 429: limited. "
            "5xx: the CAD is in trouble, the bridge repeats.",
            unit="cpm",
            alert="CadBridgeCadUnreachable",
            nothing="No answers yet",
        ),
        [Query(per_minute(of_bridge("cad_requests_total"), "operation", "code"), "{{operation}} {{code}}")],
    )


def no_answers() -> Panel:
    """Return which requests get no answer."""
    return graph(
        Question(
            title="Which requests get no answer, and why?",
            description="Zero is good. Names that do not resolve, refused connections and timeouts are the network "
            "between bridge and CAD; a firewall or proxy shows here.",
            unit="cpm",
            alert="CadBridgeCadUnreachable",
        ),
        [Query(per_minute(of_bridge("cad_request_failures_total"), "reason"), "{{reason}}")],
    )


def answer_seconds() -> Panel:
    """Return how long the CAD takes."""
    return graph(
        Question(
            title="How long does the CAD take to answer?",
            description="On average, for the operations in use. Under half a second is usual; all rising together is "
            "the CAD or the network, one alone is that operation.",
            unit="s",
            alert="CadBridgePanicSlow",
            nothing="No answers yet",
        ),
        [Query(mean(of_bridge("cad_request_seconds"), "operation"), "{{operation}}")],
        steps=Steps(odd=2, bad=10),
    )


def budgets() -> Panel:
    """Return what the limits still allow."""
    remaining = of_bridge("cad_budget_remaining", 'operation!="updateUnitLocations"')
    return bars(
        Question(
            title="How many requests do the limits still allow now?",
            description="Of the 15 tightest operations, of their limits a minute. Zero: what needs them waits. "
            "Locations are not shown: they use theirs up by design, a batch each five seconds.",
            unit="short",
            alert="CadBridgeEventWaiting",
            nothing=UNKNOWN,
        ),
        Query(f"bottomk(15, min by (operation) ({remaining}))", "{{operation}}"),
        steps=Steps(odd=2, bad=1, falling=True),
    )


def forwarded() -> Panel:
    """Return what requests get that want the CAD's own answer."""
    return graph(
        Question(
            title="What do requests through the drop-in doors get?",
            description="cad: the CAD's answer; cache and shared: that of an earlier or a simultaneous request; stale: "
            "an old one, for the CAD was down. limited: no room in the rate budget; failed: no answer.",
            unit="cpm",
            alert="CadBridgeCadUnreachable",
            nothing="Nothing forwarded yet",
        ),
        [Query(per_minute(of_bridge("forwarded_total"), "result"), "{{result}}")],
        width=24,
    )
