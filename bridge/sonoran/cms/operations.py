"""The operations of Sonoran CMS v1, each named by its type.

The limits are those that Sonoran documents for the same things in the CMS's second API; the first has none of its own.
"""

from bridge.operations import Operation, Repeat, Scope

CACHE_SECONDS = 60.0  # how old an answer may be that is told again
SELDOM = 13  # requests a minute: what is about the whole community
USUAL = 27  # what is about one account
CLOCKINGS = 22


def _read(name: str, path: str, per_minute: int) -> Operation:
    return Operation(name, "POST", path, Repeat.READ, Scope.CMS, per_minute, cache_seconds=CACHE_SECONDS)


GET_SUB_VERSION = _read("GET_SUB_VERSION", "/general/get_sub_version", SELDOM)
CHECK_COM_APIID = _read("CHECK_COM_APIID", "/general/check_com_apiid", USUAL)
GET_COM_ACCOUNT = _read("GET_COM_ACCOUNT", "/general/get_com_account", USUAL)
GET_ACCOUNT_RANKS = _read("GET_ACCOUNT_RANKS", "/general/get_account_ranks", USUAL)
CLOCK_IN_OUT = Operation(
    "CLOCK_IN_OUT", "POST", "/general/clock_in_out", Repeat.IDEMPOTENT, Scope.CMS, CLOCKINGS
)
GET_GAME_SERVERS = _read("GET_GAME_SERVERS", "/servers/get_game_servers", SELDOM)
VERIFY_WHITELIST = _read("VERIFY_WHITELIST", "/servers/verify_whitelist", USUAL)
FULL_WHITELIST = _read("FULL_WHITELIST", "/servers/full_whitelist", SELDOM)

OPERATIONS = (
    GET_SUB_VERSION,
    CHECK_COM_APIID,
    GET_COM_ACCOUNT,
    GET_ACCOUNT_RANKS,
    CLOCK_IN_OUT,
    GET_GAME_SERVERS,
    VERIFY_WHITELIST,
    FULL_WHITELIST,
)

BY_PATH = {operation.path: operation for operation in OPERATIONS}
"""Every operation by the path it is posted to."""

LIMITS = {operation.name: float(operation.per_minute) for operation in OPERATIONS}
"""Requests a minute, by operation name."""
