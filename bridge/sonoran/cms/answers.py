"""What Sonoran CMS v1 answers: plain text, or a problem in JSON; readers return None for what makes no sense."""

import msgspec
from msgspec import Struct

from bridge.sonoran import v2
from bridge.sonoran.messages import CadAnswer

_UNKNOWN_ACCOUNT = ("API ID NOT LINKED", "NO ACCOUNT FOUND")


class _Member(Struct, rename="camel"):
    name: str | int | None = None
    api_ids: list[str | int | None] | None = None


class Members(Struct, frozen=True, kw_only=True):
    """Who is on a whitelist: names by API id as ``fold`` writes it, and how many there are."""

    names: dict[str, str]
    number: int


def read_whitelist(body: bytes) -> Members | None:
    """Return who is on a whitelist; None where it is no whitelist."""
    try:
        members = msgspec.json.decode(body, type=list[_Member])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    names = {
        fold(str(api_id)): str(member.name or "")
        for member in members
        for api_id in member.api_ids or ()
        if api_id
    }
    return Members(names=names, number=len(members))


def fold(api_id: str) -> str:
    """Return an API id as it is compared: FiveM writes what Sonoran's own examples have in capitals in small letters."""
    return api_id.strip().casefold()


def read_reason(answer: CadAnswer) -> str:
    """Return why the CMS refuses, in one line."""
    if answer.body.lstrip().startswith(b"{"):
        return v2.read_problem(answer)
    text = answer.body.decode("utf-8", "replace")
    line = " ".join(text.split())[: v2.MAX_DETAIL] or f"status {answer.status}"
    return line if answer.trace_id is None else f"{line} (trace {answer.trace_id[:64]})"


def is_unknown_account(answer: CadAnswer) -> bool:
    """Tell whether the CMS knows no account of the name it was given."""
    return read_reason(answer).upper().startswith(_UNKNOWN_ACCOUNT)


def read_plan(answer: CadAnswer) -> str | None:
    """Return the plan's name of an answer such as ``4 - PRO``."""
    _, dash, name = answer.body.decode("utf-8", "replace").strip().strip('"').partition("-")
    return name.strip() or None if dash else None
