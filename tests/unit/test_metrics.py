from prometheus_client import generate_latest

from bridge.events import EventKind, EventState
from bridge.fleet import GameServerState
from bridge.metrics import GAME_SERVER_STATES, HEAD, SLICE, Metrics

PROMISED = {
    "build_info": ["version"],
    "listener_requests_total": ["route", "code"],
    "listener_request_seconds": ["route"],
    "locations_received_total": ["server"],
    "locations_rejected_total": ["server", "reason"],
    "locations_coalesced_total": ["server"],
    "locations_sent_total": ["server"],
    "locations_unmatched_total": ["server"],
    "locations_dropped_total": ["server", "reason"],
    "units": ["server"],
    "units_pending": ["server"],
    "batches_total": ["server"],
    "batch_failures_total": ["server", "reason"],
    "batch_units": ["server"],
    "batch_lag_seconds": ["server"],
    "events_accepted_total": ["server", "kind"],
    "events_delivered_total": ["server", "kind"],
    "events_unmatched_total": ["server", "kind"],
    "events_failed_total": ["server", "kind", "reason"],
    "events_expired_total": ["server", "kind"],
    "events_superseded_total": ["server", "kind"],
    "event_delivery_seconds": ["kind"],
    "outbox_events": ["state"],
    "outbox_oldest_pending_timestamp_seconds": [],
    "outbox_commit_seconds": [],
    "cad_requests_total": ["operation", "code"],
    "cad_request_failures_total": ["operation", "reason"],
    "cad_request_seconds": ["operation"],
    "cad_budget_remaining": ["operation"],
    "cad_up": [],
    "heartbeats_total": ["server"],
    "heartbeat_failures_total": ["server", "reason"],
    "heartbeat_last_success_timestamp_seconds": ["server"],
    "game_server_up": ["server"],
    "players": ["server"],
    "loop_lag_seconds": [],
    "cms_requests_total": ["operation", "code"],
    "cms_request_failures_total": ["operation", "reason"],
    "cms_request_seconds": ["operation"],
    "cms_budget_remaining": ["operation"],
    "cms_up": [],
}


def declared(metrics: Metrics) -> dict[str, list[str]]:
    """Return every metric's name and labels, as they are exported."""
    found = {name: made for name, made in vars(metrics).items() if name != "registry" and name[0] != "_"}
    return {
        made._name.removeprefix("cad_bridge_") + ("_total" if made._type == "counter" else ""): list(
            made._labelnames
        )
        for made in found.values()
    }


def test_every_promised_metric_is_there_with_its_labels() -> None:
    names = declared(Metrics("1.2.3")) | {"build_info": ["version"]}

    assert {name: names.get(name) for name in PROMISED} == PROMISED


def test_no_label_could_name_a_player() -> None:
    labels = {label for given in declared(Metrics("0")).values() for label in given}

    assert labels <= {"server", "kind", "operation", "reason", "route", "code", "state", "version", "result"}


def test_the_version_is_told() -> None:
    assert b'cad_bridge_build_info{version="1.2.3"} 1.0' in Metrics("1.2.3").render()


def test_what_is_rendered_in_parts_is_what_the_library_renders() -> None:
    metrics = Metrics("0")
    for number in range(SLICE + 1):
        metrics.batches.labels(f"server-{number}").inc(number)

    def ours(text: bytes) -> list[str]:
        return [line for line in text.decode().splitlines() if "cad_bridge_" in line]

    assert ours(metrics.render()) == ours(generate_latest(metrics.registry))
    assert max(len(part.splitlines()) for part in metrics.slices()) <= SLICE + HEAD


def test_series_exist_at_zero_from_the_start() -> None:
    metrics = Metrics("0")
    metrics.create_series(["one"], ["setUnitPanic"], ["setUnitPanic", "getInfo"])

    lines = metrics.render().decode().splitlines()

    for series in (
        'locations_received_total{server="one"} 0.0',
        'batches_total{server="one"} 0.0',
        'batch_lag_seconds_count{server="one"} 0.0',
        'heartbeats_total{server="one"} 0.0',
        'heartbeat_last_success_timestamp_seconds{server="one"} 0.0',
        'game_server_up{server="one"} 0.0',
        'players{server="one"} 0.0',
        'cad_request_seconds_count{operation="setUnitPanic"} 0.0',
        'cad_budget_remaining{operation="setUnitPanic"} 0.0',
        'cad_budget_remaining{operation="getInfo"} 0.0',
        "cad_up 0.0",
        *(f'events_accepted_total{{kind="{kind}",server="one"}} 0.0' for kind in EventKind),
        *(f'events_superseded_total{{kind="{kind}",server="one"}} 0.0' for kind in EventKind),
        *(f'event_delivery_seconds_count{{kind="{kind}"}} 0.0' for kind in EventKind),
        *(f'outbox_events{{state="{state}"}} 0.0' for state in EventState),
        *(f'game_server_state{{server="one",state="{state}"}} 0.0' for state in GAME_SERVER_STATES),
    ):
        assert f"cad_bridge_{series}" in lines


def test_failures_of_every_known_reason_exist_at_zero_too() -> None:
    metrics = Metrics("0")
    metrics.create_reasons(
        ["one"],
        ["setUnitPanic"],
        dropped=["stale"],
        events=["no_unit"],
        requests=["reset"],
        answers=["x"],
    )

    lines = metrics.render().decode().splitlines()

    for series in (
        'locations_dropped_total{reason="stale",server="one"} 0.0',
        'events_failed_total{kind="panic",reason="no_unit",server="one"} 0.0',
        'cad_request_failures_total{operation="setUnitPanic",reason="reset"} 0.0',
        'batch_failures_total{reason="reset",server="one"} 0.0',
        'heartbeat_failures_total{reason="reset",server="one"} 0.0',
        'batch_failures_total{reason="x",server="one"} 0.0',
        'heartbeat_failures_total{reason="x",server="one"} 0.0',
    ):
        assert f"cad_bridge_{series}" in lines


def test_the_states_of_a_game_server_are_those_that_the_fleet_knows() -> None:
    assert set(GAME_SERVER_STATES) == set(GameServerState)


def test_two_daemons_in_one_process_count_apart() -> None:
    one, other = Metrics("0"), Metrics("0")

    one.cad_up.set(1)

    assert b"cad_bridge_cad_up 0.0" in other.render()
