"""What clients of Sonoran CMS v1 send, as far as the bridge looks into it."""

from collections.abc import Mapping, Sequence

import msgspec

from bridge.errors import PushError
from bridge.events import Clocking
from bridge.intake.fields import truth_of, unit_id_of, whole_of
from bridge.units import ACCOUNT_NAMES, Account, ServerId

BARE_TOGGLE = (
    "forceClockIn or forceClockOut: expected true; a mere toggle is refused, since a repeat would undo it"
)


def read_cms_account(data: Sequence[Mapping[str, object]]) -> Account:
    """Return the account that a request is about.

    Raises:
        PushError: it names none.
    """
    fields: Mapping[str, object] = data[0] if data else {}
    for kind in ACCOUNT_NAMES:
        value = unit_id_of(fields.get(kind))
        if value is not None:
            return Account(kind=kind, value=value)
    raise PushError(
        f"data: expected an account by its {', '.join(ACCOUNT_NAMES[:-1])} or {ACCOUNT_NAMES[-1]}"
    )


def read_cms_server(data: Sequence[Mapping[str, object]]) -> ServerId | None:
    """Return the server that a request names, or None where it names none.

    Raises:
        PushError: it is no number.
    """
    value = data[0].get("serverId") if data else None
    number = whole_of(value)
    if value is not None and number is None:
        raise PushError("serverId: expected a whole number")
    return None if number is None else ServerId(number)


def read_cms_clocking(data: Sequence[Mapping[str, object]]) -> Clocking:
    """Return the clocking that a request asks for.

    Raises:
        PushError: it names no account, or several, or does not say which way.
    """
    if len(data) > 1:
        raise PushError(f"data: one account is clocked in or out by a request, found {len(data)}")
    account = read_cms_account(data)
    into, out_of = (truth_of(data[0].get(name)) or False for name in ("forceClockIn", "forceClockOut"))
    if into == out_of:
        raise PushError("forceClockIn, forceClockOut: expected one of them" if into else BARE_TOGGLE)
    return Clocking(id=account.value, clocked_in=into, account=account.kind)


def encode_cms_data(data: Sequence[Mapping[str, object]]) -> bytes:
    """Return what goes on to the CMS.

    Raises:
        PushError: a text in it is none.
    """
    try:
        return msgspec.json.encode(data)
    except (ValueError, RecursionError):
        raise PushError("data: expected valid text") from None
