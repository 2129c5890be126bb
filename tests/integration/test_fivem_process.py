"""The shipped resource before the real process and a CAD behind real sockets, the process killed in between."""

from pathlib import Path

import pytest

from tests.support.daemon import TOKENS, daemon_of, simulated_cad, until
from tests.support.fivem import console, game_of, pushes
from tests.support.measured import measured

HURRIED = {"cad.limits": {"updateUnitLocations": 120}, "locations": {"interval": "600ms"}}
WITHIN = 15.0  # real seconds


@pytest.mark.timeout(60)
async def test_a_bridge_that_is_killed_and_started_again_gets_everything_that_happened_meanwhile(
    tmp_path: Path,
) -> None:
    async with simulated_cad(updateUnitLocations=120) as cad, daemon_of(tmp_path, cad, HURRIED) as daemon:
        journal = cad.cloud.journal
        game = game_of(convars={"cad_bridge_url": daemon.url, "cad_bridge_token": TOKENS[1]})
        async with game:
            game.start_resource()
            player = game.join(aces=["command"], client=True)
            await game.run(3.0)
            await until(lambda: bool(journal.of("updateUnitLocations")), WITHIN)

            await daemon.process.kill()
            game.command(player, "panic")
            game.command(player, "911 the bridge is down")
            player.move_to(700.0, 700.0)
            await game.run(5.0)
            assert journal.of("setUnitPanic") == []

            await daemon.start()
            back_at = game.milliseconds
            await game.run(40.0)
            await until(
                lambda: bool(journal.of("setUnitPanic")) and bool(journal.of("create911Call")), WITHIN
            )

            assert any(push.get("full") for push in pushes(game, back_at))
            assert len(journal.of("setUnitPanic")) == len(journal.of("create911Call")) == 1
            assert await daemon.metric("cad_bridge_units", server="server-1") == 1.0
            assert '"event": "daemon ready"' in daemon.log or '"event":"daemon ready"' in daemon.log
            assert game.errors == []
            measured(console(game))
