"""The outbox: accepted events, on disk until the CAD has them.

``ledger`` holds the SQL, ``queue`` the order in memory, ``history`` what ended, ``outbox`` joins them; ``records``
are the values.
"""

from bridge.outbox.history import Ended
from bridge.outbox.outbox import Outbox
from bridge.outbox.queue import Delivery, DeliveryQueue
from bridge.outbox.records import EventView, Idempotency, Result

__all__ = ["Delivery", "DeliveryQueue", "Ended", "EventView", "Idempotency", "Outbox", "Result"]
