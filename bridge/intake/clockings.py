"""Events about clocks: who starts and who ends a shift."""

from bridge.errors import PushError
from bridge.events import Clocking
from bridge.intake.fields import truth_of
from bridge.intake.required import needed_unit


def clocking_of(fields: dict[str, object]) -> Clocking:
    """Return the clocking of a record: ``id``, and ``in`` as true or false.

    Raises:
        PushError: it names no unit, several, or does not say which way.
    """
    clocked_in = truth_of(fields.get("in"))
    if clocked_in is None:
        raise PushError("in: expected true or false; a mere toggle is refused, since a repeat would undo it")
    return Clocking(id=needed_unit(fields), clocked_in=clocked_in)
