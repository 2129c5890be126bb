"""Game servers: who pushes, how many players and units there are, what becomes of their positions."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Row, framed
from deploy.grafana.panels import GREY, Panel, Query, Question, Steps, Word, graph, heat, timeline, word
from deploy.grafana.promql import buckets, mean, of_server, per_minute
from deploy.grafana.state import DECADES, MANY, SERVER_STATES, UNKNOWN, server_states


def game_servers() -> Dashboard:
    """Return the dashboard."""
    return framed(
        "cad-bridge-game-servers",
        "Which game server has a problem, and what becomes of the positions it pushes?",
        "now-6h",
        [
            Row("Now", [states(), last_push(), last_heartbeat()]),
            Row("Alive", [states_when(), players(), units(), heartbeats()]),
            Row("Positions", [positions(), waiting(), dropped(), rejected()]),
            Row("Batches to the CAD", [lag(), sizes(), batches(), refused()]),
        ],
    )


def states() -> Panel:
    """Return what each server is doing."""
    return word(
        Question(
            title="What is each game server doing?",
            description="Up: it pushes as it should. Hitching: it pushes in fits, its main thread stalls. Runs, "
            "pushes nothing: see the resource and its token. Silent: no push, and no answer where `fxserver_url` "
            "is set.",
            unit="none",
            alert="CadBridgeNoPushes",
            nothing=UNKNOWN,
        ),
        Query(server_states(), "{{server}}"),
        words=SERVER_STATES,
        width=8,
    )


def last_push() -> Panel:
    """Return how long ago each server pushed."""
    return word(
        Question(
            title="When did it last push?",
            description="A resource pushes at least every 5 s, empty if need be; 15 s without one is silence. Never: "
            "not since the bridge started.",
            unit="s",
            alert="CadBridgeNoPushes",
            nothing=UNKNOWN,
        ),
        Query(f"time() - max by (server) ({of_server('last_push_timestamp_seconds')})", "{{server}}"),
        words=(Word(DECADES, "Never", GREY, until=100 * MANY),),
        steps=Steps(odd=8, bad=15),
        width=8,
    )


def last_heartbeat() -> Panel:
    """Return how long ago the CAD took a heartbeat of each server."""
    return word(
        Question(
            title="When did the CAD last take its heartbeat?",
            description="One a minute, rarer with more than ten servers. Over ten minutes with the server up: the CAD "
            "may show it as offline. Never: not since the bridge started, as while the server is silent.",
            unit="s",
            alert="CadBridgeHeartbeatStale",
            nothing=UNKNOWN,
        ),
        Query(
            f"time() - max by (server) ({of_server('heartbeat_last_success_timestamp_seconds')})",
            "{{server}}",
        ),
        words=(Word(DECADES, "Never", GREY, until=100 * MANY),),
        steps=Steps(odd=180, bad=600),
        width=8,
    )


def states_when() -> Panel:
    """Return the states over time."""
    return timeline(
        Question(
            title="When was each game server in trouble?",
            description="Green is up. Orange at the same hours each day: restarts or backups that stall it. Red with "
            "players on it: nobody's panic gets through.",
            unit="none",
            alert="CadBridgeGameServerDown",
        ),
        [Query(server_states(), "{{server}}")],
        SERVER_STATES,
    )


def players() -> Panel:
    """Return the players over time."""
    return graph(
        Question(
            title="How many players are on each game server?",
            description="As the server says. A sudden fall to zero is a crash or a restart.",
            unit="short",
            alert="CadBridgeGameServerDown",
        ),
        [Query(f"sum by (server) ({of_server('players')})", "{{server}}")],
    )


def units() -> Panel:
    """Return the units over time."""
    return graph(
        Question(
            title="How many units does the bridge know?",
            description="Players on duty who were pushed in the last 30 minutes. None with players on duty: the "
            "resource pushes no locations.",
            unit="short",
            alert="CadBridgeNoPushes",
        ),
        [Query(f"sum by (server) ({of_server('units')})", "{{server}}")],
    )


def heartbeats() -> Panel:
    """Return the heartbeats over time."""
    return graph(
        Question(
            title="Do heartbeats get through?",
            description="One a minute for each server that is up. Failures name their reason; a few after an outage "
            "are normal.",
            unit="cpm",
            alert="CadBridgeHeartbeatStale",
        ),
        [
            Query(per_minute(of_server("heartbeats_total"), "server"), "{{server}}: taken"),
            Query(f"{per_minute(of_server('heartbeat_failures_total'), 'reason')} > 0", "failed: {{reason}}"),
        ],
    )


def positions() -> Panel:
    """Return what becomes of positions."""
    words = ("received", "coalesced", "sent", "unmatched")
    return graph(
        Question(
            title="What becomes of the positions?",
            description="Received: pushed and understood. Coalesced: replaced by a newer one before it was sent, which "
            "is normal and most of them. Sent: the CAD took them. Unmatched: sent, and the CAD knows no such unit; "
            "as many as sent means that no player is linked or the ids are of the wrong kind.",
            unit="cpm",
            alert="CadBridgeUnitsUnmatched",
        ),
        [Query(per_minute(of_server(f"locations_{word}_total")), word) for word in words],
    )


def waiting() -> Panel:
    """Return the units that wait."""
    return graph(
        Question(
            title="How many units wait for the next batch?",
            description="Up to all that move is normal, falling with each batch. Staying high: batches fail, or too "
            "many servers share one limit.",
            unit="short",
            alert="CadBridgeBatchesFailing",
        ),
        [Query(f"sum by (server) ({of_server('units_pending')})", "{{server}}")],
    )


def dropped() -> Panel:
    """Return which positions are lost."""
    return graph(
        Question(
            title="Which positions are never sent?",
            description="Zero is good. stale: older than `locations.stale_after` before the CAD took it, as in an "
            "outage. forgotten: its unit was pushed no more. refused: the CAD refuses this unit alone; `cad-bridge "
            "status` names it.",
            unit="cpm",
            alert="CadBridgeBatchesFailing",
        ),
        [
            Query(
                per_minute(of_server("locations_dropped_total"), "server", "reason"), "{{server}}: {{reason}}"
            )
        ],
    )


def rejected() -> Panel:
    """Return which positions make no sense."""
    nothing = f'label_replace(0 * sum by (server) ({of_server("units")}), "reason", "none", "", "")'
    found = per_minute(of_server("locations_rejected_total"), "server", "reason")
    return graph(
        Question(
            title="Which positions make no sense?",
            description="Zero is good. out_of_bounds: 0,0,0 or beyond the map, as while a player loads; a few are "
            "normal. bad_id, bad_coordinates and not_an_object are mistakes of the script that pushes.",
            unit="cpm",
        ),
        [Query(f"{found} or {nothing}", "{{server}}: {{reason}}")],
    )


def lag() -> Panel:
    """Return the heatmap of freshness."""
    return heat(
        Question(
            title="How old are positions when they are sent?",
            description="The oldest in each batch. Dark at 5 s or less is what the limit allows one server; several "
            "share it. Cells far above: the CAD is slow or refused the batch before.",
            unit="s",
            alert="CadBridgeBatchesFailing",
            nothing="No batches",
        ),
        buckets(of_server("batch_lag_seconds")),
    )


def sizes() -> Panel:
    """Return how big batches are."""
    return graph(
        Question(
            title="How many units are in a batch?",
            description="On average; a standing unit is left out. At `locations.max_batch` for long: not everybody "
            "fits, and positions get older.",
            unit="short",
            nothing="No batches",
        ),
        [Query(mean(of_server("batch_units"), "server"), "{{server}}")],
    )


def batches() -> Panel:
    """Return how many batches are sent."""
    return graph(
        Question(
            title="How many batches are sent?",
            description="Up to 12 a minute over all servers of a key, as the CAD allows; zero while nobody moves.",
            unit="cpm",
            alert="CadBridgeBatchesFailing",
        ),
        [Query(per_minute(of_server("batches_total"), "server"), "{{server}}")],
    )


def refused() -> Panel:
    """Return why batches fail."""
    return graph(
        Question(
            title="Why does the CAD not take batches?",
            description="Zero is good. A failed batch is sent again with newer positions. Steady failures: see what "
            "the CAD answers on Delivery.",
            unit="cpm",
            alert="CadBridgeBatchesFailing",
        ),
        [Query(per_minute(of_server("batch_failures_total"), "reason"), "{{reason}}")],
    )
