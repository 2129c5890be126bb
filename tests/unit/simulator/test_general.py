import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.community import Plan
from tests.support.cad_requests import NOON, content, heartbeat, servers, version


@pytest.mark.parametrize(
    ("plan", "number", "name"),
    [(Plan.FREE, 0, "FREE"), (Plan.STANDARD, 1, "STANDARD"), (Plan.PLUS, 2, "PLUS"), (Plan.PRO, 3, "PRO")],
)
def test_the_version_is_the_plan(plan: Plan, number: int, name: str) -> None:
    reply = Cad(plan=plan).handle(version(), NOON)

    assert content(reply) == {"version": number, "name": name}


def test_the_configured_servers_are_listed() -> None:
    rows = content(Cad(servers=(3, 7)).handle(servers(), NOON))["servers"]

    assert [(row["id"], row["name"]) for row in rows] == [(3, "Server 3"), (7, "Server 7")]
    assert isinstance(rows[0]["listenerPort"], str)


def test_a_heartbeat_is_taken() -> None:
    cad = Cad()

    reply = cad.handle(heartbeat(42), NOON)

    assert content(reply) == {"serverId": 1, "playerCount": 42, "receivedAtUtc": "2027-01-15T08:00:00Z"}
    assert cad.community.heartbeats[1].player_count == 42


@pytest.mark.parametrize("players", [-1, "42", None, 1.5])
def test_a_player_count_that_makes_no_sense_is_a_400(players: object) -> None:
    assert Cad().handle(heartbeat(players), NOON).status == 400
