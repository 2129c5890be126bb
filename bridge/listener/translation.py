"""What types of Sonoran CAD v1 become in v2, read from ``translation.toml``, which says what each column means.

Nothing here asks anybody: ``questions`` builds requests, ``bridge.listener.answers_v1`` turns answers back.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib.resources import files
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from bridge.errors import PushError
from bridge.intake.cad_v1 import OTHER_TARGETS, SERVER_ID, Record, encode
from bridge.intake.fields import is_list, is_object, items_of, mapping_of, text_of, truth_of, whole_of
from bridge.listener.paths import Target, fill
from bridge.operations import OPERATIONS, Operation
from bridge.sonoran import v2
from bridge.sonoran.messages import CadRequest
from bridge.types_v1 import TypeV1
from bridge.units import ServerId

ACCOUNT_UUID = "accountUuid"
USERNAME = "username"
GET_ACCOUNT = OPERATIONS["getAccount"]

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_V2_NAMES = {
    "apiId": "communityUserId",
    "account": ACCOUNT_UUID,
    "accId": ACCOUNT_UUID,
    USERNAME: USERNAME,
}
_UNIT_WAYS = {
    "account": ACCOUNT_UUID,
    "accId": ACCOUNT_UUID,
    ACCOUNT_UUID: ACCOUNT_UUID,
    "identIds": "identIds",
}
_EMPTY: tuple[object, ...] = (None, "", [], {})


class Units(StrEnum):
    """How many of the ways count in which an object names units."""

    FIRST = "first"
    EACH = "each"


class Reshaping(StrEnum):
    """How an answer of v2 becomes one of v1."""

    UNITS = "units"  # rows have v1's fields
    IDENTIFIERS = "identifiers"  # the same, under names that begin in lower case
    CALLS = "calls"  # v1's lists, under names that begin in lower case
    ACCOUNT = "account"  # the community user id is the list of API ids
    ACCOUNTS = "accounts"  # the same in a list, of which v2 tells no ids
    SERVERS = "servers"  # rows have v1's fields
    VERSION = "version"  # "3 - PLUS"
    RECORDS = "records"  # a list under a name
    LIST = "list"  # one becomes a list of one
    IDENTIFIER = "identifier"  # what stands under this name
    ADDED = "added"  # the new one of those that were asked for afterwards
    FOLLOWED = "followed"  # what was asked for afterwards
    PHOTO = "photo"  # a refusal where nobody got it
    SECRET = "secret"  # noqa: S105 -- a word: the account leads to its secret, not the other way


class Translation(Struct, frozen=True, forbid_unknown_fields=True):
    """One way in which a type is carried out; the columns are explained in the file."""

    when: dict[str, str | int | bool] = {}
    given: str = ""
    refuse: str = ""
    operation: str = ""
    who: tuple[str, ...] = ()
    units: Units | None = None
    path: dict[str, str] = {}
    fields: dict[str, str] = {}
    rest: bool = False
    merge: tuple[str, ...] = ()
    collect: str = ""
    defaults: dict[str, object] = {}
    fixed: dict[str, object] = {}
    words: dict[str, tuple[str, ...]] = {}
    strings: tuple[str, ...] = ()
    texts: dict[str, tuple[str, ...]] = {}
    needs: str = ""
    follow: str = ""
    answer: Reshaping | None = None
    text: str = ""

    def fits(self, record: Record) -> bool:
        """Tell whether an object is to be carried out in this way."""
        if self.given and record.get(self.given) in _EMPTY:
            return False
        return all(_as(wanted, record.get(name)) == wanted for name, wanted in self.when.items())


class Way(Struct, frozen=True, kw_only=True):
    """How one object is carried out; ``who`` names its account in v2's words, empty where it names none."""

    translation: Translation
    operation: Operation
    record: Record
    who: dict[str, str]

    @property
    def needs_uuid(self) -> bool:
        """Tell whether the account's UUID must be known, and only another name of it is."""
        asked = {self.operation.name, self.translation.follow}
        in_path = any(ACCOUNT_UUID in OPERATIONS[name].parameters for name in asked if name)
        unsaid = USERNAME in self.who and self.operation is not GET_ACCOUNT
        return (in_path or unsaid) and ACCOUNT_UUID not in self.who


def _load() -> Mapping[str, tuple[Translation, ...]]:
    table = tomllib.loads(files("bridge.listener").joinpath("translation.toml").read_text("utf-8"))
    return msgspec.convert(table, dict[str, tuple[Translation, ...]])


TRANSLATIONS = _load()
"""The ways of every type that is passed on and has an equal, by its name."""


def ways_of(row: TypeV1, records: Sequence[Record]) -> list[Way]:
    """Return how the objects of a request are carried out, one after the other; none at all are one empty one.

    Raises:
        PushError: v2 cannot do it, or an account is not named.
    """
    first = TRANSLATIONS[row.name][0]
    if first.collect:
        return [_way(row, {first.collect: list(records)})]
    return [_way(row, record) for record in records or [{}]]


def _way(row: TypeV1, record: Record) -> Way:
    translation = next((each for each in TRANSLATIONS[row.name] if each.fits(record)), None)
    if translation is None:
        raise PushError("ERROR: there is no such action.")
    if translation.refuse:
        raise PushError(translation.refuse)
    name = translation.operation or row.operation or ""
    return Way(
        translation=translation,
        operation=OPERATIONS[name],
        record=record,
        who=_account(translation, record),
    )


def requests_of(way: Way, server_id: ServerId) -> list[CadRequest]:
    """Return the requests of v2 that carry an object out.

    Raises:
        PushError: something is missing in the object.
        BadPathError: a parameter of the path cannot be one.
    """
    content = _content(way)
    if way.translation.needs and not content:
        raise PushError(way.translation.needs)
    if way.translation.units is None:
        return [build(way.operation, way, server_id, content | _who_in_content(way.operation, way.who))]
    return [build(way.operation, way, server_id, content | target) for target in _targets(way)]


def follow_up(way: Way, server_id: ServerId) -> CadRequest:
    """Return the request whose answer v1's shows."""
    operation = OPERATIONS[way.translation.follow]
    return build(operation, way, server_id, _who_in_content(operation, way.who))


def account_request(who: Mapping[str, str]) -> CadRequest:
    """Return the question for the account of somebody."""
    return _request(fill(GET_ACCOUNT, {}), dict(who))


def build(operation: Operation, way: Way, server_id: ServerId, content: Record) -> CadRequest:
    """Return one request about an object.

    Raises:
        BadPathError: a parameter of the path cannot be one.
    """
    given = {name: _segment(way.record.get(field)) for name, field in way.translation.path.items()}
    known = {SERVER_ID: str(server_id), ACCOUNT_UUID: way.who.get(ACCOUNT_UUID, "")}
    return _request(fill(operation, known | given), content)


def _request(target: Target, content: Record) -> CadRequest:
    path, body = target.path, None
    if target.method == "GET":
        path += f"?{urlencode({name: _segment(value) for name, value in content.items()})}" if content else ""
    elif content:
        body = encode(content)
    return CadRequest(
        operation=target.operation,
        method=target.method,
        path=path,
        body=body,
        line=v2.line_of(target.operation),
    )


def _content(way: Way) -> Record:
    """Return what v2's body or query says besides who is meant."""
    table, record = way.translation, way.record
    content = dict(table.defaults)
    for place in table.merge:
        content |= _inside(record, place)
    content |= {name: record[field] for name, field in table.fields.items() if record.get(field) is not None}
    if table.collect:
        content[table.collect] = record[table.collect]
    if table.rest:
        used = {SERVER_ID, *table.who, *table.when, *table.path.values(), *table.fields.values()}
        content |= {name: value for name, value in record.items() if name not in used and value is not None}
    for name, words in table.words.items():
        content[name] = _word(content.get(name), words)
    for name, fields in table.texts.items():
        content[name] = _with_texts(content.get(name), fields)
    content |= {name: _segment(content[name]) for name in table.strings if name in content}
    return content | table.fixed


def _with_texts(rows: object, names: Sequence[str]) -> object:
    """Return the objects of a list with texts in some fields; Lua's list of one may be an object."""
    members = items_of(rows)
    if members is None:
        return rows
    return [
        row | {name: _segment(row[name]) for name in names if name in row} if is_object(row) else row
        for row in members
    ]


def _word(value: object, words: Sequence[str]) -> object:
    number = whole_of(value)
    return words[number] if number is not None and 0 <= number < len(words) else value


def _inside(record: Record, place: str) -> Record:
    found: object = record
    for name in place.split("."):
        found = mapping_of(found).get(name)
    return {name: value for name, value in mapping_of(found).items() if not isinstance(value, dict)}


def _account(translation: Translation, record: Record) -> dict[str, str]:
    """Return how an object names its account, in v2's words.

    Raises:
        PushError: it does not, and must.
    """
    for name in translation.who:
        value = text_of(record.get(name))
        if value is not None:
            return {_V2_NAMES.get(name) or _kind_of(value): value}
    if translation.who:
        raise PushError(f"ERROR: {' or '.join(translation.who)} must name an account.")
    return {}


def _kind_of(user: str) -> str:
    return ACCOUNT_UUID if _UUID.fullmatch(user) else "communityUserId"


def _who_in_content(operation: Operation, who: Mapping[str, str]) -> Record:
    if ACCOUNT_UUID in operation.parameters:
        return {}
    if ACCOUNT_UUID in who:
        return {ACCOUNT_UUID: who[ACCOUNT_UUID]}
    return dict(who)


def _targets(way: Way) -> list[Record]:
    ways = {
        _UNIT_WAYS[name]: way.record[name] for name in OTHER_TARGETS if way.record.get(name) not in _EMPTY
    }
    if not ways:
        raise PushError("ERROR: apiId, account or identIds must name units.")
    targets: list[Record] = [{name: value} for name, value in ways.items()]
    return targets if way.translation.units is Units.EACH else targets[:1]


def _segment(value: object) -> str:
    """Return a value as it stands in a path or a query; Lua has 1.0 for 1."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else text_of(value) or ""


def _as(wanted: object, value: object) -> object:
    """Return a value as what it is compared with would be written, since Lua has 1.0 for 1 and texts for numbers."""
    if isinstance(wanted, bool):
        return truth_of(value)
    return whole_of(value) if isinstance(wanted, int) else value


def shown(value: object) -> str:
    """Return a value as v1's texts show it: of a list its members, of a list of objects how many there are."""
    if is_list(value):
        plain = [text_of(member) for member in value]
        return ", ".join(text for text in plain if text) if all(plain) else str(len(value))
    return text_of(value) or ""
