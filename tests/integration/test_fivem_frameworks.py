"""Who is on duty by each framework, as its own exports tell it, and what happens where they do not."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fivem import console, pushed, pushes, with_script
from tests.support.fxserver import FxServer

FAKES = Path(__file__).parents[1] / "support" / "fxserver" / "frameworks"
BY_FRAMEWORK = {"cad_bridge_duty": "framework"}
CROWD = 200
GRACE = 35.0  # seconds in which a framework may still be starting
SOON, LATE = 4.0, 35.0  # seconds after an event of the framework, and without any

FRAMEWORKS = [
    pytest.param("qbx_core", "qbx_core", id="Qbox"),
    pytest.param("qb-core", "qb-core", id="QBCore"),
    pytest.param("qb-core", "qb-core-of-2023", id="QBCore of 2023"),
    pytest.param("es_extended", "es_extended", id="ESX"),
    pytest.param("es_extended", "es_extended-of-2023", id="ESX of 2023"),
    pytest.param("ox_core", "ox_core", id="ox_core"),
]
TELL_OF_DUTY = [row for row in FRAMEWORKS if row.id != "ESX of 2023"]  # there whoever has a job is at work


def license_of(number: int) -> str:
    return f"license:{number:040x}"


def sent(game: FxServer, since: int) -> set[str]:
    return {update["id"] for update in pushed(game, since)}


def with_framework(
    name: str,
    folder: str,
    story: Callable[[FxServer], Awaitable[None]],
    convars: dict[str, str] | None = None,
) -> None:
    async def whole(game: FxServer) -> None:
        game.add_resource(name, FAKES / folder)
        game.start_resource()
        await story(game)

    with_script(whole, start=False, convars=BY_FRAMEWORK | (convars or {}))


def employ(game: FxServer, number: int, job: str, kind: str, *, on_duty: bool = True) -> None:
    game.local_event("fake:job", number, job, kind, on_duty)


@pytest.mark.parametrize(("name", "folder"), FRAMEWORKS)
def test_police_is_sent_and_nobody_else(name: str, folder: str) -> None:
    async def story(game: FxServer) -> None:
        officer, mechanic, nobody = game.join(), game.join(), game.join()
        employ(game, officer.number, "police", "leo")
        employ(game, mechanic.number, "mechanic", "mechanic")
        await game.run(LATE)

        assert sent(game, 0) == {license_of(officer.number)}
        assert game.export("isUnit")(officer.number) is True
        assert game.export("isUnit")(nobody.number) is False
        assert "warning" not in console(game)

    with_framework(name, folder, story)


@pytest.mark.parametrize(("name", "folder"), FRAMEWORKS)
def test_who_takes_another_job_leaves_the_map_at_once(name: str, folder: str) -> None:
    async def story(game: FxServer) -> None:
        officer = game.join()
        employ(game, officer.number, "police", "leo")
        await game.run(LATE)
        since = game.milliseconds
        employ(game, officer.number, "mechanic", "mechanic")
        await game.run(SOON)

        assert [push["left"] for push in pushes(game, since) if push.get("left")] == [[license_of(1)]]

    with_framework(name, folder, story)


@pytest.mark.parametrize(("name", "folder"), TELL_OF_DUTY)
def test_who_goes_off_duty_leaves_the_map_at_once_and_comes_back_with_his_next_shift(
    name: str, folder: str
) -> None:
    async def story(game: FxServer) -> None:
        employ(game, game.join().number, "police", "leo", on_duty=False)
        await game.run(LATE)
        assert sent(game, 0) == set()
        employ(game, 1, "police", "leo")
        await game.run(SOON)
        assert sent(game, 0) == {license_of(1)}
        employ(game, 1, "police", "leo", on_duty=False)
        await game.run(SOON)
        assert pushes(game)[-1].get("left") == [license_of(1)] or any(
            push.get("left") for push in pushes(game)
        )

    with_framework(name, folder, story)


@pytest.mark.parametrize(("name", "folder"), FRAMEWORKS)
def test_which_jobs_count_can_be_chosen(name: str, folder: str) -> None:
    async def story(game: FxServer) -> None:
        officer, mechanic = game.join(), game.join()
        employ(game, officer.number, "police", "leo")
        employ(game, mechanic.number, "mechanic", "mechanic")
        await game.run(LATE)

        assert sent(game, 0) == {license_of(mechanic.number)}

    with_framework(name, folder, story, {"cad_bridge_jobs": "mechanic"})


@pytest.mark.parametrize(("name", "folder"), FRAMEWORKS)
def test_a_framework_can_be_restarted_and_can_come_late(name: str, folder: str) -> None:
    async def story(game: FxServer) -> None:
        game.start_resource()
        officer = game.join()
        await game.run(10.0)
        game.add_resource(name, FAKES / folder)
        employ(game, officer.number, "police", "leo")
        await game.run(LATE)
        assert sent(game, 0) == {license_of(1)}
        game.stop_resource(name)
        await game.run(5.0)
        game.start_resource(name)
        employ(game, officer.number, "police", "leo")
        since = game.milliseconds
        await game.run(LATE)

        assert pushes(game, since)
        assert game.export("isUnit")(1) is True

    with_script(story, start=False, convars=BY_FRAMEWORK)


def test_with_no_framework_nobody_is_sent_and_the_console_says_why() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(GRACE)

        assert sent(game, 0) == set()
        for name in ("qbx_core", "qb-core", "es_extended", "ox_core"):
            assert name in console(game)
        assert "No framework is started" in console(game)

    with_script(story, convars=BY_FRAMEWORK)


def test_of_two_frameworks_the_one_that_is_named_is_asked() -> None:
    async def story(game: FxServer) -> None:
        game.add_resource("ox_core", FAKES / "ox_core")
        game.add_resource("es_extended", FAKES / "es_extended")
        game.start_resource()
        for number in (1, 2):
            game.join()
            employ(game, number, "police", "leo")  # both hear it
        game.resources["es_extended"].script = None
        await game.run(LATE)

        assert sent(game, 0) == {license_of(1), license_of(2)}

    with_script(story, start=False, convars=BY_FRAMEWORK | {"cad_bridge_framework": "ox"})


BROKEN = [
    pytest.param("exports('GetDutyCountType', function() error('broken') end)", id="raises"),
    pytest.param("exports('GetDutyCountType', function() return 5 end)", id="answers without a list"),
    pytest.param("exports('GetDutyCountType', function() return nil end)", id="answers nothing"),
    pytest.param("exports('GetDutyCountType', function() Wait(60000) return 0, {} end)", id="never answers"),
    pytest.param("", id="has no such export"),
]


@pytest.mark.parametrize("code", BROKEN)
def test_a_framework_that_fails_is_told_of_rarely_and_stops_neither_pushes_nor_commands(
    code: str, tmp_path: Path
) -> None:
    (tmp_path / "fxmanifest.lua").write_text("fx_version 'cerulean'\ngame 'gta5'\nserver_script 'it.lua'\n")
    (tmp_path / "it.lua").write_text(code.replace("Type", "Job") + "\n" + code)

    async def story(game: FxServer) -> None:
        game.add_resource("qbx_core", tmp_path)
        game.start_resource()
        game.join()
        await game.run(130.0)
        game.errors.clear()  # the framework's own

        assert sent(game, 0) == set()
        assert pushes(game)[-1]["players"] == 1
        assert game.http.exchanges[-1].asked_at >= game.milliseconds - 6_000
        warned = [line for line in game.console if line.startswith("warning") and "qbx_core" in line]
        assert len(warned) <= 3
        assert len(warned) >= 1 or "Wait" in code

    with_script(story, start=False, convars=BY_FRAMEWORK)


@pytest.mark.parametrize(("name", "folder"), FRAMEWORKS)
def test_a_crowd_costs_few_calls_of_the_framework(name: str, folder: str) -> None:
    async def story(game: FxServer) -> None:
        for _ in range(CROWD):
            employ(game, game.join().number, "police", "leo")
        await game.run(LATE)
        asked = count_calls(game)
        await game.run(10.0)

        assert asked[0] <= 32 * 10 + 32
        assert len(sent(game, 0)) == CROWD

    with_framework(name, folder, story)


def count_calls(game: FxServer) -> list[int]:
    """Count from now on what the resource asks of other scripts."""
    counted = [0]
    call = game.call

    def counting(reference: str, payload: bytes, by: Any) -> tuple[bool, bytes]:
        counted[0] += by.resource == "cad_bridge"
        return call(reference, payload, by)

    game.call = counting
    return counted
