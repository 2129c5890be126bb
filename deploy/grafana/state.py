"""The panels in words that stand on more than one dashboard: is it up, and does anything wait or get lost."""

from grafana_foundation_sdk.builders.stat import Panel

from deploy.grafana.panels import GREEN, ORANGE, RED, Query, Question, Steps, Word, word
from deploy.grafana.promql import counted, of_bridge, of_process, of_server, quantile

UP_OR_DOWN = (Word(0, "Down", RED), Word(1, "Up", GREEN))
UNKNOWN = "Unknown"
MANY = 1e9
DECADES = 1e8  # seconds since an instant that is 0, which stands for never


def bridge_runs() -> Panel:
    """Return whether Prometheus reaches the bridge."""
    return word(
        Question(
            title="Does the bridge run?",
            description="Up: Prometheus reads its metrics. Down: nothing reaches the CAD and game servers' pushes "
            "fail; start it again (`systemctl status cad-bridge`). Not scraped: Prometheus has no job cad-bridge.",
            unit="none",
            alert="CadBridgeDown",
            nothing="Not scraped",
        ),
        Query(f"min({of_process('up')})"),
        words=UP_OR_DOWN,
    )


def cad_answers() -> Panel:
    """Return whether Sonoran CAD answers."""
    return word(
        Question(
            title="Does Sonoran CAD answer?",
            description="Yes: the last requests got an answer. No: the live map stands still, panics and calls wait "
            "on disk and are sent as soon as it is back; a panic expires after 10 minutes. See whether the CAD itself "
            "is down, then the bridge's own network.",
            unit="none",
            alert="CadBridgeCadUnreachable",
            nothing=UNKNOWN,
        ),
        Query(f"min({of_bridge('cad_up')})"),
        words=(Word(0, "No", RED), Word(1, "Yes", GREEN)),
    )


def key_is_taken() -> Panel:
    """Return whether Sonoran takes the API key."""
    refused = of_bridge("cad_requests_total", operation="getVersion", code="401")
    asked = of_bridge("cad_requests_total", operation="getVersion")
    return word(
        Question(
            title="Does Sonoran take the API key?",
            description="Yes: no refusal in the last three minutes. Refused: everything is held until the key is "
            "right; put the new key into the key file and restart the bridge.",
            unit="none",
            alert="CadBridgeKeyRefused",
            nothing=UNKNOWN,
        ),
        Query(f"sum(increase({refused}[3m])) or 0 * sum({asked})"),
        words=(Word(0, "Yes", GREEN), Word(1e-9, "Refused", RED, until=MANY)),
    )


def panics_lost() -> Panel:
    """Return how many panics did not reach the CAD."""
    failed = counted(of_server("events_failed_total", 'reason!~"no_unit|discarded"', kind="panic"))
    expired = counted(of_server("events_expired_total", kind="panic"))
    return word(
        Question(
            title="Were panics lost?",
            description="None: every panic in the time shown that could reach the CAD did. A number: so many failed "
            "or expired, and dispatchers never saw them; `cad-bridge outbox list --state failed` says why. Panics of "
            "players whom the CAD does not know are not counted here but under Delivery.",
            unit="short",
            alert="CadBridgePanicLost",
            nothing=UNKNOWN,
        ),
        Query(f"{failed} + {expired}"),
        words=(Word(0, "None", GREEN),),
        steps=Steps(odd=1, bad=1),
    )


def panic_seconds() -> Panel:
    """Return how long nearly all panics took."""
    return word(
        Question(
            title="How long does a panic take?",
            description="From the push to the CAD's answer; 99 of 100 in the time shown took at most about this long. "
            "Under a second is good. Longer: see on Delivery whether the CAD is slow, limits the bridge, or was away.",
            unit="s",
            alert="CadBridgePanicSlow",
            nothing="No panic",
        ),
        Query(quantile(0.99, of_bridge("event_delivery_seconds", kind="panic"), "$__range")),
        steps=Steps(odd=1, bad=6),
    )


def events_wait() -> Panel:
    """Return how many events wait for the CAD."""
    return word(
        Question(
            title="Does anything wait for the CAD?",
            description="Nothing: all accepted events were sent or ended. A few for a moment are normal, hundreds "
            "mean that the CAD is away, limits the bridge or refuses; they are safe on disk and are sent in order.",
            unit="short",
            alert="CadBridgeOutboxGrowing",
            nothing=UNKNOWN,
        ),
        Query(f"sum({of_bridge('outbox_events', state='pending')})"),
        words=(Word(0, "Nothing", GREEN),),
        steps=Steps(odd=10, bad=50),
    )


def server_states() -> str:
    """Return a number for what each game server is doing, from 1 for silent to 4 for up."""
    states = ("silent", "resource_silent", "hitching", "up")
    terms = [
        f"{number} * max by (server) ({of_server('game_server_state', state=state)})"
        for number, state in enumerate(states, start=1)
    ]
    return " + ".join(terms)


SERVER_STATES = (
    Word(1, "Silent", RED),
    Word(2, "Runs, pushes nothing", RED),
    Word(3, "Hitching", ORANGE),
    Word(4, "Up", GREEN),
)
"""What the numbers of ``server_states`` mean."""
