"""What differs between operating systems, and nowhere else: loops, signals, consoles, private files, places.

Whatever asks takes the platform as an argument, named as ``sys.platform`` does, so that Windows is tested
anywhere. ``loops`` makes the event loop, ``stops`` and ``console`` hear when the process shall end, ``modes``,
``access`` and ``files`` keep files private and durable, ``places`` knows where things lie, ``kernel`` what the kernel knows,
``spool`` keeps nobody waiting for a log, ``collector`` nobody for the garbage collector.
"""

from bridge.host.access import make_folder, restrict
from bridge.host.collector import collect_seldom, collected_by_the_clock
from bridge.host.files import replace, sync_folder, write_private
from bridge.host.kernel import boot_id, give_up_after
from bridge.host.loops import loop_factory, run
from bridge.host.modes import keep_private, others_can_read
from bridge.host.places import default_path, long_path, state_folder
from bridge.host.spool import spooled_stderr
from bridge.host.stops import ignore_hangups, reload_signal, stop_signals

__all__ = [
    "boot_id",
    "collect_seldom",
    "collected_by_the_clock",
    "default_path",
    "give_up_after",
    "ignore_hangups",
    "keep_private",
    "long_path",
    "loop_factory",
    "make_folder",
    "others_can_read",
    "reload_signal",
    "replace",
    "restrict",
    "run",
    "spooled_stderr",
    "state_folder",
    "stop_signals",
    "sync_folder",
    "write_private",
]
