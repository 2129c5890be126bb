"""The panels about the bridge itself: its door, its disk, its event loop, its configuration."""

from deploy.grafana.panels import GREEN, RED, Panel, Query, Question, Steps, Word, graph, word
from deploy.grafana.promql import (
    mean,
    of_bridge,
    of_process,
    per_minute,
    quantile,
    rate,
)
from deploy.grafana.state import DECADES, UNKNOWN


def pushes() -> Panel:
    """Return what pushes get as an answer."""
    return graph(
        Question(
            title="What do the game servers' pushes get?",
            description="200, 202 and 204 are good. 401: a wrong token. 422: the push is no such thing. 503: the "
            "outbox is full or cannot be written, and what was pushed is lost unless it is repeated.",
            unit="cpm",
            alert="CadBridgePushesRefused",
            nothing="No pushes yet",
        ),
        [Query(per_minute(of_bridge("listener_requests_total"), "route", "code"), "{{route}} {{code}}")],
    )


def handshakes() -> Panel:
    """Return why connections end before they say anything."""
    return graph(
        Question(
            title="Do TLS connections to the push door fail?",
            description="None is good. plain_http: a game server's URL begins with http://, its pushes are lost. "
            "untrusted: a client that verifies does not trust the certificate. timeout and broken, a few now and "
            "then: scanners, where the door is open to the Internet. Without TLS there is nothing to see.",
            unit="cpm",
            nothing=UNKNOWN,
        ),
        [Query(per_minute(of_bridge("listener_handshake_failures_total"), "reason"), "{{reason}}")],
    )


def certificate() -> Panel:
    """Return how long the certificate lasts."""
    expiry = of_bridge("listener_certificate_expiry_timestamp_seconds")
    return graph(
        Question(
            title="How long does the push door's certificate last?",
            description="Weeks are good, and a step up with each renewal. Under two weeks: nobody renews it, or the "
            "bridge cannot use the new one; the log says why. Always 0: the door has no TLS.",
            unit="s",
            alert="CadBridgeCertificateEnds",
            nothing=UNKNOWN,
        ),
        [Query(f"min(clamp_min({expiry} - time(), 0))", "left")],
    )


def push_seconds() -> Panel:
    """Return how long a push takes."""
    return graph(
        Question(
            title="How long does a game server wait for its answer?",
            description="On average, for each door. Milliseconds are good; a FiveM script gives up after 5 s. Slow "
            "panics and events alone are the disk, all of them are a stalled event loop.",
            unit="s",
            alert="CadBridgeLoopLag",
            nothing="No pushes yet",
        ),
        [Query(mean(of_bridge("listener_request_seconds"), "route"), "{{route}}")],
        steps=Steps(odd=0.5, bad=2.5),
    )


def commit_seconds() -> Panel:
    """Return how long the disk takes."""
    commits = of_bridge("outbox_commit_seconds")
    return graph(
        Question(
            title="How long does the disk take to keep an event?",
            description="One durable commit. Milliseconds are good, tens of them a slow or busy disk. No line at all "
            "while the bridge runs: nothing can be written; see the free space and the state folder's permissions.",
            unit="s",
            alert="CadBridgeDiskNotWritable",
            nothing="No commits",
        ),
        [Query(quantile(0.99, commits), "99 of 100 under"), Query(mean(commits), "on average")],
        steps=Steps(odd=0.25, bad=1),
    )


def stalls() -> Panel:
    """Return how long the event loop stood still."""
    return graph(
        Question(
            title="Does the bridge itself stall?",
            description="The longest stall of its event loop in 15 s. Under 0.1 s is good. Above 0.5 s again and "
            "again: the machine is short of processor time or memory.",
            unit="s",
            alert="CadBridgeLoopLag",
        ),
        [Query(f"max({of_bridge('loop_lag_seconds')})", "longest stall")],
        steps=Steps(odd=0.1, bad=0.5),
    )


def configuration() -> Panel:
    """Return whether the configuration could be read again."""
    return word(
        Question(
            title="Was the configuration taken?",
            description="Yes: the last reload worked, or there was none. No: the file has an error, the bridge runs on "
            "with the former one; `cad-bridge check` says what is wrong.",
            unit="none",
            alert="CadBridgeReloadFailed",
            nothing=UNKNOWN,
        ),
        Query(f"min({of_bridge('config_last_reload_successful')})"),
        words=(Word(0, "No", RED), Word(1, "Yes", GREEN)),
        width=12,
    )


def last_reload() -> Panel:
    """Return when the configuration was read again."""
    return word(
        Question(
            title="When was it reloaded?",
            description="How long ago the configuration was last read again. Not yet: not since the start.",
            unit="s",
            nothing=UNKNOWN,
        ),
        Query(f"time() - max({of_bridge('config_last_reload_success_timestamp_seconds')})"),
        words=(Word(DECADES, "Not yet", GREEN, until=100 * DECADES),),
        width=12,
    )


def processor() -> Panel:
    """Return how busy the process is."""
    return graph(
        Question(
            title="How busy is the bridge?",
            description="Share of one processor core. A few percent is usual; near 100 % it is the bottleneck.",
            unit="percentunit",
            alert="CadBridgeLoopLag",
        ),
        [Query(rate(of_process("process_cpu_seconds_total")), "{{instance}}")],
        steps=Steps(odd=0.7, bad=0.9),
    )


def memory() -> Panel:
    """Return how much memory the process takes."""
    return graph(
        Question(
            title="How much memory does the bridge take?",
            description="Resident memory. Flat after the first hour is good; it grows with pending events and shrinks "
            "again. Rising for days: restart it, nothing is lost, and report it.",
            unit="bytes",
        ),
        [Query(of_process("process_resident_memory_bytes"), "{{instance}}")],
    )
