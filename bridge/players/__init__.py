"""Synthetic FiveM players, for the demo and for trying out any bridge that runs.

``roads`` is the map they move on, ``player`` moves one of them, ``world`` moves them all and says what a game
server would push, and ``driver`` pushes it.
"""

from bridge.players.driver import drive
from bridge.players.summary import DriveSummary, PanicRecord
from bridge.players.world import World

__all__ = ["DriveSummary", "PanicRecord", "World", "drive"]
