"""The outbox: accepted events, on disk until the CAD has them.

``outbox`` is where they come in, ``backlog`` where they are taken out to be sent. Below them: ``ledger`` holds the
SQL, ``writeback`` what is written without waiting, ``pending`` what one event is, ``queue`` the order of one kind,
``precedence`` and ``references`` what waits for what, ``history`` what ended, ``watch`` who waits to hear of it;
``records`` are the values.

For operators: ``desk`` is where they come, ``inspection`` what they see, ``interventions`` what they change on disk,
``newest`` what a retry must not overrule.
"""

from bridge.outbox.backlog import Backlog
from bridge.outbox.desk import Desk, Page
from bridge.outbox.history import Ended
from bridge.outbox.inspection import EventDetail, EventLine, Selection
from bridge.outbox.interventions import Changed, Changes, Refused
from bridge.outbox.outbox import Outbox
from bridge.outbox.pending import Delivery, PendingEvent
from bridge.outbox.queue import DeliveryQueue
from bridge.outbox.records import EventView, Idempotency, Result
from bridge.outbox.watch import Reply, Watch

__all__ = [
    "Backlog",
    "Changed",
    "Changes",
    "Delivery",
    "DeliveryQueue",
    "Desk",
    "Ended",
    "EventDetail",
    "EventLine",
    "EventView",
    "Idempotency",
    "Outbox",
    "Page",
    "PendingEvent",
    "Refused",
    "Reply",
    "Result",
    "Selection",
    "Watch",
]
