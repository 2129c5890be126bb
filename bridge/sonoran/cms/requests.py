"""What the CMS is asked; a request's body is its ``data`` alone, the transport puts the rest around it."""

from collections.abc import Mapping

import msgspec

from bridge.events import Clocking
from bridge.operations import Operation
from bridge.sonoran.cms.answers import read_plan
from bridge.sonoran.cms.operations import CLOCK_IN_OUT, FULL_WHITELIST, GET_SUB_VERSION, VERIFY_WHITELIST
from bridge.sonoran.keeper import Question
from bridge.sonoran.messages import CadRequest
from bridge.units import Account, ServerId

ASK_EVERY = 600.0  # seconds between questions for the key while all is well: what else is asked shows as much

_ENCODER = msgspec.json.Encoder()


def ask(operation: Operation, data: bytes = b"[]") -> CadRequest:
    """Return a request of any operation; ``data`` is JSON already."""
    return CadRequest(operation=operation, path=operation.path, body=data)


def verify_whitelist(account: Account, server_id: ServerId | None) -> CadRequest:
    """Ask whether an account may join; without a server, any server of the community."""
    server = {} if server_id is None else {"serverId": server_id}
    return _ask(VERIFY_WHITELIST, _fields(account) | server)


def full_whitelist(server_id: ServerId) -> CadRequest:
    """Ask for everybody who may join a server."""
    return _ask(FULL_WHITELIST, {"serverId": server_id})


def clock(event: Clocking) -> CadRequest:
    """Return the request that a clocking becomes: forced, so that a repeat cannot undo it."""
    force = {"forceClockIn": True} if event.clocked_in else {"forceClockOut": True}
    return _ask(CLOCK_IN_OUT, _fields(event.whom) | force)


QUESTION = Question(request=ask(GET_SUB_VERSION), read_plan=read_plan, every=ASK_EVERY)
"""What tells whether the CMS takes the key."""


def _ask(operation: Operation, fields: Mapping[str, object]) -> CadRequest:
    return ask(operation, _ENCODER.encode([fields]))


def _fields(account: Account) -> dict[str, object]:
    """Return how the CMS is told who is meant; a uniqueId is a number there."""
    number = account.kind == "uniqueId" and account.value.isdecimal()
    return {account.kind: int(account.value) if number else account.value}
