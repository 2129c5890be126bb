"""One server's whitelist."""

from pathlib import Path

from bridge.units import ServerId
from bridge.whitelist import Roll
from tests.support.whitelisting import SERVER, Whitelisting, run_whitelist

BODY = b'[{"name":"Jo","apiIds":["license:1","STEAM:2"]},{"name":"Al","apiIds":[]}]'


def roll_of(bench: Whitelisting, server: ServerId = SERVER, community: str = "c") -> Roll:
    return Roll(server, community, bench.store, bench.clock)


def test_a_list_is_taken_and_told_with_its_age(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        roll = roll_of(bench)
        assert (roll.find("license:1"), roll.age, roll.fetched_at) == (None, float("inf"), 0.0)

        assert roll.take(BODY)
        await bench.clock.sleep(5.0)

        assert [roll.find(api_id) for api_id in ("license:1", "steam:2", "LICENSE:1 ", "x")] == [
            "Jo",
            "Jo",
            "Jo",
            None,
        ]
        assert (roll.number, roll.age, roll.body) == (2, 5.0, BODY)
        assert roll.fetched_at == bench.clock.wall() - 5.0

    run_whitelist(tmp_path, case)


def test_what_is_no_list_leaves_the_one_that_is_there(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        roll = roll_of(bench)
        roll.take(BODY)

        assert not roll.take(b"oops")
        assert roll.find("license:1") == "Jo"

    run_whitelist(tmp_path, case)


def test_a_list_on_disk_is_this_server_s_and_this_community_s_alone_and_keeps_its_age(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        roll_of(bench).take(BODY)
        await bench.clock.sleep(100.0)
        same, server, community = roll_of(bench), roll_of(bench, ServerId(2)), roll_of(bench, community="d")
        for roll in (same, server, community):
            await roll.load()

        assert [roll.find("license:1") for roll in (same, server, community)] == ["Jo", None, None]
        assert same.age == 100.0

    run_whitelist(tmp_path, case)


def test_a_clock_that_was_set_back_makes_no_list_newer_than_now(tmp_path: Path) -> None:
    async def case(bench: Whitelisting) -> None:
        roll_of(bench).take(BODY)
        bench.clock.wall_jump = -10_000.0
        roll = roll_of(bench)
        await roll.load()

        assert roll.age == 0.0

    run_whitelist(tmp_path, case)
