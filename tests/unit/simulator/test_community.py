from bridge.simulator.community import Community, Kick, Photo, Plan, utc
from bridge.simulator.shapes import Coordinates, NewBlip, NewDispatchCall, NewEmergencyCall
from tests.support.cad_requests import NOON


def community(known_units: set[str] | None = None) -> Community:
    return Community(Plan.PLUS, (1, 2), known_units)


def call() -> NewEmergencyCall:
    return NewEmergencyCall(is_emergency=True, caller="Jane", location="Alta St", description="Shots")


def dispatch_call() -> NewDispatchCall:
    return NewDispatchCall(
        origin=0,
        status=1,
        priority=1,
        block="",
        address="",
        postal="",
        title="",
        code="",
        description="",
    )


def blip() -> NewBlip:
    return NewBlip(coordinates=Coordinates(x=1.0, y=2.0))


def test_every_unit_is_known_by_default() -> None:
    unit = community().unit("license:1", 1)

    assert unit is not None
    assert (unit.unit_id, unit.server_id, unit.is_panic) == ("license:1", 1, False)


def test_a_unit_that_nobody_linked_is_unknown() -> None:
    some = community({"license:1"})

    assert some.unit("license:2", 1) is None
    assert some.unit("license:1", 1) is not None
    assert list(some.units) == ["license:1"]


def test_a_unit_belongs_to_the_server_that_spoke_of_it_last() -> None:
    some = community()
    first = some.unit("license:1", 1)

    assert some.unit("license:1", 2) is first
    assert some.units["license:1"].server_id == 2


def test_units_have_numbers_and_accounts_of_their_own() -> None:
    some = community()
    units = [some.unit(f"license:{n}", 1) for n in range(3)]

    assert [unit.ident for unit in units if unit] == [1, 2, 3]
    assert len({unit.account for unit in units if unit}) == 3


def test_a_dispatcher_removes_a_911_call_of_a_server() -> None:
    some = community()
    some.board.open_emergency(1, call(), NOON)

    assert [some.remove_call(server, 1, NOON) for server in (2, 1, 1)] == [False, True, False]
    assert some.calls(NOON) == []


def test_a_dispatcher_closes_a_dispatch_call_of_a_server() -> None:
    some = community()
    some.board.open_dispatch(1, dispatch_call(), (), NOON)

    assert [some.close_call(server, 1, NOON) for server in (2, 1, 1)] == [False, True, False]
    assert [one.call_id for one in some.board.closed()] == [1]


def test_a_kicked_unit_is_offline_and_on_no_call() -> None:
    some = community()
    unit = some.unit("license:1", 1)
    assert unit is not None
    attended = some.board.open_dispatch(2, dispatch_call(), (unit.ident,), NOON)

    some.kick(unit, "Restart", NOON + 1)

    assert (unit.status, unit.updated_at, attended.idents) == (100, NOON + 1, [])
    assert some.kicks == [Kick(server_id=1, unit_id="license:1", reason="Restart", kicked_at=NOON + 1)]


def test_blips_are_numbered() -> None:
    some = community()

    assert [some.mark(server, blip()).blip_id for server in (1, 2)] == [1, 2]
    assert [one.server_id for one in some.blips] == [1, 2]


def test_heartbeats_are_counted_by_server() -> None:
    some = community()
    some.beat(1, 10, NOON)
    some.beat(1, 20, NOON + 60)
    some.beat(2, 5, NOON)

    assert (some.heartbeats[1].player_count, some.heartbeats[1].count) == (20, 2)
    assert some.heartbeats[1].received_at == NOON + 60
    assert some.heartbeats[2].count == 1


def test_forgetting_leaves_the_settings_and_never_gives_an_id_twice() -> None:
    some = community({"license:1"})
    some.calls_visible_after = 5.0
    unit = some.unit("license:1", 1)
    assert unit is not None
    some.board.open_emergency(1, call(), NOON)
    some.mark(1, blip())
    some.kick(unit, "Restart", NOON)
    some.photos.append(Photo(unit_id="license:1", url="https://example.com/a.png", sent_at=NOON))
    some.beat(1, 1, NOON)

    some.forget()

    assert (some.units, some.heartbeats, some.calls(NOON)) == ({}, {}, [])
    assert (some.blips, some.kicks, some.photos) == ([], [], [])
    assert some.board.open_emergency(1, call(), NOON).call_id == 2
    assert some.mark(1, blip()).blip_id == 2
    assert (some.known_units, some.calls_visible_after) == ({"license:1"}, 5.0)


def test_instants_are_written_in_utc() -> None:
    assert utc(1_775_683_860.9) == "2026-04-08T21:31:00Z"


def test_servers_may_be_set_by_their_ids() -> None:
    some = community()
    some.servers = (7, 8)

    assert [(row.id, row.name) for row in some.estate.servers] == [(7, "Server 7"), (8, "Server 8")]
    some.forget()
    assert some.servers == (7, 8)


def test_a_number_of_a_unit_is_never_given_twice() -> None:
    some = community()
    some.unit("a", 1)
    some.forget()

    unit = some.unit("a", 1)
    assert unit is not None
    assert unit.ident == 2
