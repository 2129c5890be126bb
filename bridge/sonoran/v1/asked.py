"""A request as it was built for Sonoran CAD v2, taken apart again: path, query and body."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TypeGuard
from urllib.parse import parse_qsl, unquote

import msgspec

from bridge.sonoran.messages import CadRequest

UNIT_NAMES = ("communityUserIds", "communityUserId", "apiIds", "apiId")
"""The fields in which v2 names units by the id that v1 calls ``apiId``."""

_ACCOUNT = "accountUuid"
_IDENTS = "identIds"
_TARGETS = frozenset({*UNIT_NAMES, _ACCOUNT, _IDENTS})
_PARAMETER = re.compile(r"\\\{(\w+)\\\}")


class UntranslatableError(ValueError):
    """v1 cannot be asked this; ``status`` is what whoever asks is to hear."""

    def __init__(self, reason: str, status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
        super().__init__(reason)
        self.status = int(status)


class Asked:
    """What a request says; ``body`` is decoded, None where there is none.

    Raises:
        UntranslatableError: the path is not the operation's, or the body is no JSON.
    """

    def __init__(self, request: CadRequest) -> None:
        path, _, query = request.path.partition("?")
        self.path = _parameters(request.operation.path, path)
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.body = _decode(request.body)

    @property
    def fields(self) -> Mapping[str, object]:
        """Return the members of a body that is an object; none for any other."""
        return self.body if is_object(self.body) else {}

    @property
    def server(self) -> dict[str, object]:
        """Return the server that the path names, as v1 has it among the other fields."""
        return {"serverId": self.number("serverId")}

    def number(self, name: str) -> int | str:
        """Return a parameter of the path, as a number where it is one."""
        return numeral(self.path[name])

    def rows(self, name: str | None = None) -> list[Mapping[str, object]]:
        """Return the objects of a list, be it a member or the body itself; Sonoran's examples flatten one to itself."""
        return [row for row in listed(self.body if name is None else self.fields.get(name)) if is_object(row)]

    def asked_for(self, *names: str) -> dict[str, object]:
        """Return what the query says of some names, numbers and truths as such."""
        return {name: _plain(self.query[name]) for name in names if name in self.query}


def targets(fields: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the units that some fields name, as v1 names them: each by ``apiId``, or one ``account`` or ``identIds``.

    Raises:
        UntranslatableError: they are named as v1 does not know, or not at all.
    """
    units = unit_ids(fields)
    if units:
        return [{"apiId": unit} for unit in units]
    if fields.get(_ACCOUNT):
        return [{"account": fields[_ACCOUNT]}]
    if fields.get(_IDENTS):
        return [{"identIds": listed(fields[_IDENTS])}]
    raise UntranslatableError("v1 finds a unit by communityUserId, accountUuid or identIds alone")


def account(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the one player that some fields name, by ``apiId`` or ``account``.

    Raises:
        UntranslatableError: he is named as v1 does not know, or not at all.
    """
    found = targets(fields)[0]
    if "identIds" in found:
        raise UntranslatableError("v1 finds a player by communityUserId or accountUuid alone")
    return found


def unit_ids(fields: Mapping[str, object]) -> list[object]:
    """Return the units that some fields name by the ids that v1 calls ``apiId``."""
    named = next((fields[name] for name in UNIT_NAMES if fields.get(name)), None)
    return listed(named)


def rest(fields: Mapping[str, object], without: Iterable[str] = ()) -> dict[str, object]:
    """Return fields but for those that name units, and for some others."""
    left_out = _TARGETS.union(without)
    return {name: value for name, value in fields.items() if name not in left_out}


def listed(value: object) -> list[object]:
    """Return a list as it is, nothing as an empty one, and anything else as the only thing in one."""
    if value is None:
        return []
    return list(value) if is_list(value) else [value]


def numeral(text: str) -> int | str:
    """Return digits as a number."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Tell whether a decoded value is a JSON object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Tell whether a decoded value is a JSON array."""
    return isinstance(value, list)


def _plain(text: str) -> int | str | bool:
    return {"true": True, "false": False}.get(text.lower(), numeral(text))


def _parameters(template: str, path: str) -> Mapping[str, str]:
    pattern = _PARAMETER.sub(r"(?P<\1>[^/]+)", re.escape(template))
    found = re.fullmatch(pattern, path)
    if found is None:
        raise UntranslatableError("the path is not the operation's", HTTPStatus.NOT_IMPLEMENTED)
    return {name: unquote(value) for name, value in found.groupdict().items()}


def _decode(body: bytes | None) -> object:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise UntranslatableError("the body is not JSON", HTTPStatus.BAD_REQUEST) from None
