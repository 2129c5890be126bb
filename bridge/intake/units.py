"""Events about units: their panic buttons and status, and what is done to one of them."""

import re

from bridge.errors import PushError
from bridge.events import STATUS_CODES, Kick, Panic, Photo, Status, UnitStatus
from bridge.intake.fields import whole_of
from bridge.intake.required import needed_text, needed_unit, needed_units, true_unless_said

MAX_URL_LENGTH = 2048  # characters; a longer address is refused, for a cut one leads nowhere

_URL = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
_STATUS_OF_CODE = {code: status for status, code in STATUS_CODES.items()}
_STATUS_OF_NAME = {status.replace("_", ""): status for status in UnitStatus}


def panic_of(fields: dict[str, object]) -> Panic:
    """Return the panic of a record; ``active`` is true where it is missing.

    Raises:
        PushError: it names no unit, or ``active`` is no truth value.
    """
    active = true_unless_said(fields, "active")
    return Panic(ids=needed_units(fields), active=active)


def status_of(fields: dict[str, object]) -> Status:
    """Return the status of a record, given as Sonoran's number or by its name in any spelling.

    Raises:
        PushError: there is no such status, or no unit.
    """
    value = fields.get("status")
    code = whole_of(value)
    status = None if code is None else _STATUS_OF_CODE.get(code)
    if status is None and isinstance(value, str):
        name = value.strip().upper().replace("-", "").replace(" ", "").replace("_", "")
        status = _STATUS_OF_NAME.get(name)
    if status is None:
        names = ", ".join(f"{known} ({known.code})" for known in UnitStatus)
        raise PushError(f"status: expected one of {names}")
    return Status(ids=needed_units(fields), status=status)


def kick_of(fields: dict[str, object]) -> Kick:
    """Return the kick of a record.

    Raises:
        PushError: it names no unit, several, or no reason.
    """
    return Kick(id=needed_unit(fields), reason=needed_text(fields, "reason"))


def photo_of(fields: dict[str, object]) -> Photo:
    """Return the photo of a record; the picture itself stays where its address says.

    Raises:
        PushError: it names no unit, several, or no address that a browser can open.
    """
    value = fields.get("url")
    url = value.strip() if isinstance(value, str) else ""
    if len(url) > MAX_URL_LENGTH or not url.isprintable() or not _URL.fullmatch(url):
        raise PushError(f"url: expected an http or https address of at most {MAX_URL_LENGTH} characters")
    return Photo(id=needed_unit(fields), url=url)
