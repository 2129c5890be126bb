"""How long an event is worth delivering, and how many may wait at once."""

from bridge.config import TtlConfig
from bridge.events import EmergencyCall, Event, Kick, Panic, Status

PANIC_RESERVE = 0.1  # part of max_events that only panics may fill


def time_to_live(ttl: TtlConfig, event: Event) -> float:
    """Return how many seconds from now on."""
    match event:
        case Panic(active=True):
            return ttl.panic_on
        case Panic():
            return ttl.panic_off
        case Status():
            return ttl.status
        case EmergencyCall():
            return ttl.call_911
        case Kick():
            return ttl.kick
        case _:
            return ttl.other


def room_beside(max_events: int, waiting: int) -> tuple[int, int]:
    """Return how many more events may wait, and how many more if they are panics."""
    return int(max_events * (1 - PANIC_RESERVE)) - waiting, max_events - waiting
