"""How the parts are joined, and the secrets that the daemon keeps."""

import base64
import stat
from pathlib import Path

import msgspec
import pytest

from bridge.app.parts import Parts, admin_token, secrets_of
from bridge.clock import SystemClock
from bridge.config import (
    AdminConfig,
    CadConfig,
    Config,
    HeartbeatConfig,
    LocationsConfig,
    OutboxConfig,
    Proxy,
    Secret,
    ServerConfig,
)
from bridge.errors import ConfigError, StartError
from bridge.forward import RESERVED
from bridge.sonoran.v1 import CadV1
from tests.support.configuration import TOKENS
from tests.support.running_daemon import ADMIN_TOKEN, daemon_config, samples


def without_token(folder: Path) -> Config:
    return daemon_config(folder, admin=AdminConfig())


def test_the_admin_token_is_made_beside_the_outbox_for_its_owner_alone(tmp_path: Path) -> None:
    outbox = OutboxConfig(path=tmp_path / "state" / "outbox.sqlite3")
    config = msgspec.structs.replace(without_token(tmp_path), outbox=outbox)

    token = admin_token(config)

    file = tmp_path / "state" / "admin.token"
    assert file.read_text() == token.reveal() + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(token.reveal()) >= 24


def test_the_admin_token_stays_the_same_and_differs_between_daemons(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    first = admin_token(without_token(tmp_path))

    assert admin_token(without_token(tmp_path)) == first
    assert admin_token(without_token(tmp_path / "other")) != first


def test_a_configured_admin_token_stands_and_none_is_made(tmp_path: Path) -> None:
    assert admin_token(daemon_config(tmp_path)).reveal() == ADMIN_TOKEN
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the secret is empty"),  # an empty token would be shown by "Authorization: Bearer"
        (b" \n", "the secret is empty"),
        (b"short", "the secret is too short, a token has at least 24 characters"),
        (b"made-up-token-of-\xff\xff-the-admin", "the file is not UTF-8 text (byte 17)"),
    ],
)
def test_an_admin_token_that_is_none_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "admin.token"
    file.write_bytes(content)

    with pytest.raises(StartError) as caught:
        admin_token(without_token(tmp_path))

    assert str(caught.value) == f"{file}: {why}; delete it to have a new one made"


def test_a_folder_that_takes_no_admin_token_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outbox = OutboxConfig(path=tmp_path / "file" / "outbox.sqlite3")

    with pytest.raises(StartError, match=r"admin\.token: the admin token cannot be kept: "):
        admin_token(msgspec.structs.replace(without_token(tmp_path), outbox=outbox))


def test_every_secret_is_known_to_the_log(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)
    made = without_token(tmp_path)

    assert set(secrets_of(config)) == {ADMIN_TOKEN, "simulator-key", *TOKENS.values()}
    assert admin_token(made).reveal() in secrets_of(made)


def test_a_proxys_password_is_known_to_the_log_in_each_of_its_forms(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)
    proxy = Proxy(url="http://proxy.example.com:3128", login=Secret("me:made-up"))
    cad = msgspec.structs.replace(config.cad, proxy=proxy)

    known = set(secrets_of(msgspec.structs.replace(config, cad=cad)))

    assert {"made-up", base64.b64encode(b"me:made-up").decode()} <= known


def test_the_pace_of_what_runs_follows_limits_share_and_servers(tmp_path: Path) -> None:
    cad = CadConfig(
        community_id="examplecad", api_key=Secret("made-up-key"), share=0.5, limits={"heartbeat": 4}
    )
    servers = tuple(
        ServerConfig(id=number, name=f"server-{number}", token=Secret(f"made-up-token-of-server-{number}"))
        for number in range(1, 4)
    )
    config = daemon_config(
        tmp_path,
        cad=cad,
        servers=servers,
        locations=LocationsConfig(interval=10.0),
        heartbeat=HeartbeatConfig(interval=60.0),
    )

    parts = Parts(config, SystemClock())

    assert parts.flusher.interval == 10.05  # 12 a minute, of which 6 are ours, and the margin
    assert parts.heartbeat.interval == 90.0  # three servers share 2 a minute
    assert parts.budgets["setUnitPanic"].limit == 10


def test_a_community_on_v1_has_sixty_requests_a_minute_in_all(tmp_path: Path) -> None:
    cad = CadConfig(community_id="examplecad", api_key=Secret("made-up-key"), api="v1")

    parts = Parts(daemon_config(tmp_path, cad=cad), SystemClock())

    own = [parts.budgets[name].limit for name in ("updateUnitLocations", "setUnitPanic", "addCallNote")]
    assert own == [12, 20, 28]
    for _ in range(100):
        parts.budgets.take("getVersion")
        parts.budgets.take("create911Call")
        parts.budgets.take("createDispatchCall")
    assert parts.budgets["getCalls"].remaining(parts.clock.monotonic()) == 0
    assert isinstance(parts.client._transport, CadV1)


def test_of_a_small_share_of_v1_something_is_left_for_game_servers(tmp_path: Path) -> None:
    cad = CadConfig(community_id="examplecad", api_key=Secret("made-up-key"), api="v1", share=0.2)
    parts = Parts(daemon_config(tmp_path, cad=cad), SystemClock())

    free = {
        name: parts.forward._free_at(name, 1000.0) for name in RESERVED if name in parts.budgets.remaining()
    }

    assert set(free.values()) == {1000.0}


def test_a_community_on_v2_is_asked_as_it_is(tmp_path: Path) -> None:
    parts = Parts(daemon_config(tmp_path), SystemClock())

    assert parts.client._transport is parts.http


def test_a_postals_file_that_makes_no_sense_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    postals = tmp_path / "postals.json"
    postals.write_text("no list")

    with pytest.raises(ConfigError, match=r"locations\.postals_file"):
        Parts(daemon_config(tmp_path, locations=LocationsConfig(postals_file=postals)), SystemClock())


def test_every_loop_of_sending_has_the_configured_collaborators(tmp_path: Path) -> None:
    outbox = OutboxConfig(path=tmp_path / "outbox.sqlite3", unclear="fail")
    cad = CadConfig(community_id="examplecad", api_key=Secret("made-up-key"), timeout=7.0)
    parts = Parts(daemon_config(tmp_path, cad=cad, outbox=outbox), SystemClock())

    assert (parts.lookup._timeout, parts.lookup._config.unclear) == (7.0, "fail")
    assert parts.lookup._backlog is parts.relay._backlog is parts.outbox.backlog


def test_each_start_is_another_instance(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    assert Parts(config, SystemClock()).instance != Parts(config, SystemClock()).instance


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("locations_received_total", {"server": "second"}),
        ("locations_rejected_total", {"server": "second", "reason": "bad_id"}),
        ("locations_dropped_total", {"server": "second", "reason": "stale"}),
        ("batch_failures_total", {"server": "second", "reason": "timeout"}),
        ("batch_failures_total", {"server": "second", "reason": "rate_limited"}),
        ("batch_units_count", {"server": "second"}),
        ("events_accepted_total", {"server": "second", "kind": "call_911"}),
        ("events_failed_total", {"server": "main", "kind": "panic", "reason": "no_unit"}),
        ("events_failed_total", {"server": "main", "kind": "kick", "reason": "unclear"}),
        ("events_failed_total", {"server": "second", "kind": "call_911_remove", "reason": "call_failed"}),
        ("events_failed_total", {"server": "second", "kind": "dispatch_note", "reason": "call_unknown"}),
        ("events_superseded_total", {"server": "main", "kind": "dispatch_call"}),
        ("events_expired_total", {"server": "main", "kind": "photo"}),
        ("cad_request_failures_total", {"operation": "getCalls", "reason": "timeout"}),
        ("event_delivery_seconds_count", {"kind": "panic"}),
        ("outbox_events", {"state": "superseded"}),
        ("listener_requests_total", {"route": "/v1/panic", "code": "202"}),
        ("cad_request_failures_total", {"operation": "setUnitPanic", "reason": "timeout"}),
        ("cad_request_seconds_count", {"operation": "getVersion"}),
        ("heartbeats_total", {"server": "main"}),
        ("heartbeat_failures_total", {"server": "main", "reason": "connect"}),
        ("game_server_state", {"server": "main", "state": "hitching"}),
    ],
)
def test_known_series_exist_at_0_from_the_start(tmp_path: Path, name: str, labels: dict[str, str]) -> None:
    seen = samples(Parts(daemon_config(tmp_path), SystemClock()).metrics.render())

    assert seen[name, tuple(sorted(labels.items()))] == 0
