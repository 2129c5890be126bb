"""The admin door: health, metrics and status, for people and for Prometheus.

``server`` speaks HTTP and knows who may read, ``status`` is what there is to read.
"""

from bridge.admin.server import AdminServer, Views
from bridge.admin.status import Status

__all__ = ["AdminServer", "Status", "Views"]
