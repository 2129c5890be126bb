"""What fxmanifest.lua tells FXServer."""

from pathlib import Path

from tests.support.fxserver.manifest import Manifest

MANIFEST = Manifest(Path(__file__).parents[3] / "deploy" / "fivem" / "cad_bridge")


def test_older_artifacts_are_asked_for_lua_5_4() -> None:
    assert MANIFEST.of("lua54") == ["yes"]
