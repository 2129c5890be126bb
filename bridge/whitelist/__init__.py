"""Who may join: every server's whitelist in memory, fetched from time to time, and kept on disk for when the CMS is away.

``roll`` is one server's list, ``allowance`` how often the CMS is asked, ``whitelist`` decides.
"""

from bridge.whitelist.roll import Roll
from bridge.whitelist.whitelist import PERIOD, RESULTS, Listing, Verdict, Whitelist

__all__ = ["PERIOD", "RESULTS", "Listing", "Roll", "Verdict", "Whitelist"]
