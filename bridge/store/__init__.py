"""The file on disk, and the one thread that reads and writes it. Nothing outside this package knows sqlite3.

``schema`` says what is in the file, ``database`` opens it, ``jobs`` queues what callers hand in, ``group`` commits
it, ``store`` is what callers talk to. ``stored_file`` is a file without a daemon, ``salvage`` what is
read of a damaged one.
"""

from bridge.store.jobs import Row, Transaction, Value
from bridge.store.store import Store
from bridge.store.stored_file import StoredFile

__all__ = ["Row", "Store", "StoredFile", "Transaction", "Value"]
