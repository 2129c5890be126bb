"""Sonoran CAD v1 in the place of v2: takes requests as they were built for v2, and answers as v2 would."""

from http import HTTPStatus

from bridge.operations import GET_CALLS, GET_VERSION, Operation
from bridge.sonoran.client import Transport
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.sonoran.v1.answers import PLANS, nothing_sent, plan_number, to_v2
from bridge.sonoran.v1.asked import Asked, UntranslatableError
from bridge.sonoran.v1.calls import Visibility
from bridge.sonoran.v1.forwarded import FORWARDED, ask_templates
from bridge.sonoran.v1.questions import OWN, Question, pose
from bridge.types_v1 import TYPES

_TEMPLATES = ("getTemplates", "getTemplate")
_NUMBERS = {name: number for number, name in PLANS.items()}
_ON_V1 = 'the community speaks Sonoran CAD v1 (cad.api = "v1" in bridge.toml)'


class CadV1:
    """Speaks v1 over another transport, so that nothing above it knows which of the two Sonoran is asked in.

    Args:
        carrier: the wire; it puts the key into the body.
        community_id: Sonoran's id of the community.
    """

    def __init__(self, carrier: Transport, community_id: str) -> None:
        self._carrier = carrier
        self._community_id = community_id
        self._visibility = Visibility()
        self._plan: int | None = None  # as GET_VERSION last told

    async def exchange(self, request: CadRequest) -> CadAnswer:
        """Ask v1 and return the answer as v2 would give it; one to a request that was made for v1 as it came.

        What v1 has no equal of is answered here: 501, or 422 where only this one request cannot be said in v1.

        Raises:
            CadError: no complete answer came.
        """
        if request.keyed:
            return await self._carrier.exchange(request)
        operation = request.operation
        try:
            asked, question = translate(request)
        except UntranslatableError as error:
            return nothing_sent(error.status, f"{_ON_V1}: {error}")
        answer = await self._carrier.exchange(pose(question, operation, request.line, self._community_id))
        if answer.ok and operation is GET_CALLS:
            answer = self._visibility.note(answer)
        if operation is GET_VERSION:
            self._plan = plan_number(answer)
        return to_v2(asked, operation.name, answer, beyond_plan=self._lacks(question))

    def _lacks(self, question: Question) -> bool:
        """Tell whether the plan is known, and known not to have what was asked for."""
        needed = TYPES[question.type].plan
        return self._plan is not None and needed is not None and self._plan < _NUMBERS[needed.value.upper()]


def translate(request: CadRequest) -> tuple[Asked, Question]:
    """Return what a request for v2 says, and what v1 is asked in its place.

    Raises:
        UntranslatableError: v1 cannot be asked this.
    """
    operation = request.operation
    if request.upload is not None or not is_translated(operation):
        name = "this path" if not operation.path else operation.name
        raise UntranslatableError(f"it has no equal of {name}", HTTPStatus.NOT_IMPLEMENTED)
    asked = Asked(request)
    if operation.name in _TEMPLATES:
        return asked, ask_templates(asked)
    type_name, ask = OWN.get(operation.name) or FORWARDED[operation.name]
    return asked, Question(type=type_name, data=ask(asked))


def is_translated(operation: Operation) -> bool:
    """Tell whether v1 has an equal of an operation of v2."""
    return operation.name in OWN or operation.name in FORWARDED or operation.name in _TEMPLATES
