from typing import Any

import pytest

from bridge.config import CadConfig, Config, OutboxConfig, Secret, ServerConfig
from bridge.fit import Finding, Severity, examine
from bridge.sonoran.v2 import Server
from tests.support.configuration import API_KEY, TOKENS

MAIN = Server(id=1, name="Main", map_ip="203.0.113.10", listener_port=30120, enable_map=True)


def server(**changes: Any) -> ServerConfig:
    usual: dict[str, Any] = {"id": 1, "name": "main", "token": Secret(TOKENS[1])}
    return ServerConfig(**(usual | changes))


def configured(*servers: ServerConfig, unclear: str = "repeat") -> Config:
    return Config(
        cad=CadConfig(community_id="examplecad", api_key=Secret(API_KEY)),
        outbox=OutboxConfig(unclear=unclear),
        servers=servers or (server(),),
    )


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity.value, finding.text) for finding in findings]


def of_url(url: str, row: Server) -> list[tuple[str, str]]:
    return told(examine(configured(server(fxserver_url=url)), "PRO", [row]))


def row(**changes: Any) -> Server:
    usual: dict[str, Any] = {"id": 1, "map_ip": "203.0.113.10", "listener_port": 30120, "enable_map": True}
    return Server(**(usual | changes))


def test_a_community_that_fits_is_passed_over_in_silence() -> None:
    assert examine(configured(server(fxserver_url="http://203.0.113.10:30120")), "PRO", [MAIN]) == []


# The plan


@pytest.mark.parametrize("name", ["FREE", "free", " Free ", "0"])
def test_the_free_plan_is_one_problem_and_the_rest_is_not_listed(name: str) -> None:
    assert told(examine(configured(), name, [MAIN])) == [
        ("problem", "CAD: the plan is FREE; live locations and panics need Standard")
    ]


@pytest.mark.parametrize("name", [None, "", "ENTERPRISE", "2", "7", "PLUS+"])
def test_nothing_is_concluded_from_a_plan_that_is_not_known(name: str | None) -> None:
    assert examine(configured(), name, [MAIN]) == []


def test_a_standard_plan_is_told_in_notes_what_it_lacks() -> None:
    plus, pro, unclear = examine(configured(), "STANDARD", [MAIN])

    assert {plus.severity, pro.severity, unclear.severity} == {Severity.NOTE}
    assert plus.text.startswith("CAD: the plan is STANDARD; of what the game servers may ask for")
    assert "refuses what needs Plus: addCallNote, " in plus.text
    for name in ("createDispatchCall", "getActiveUnits", "getCalls", "lookupByValue"):
        assert name in plus.text
    for name in ("createRecord", "createBlip", "create911Call", "updateUnitLocations"):
        assert name not in plus.text
    assert "refuses what needs Pro: " in pro.text
    for name in ("createBlip", "sendPhoto", "updateStreetSigns"):
        assert name in pro.text
    assert "getCalls" not in pro.text
    assert unclear.text.startswith("outbox.unclear: the plan is STANDARD, and reading calls needs Plus")


def test_a_plus_plan_lacks_the_map_alone() -> None:
    (pro,) = examine(configured(), "PLUS", [MAIN])

    assert "the plan is PLUS" in pro.text
    assert "refuses what needs Pro: " in pro.text


def test_what_no_token_may_ask_for_is_left_out_but_events_are_everybodys() -> None:
    plus, pro, _ = examine(configured(server(allow=("heartbeat",))), "STANDARD", [MAIN])

    for name in ("getActiveUnits", "lookupByValue"):
        assert name not in plus.text
    assert "createDispatchCall" in plus.text
    assert pro.text.endswith("needs Pro: createBlip, sendPhoto")


def test_a_scope_of_one_token_is_enough() -> None:
    second = server(id=2, name="second", token=Secret(TOKENS[2]), allow=("records",))

    plus, *_ = examine(configured(server(), second), "STANDARD", None)

    assert "createRecord" in plus.text


@pytest.mark.parametrize(
    ("unclear", "end"),
    [("repeat", "it is sent again and may be there twice"), ("fail", "it is given up and may be missing")],
)
def test_where_calls_cannot_be_read_what_is_configured_for_an_unclear_end_is_told(
    unclear: str, end: str
) -> None:
    assert examine(configured(unclear=unclear), "STANDARD", None)[-1].text.endswith(end)


# The servers


def test_a_server_that_the_cad_does_not_have_is_a_problem_that_names_the_key() -> None:
    second = server(id=2, name="second", token=Secret(TOKENS[2]))

    assert told(examine(configured(server(), second), "PRO", [row(id=3), MAIN])) == [
        ("problem", "servers[1].id: the CAD has no server 2; it has 1, 3")
    ]
    assert told(examine(configured(), None, [])) == [
        ("problem", "servers[0].id: the CAD has no server 1; it has none")
    ]


def test_nothing_is_concluded_of_servers_that_could_not_be_asked_for() -> None:
    assert examine(configured(), "PRO", None) == []


def test_nothing_is_concluded_from_a_row_that_says_nothing() -> None:
    bare = Server(id=1)

    assert examine(configured(server(fxserver_url="http://203.0.113.10:30120")), "PRO", [bare]) == []


def test_a_map_that_is_switched_off_is_a_warning() -> None:
    assert told(examine(configured(), "PRO", [row(enable_map=False)])) == [
        (
            "warning",
            "CAD: the live map of server 1 (main) is switched off at Sonoran (enableMap), units will not show",
        )
    ]


def test_another_game_port_is_a_warning() -> None:
    assert of_url("http://127.0.0.1:30121", MAIN) == [
        (
            "warning",
            (
                "servers[0].fxserver_url: it has port 30121, but the CAD has game port 30120 for server 1 "
                "(listenerPort), where its own events to the game go"
            ),
        )
    ]


def test_a_url_without_a_port_is_a_proxys() -> None:
    assert of_url("https://play.example.com", MAIN) == []


def test_another_address_is_a_warning() -> None:
    assert of_url("http://203.0.113.99:30120", MAIN) == [
        (
            "warning",
            (
                "servers[0].fxserver_url: it has address 203.0.113.99, but the CAD has 203.0.113.10 for server 1 "
                "(mapIp), where its own events to the game go"
            ),
        )
    ]


def test_an_address_of_the_old_kind_in_the_new_ones_clothes_is_compared_as_what_it_is() -> None:
    ((severity, text),) = of_url("http://[::ffff:203.0.113.99]:30120", MAIN)

    assert severity == "warning"
    assert "it has address 203.0.113.99, but the CAD has 203.0.113.10" in text


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "localhost",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.5",
        "100.64.0.7",
        "169.254.1.1",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:192.168.1.5]",
        "play.example.com",
        "[2001:db8::1]",  # the same machine may well have both
        "203.0.113.10",
        "[::ffff:203.0.113.10]",
    ],
)
def test_an_address_that_tells_nothing_of_the_one_outside_or_is_the_same_is_no_finding(host: str) -> None:
    assert of_url(f"http://{host}:30120", MAIN) == []


@pytest.mark.parametrize("map_ip", ["", "play.example.com", "123.456.78.9"])
def test_an_address_of_the_cad_that_is_none_is_not_compared(map_ip: str) -> None:
    assert of_url("http://203.0.113.99:30120", row(map_ip=map_ip)) == []


def test_an_outbound_address_of_the_server_is_its_own_too() -> None:
    differing = row(differing_outbound=True, outbound_ip="198.51.100.7")

    assert of_url("http://198.51.100.7:30120", differing) == [
        (
            "note",
            (
                "CAD: Sonoran expects what server 1 (main) sends from 198.51.100.7 (differingOutbound, outboundIp); "
                "with the bridge it comes from the bridge's machine"
            ),
        )
    ]
    assert [severity for severity, _ in of_url("http://198.51.100.8:30120", differing)] == ["warning", "note"]
    unset = row(differing_outbound=False, outbound_ip="198.51.100.7")
    assert [severity for severity, _ in of_url("http://198.51.100.7:30120", unset)] == ["warning"]


def test_a_differing_outbound_address_that_is_missing_is_a_warning() -> None:
    assert told(examine(configured(), "PRO", [row(differing_outbound=True)])) == [
        (
            "warning",
            (
                "CAD: server 1 (main) sends from another address than its own (differingOutbound), but Sonoran has "
                "none for that (outboundIp)"
            ),
        )
    ]


def test_what_stands_in_place_of_an_outbound_address_is_not_repeated() -> None:
    (note,) = examine(configured(), "PRO", [row(differing_outbound=True, outbound_ip="\x1b[2J")])

    assert "\x1b" not in note.text
    assert "from another address than its own" in note.text
