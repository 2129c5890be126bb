"""Every metric of the daemon, declared in one place and given to the parts that count.

Names and labels are a public contract. No label ever holds a player, a unit or an address. Series whose
labels are known exist at 0 from the start, so that a rate over a new failure is never missed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from bridge.events import EventKind, EventState

PREFIX = "cad_bridge"

FAST_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DELIVERY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
LAG_BUCKETS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.5, 10.0, 15.0, 30.0, 60.0)
UNIT_BUCKETS = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1000.0, 2000.0)

GAME_SERVER_STATES = ("up", "hitching", "resource_silent", "silent")


SLICE = 200  # series
HEAD = 2  # lines above a family's first series: # HELP, # TYPE


class RequestMeters(NamedTuple):
    """What is counted of the requests to one of Sonoran's services, each by operation."""

    requests: Counter
    failures: Counter
    seconds: Histogram


class Metrics:
    """The metrics, each an attribute named as it is exported without the prefix and the unit's suffix."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it unannotated
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._gauge("build_info", "The running version; always 1.", "version").labels(version).set(1)
        self.config_last_reload_successful = self._gauge(
            "config_last_reload_successful", "0 if the configuration could not be used when last read again."
        )
        self.config_last_reload_successful.set(1)
        self.config_last_reload_success = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When it was last read again; 0: not since the start.",
        )
        self._declare_listener()
        self._declare_locations()
        self._declare_events()
        self._declare_cad()
        self._declare_cms()
        self._meters = {
            "CAD": RequestMeters(self.cad_requests, self.cad_request_failures, self.cad_request),
            "CMS": RequestMeters(self.cms_requests, self.cms_request_failures, self.cms_request),
        }
        self._declare_game_servers()

    def _declare_listener(self) -> None:
        self.listener_requests = self._counter(
            "listener_requests_total", "Requests on the push door.", "route", "code"
        )
        self.listener_request = self._histogram(
            "listener_request_seconds", "Time to answer a push.", FAST_BUCKETS, "route"
        )
        self.listener_handshake_failures = self._counter(
            "listener_handshake_failures_total",
            "TLS connections to the push door that ended before a request.",
            "reason",
        )
        self.listener_certificate_expiry = self._gauge(
            "listener_certificate_expiry_timestamp_seconds",
            "When the push door's certificate ends; 0: it has none.",
        )
        self.loop_lag = self._gauge(
            "loop_lag_seconds", "The longest stall of the event loop in the last 15 seconds."
        )

    def _declare_locations(self) -> None:
        self.locations_received = self._counter(
            "locations_received_total", "Locations accepted from the game server.", "server"
        )
        self.locations_rejected = self._counter(
            "locations_rejected_total", "Locations that made no sense.", "server", "reason"
        )
        self.locations_coalesced = self._counter(
            "locations_coalesced_total", "Locations replaced by a newer one before they were sent.", "server"
        )
        self.locations_sent = self._counter(
            "locations_sent_total", "Locations the CAD answered with success.", "server"
        )
        self.locations_unmatched = self._counter(
            "locations_unmatched_total", "Sent locations that matched no unit of the CAD.", "server"
        )
        self.locations_dropped = self._counter(
            "locations_dropped_total", "Accepted locations that will never be sent.", "server", "reason"
        )
        self.units = self._gauge("units", "Units known.", "server")
        self.units_pending = self._gauge("units_pending", "Units waiting for the next batch.", "server")
        self.batches = self._counter("batches_total", "Location batches sent.", "server")
        self.batch_failures = self._counter(
            "batch_failures_total", "Location batches the CAD did not take.", "server", "reason"
        )
        self.batch_units = self._histogram("batch_units", "Units in a batch.", UNIT_BUCKETS, "server")
        self.batch_lag = self._histogram(
            "batch_lag_seconds",
            "Age of the oldest location in a batch when it was sent.",
            LAG_BUCKETS,
            "server",
        )

    def _declare_events(self) -> None:
        labels = ("server", "kind")
        self.events_accepted = self._counter("events_accepted_total", "Events committed to disk.", *labels)
        self.events_delivered = self._counter("events_delivered_total", "Events the CAD has.", *labels)
        self.events_unmatched = self._counter(
            "events_unmatched_total", "Units named in delivered requests that the CAD did not know.", *labels
        )
        self.events_failed = self._counter(
            "events_failed_total", "Events that ended without reaching the CAD.", *labels, "reason"
        )
        self.events_expired = self._counter(
            "events_expired_total", "Events older than their time to live.", *labels
        )
        self.events_superseded = self._counter(
            "events_superseded_total", "Events that a newer state of the unit made pointless.", *labels
        )
        self.events_retried = self._counter(
            "events_retried_total", "Failed and expired events that an operator had tried again.", *labels
        )
        self.event_delivery = self._histogram(
            "event_delivery_seconds", "From accepting an event to the CAD's answer.", DELIVERY_BUCKETS, "kind"
        )
        self.outbox_events = self._gauge("outbox_events", "Events on disk.", "state")
        self.outbox_oldest_pending = self._gauge(
            "outbox_oldest_pending_timestamp_seconds", "When the oldest pending event was accepted; 0: none."
        )
        self.outbox_commit = self._histogram(
            "outbox_commit_seconds", "Time of one durable commit.", FAST_BUCKETS
        )

    def _declare_cad(self) -> None:
        self.cad_requests = self._counter(
            "cad_requests_total", "Requests the CAD answered.", "operation", "code"
        )
        self.cad_request_failures = self._counter(
            "cad_request_failures_total", "Requests without a complete answer.", "operation", "reason"
        )
        self.cad_request = self._histogram(
            "cad_request_seconds", "Time to the CAD's answer.", FAST_BUCKETS, "operation"
        )
        self.cad_budget_remaining = self._gauge(
            "cad_budget_remaining", "Requests the documented limit still allows now.", "operation"
        )
        self.forwarded = self._counter(
            "forwarded_total",
            "Requests of game servers for the CAD's own answer, by what they got.",
            "result",
        )
        self.cad_up = self._gauge("cad_up", "1 while the CAD answers, 0 while it does not.")

    def _declare_cms(self) -> None:
        self.cms_requests = self._counter(
            "cms_requests_total", "Requests the CMS answered.", "operation", "code"
        )
        self.cms_request_failures = self._counter(
            "cms_request_failures_total",
            "Requests to the CMS without a complete answer.",
            "operation",
            "reason",
        )
        self.cms_request = self._histogram(
            "cms_request_seconds", "Time to the CMS's answer.", FAST_BUCKETS, "operation"
        )
        self.cms_budget_remaining = self._gauge(
            "cms_budget_remaining", "Requests to the CMS that the limit still allows now.", "operation"
        )
        self.cms_up = self._gauge(
            "cms_up", "0 while the CMS does not answer; 1 too where none is configured."
        )
        self.cms_up.set(1)
        self.whitelist_checks = self._counter(
            "whitelist_checks_total", "Whitelist checks, by what they ended with.", "server", "result"
        )
        self.whitelist_players = self._gauge(
            "whitelist_players", "Players on the whitelist as it was last fetched.", "server"
        )
        self.whitelist_fetched = self._gauge(
            "whitelist_fetched_timestamp_seconds", "When the whitelist was last fetched; 0: never.", "server"
        )

    @property
    def meters(self) -> Mapping[str, RequestMeters]:
        """Return what is counted of requests, by what the log calls the service."""
        return self._meters

    def create_cms_series(
        self,
        servers: Iterable[str],
        operations: Iterable[str],
        reasons: Collection[str],
        results: Collection[str],
    ) -> None:
        """Make every series of a configured CMS exist at 0.

        Args:
            servers: the servers' names.
            operations: what the CMS is asked.
            reasons: why a request gets no answer.
            results: what a whitelist check ends with.
        """
        for operation in operations:
            self.cms_request.labels(operation)
            self.cms_budget_remaining.labels(operation)
            for reason in reasons:
                self.cms_request_failures.labels(operation, reason)
        for server in servers:
            self.whitelist_players.labels(server)
            self.whitelist_fetched.labels(server)
            for result in results:
                self.whitelist_checks.labels(server, result)

    def _declare_game_servers(self) -> None:
        self.heartbeats = self._counter("heartbeats_total", "Heartbeats the CAD took.", "server")
        self.heartbeat_failures = self._counter(
            "heartbeat_failures_total", "Heartbeats that did not get through.", "server", "reason"
        )
        self.heartbeat_last_success = self._gauge(
            "heartbeat_last_success_timestamp_seconds", "When the CAD took the last one; 0: never.", "server"
        )
        self.game_server_up = self._gauge(
            "game_server_up", "1 while the game server pushes or answers /dynamic.json.", "server"
        )
        self.game_server_state = self._gauge(
            "game_server_state", "1 for the state the game server is in.", "server", "state"
        )
        self.last_push = self._gauge(
            "last_push_timestamp_seconds", "When the game server last pushed; 0: never.", "server"
        )
        self.players = self._gauge("players", "Players on the game server.", "server")

    def create_series(
        self, servers: Iterable[str], operations: Iterable[str], budgets: Iterable[str] = ()
    ) -> None:
        """Make the series of every server, operation of ours and budget exist at 0."""
        for state in EventState:
            self.outbox_events.labels(state)
        for operation in operations:
            self.cad_request.labels(operation)
        for operation in budgets:
            self.cad_budget_remaining.labels(operation)
        by_server = (
            self.locations_received,
            self.locations_coalesced,
            self.locations_sent,
            self.locations_unmatched,
            self.units,
            self.units_pending,
            self.batches,
            self.batch_units,
            self.batch_lag,
            self.heartbeats,
            self.heartbeat_last_success,
            self.game_server_up,
            self.last_push,
            self.players,
        )
        for server in servers:
            for metric in by_server:
                metric.labels(server)
            for state_name in GAME_SERVER_STATES:
                self.game_server_state.labels(server, state_name)
            for kind in EventKind:
                self._create_event_series(server, kind)

    def _create_event_series(self, server: str, kind: EventKind) -> None:
        self.event_delivery.labels(kind)
        for metric in (
            self.events_accepted,
            self.events_delivered,
            self.events_unmatched,
            self.events_expired,
            self.events_superseded,
            self.events_retried,
        ):
            metric.labels(server, kind)

    def create_reasons(
        self,
        servers: Collection[str],
        operations: Iterable[str],
        *,
        dropped: Iterable[str],
        events: Collection[str],
        requests: Collection[str],
        answers: Collection[str],
    ) -> None:
        """Make the series of every known reason exist at 0, so that the first failure is a rise too.

        Args:
            servers: the servers' names.
            operations: the operations that the bridge sends by itself.
            dropped: why a location is dropped.
            events: why an event fails.
            requests: why a request gets no answer.
            answers: what answers are called that take no batch and no heartbeat.
        """
        for operation in operations:
            for reason in requests:
                self.cad_request_failures.labels(operation, reason)
        for server in servers:
            for reason in dropped:
                self.locations_dropped.labels(server, reason)
            for reason in events:
                for kind in EventKind:
                    self.events_failed.labels(server, kind, reason)
            for reason in (*requests, *answers):
                self.batch_failures.labels(server, reason)
                self.heartbeat_failures.labels(server, reason)

    def forget_server(self, name: str) -> None:
        """Tell no more how a server stands that is none any longer; what was counted of it stays."""
        gauges = (
            self.units,
            self.units_pending,
            self.heartbeat_last_success,
            self.game_server_up,
            self.last_push,
            self.players,
            self.whitelist_players,
            self.whitelist_fetched,
        )
        for gauge in gauges:
            with suppress(KeyError):
                gauge.remove(name)
        for state in GAME_SERVER_STATES:
            with suppress(KeyError):
                self.game_server_state.remove(name, state)

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return b"".join(self.slices())

    def slices(self) -> Iterator[bytes]:
        """Go through the same text in parts that each take about a millisecond."""
        for family in self.registry.collect():
            samples = family.samples
            for at in range(0, max(1, len(samples)), SLICE):
                family.samples = samples[at : at + SLICE]
                text = generate_latest(_Alone(family))
                yield text.split(b"\n", HEAD)[HEAD] if at else text

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, registry=self.registry, buckets=buckets)


class _Alone(Collector):
    """A family by itself, for the library to render."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        """Return it."""
        return (self._family,)
