"""Requests for Sonoran CAD v1 that only the CAD can answer: as the equal operations of v2, or as v1.

A community that is still on v1 is asked as v1, and so is everybody for what v2 has no equal of.
"""

from collections.abc import Sequence
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import replace

from bridge.clock import Clock
from bridge.errors import BudgetError, CadError, PushError
from bridge.forward import Forward, Forwarded
from bridge.intake.cad_v1 import SERVER_ID, Record
from bridge.intake.fields import mapping_of
from bridge.listener.answer import Answer, json_answer
from bridge.listener.answers_v1 import NOT_LINKED, decode, reason_of, together, told
from bridge.listener.keyed import INVALID_COMMUNITY, INVALID_KEY, TEXT, refusal, text_answer
from bridge.listener.paths import BadPathError
from bridge.listener.problem import rate_limited
from bridge.listener.translation import (
    ACCOUNT_UUID,
    Way,
    account_request,
    follow_up,
    requests_of,
    ways_of,
)
from bridge.operations import OTHER, Repeat
from bridge.sonoran import v1, v2
from bridge.sonoran.messages import CadRequest
from bridge.types_v1 import TypeV1
from bridge.units import ServerId

MAX_OBJECTS = 10  # of a request that becomes one of v2 for each
ALONE = frozenset({"AUTH_STREETSIGNS", "SET_AVAILABLE_CALLOUTS", "SET_SERVERS", "SET_STATIONS"})
"""The types whose ``data`` is one object, no list."""

_NO_SERVER = frozenset({"UNIT_LOCATION", "UNIT_PANIC", "MODIFY_BLIP", "REMOVE_BLIP"})
"""Types that name no server in v1, though their equals do."""

_A_SERVER = frozenset({"SET_CLOCK"})
"""Types without an equal that name one."""

_SHOWN_TO_A_PLAYER = frozenset({"LOOKUP", "LOOKUP_INT"})
"""Types that have Sonoran show a player what was found, if they name one."""

_BRIDGE_REFUSED = frozenset({INVALID_KEY, INVALID_COMMUNITY})


class Passing(Struct, frozen=True, kw_only=True):
    """A request on its way; ``beside`` is what it says beside ``data``.

    ``seconds`` is how long its client waits, None: until the CAD has answered; ``until`` is when that is over.
    """

    row: TypeV1
    server_id: ServerId
    records: Sequence[Record]
    beside: Record = {}
    seconds: float | None
    until: float | None = None


class _RefusedError(Exception):
    """The CAD gave another answer than hoped for: ``answer`` is what is told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class ForwardV1:
    """Asks the CAD on behalf of clients that speak v1.

    Args:
        forward: what asks.
        clock: what time it is.
        community_id: Sonoran's id of the community.
        as_v1: whether the community is still on v1.
    """

    def __init__(self, forward: Forward, clock: Clock, *, community_id: str, as_v1: bool) -> None:
        self._forward = forward
        self._clock = clock
        self._community_id = community_id
        self._as_v1 = as_v1

    async def ask(self, passing: Passing) -> Answer:
        """Return the answer in v1's words, whatever the CAD says."""
        if passing.seconds is not None:
            passing = replace(passing, until=self._clock.monotonic() + passing.seconds)
        try:
            if self._as_v1 or passing.row.equal is None:
                return _plain(await self._ask(v1_request(passing, self._community_id), passing))
            return await self._translated(passing)
        except BudgetError as error:
            return rate_limited(error.free_at - self._clock.monotonic())
        except CadError as error:
            return no_answer(error)
        except BadPathError as error:
            return refusal(f"ERROR: {error}")
        except PushError as error:
            return refusal(str(error))
        except _RefusedError as error:
            return error.answer

    async def _translated(self, passing: Passing) -> Answer:
        ways = ways_of(passing.row, [passing.beside] if passing.beside else passing.records)
        if len(ways) > MAX_OBJECTS:
            raise PushError(f"data: at most {MAX_OBJECTS} objects fit into one request, found {len(ways)}")
        answers: list[object] = []
        headers: dict[str, str] = {}
        for way in ways:
            answer, last = await self._carry_out(way, passing)
            answers.append(answer)
            headers = last.headers
        content = together(answers)
        if isinstance(content, str):
            return replace(text_answer(HTTPStatus.OK, content), headers=headers)
        return replace(json_answer(HTTPStatus.OK, content), headers=headers)

    async def _carry_out(self, way: Way, passing: Passing) -> tuple[object, Forwarded]:
        """Return what v1 answers about one object, and the CAD's own last answer."""
        if way.needs_uuid:
            way = replace(way, who=await self._find(way.who, passing))
        requests = requests_of(way, passing.server_id)
        last = await self._success(requests[0], way, passing)
        for request in requests[1:]:
            last = await self._success(request, way, passing)
        followed = await self._follow(way, passing) if way.translation.follow else None
        return told(way, decode(last.body), followed), last

    async def _find(self, who: dict[str, str], passing: Passing) -> dict[str, str]:
        found = await self._ask(account_request(who), passing)
        uuid = mapping_of(decode(found.body)).get("uuid")
        if found.status == HTTPStatus.OK and isinstance(uuid, str):
            return {ACCOUNT_UUID: uuid}
        if found.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            raise PushError(NOT_LINKED)
        raise _RefusedError(_refused(found))

    async def _follow(self, way: Way, passing: Passing) -> object:
        """Return the answer to the question that follows; what was asked for first is done all the same."""
        try:
            found = await self._ask(follow_up(way, passing.server_id), passing)
        except CadError:
            return None
        return decode(found.body) if found.status == HTTPStatus.OK else None

    async def _success(self, request: CadRequest, way: Way, passing: Passing) -> Forwarded:
        found = await self._ask(request, passing)
        if found.status == HTTPStatus.NOT_FOUND and way.who and request.operation.repeat is Repeat.READ:
            raise PushError(NOT_LINKED)
        if not HTTPStatus.OK <= found.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _RefusedError(_refused(found))
        return found

    async def _ask(self, request: CadRequest, passing: Passing) -> Forwarded:
        """Ask for as long as the client waits for all of it.

        Raises:
            CadError: the time is over, or the CAD gives no complete answer.
        """
        left = None if passing.until is None else passing.until - self._clock.monotonic()
        if left is not None and left <= 0:
            raise CadError("timeout", sent=True)
        return await self._forward.ask(request, left)


def v1_request(passing: Passing, community_id: str) -> CadRequest:
    """Return a request of v1 as it is sent on.

    Where v1 takes the first server for one that is not named, the token's own is.
    """
    row = passing.row
    operation = row.equal or OTHER
    if row.name in _SHOWN_TO_A_PLAYER and any(_names_a_player(record) for record in passing.records):
        operation = replace(operation, cache_seconds=0.0)  # a copy would show nobody anything
    records = [_at_home(row, record, passing.server_id) for record in passing.records]
    alone = row.name in ALONE and len(records) == 1
    question = v1.Question(type=row.name, data=records[0] if alone else records, more=passing.beside)
    return v1.pose(question, operation, v2.line_of(operation), community_id)


def no_answer(error: CadError) -> Answer:
    """Return the answer to a request that the CAD gave none to."""
    late = error.reason == "timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY
    acted = "; it may have acted all the same" if error.sent else ""
    return text_answer(status, f"ERROR: the CAD gave no answer ({error.reason}){acted}")


def _at_home(row: TypeV1, record: Record, server_id: ServerId) -> Record:
    takes_one = row.equal is not None and SERVER_ID in row.equal.parameters and row.name not in _NO_SERVER
    named = {name: value for name, value in record.items() if name != SERVER_ID or value is not None}
    return {SERVER_ID: server_id} | named if takes_one or row.name in _A_SERVER else named


def _names_a_player(record: Record) -> bool:
    return bool(record.get("apiId") or record.get("account"))


def _plain(found: Forwarded) -> Answer:
    """Return an answer of v1 as it came, a refusal that was made a problem as the text it was."""
    if found.status >= HTTPStatus.BAD_REQUEST:
        return _refused(found)
    return Answer(
        status=found.status, body=found.body, content_type=found.content_type or TEXT, headers=found.headers
    )


def _refused(found: Forwarded) -> Answer:
    """Return a refusal of the CAD as v1 words it; one of the bridge's own key is no fault of the client's."""
    status = found.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Answer(status=status, body=found.body, content_type=found.content_type, headers=found.headers)
    is_text = (found.content_type or "").startswith("text/plain")
    text = found.body.decode("utf-8", "replace").strip() if is_text else reason_of(status, found.body)
    if status == HTTPStatus.UNAUTHORIZED or text in _BRIDGE_REFUSED:
        return text_answer(HTTPStatus.BAD_GATEWAY, "ERROR: the CAD refuses the bridge's own key")
    clear = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    answer = text_answer(HTTPStatus.BAD_REQUEST if clear else status, text)
    return replace(answer, headers=found.headers)
