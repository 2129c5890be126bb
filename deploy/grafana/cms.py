"""The panels for Sonoran CMS; empty where none is configured."""

from deploy.grafana.panels import GREEN, RED, Panel, Query, Question, Steps, Word, bars, graph, word
from deploy.grafana.promql import mean, of_bridge, of_server, per_minute
from deploy.grafana.state import UNKNOWN


def cms_answers() -> Panel:
    """Return whether the CMS answers."""
    return word(
        Question(
            title="Does the CMS answer?",
            description="Yes, or none is configured. No: whoever is on a whitelist still gets in, and `cms.when_down` "
            "decides on everybody else; who is clocked in or out is kept until it is back.",
            unit="short",
            nothing=UNKNOWN,
        ),
        Query(f"min({of_bridge('cms_up')})"),
        words=(Word(1, "Yes", GREEN), Word(0, "No", RED)),
        width=12,
    )


def whitelist_age() -> Panel:
    """Return how old the whitelists are."""
    fetched = of_server("whitelist_fetched_timestamp_seconds")
    return word(
        Question(
            title="How old is the oldest whitelist?",
            description="About a minute is good. More: the CMS is away or refuses it, the log says why, and who was "
            "added or taken off since then is not known.",
            unit="s",
            nothing="No whitelist",
        ),
        Query(f"max(time() - ({fetched} > 0))"),
        steps=Steps(odd=180, bad=900),
        width=12,
    )


def whitelist_checks() -> Panel:
    """Return how whitelist checks end."""
    return graph(
        Question(
            title="How do whitelist checks end?",
            description="allowed and denied: the CMS says so. stale: let in by an old list or an old answer. unknown: "
            "nobody could say, `cms.when_down` decided.",
            unit="cpm",
            nothing="No checks yet",
        ),
        [Query(per_minute(of_server("whitelist_checks_total"), "result"), "{{result}}")],
    )


def whitelist_players() -> Panel:
    """Return how many players are on the whitelists."""
    return graph(
        Question(
            title="How many players are on the whitelists?",
            description="A line that falls to zero is a whitelist that somebody emptied, or a wrong server id.",
            unit="short",
            nothing="No whitelist",
        ),
        [Query(f"max by (server) ({of_server('whitelist_players')})", "{{server}}")],
    )


def cms_requests() -> Panel:
    """Return what the CMS answers, and what gets no answer."""
    return graph(
        Question(
            title="What does the CMS answer?",
            description="200 is good, 404 is somebody who may not come in. 401: the key is refused. 429: limited. A "
            "word in place of a code: no answer, and why.",
            unit="cpm",
            nothing="No requests yet",
        ),
        [
            Query(per_minute(of_bridge("cms_requests_total"), "operation", "code"), "{{operation}} {{code}}"),
            Query(per_minute(of_bridge("cms_request_failures_total"), "reason"), "{{reason}}"),
        ],
    )


def cms_seconds() -> Panel:
    """Return how long the CMS takes."""
    return graph(
        Question(
            title="How long does the CMS take to answer?",
            description="On average, for the operations in use. Players on the list do not wait for it.",
            unit="s",
            nothing="No answers yet",
        ),
        [Query(mean(of_bridge("cms_request_seconds"), "operation"), "{{operation}}")],
        steps=Steps(odd=2, bad=10),
    )


def cms_budgets() -> Panel:
    """Return what the limits of the CMS still allow."""
    return bars(
        Question(
            title="How many requests to the CMS do the limits still allow?",
            description="Of each operation, of its limit a minute. Zero: what needs it waits, or is answered 429.",
            unit="short",
            nothing="No CMS",
        ),
        Query(f"min by (operation) ({of_bridge('cms_budget_remaining')})", "{{operation}}"),
        steps=Steps(odd=2, bad=1, falling=True),
    ).span(24)
