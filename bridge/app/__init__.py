"""The running daemon: ``parts`` builds it, ``view`` tells how it is, ``daemon`` starts and stops it in order."""

from bridge.app.daemon import Daemon
from bridge.app.parts import secrets_of

__all__ = ["Daemon", "secrets_of"]
