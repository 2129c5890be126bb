"""The push door and the drop-in doors: game servers speak HTTP to them.

``server`` binds the addresses and lets a request through in this order: ``connection`` (how many, how slow),
``auth`` (who), ``routes`` (where to), ``body`` (how much), then a door: ``native``, or ``cad_v2`` with its ``paths``.
Doors put what they read into the buffers through ``reception``. Whatever goes wrong is answered by ``problem``.
"""

from bridge.listener.auth import Tokens
from bridge.listener.cad_v2 import CadV2Door, Token
from bridge.listener.native import NativeDoor
from bridge.listener.reception import Buffers
from bridge.listener.server import Listener

__all__ = ["Buffers", "CadV2Door", "Listener", "NativeDoor", "Token", "Tokens"]
