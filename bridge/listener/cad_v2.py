"""The drop-in door for what was written for Sonoran CAD v2, ``/v2``, and ``/v1/operations`` beside it.

Locations go into the batches, panics and states into the outbox, calls through the outbox to the CAD and back;
everything else is forwarded with the bridge's key, inside its rate budget.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import BudgetError, CadError, PushError
from bridge.events import DispatchCall, EmergencyCall, EventState
from bridge.forward import Forward, Forwarded
from bridge.intake import (
    read_cad_dispatch_call,
    read_cad_emergency_call,
    read_cad_heartbeat,
    read_cad_locations,
    read_cad_panic,
    read_cad_status,
    read_operation,
)
from bridge.intake.document import check_encoding
from bridge.listener.answer import Answer, json_answer
from bridge.listener.body import MAX_STREAM, STREAM_SECONDS, fault_answer
from bridge.listener.paths import BadPathError, MethodError, Target, clean_query, fill, find, names_server
from bridge.listener.problem import explain, not_allowed, problem, rate_limited
from bridge.listener.reception import Buffers, Reception
from bridge.listener.routes import ANY, Push, Route
from bridge.metrics import Metrics
from bridge.operations import (
    CREATE_911_CALL,
    CREATE_DISPATCH_CALL,
    HEARTBEAT,
    OPERATIONS,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
    UPDATE_UNIT_LOCATIONS,
    UPLOAD_BODYCAM_RECORDING,
    Scope,
)
from bridge.outbox import EventView, Watch
from bridge.retry import status_of
from bridge.sonoran import v2
from bridge.sonoran.messages import CadRequest, Upload
from bridge.units import ServerId

GAME_SERVER = "FXServer/"  # how the User-Agent of FiveM's own HTTP client begins
GAME_SERVER_PATIENCE = 4.0  # seconds; that client gives up after 5 without an answer
PREFIX = "/v2/"


class Token(Struct, frozen=True, kw_only=True):
    """What a server's token opens: its scopes, and the name to tell its owner."""

    name: str
    allow: frozenset[str]


Handler = Callable[[Push, Target], Awaitable[Answer]]


class CadV2Door:
    """Serves Sonoran's own paths to the tokens of game servers.

    Args:
        buffers: where what is kept goes.
        metrics: what is counted.
        forward: what asks the CAD.
        tokens: what each server's token opens.
        clock: what time it is.
        max_coordinate: metres from the middle of the map beyond which a place is none.
        timeout: seconds a request to the CAD may take.
    """

    def __init__(
        self,
        buffers: Buffers,
        metrics: Metrics,
        forward: Forward,
        tokens: Mapping[ServerId, Token],
        clock: Clock,
        *,
        max_coordinate: float,
        timeout: float,
    ) -> None:
        self._reception = Reception(buffers, metrics, clock)
        self._forward = forward
        self._tokens = tokens
        self._clock = clock
        self._max_coordinate = max_coordinate
        self._timeout = timeout
        self._own: dict[str, Handler] = {
            UPDATE_UNIT_LOCATIONS.name: self._take_locations,
            SET_UNIT_PANIC.name: self._take_panic,
            SET_UNIT_STATUS.name: self._take_status,
            CREATE_911_CALL.name: self._take_emergency_call,
            CREATE_DISPATCH_CALL.name: self._take_dispatch_call,
            HEARTBEAT.name: self._take_heartbeat,
        }

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return what the listener serves of this door."""
        upload = UPLOAD_BODYCAM_RECORDING
        return (
            Route(method=ANY, path=f"{PREFIX}{{path}}", handler=self._serve),
            Route(method=upload.method, path=upload.path, handler=self._serve, streamed=True),
            Route(method="POST", path="/v1/operations/{id}", handler=self._serve_operation),
        )

    async def _serve(self, push: Push) -> Answer:
        return await self._guarded(push, lambda: find(push.method, push.path))

    async def _serve_operation(self, push: Push) -> Answer:
        operation = OPERATIONS.get(push.argument)
        if operation is None:
            return problem(HTTPStatus.NOT_FOUND, "Sonoran CAD v2 has no operation of this name")
        if operation is UPLOAD_BODYCAM_RECORDING:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"a recording goes to {operation.path}")
        said = read_operation(push.body)
        push.query, push.body = said.query, said.body
        values = {"serverId": str(push.server_id)} if "serverId" in operation.parameters else {}
        return await self._guarded(push, lambda: fill(operation, values | said.path))

    async def _guarded(self, push: Push, locate: Callable[[], Target]) -> Answer:
        """Serve what the token may reach; an error of the request is answered as the CAD would."""
        try:
            target = locate()
            refusal = self._refuse(push, target)
            if refusal is not None:
                return refusal
            return await self._own.get(target.operation.name, self._pass_on)(push, target)
        except BadPathError as error:
            return problem(HTTPStatus.NOT_FOUND, str(error))
        except MethodError as error:
            return not_allowed(error.methods)
        except PushError as error:
            return explain(HTTPStatus.BAD_REQUEST, error)

    def _refuse(self, push: Push, target: Target) -> Answer | None:
        """Return why the token does not reach the target, if it does not."""
        own = push.server_id
        if target.server_id not in (None, own) or not names_server(own, push.query, push.body):
            return problem(HTTPStatus.NOT_FOUND, "serverId: the token is another server's")
        token = self._tokens[own]
        scope = target.operation.scope
        if scope in token.allow:
            return None
        what = (
            "a path that is none of Sonoran's known ones" if scope is Scope.OTHER else target.operation.name
        )
        where = f'"{scope}" in the key allow of server "{token.name}" ([[servers]] in bridge.toml)'
        return problem(HTTPStatus.FORBIDDEN, f"{what} needs {where}")

    async def _take_locations(self, push: Push, _target: Target) -> Answer:
        said = read_cad_locations(push.body, max_coordinate=self._max_coordinate)
        self._reception.take_locations(push.server_id, said)
        if said.rejected and not said.reports:
            reasons = [(entry.index, f"{entry.reason}: {entry.detail}") for entry in said.rejected]
            raise PushError("no update makes sense", reasons)
        return json_answer(HTTPStatus.OK, {"updated": len(said.reports)})

    async def _take_panic(self, push: Push, _target: Target) -> Answer:
        panic = read_cad_panic(push.body)
        await self._reception.append(push, (panic,))
        self._reception.mark((panic,))
        return json_answer(HTTPStatus.OK, {"updated": len(panic.ids), "isPanic": panic.active})

    async def _take_status(self, push: Push, _target: Target) -> Answer:
        status = read_cad_status(push.body)
        await self._reception.append(push, (status,))
        return json_answer(HTTPStatus.OK, {"updated": len(status.ids), "status": status.status})

    async def _take_emergency_call(self, push: Push, _target: Target) -> Answer:
        return await self._create(push, read_cad_emergency_call(push.body))

    async def _take_dispatch_call(self, push: Push, _target: Target) -> Answer:
        return await self._create(push, read_cad_dispatch_call(push.body))

    async def _take_heartbeat(self, push: Push, _target: Target) -> Answer:
        players = read_cad_heartbeat(push.body)
        self._reception.take_heartbeat(push.server_id, players)
        return json_answer(
            HTTPStatus.OK,
            {"serverId": push.server_id, "playerCount": players, "receivedAtUtc": self._utc()},
        )

    async def _create(self, push: Push, call: EmergencyCall | DispatchCall) -> Answer:
        """Keep a call, and answer as the CAD does, or say where to ask when that takes too long."""
        patience = GAME_SERVER_PATIENCE if _is_game_server(push) else self._timeout
        deadline = self._clock.monotonic() + patience
        watch = Watch()
        (event_id,) = await self._reception.append(push, (call,), watch)
        view = await watch.wait(deadline - self._clock.monotonic())
        if view is None:
            return json_answer(HTTPStatus.ACCEPTED, {"event": event_id})
        reply = watch.reply
        delivered, refused = view.state is EventState.DELIVERED, view.state is EventState.FAILED
        if reply is not None and (
            delivered if reply.ok else refused and reply.status >= HTTPStatus.BAD_REQUEST
        ):
            return Answer(status=reply.status, body=reply.body, content_type=reply.content_type)
        if delivered:
            call_id = None if view.result is None else view.result.call_id
            body = v2.describe_call(call, event_id, call_id) | {"updated": self._utc()}
            return json_answer(HTTPStatus.OK, body)
        return _ended_otherwise(view)

    async def _pass_on(self, push: Push, target: Target) -> Answer:
        try:
            hurried = _is_game_server(push) and push.stream is None  # a body under way has one reader alone
            told = await self._forward.ask(
                _request_of(push, target), GAME_SERVER_PATIENCE if hurried else None
            )
        except BudgetError as error:
            return rate_limited(error.free_at - self._clock.monotonic())
        except CadError as error:
            if push.stream is not None and push.stream.fault is not None:
                return fault_answer(push.stream.fault, MAX_STREAM, STREAM_SECONDS)
            return _no_answer(error)
        return _told(told)

    def _utc(self) -> str:
        return datetime.fromtimestamp(self._clock.wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_game_server(push: Push) -> bool:
    return push.headers.get("User-Agent", "").startswith(GAME_SERVER)


def _request_of(push: Push, target: Target) -> CadRequest:
    """Return what is sent on.

    Raises:
        MalformedError: the body is not UTF-8, as JSON is: what was read of it to check it may not be what the CAD reads.
    """
    query = clean_query(push.query)
    stream = push.stream
    upload = None if stream is None else Upload(parts=stream, length=stream.length, seconds=STREAM_SECONDS)
    body = push.body if target.method != "GET" else b""
    recording = target.operation is UPLOAD_BODYCAM_RECORDING
    if not recording:
        check_encoding(body)
    return CadRequest(
        operation=target.operation,
        method=target.method,
        path=f"{target.path}?{query}" if query else target.path,
        body=body or None,
        content_type=push.headers.get("Content-Type", "") if recording else "application/json",
        line=v2.line_of(target.operation),
        upload=upload,
    )


def _told(told: Forwarded) -> Answer:
    return Answer(status=told.status, body=told.body, content_type=told.content_type, headers=told.headers)


def _no_answer(error: CadError) -> Answer:
    late = error.reason == "timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY
    acted = "; it may have acted all the same" if error.sent else ""
    return problem(status, f"the CAD gave no answer ({error.reason}){acted}", reason=error.reason)


def _ended_otherwise(view: EventView) -> Answer:
    """Return the answer to a call that did not reach the CAD."""
    match view.state:
        case EventState.EXPIRED:
            status = HTTPStatus.GATEWAY_TIMEOUT
        case EventState.SUPERSEDED:
            status = HTTPStatus.CONFLICT
        case _:
            reason = (view.error or "").partition(":")[0]
            status = HTTPStatus(status_of(reason) or HTTPStatus.BAD_GATEWAY)
    return problem(status, view.error or f"the call ended as {view.state}", event=view.id)
