"""A resource of a few lines that a test writes, on a stubbed server."""

from pathlib import Path

from tests.support.fxserver.server import FxServer

MANIFEST = "fx_version 'cerulean'\ngame 'gta5'\n\nserver_script 'server.lua'\nclient_script 'client.lua'\n"


def resource(folder: Path, server: str = "", client: str = "", *, manifest: str = MANIFEST) -> Path:
    """Write a resource and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fxmanifest.lua").write_text(manifest, encoding="utf-8")
    (folder / "server.lua").write_text(server, encoding="utf-8")
    (folder / "client.lua").write_text(client, encoding="utf-8")
    return folder


def started(folder: Path, server: str = "", client: str = "") -> FxServer:
    """Return a server on which a resource ``trial`` runs."""
    game = FxServer(resource(folder / "trial", server, client), name="trial")
    assert game.start_resource(), game.console
    return game
