import pytest

from bridge.fleet import PLAYERS_FRESH, Fleet, GameServer, GameServerState, Probe
from tests.support.reports import ONE, TWO

UP, HITCHING = GameServerState.UP, GameServerState.HITCHING
RESOURCE_SILENT, SILENT = GameServerState.RESOURCE_SILENT, GameServerState.SILENT


def server(*pushes: float, probes: tuple[Probe, ...] = ()) -> GameServer:
    """Return a game server that pushed and was looked at at these times."""
    made = GameServer(ONE, "one")
    for moment in pushes:
        made.pushed(moment, None)
    for probe in probes:
        made.probed(probe)
    return made


def look(at: float, players: int | None = 12, seconds: float = 0.01) -> Probe:
    return Probe(at=at, players=players, seconds=seconds)


@pytest.mark.parametrize(
    ("pushes", "probes", "now", "state"),
    [
        ((), (), 0.0, SILENT),  # never heard of
        ((), (look(1.0),), 2.0, RESOURCE_SILENT),  # it answers, but nobody pushes
        ((), (look(1.0, None),), 2.0, SILENT),
        ((100.0,), (), 108.0, UP),
        ((100.0,), (), 108.1, HITCHING),  # no resource leaves such a gap
        ((100.0,), (), 115.0, HITCHING),
        ((100.0,), (), 115.1, SILENT),
        ((100.0,), (look(115.0),), 115.1, RESOURCE_SILENT),
        ((100.0,), (look(110.0), look(115.0, None, 3.0)), 115.1, SILENT),
        ((100.0, 109.0), (), 110.0, HITCHING),  # it stalled a moment ago
        ((100.0, 109.0, 112.0, 169.0), (), 169.0, HITCHING),
        ((100.0, 109.0, *range(110, 171)), (), 170.0, UP),
        ((100.0, 116.0), (), 116.0, UP),  # silent before, not stalling
        ((100.0,), (look(101.0, 5, 1.1),), 102.0, HITCHING),  # alive, but slow to say so
        ((100.0,), (look(101.0, None, 3.0),), 102.0, UP),  # no answer is no proof of a stall
    ],
)
def test_the_state_of_a_game_server(
    pushes: tuple[float, ...], probes: tuple[Probe, ...], now: float, state: GameServerState
) -> None:
    assert server(*pushes, probes=probes).state(now) is state


def test_players_are_those_of_the_last_push_that_told() -> None:
    made = server(probes=(look(0.0, 7),))
    made.pushed(10.0, 42)
    made.pushed(11.0, None)

    assert made.players(11.0) == 42


def test_an_old_player_count_gives_way_to_the_game_servers_own() -> None:
    made = server()
    made.pushed(10.0, 42)

    assert made.players(10.0 + PLAYERS_FRESH) == 42
    assert made.players(10.1 + PLAYERS_FRESH) is None
    made.probed(look(130.0, 7))
    assert made.players(10.1 + PLAYERS_FRESH) == 7


def test_nobody_is_known_of_a_server_that_was_never_heard_of() -> None:
    assert server().players(0.0) is None


def test_a_count_of_zero_is_a_count() -> None:
    made = server()
    made.pushed(10.0, 0)

    assert made.players(10.0) == 0


def test_the_fleet_knows_its_servers_in_their_order() -> None:
    fleet = Fleet({TWO: "two", ONE: "one"})

    fleet.pushed(TWO, 5.0, None)
    fleet.counted(ONE, 6.0, 3)

    assert [(known.id, known.name) for known in fleet] == [(TWO, "two"), (ONE, "one")]
    assert (fleet[TWO].last_push_at, fleet[TWO].players(6.0)) == (5.0, None)
    assert (fleet[ONE].last_push_at, fleet[ONE].players(6.0)) == (6.0, 3)
