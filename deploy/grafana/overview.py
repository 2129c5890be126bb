"""The overview: is it working? For an owner who reads words rather than graphs."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Row, framed
from deploy.grafana.panels import GREEN, GREY, RED, Panel, Query, Question, Steps, Word, graph, timeline, word
from deploy.grafana.promql import mean, of_bridge, of_process, of_server, per_minute
from deploy.grafana.state import (
    SERVER_STATES,
    UNKNOWN,
    UP_OR_DOWN,
    bridge_runs,
    cad_answers,
    events_wait,
    key_is_taken,
    panic_seconds,
    panics_lost,
    server_states,
)


def overview() -> Dashboard:
    """Return the dashboard."""
    return framed(
        "cad-bridge-overview",
        "Is it working? All green: nothing to do.",
        "now-24h",
        [
            Row("Now", [bridge_runs(), cad_answers(), key_is_taken(), map_moves()]),
            Row("", [panics_lost(), panic_seconds(), events_wait(), version()]),
            Row("Game servers", [servers(), players()]),
            Row("Over time", [up_when(), people(), events(), freshness()]),
        ],
    )


def map_moves() -> Panel:
    """Return whether positions get to the live map."""
    failures = f"sum(increase({of_server('batch_failures_total')}[5m]))"
    batches = f"sum(increase({of_server('batches_total')}[5m]))"
    waiting = f"sum(min_over_time({of_server('units_pending')}[1m]))"
    tried = f"({batches} > bool 0) * (1 + ({failures} / {batches} > bool 0.5))"
    untried = f"2 * ({batches} == bool 0) * ({waiting} > bool 0)"
    return word(
        Question(
            title="Does the live map move?",
            description="Moves: the CAD took the positions of the last five minutes. Idle: there were none to send, "
            "as when nobody is on duty. Stands still: more than half of the batches were not taken, or units wait and "
            "none was sent; Game servers shows the reason.",
            unit="none",
            alert="CadBridgeBatchesFailing",
            nothing=UNKNOWN,
        ),
        Query(f"{tried} + {untried}"),
        words=(Word(0, "Idle", GREY), Word(1, "Moves", GREEN), Word(2, "Stands still", RED)),
    )


def version() -> Panel:
    """Return which version runs."""
    return word(
        Question(
            title="Which version runs?",
            description="One version for each bridge. Two of a kind for long: one was not restarted after an upgrade.",
            unit="none",
            nothing=UNKNOWN,
        ),
        Query(f"count by (version) ({of_bridge('build_info')})", "{{version}}"),
        name=True,
    )


def servers() -> Panel:
    """Return what each game server is doing."""
    return word(
        Question(
            title="What are the game servers doing?",
            description="Up: it pushes as it should. Hitching: it pushes in fits, its main thread stalls. Runs, "
            "pushes nothing: the server answers, its resource does not push; see the resource and its token. Silent: "
            "the bridge hears nothing of it.",
            unit="none",
            alert="CadBridgeNoPushes",
            nothing=UNKNOWN,
        ),
        Query(server_states(), "{{server}}"),
        words=SERVER_STATES,
        width=12,
    )


def players() -> Panel:
    """Return how many players are on each game server."""
    return word(
        Question(
            title="How many players are on?",
            description="As the game server says in its pushes or in /dynamic.json. 0 with players on it: the pushes "
            "name no `players` and the server has no `fxserver_url`.",
            unit="short",
            nothing=UNKNOWN,
        ),
        Query(f"sum by (server) ({of_server('players')})", "{{server}}"),
        width=12,
    )


def up_when() -> Panel:
    """Return what was up over time."""
    return timeline(
        Question(
            title="What was up, and when?",
            description="Green all along is good. Look for what went down first: it is the cause of what follows.",
            unit="none",
            alert="CadBridgeGameServerDown",
        ),
        [
            Query(f"min({of_process('up')})", "the bridge"),
            Query(f"min({of_bridge('cad_up')})", "Sonoran CAD"),
            Query(f"max by (server) ({of_server('game_server_up')})", "{{server}}"),
        ],
        UP_OR_DOWN,
    )


def people() -> Panel:
    """Return players and units over time."""
    return graph(
        Question(
            title="How many players and units were there?",
            description="Units are players on duty whose positions the bridge knows; they follow the players with "
            "the shifts. Players without any unit for hours: the resource pushes no locations.",
            unit="short",
        ),
        [
            Query(f"sum by (server) ({of_server('players')})", "{{server}}: players"),
            Query(f"sum by (server) ({of_server('units')})", "{{server}}: units"),
        ],
    )


def events() -> Panel:
    """Return how events ended over time."""
    return graph(
        Question(
            title="Did panics, calls and statuses get through?",
            description="Green is what the CAD has. Red or orange above zero: some did not get there; Delivery says "
            "which and why. Grey is normal: a newer state of the unit made them pointless.",
            unit="cpm",
            alert="CadBridgeEventsFailed",
        ),
        [
            Query(per_minute(of_server(f"events_{ending}_total")), ending)
            for ending in ("delivered", "failed", "expired", "superseded")
        ],
    )


def freshness() -> Panel:
    """Return how old positions are when they are sent."""
    return graph(
        Question(
            title="How old are positions when they are sent?",
            description="The oldest in each batch, on average. Five seconds or less is what the CAD's limit allows one "
            "server; several servers share it and wait longer. Over 15 s: the CAD is slow or fails.",
            unit="s",
            alert="CadBridgeBatchesFailing",
            nothing="No positions were sent",
        ),
        [Query(mean(of_server("batch_lag_seconds"), "server"), "{{server}}")],
        steps=Steps(odd=15, bad=60),
    )
