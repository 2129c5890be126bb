"""FXServer, stubbed: see ``server``."""

from tests.support.fxserver.server import FxServer, LuaError

__all__ = ["FxServer", "LuaError"]
