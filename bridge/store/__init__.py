"""The file on disk, and the one thread that reads and writes it. Nothing outside this package knows sqlite3.

``database`` opens the file, ``store`` commits what callers hand in.
"""

from bridge.store.store import Row, Store, Transaction, Value

__all__ = ["Row", "Store", "Transaction", "Value"]
