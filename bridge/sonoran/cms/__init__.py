"""Sonoran CMS v1: its operations, what our values look like on its wire, and what its answers mean.

``CmsTransport`` speaks it, and says in HTTP's own terms what the CMS says in text, so that client, breaker, keeper and
relay serve the CMS as they do the CAD.
"""

from bridge.sonoran.cms.answers import (
    Members,
    fold,
    is_unknown_account,
    read_plan,
    read_reason,
    read_whitelist,
)
from bridge.sonoran.cms.operations import (
    BY_PATH,
    CHECK_COM_APIID,
    CLOCK_IN_OUT,
    FULL_WHITELIST,
    GET_ACCOUNT_RANKS,
    GET_COM_ACCOUNT,
    GET_GAME_SERVERS,
    GET_SUB_VERSION,
    LIMITS,
    OPERATIONS,
    VERIFY_WHITELIST,
)
from bridge.sonoran.cms.requests import (
    QUESTION,
    ask,
    clock,
    full_whitelist,
    verify_whitelist,
)
from bridge.sonoran.cms.transport import CmsTransport

__all__ = [
    "BY_PATH",
    "CHECK_COM_APIID",
    "CLOCK_IN_OUT",
    "FULL_WHITELIST",
    "GET_ACCOUNT_RANKS",
    "GET_COM_ACCOUNT",
    "GET_GAME_SERVERS",
    "GET_SUB_VERSION",
    "LIMITS",
    "OPERATIONS",
    "QUESTION",
    "VERIFY_WHITELIST",
    "CmsTransport",
    "Members",
    "ask",
    "clock",
    "fold",
    "full_whitelist",
    "is_unknown_account",
    "read_plan",
    "read_reason",
    "read_whitelist",
    "verify_whitelist",
]
