"""What holds for the whole repository: names the outside relies on, and the size of modules."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from bridge.cli import main
from bridge.metrics import Metrics

ROOT = Path(__file__).parents[2]
LONGEST = 400  # lines of a module

# The public metrics: alerts, dashboards and other people's scrapers rely on every name and label.
COUNTERS = {
    "listener_requests_total": {"route", "code"},
    "locations_received_total": {"server"},
    "locations_rejected_total": {"server", "reason"},
    "locations_coalesced_total": {"server"},
    "locations_sent_total": {"server"},
    "locations_unmatched_total": {"server"},
    "locations_dropped_total": {"server", "reason"},
    "batches_total": {"server"},
    "batch_failures_total": {"server", "reason"},
    "events_accepted_total": {"server", "kind"},
    "events_delivered_total": {"server", "kind"},
    "events_unmatched_total": {"server", "kind"},
    "events_failed_total": {"server", "kind", "reason"},
    "events_expired_total": {"server", "kind"},
    "events_superseded_total": {"server", "kind"},
    "events_retried_total": {"server", "kind"},
    "cad_requests_total": {"operation", "code"},
    "cms_requests_total": {"operation", "code"},
    "cms_request_failures_total": {"operation", "reason"},
    "whitelist_checks_total": {"server", "result"},
    "forwarded_total": {"result"},
    "cad_request_failures_total": {"operation", "reason"},
    "heartbeats_total": {"server"},
    "heartbeat_failures_total": {"server", "reason"},
    # of TLS on the push door
    "listener_handshake_failures_total": {"reason"},
}
GAUGES = {
    "build_info": {"version"},
    "units": {"server"},
    "units_pending": {"server"},
    "outbox_events": {"state"},
    "outbox_oldest_pending_timestamp_seconds": set[str](),
    "cad_budget_remaining": {"operation"},
    "cad_up": set[str](),
    "heartbeat_last_success_timestamp_seconds": {"server"},
    "game_server_up": {"server"},
    "players": {"server"},
    "loop_lag_seconds": set[str](),
    # beyond the public contract, for what it asks /metrics to tell apart
    "game_server_state": {"server", "state"},
    "last_push_timestamp_seconds": {"server"},
    "config_last_reload_successful": set[str](),
    "config_last_reload_success_timestamp_seconds": set[str](),
    # of TLS on the push door
    "listener_certificate_expiry_timestamp_seconds": set[str](),
    # of the CMS
    "cms_up": set[str](),
    "cms_budget_remaining": {"operation"},
    "whitelist_players": {"server"},
    "whitelist_fetched_timestamp_seconds": {"server"},
}
HISTOGRAMS = {
    "listener_request_seconds": {"route"},
    "batch_units": {"server"},
    "batch_lag_seconds": {"server"},
    "event_delivery_seconds": {"kind"},
    "outbox_commit_seconds": set[str](),
    "cad_request_seconds": {"operation"},
    "cms_request_seconds": {"operation"},
}


class Exported(Struct, frozen=True):
    """A metric as it is declared; a label that has no value yet shows in no sample."""

    kind: type[MetricWrapperBase]
    name: str
    labels: frozenset[str]
    sentence: str


def exported() -> list[Exported]:
    wrappers: list[Any] = [
        collector
        for collector in Metrics("0").registry._collector_to_names
        if isinstance(collector, MetricWrapperBase)
    ]
    return [
        Exported(one.__class__, one._name, frozenset(one._labelnames), one._documentation) for one in wrappers
    ]


@pytest.mark.parametrize(
    ("kind", "expected"), [(Counter, COUNTERS), (Gauge, GAUGES), (Histogram, HISTOGRAMS)]
)
def test_every_public_metric_exists_with_exactly_its_labels(
    kind: type[MetricWrapperBase], expected: dict[str, set[str]]
) -> None:
    suffix = "_total" if kind is Counter else ""

    found = {
        f"{one.name.removeprefix('cad_bridge_')}{suffix}": set(one.labels)
        for one in exported()
        if one.kind is kind
    }

    assert found == expected


def test_every_metric_has_the_prefix_and_a_sentence() -> None:
    for one in exported():
        assert one.name.startswith("cad_bridge_")
        assert one.sentence.endswith(".")


def test_no_metric_is_labelled_with_a_player() -> None:
    labels = set[str]().union(*COUNTERS.values(), *GAUGES.values(), *HISTOGRAMS.values())

    assert labels == {"route", "code", "server", "reason", "kind", "version", "state", "operation", "result"}


@pytest.mark.parametrize("command", sorted(main.commands))
def test_the_readme_names_every_command(command: str) -> None:
    assert f"| `cad-bridge {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_no_module_is_longer_than_can_be_read_in_one_go() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "bridge").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }

    assert long == {}
