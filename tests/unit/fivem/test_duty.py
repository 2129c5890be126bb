"""Who is a unit: everybody, by ACE, or on duty by the server's framework."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.frameworks import RESOURCES, framework
from tests.support.fxserver import FxServer, wire
from tests.support.fxserver.world import Player

RESOURCE = Path(__file__).parents[3] / "deploy" / "fivem" / "cad_bridge"
TOKEN = "a-token-of-more-than-24-characters"
SEARCHED = "qbx_core, qb-core, es_extended, ox_core"
WITH_DUTY = ["qbx", "qbcore", "qbcore of 2024", "esx", "ox"]


def server(**convars: str) -> FxServer:
    """A server whose bridge takes everything; ``convars`` without their prefix."""
    given = {f"cad_bridge_{name}": value for name, value in convars.items()}
    game = FxServer(RESOURCE, convars={"cad_bridge_token": TOKEN, **given})
    game.http.answer("/v1/locations", 200, {"accepted": 0, "rejected": [], "instance": "one", "api": 1})
    return game


def install(game: FxServer, kind: str, folder: Path, *, start: bool = True) -> str:
    """Put a framework onto the server and return its resource's name."""
    name = RESOURCES[kind][0]
    game.add_resource(name, framework(kind, folder), start=start)
    return name


def inside(game: FxServer, resource: str, text: str) -> Any:
    """Run Lua in a framework."""
    fine, result = game.script(resource).evaluate(text, wire.pack())[0]
    assert fine, result
    found = wire.unpack(result)
    return found[0] if found else None


def units(game: FxServer) -> set[int]:
    ask = game.export("isUnit")
    return {number for number in game.players if ask(number)}


def why(game: FxServer, player: Player) -> str:
    """What the console tells of a player."""
    before = len(game.console)
    game.command(0, f"cad_bridge why {player.number}")
    return "".join(game.console[before:])


def lines(game: FxServer, part: str) -> list[str]:
    return [line for line in game.console if part in line]


async def test_everybody_is_a_unit_unless_told_otherwise() -> None:
    async with server() as game:
        game.start_resource()
        game.join()

        await game.run(2)

        assert units(game) == {1}
        assert "Sends every player to" in "".join(game.console)


async def test_an_ace_makes_a_unit_and_its_withdrawal_unmakes_it_within_seconds() -> None:
    async with server(duty="ace") as game:
        game.start_resource()
        officer, citizen = game.join(aces={"cad_bridge.unit"}), game.join()
        await game.run(3)
        assert units(game) == {officer.number}
        assert "duty: has not the ACE cad_bridge.unit" in why(game, citizen)

        officer.aces.clear()
        citizen.aces.add("cad_bridge.unit")
        await game.run(12)

        assert units(game) == {citizen.number}
        assert "players with the ACE cad_bridge.unit" in "".join(game.console)


async def test_an_ace_costs_a_native_in_ten_seconds_per_player() -> None:
    async with server(duty="ace") as game:
        game.start_resource()
        for _ in range(20):
            game.join()
        await game.run(5)
        game.natives.clear()

        await game.run(100)

        assert game.natives["IsPlayerAceAllowed"] <= 20 * 10


@pytest.mark.parametrize("kind", WITH_DUTY)
async def test_those_on_duty_in_a_listed_job_are_units(kind: str, tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        officer, resting, mechanic, _stranger = (game.join() for _ in range(4))
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        inside(game, name, f"Set({resting.number}, 'police', 'leo', false)")
        inside(game, name, f"Set({mechanic.number}, 'mechanic', 'mechanic', true)")

        await game.run(5)

        assert units(game) == {officer.number}
        sent = {update["id"] for push in game.http.of("/v1/locations") for update in push.json["updates"]}
        assert sent == {officer.identifiers[0]}
        assert not game.errors


@pytest.mark.parametrize("kind", WITH_DUTY)
async def test_going_on_and_off_duty_shows_within_three_seconds(kind: str, tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        officer = game.join()
        await game.run(5)
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(3)
        assert units(game) == {officer.number}

        inside(game, name, f"Set({officer.number}, 'police', 'leo', false)")
        await game.run(3)

        assert units(game) == set()
        assert game.http.of("/v1/locations")[-1].json.get("left") == [officer.identifiers[0]] or any(
            push.json.get("left") == [officer.identifiers[0]] for push in game.http.of("/v1/locations")
        )


@pytest.mark.parametrize("kind", WITH_DUTY)
async def test_a_job_is_listed_by_its_name_or_by_its_type(kind: str, tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        trooper, deputy = game.join(), game.join()
        inside(game, name, f"Set({trooper.number}, 'highway', 'leo', true)")
        inside(game, name, f"Set({deputy.number}, 'police', 'none', true)")

        await game.run(3)

        assert units(game) == {trooper.number, deputy.number}


async def test_whoever_is_at_work_already_is_found_soon_without_an_event(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "esx", tmp_path)
        for _ in range(60):
            inside(game, name, f"Set({game.join().number}, 'police', 'leo', true)")
        game.start_resource()

        await game.run(4.5)

        assert len(units(game)) == 60


async def test_in_an_esx_without_duty_the_job_is_enough(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "esx of 2024", tmp_path)
        game.start_resource()
        officer, citizen = game.join(), game.join()
        inside(game, name, f"Set({officer.number}, 'police')")
        inside(game, name, f"Set({citizen.number}, 'offpolice')")

        await game.run(3)

        assert units(game) == {officer.number}


async def test_an_old_qbcore_tells_the_types_of_its_jobs_and_of_new_ones(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "qbcore of 2024", tmp_path)
        game.start_resource()
        trooper, ranger = game.join(), game.join()
        inside(game, name, f"Set({trooper.number}, 'highway', 'leo', true)")
        inside(game, name, f"Set({ranger.number}, 'ranger', 'leo', true)")
        await game.run(3)
        assert units(game) == {trooper.number}

        inside(game, name, "AddJob('ranger', 'leo')")
        await game.run(12)

        assert units(game) == {trooper.number, ranger.number}


@pytest.mark.parametrize("kind", WITH_DUTY)
async def test_a_list_of_jobs_replaces_the_usual_ones(kind: str, tmp_path: Path) -> None:
    async with server(duty="framework", jobs="mechanic, unemployed") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        officer, mechanic = game.join(), game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        inside(game, name, f"Set({mechanic.number}, 'mechanic', 'crafts', true)")

        await game.run(3)

        assert units(game) == {mechanic.number}


async def test_without_a_framework_nobody_is_sent_and_the_console_says_why(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        install(game, "qbx", tmp_path, start=False)
        game.start_resource()
        player = game.join()
        await game.run(29)
        assert not lines(game, "No framework is started"), "it may start later"

        await game.run(71)

        assert units(game) == set()
        assert all(not push.json["updates"] for push in game.http.of("/v1/locations"))
        said = lines(game, f"No framework is started (looked for {SEARCHED}), so nobody is on duty.")
        assert len(said) == 2, "after half a minute, then once a minute"
        assert f"duty: cannot be on duty: no framework is started (looked for {SEARCHED})" in why(
            game, player
        )


async def test_a_framework_that_starts_later_is_found(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        game.start_resource()
        officer = game.join()
        await game.run(60)
        name = install(game, "qbcore", tmp_path)
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")

        await game.run(3)

        assert units(game) == {officer.number}
        assert len(lines(game, "qb-core says who is on duty again.")) == 1


async def test_qbox_is_asked_before_a_qbcore(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "qbcore", tmp_path)
        install(game, "qbx", tmp_path)
        game.start_resource()

        await game.run(5)

        assert inside(game, name, "return Calls") == 0
        assert inside(game, "qbx_core", "return Calls") > 0


async def test_a_framework_that_is_named_is_the_only_one_asked(tmp_path: Path) -> None:
    async with server(duty="framework", framework="esx") as game:
        name = install(game, "qbx", tmp_path)
        game.start_resource()
        player = game.join()

        await game.run(5)

        assert inside(game, name, "return Calls") == 0
        assert "looked for es_extended)" in why(game, player)


@pytest.mark.parametrize("kind", WITH_DUTY)
async def test_a_failing_framework_is_told_once_a_minute_and_its_answers_stand_for_a_while(
    kind: str, tmp_path: Path
) -> None:
    async with server(duty="framework") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        officer = game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(5)

        inside(game, name, "Broken = true")
        await game.run(50)
        assert units(game) == {officer.number}, "a minute of trouble takes nobody off the map"
        await game.run(130)
        assert units(game) == set(), "later nobody knows"
        told = len(lines(game, f"{name} did not say who is on duty"))
        assert 2 <= told <= 4
        assert not [error for error in game.errors if "cad_bridge" in error.split("\n")[0]]

        inside(game, name, "Broken = false")
        await game.run(35)
        assert units(game) == {officer.number}
        assert len(lines(game, f"{name} says who is on duty again.")) == 1


@pytest.mark.parametrize("kind", ["qbcore", "esx"])
async def test_a_framework_that_fails_at_first_is_not_taken_for_an_old_one(kind: str, tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, kind, tmp_path)
        inside(game, name, "Broken = true")
        game.start_resource()
        officer = game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(20)
        assert lines(game, f"{name} did not say who is on duty")
        assert not lines(game, "No such export")

        inside(game, name, "Broken = false")
        await game.run(12)

        assert units(game) == {officer.number}


@pytest.mark.parametrize("kind", ["qbx", "qbcore", "qbcore of 2024", "esx of 2024"])
async def test_a_framework_that_restarts_in_an_instant_is_asked_at_once(kind: str, tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        officer = game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(5)

        game.stop_resource(name)
        game.start_resource(name)
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(3)

        assert inside(game, name, "return Calls") > 0
        assert units(game) == {officer.number}
        assert not lines(game, "did not say")


async def test_a_restarted_framework_does_not_wait_for_the_next_round(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "qbx", tmp_path)
        game.start_resource()
        await game.run(5)

        game.stop_resource(name)
        game.start_resource(name)
        await game.run(0.6)

        assert inside(game, name, "return Calls") > 0


@pytest.mark.parametrize("kind", ["qbx", "qbcore of 2024", "esx of 2024"])
async def test_a_restarted_framework_is_asked_anew(kind: str, tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        officer = game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(5)

        game.stop_resource(name)
        await game.run(20)
        assert units(game) == {officer.number}
        game.start_resource(name)
        await game.run(35)
        assert units(game) == set(), "the framework has no characters any more"

        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(3)
        assert units(game) == {officer.number}
        assert not game.errors


async def test_a_character_that_is_logged_out_is_off_duty_at_once(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "esx", tmp_path)
        game.start_resource()
        officer = game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")
        await game.run(3)

        inside(game, name, f"LogOut({officer.number})")
        await game.run(1.2)

        assert units(game) == set()
        assert "duty: has no character yet" in why(game, officer)


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("'police', 'leo', true", "duty: is on duty as police"),
        ("'police', 'leo', false", "duty: is off duty as police"),
        ("'taxi', 'civ', true", "duty: has the job taxi (type civ), which is not listed"),
        ("'taxi', nil, true", "duty: has the job taxi, which is not listed"),
    ],
)
async def test_the_console_tells_why_a_player_of_esx_is_a_unit_or_none(
    job: str, reason: str, tmp_path: Path
) -> None:
    async with server(duty="framework") as game:
        name = install(game, "esx", tmp_path)
        game.start_resource()
        player = game.join()
        inside(game, name, f"Set({player.number}, {job})")

        await game.run(3)

        assert reason in why(game, player)


async def test_the_console_tells_why_a_player_of_qbox_is_a_unit_or_none(tmp_path: Path) -> None:
    async with server(duty="framework", jobs="police") as game:
        name = install(game, "qbx", tmp_path)
        game.start_resource()
        officer, citizen = game.join(), game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'leo', true)")

        await game.run(3)

        assert "duty: is on duty in qbx_core as police" in why(game, officer)
        assert "duty: is not on duty in qbx_core as police" in why(game, citizen)


async def test_a_player_s_game_cannot_put_him_on_duty(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        install(game, "esx", tmp_path)
        game.start_resource()
        player = game.join()
        await game.run(3)

        job = {"name": "police", "type": "leo", "onDuty": True}
        game.client_event(player, "esx:setJob", player.number, job)
        game.local_event("esx:setJob", player.number, job)
        await game.run(3)

        assert units(game) == set()


async def test_esx_is_asked_about_each_player_in_half_a_minute_and_a_few_at_a_time(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "esx", tmp_path)
        game.start_resource()
        for _ in range(300):
            game.join()
        await game.run(20)
        before = inside(game, name, "return Calls")
        steps: Counter[int] = Counter()

        for _ in range(30):
            already = inside(game, name, "return Calls")
            await game.run(1)
            steps[inside(game, name, "return Calls") - already] += 1

        assert 290 <= inside(game, name, "return Calls") - before <= 320
        assert max(steps) <= 12, "spread over the time"


async def test_a_crowd_that_joins_costs_at_most_32_calls_a_second(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "esx", tmp_path)
        game.start_resource()
        for _ in range(200):
            game.join()

        await game.run(5)

        assert inside(game, name, "return Calls") <= 5 * 32


@pytest.mark.parametrize("kind", ["qbx", "qbcore", "ox"])
async def test_a_list_of_those_on_duty_costs_the_same_for_two_players_and_for_two_hundred(
    kind: str, tmp_path: Path
) -> None:
    costs: list[int] = []
    for number in (2, 200):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with server(duty="framework") as game:
            name = install(game, kind, folder)
            game.start_resource()
            for _ in range(number):
                inside(game, name, f"Set({game.join().number}, 'police', 'leo', true)")
            await game.run(60)
            assert len(units(game)) == number
            costs.append(inside(game, name, "return Calls"))

    assert abs(costs[0] - costs[1]) <= 32
    assert costs[1] <= 60 * 2, "two calls a second"


async def test_many_events_of_the_framework_ask_no_more_than_once_a_second(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "qbcore", tmp_path)
        game.start_resource()
        await game.run(5)
        before = inside(game, name, "return Calls")

        for _ in range(100):
            inside(game, name, "Set(7, 'police', 'leo', true)")
            await game.run(0.1)

        assert inside(game, name, "return Calls") - before <= 10 * 8 + 8


async def test_a_player_who_leaves_is_forgotten(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        name = install(game, "esx", tmp_path)
        game.start_resource()
        for _ in range(50):
            player = game.join()
            inside(game, name, f"Set({player.number}, 'police', 'leo', true)")
            game.drop(player)

        await game.run(60)
        before = inside(game, name, "return Calls")
        await game.run(60)

        assert inside(game, name, "return Calls") == before


SILENT = (
    "exports('{name}', function() Asked = Asked + 1 if Silent then Wait(10 ^ 9) end return 1, {{ 1 }} end)\n"
)


def silent_qbox(folder: Path) -> Path:
    """A framework whose exports never return once its ``Silent`` is true."""
    (folder / "fxmanifest.lua").write_text("fx_version 'cerulean'\ngame 'gta5'\nserver_script 'it.lua'\n")
    exports = "".join(SILENT.format(name=name) for name in ("GetDutyCountJob", "GetDutyCountType"))
    (folder / "it.lua").write_text("Silent, Asked = false, 0\n" + exports)
    return folder


async def test_an_export_that_never_returns_is_told_of_and_its_last_answer_ends_in_time(
    tmp_path: Path,
) -> None:
    async with server(duty="framework") as game:
        game.add_resource("qbx_core", silent_qbox(tmp_path))
        game.start_resource()
        game.join()
        await game.run(15)
        assert units(game) == {1}

        inside(game, "qbx_core", "Silent = true")
        await game.run(28)
        assert not lines(game, "does not answer")
        await game.run(20)
        assert units(game) == {1}, "a minute of silence takes nobody off the map"
        assert len(lines(game, "qbx_core does not answer who is on duty, for 3")) == 1
        await game.run(70)

        assert units(game) == set()
        assert game.http.of("/v1/locations")[-1].asked_at >= game.milliseconds - 6_000


async def test_a_framework_that_answers_again_after_a_silence_is_believed(tmp_path: Path) -> None:
    async with server(duty="framework") as game:
        game.add_resource("qbx_core", silent_qbox(tmp_path))
        game.start_resource()
        game.join()
        await game.run(15)
        inside(game, "qbx_core", "Silent = true")
        await game.run(150)
        asked = inside(game, "qbx_core", "return Asked")
        assert units(game) == set()
        await game.run(300)
        assert inside(game, "qbx_core", "return Asked") - asked <= 6, "one a minute"

        inside(game, "qbx_core", "Silent = false")
        await game.run(75)

        assert units(game) == {1}
        assert lines(game, "qbx_core says who is on duty again.")


@pytest.mark.parametrize("kind", WITH_DUTY)
async def test_jobs_are_found_in_small_letters_however_they_are_written_in_the_settings(
    kind: str, tmp_path: Path
) -> None:
    async with server(duty="framework", jobs="Police,LEO") as game:
        name = install(game, kind, tmp_path)
        game.start_resource()
        officer, trooper = game.join(), game.join()
        inside(game, name, f"Set({officer.number}, 'police', 'none', true)")
        inside(game, name, f"Set({trooper.number}, 'highway', 'leo', true)")

        await game.run(4)

        assert units(game) == {officer.number, trooper.number}
        assert "Police, LEO" in "".join(game.console)
