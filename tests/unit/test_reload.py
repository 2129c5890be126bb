from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.config import (
    AdminConfig,
    CadConfig,
    CmsConfig,
    Config,
    ListenerConfig,
    LocationsConfig,
    OutboxConfig,
    Secret,
    ServerConfig,
    TcpBind,
    TtlConfig,
)
from bridge.reload import Change, compare, keep_fixed

KEY, TOKEN = "made-up-key-of-the-community", "made-up-token-of-server-one"
MAIN = ServerConfig(id=1, name="main", token=Secret(TOKEN))
EVENT = ServerConfig(id=2, name="event", token=Secret("made-up-token-of-server-two"))


def config(**sections: Any) -> Config:
    usual: dict[str, Any] = {
        "cad": CadConfig(community_id="examplecad", api_key=Secret(KEY)),
        "servers": (MAIN,),
    }
    return Config(**(usual | sections))


def cad(**keys: Any) -> CadConfig:
    usual: dict[str, Any] = {"community_id": "examplecad", "api_key": Secret(KEY)}
    return CadConfig(**(usual | keys))


def test_nothing_differs_between_equal_configurations() -> None:
    assert compare(config(), config()) == []


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        (
            config(locations=LocationsConfig(interval=10.0)),
            Change(key="locations.interval", old="5", new="10"),
        ),
        (
            config(outbox=OutboxConfig(ttl=TtlConfig(kick=90.0))),
            Change(key="outbox.ttl.kick", old="60", new="90"),
        ),
        (config(cad=cad(limits={"getCalls": 3})), Change(key="cad.limits.getCalls", old="-", new="3")),
        (config(admin=AdminConfig(hosts=("a", "b"))), Change(key="admin.hosts", old="-", new="a, b")),
        (
            config(locations=LocationsConfig(postals_file=Path("postals.json"))),
            Change(key="locations.postals_file", old="-", new="postals.json"),
        ),
        (config(servers=(MAIN, EVENT)), Change(key="servers.2", old="-", new="event")),
        (
            config(servers=(replace(MAIN, fxserver_url="http://127.0.0.1:30120"),)),
            Change(key="servers.1.fxserver_url", old="-", new="http://127.0.0.1:30120"),
        ),
    ],
)
def test_a_change_names_key_old_and_new_value(wanted: Config, change: Change) -> None:
    assert compare(config(), wanted) == [change]


def test_a_server_that_is_gone_is_told_by_its_name() -> None:
    assert compare(config(servers=(MAIN, EVENT)), config()) == [Change(key="servers.2", old="event", new="-")]


def test_servers_in_another_order_are_the_same() -> None:
    assert compare(config(servers=(MAIN, EVENT)), config(servers=(EVENT, MAIN))) == []


def test_secrets_are_never_told() -> None:
    wanted = config(
        cad=cad(api_key=Secret("another-made-up-key")),
        admin=AdminConfig(token=Secret("made-up-token-of-the-admin-door")),
        servers=(replace(MAIN, token=Secret("another-made-up-token-of-one")),),
    )

    assert compare(config(), wanted) == [
        Change(key="admin.token_file", old="-", new="***"),
        Change(key="cad.api_key_file", old="***", new="***"),
        Change(key="servers.1.token_file", old="***", new="***"),
    ]


CMS = CmsConfig(community_id="examplecms", api_key=Secret("made-up-key-of-the-cms"))


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        (config(listener=ListenerConfig(bind=(TcpBind(host="::1", port=1),))), "listener.bind"),
        (config(admin=AdminConfig(bind=(TcpBind(host="::1", port=1),))), "admin.bind"),
        (config(cad=cad(base_url="https://other.example")), "cad.base_url"),
        (config(cad=cad(api="v1")), "cad.api"),
        (config(cad=cad(community_id="other")), "cad.community_id"),
        (config(cad=cad(timeout=3.0)), "cad.timeout"),
        (config(cms=CMS), "cms"),
        (config(outbox=OutboxConfig(path=Path("other.sqlite3"))), "outbox.path"),
    ],
)
def test_what_needs_a_restart_says_so_and_stays_as_it_is(wanted: Config, key: str) -> None:
    (change,) = compare(config(), wanted)

    assert (change.key, change.restart) == (key, True)
    assert keep_fixed(config(), wanted) == config()


def test_a_section_of_the_cms_that_is_taken_out_stays_until_the_restart() -> None:
    assert keep_fixed(config(cms=CMS), config()).cms == CMS


def test_the_rest_changes_although_something_beside_it_needs_a_restart() -> None:
    wanted = config(cad=cad(base_url="https://other.example", share=0.5), cms=None)

    assert keep_fixed(config(), wanted).cad == cad(share=0.5)


def test_a_key_waits_together_with_the_community_that_it_belongs_to() -> None:
    key = Secret("made-up-key-of-another-community")
    wanted = config(cad=cad(community_id="other", api_key=key))

    changes = {change.key: change.restart for change in compare(config(), wanted)}

    assert changes == {"cad.community_id": True, "cad.api_key_file": True}
    assert keep_fixed(config(), wanted) == config()


def test_a_key_of_the_cms_waits_with_its_address() -> None:
    moved = replace(CMS, base_url="https://other.example", api_key=Secret("made-up-key-of-another-cms"))
    changes = {change.key: change.restart for change in compare(config(cms=CMS), config(cms=moved))}

    assert changes == {"cms.base_url": True, "cms.api_key_file": True}
    assert keep_fixed(config(cms=CMS), config(cms=moved)) == config(cms=CMS)


def test_long_times_are_told_to_the_second() -> None:
    wanted = config(outbox=OutboxConfig(keep_failed=30 * 86400.0 + 1))

    assert compare(config(), wanted) == [Change(key="outbox.keep_failed", old="2592000", new="2592001")]
