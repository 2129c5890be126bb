"""The push door: game servers speak HTTP to it.

``server`` binds the addresses and lets a request through in this order: ``connection`` (how many, how slow),
``auth`` (who), ``routes`` (where to), ``body`` (how much), then a door such as ``native``. Whatever goes wrong
is answered by ``problem``.
"""

from bridge.listener.auth import Tokens
from bridge.listener.native import Buffers, NativeDoor
from bridge.listener.server import Listener

__all__ = ["Buffers", "Listener", "NativeDoor", "Tokens"]
