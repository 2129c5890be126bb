"""The admin door: health, metrics, status and the outbox, for people and for Prometheus.

``server`` speaks HTTP, ``guard`` knows who may read and who may change something, ``status`` and ``outbox`` are what
there is; ``problem`` is how it answers.
"""

from bridge.admin.outbox import OutboxViews
from bridge.admin.server import AdminServer, Views
from bridge.admin.status import Status

__all__ = ["AdminServer", "OutboxViews", "Status", "Views"]
