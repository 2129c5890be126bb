"""The control door, ``/_simulator/…``: how a test steers the simulator and reads back what it received."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import OPERATIONS as CMS
from bridge.simulator.cms.members import CmsCommunity, GameServer
from bridge.simulator.community import Api, Community, Plan
from bridge.simulator.configuration_shapes import ServerRow
from bridge.simulator.estate import server_row
from bridge.simulator.faults import Fault
from bridge.simulator.journal import Received
from bridge.simulator.messages import Reply, Request, json_reply, title_of
from bridge.simulator.multipart import Part
from bridge.simulator.state import state_of

PREFIX = "/_simulator/"

PlanName = Literal["FREE", "STANDARD", "PLUS", "PRO"]


class ConfiguredServer(ServerRow, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A server as a setting: a misspelt field is refused here."""


class MemberRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member of the CMS's community: ``servers`` are those whose whitelist has it, ``ranks`` UUIDs."""

    username: str
    api_ids: list[str] = []
    servers: list[int] = []
    ranks: list[str] = []
    discord: str | None = None
    bypass: bool = False
    banned: bool = False


class CmsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of the CMS; what is left out stays.

    ``key`` and ``community_id`` are its own; ``version``: 0 FREE to 5 SONORANONE; ``servers``: ids, or rows as
    GET_GAME_SERVERS shows them; ``members``: all there are from now on; ``limits`` false: count, but never answer 429.
    """

    key: str | UnsetType = UNSET
    community_id: str | UnsetType = UNSET
    version: Annotated[int, Meta(ge=0, le=5)] | UnsetType = UNSET
    servers: list[int | GameServer] | UnsetType = UNSET
    members: list[MemberRow] | UnsetType = UNSET
    limits: bool | UnsetType = UNSET


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``POST /_simulator/settings`` may change; what is left out stays.

    ``known_units`` null: every unit is known. ``servers``: ids, or rows as getServers shows them, of which only the id
    is required. ``permission_keys``: the permissions that a key gives. ``secrets``: what verifySecret answers each
    with. ``calls_visible_after``: the seconds until getCalls shows a new call.
    ``limits`` false: count, but never answer 429. ``per_minute``
    gives operations another limit, null none at all; ``V1`` is all of v1's types together, ``CMS:…`` are the CMS's.
    ``api``: the interface that the community is on, v1 and v2 or only one. ``community_id``: the one that v1 asks for.
    ``v1_metadata`` false: v1's GET_CALLS shows no metadata.
    """

    plan: PlanName | UnsetType = UNSET
    known_units: frozenset[str] | UnsetType | None = UNSET
    servers: list[int | ConfiguredServer] | UnsetType = UNSET
    permission_keys: dict[str, frozenset[str]] | UnsetType = UNSET
    secrets: dict[str, str] | UnsetType = UNSET
    camel_calls: bool | UnsetType = UNSET
    calls_visible_after: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    api: Api | UnsetType = UNSET
    community_id: str | UnsetType = UNSET
    v1_metadata: bool | UnsetType = UNSET
    cms: CmsSettings = CmsSettings()
    limits: bool | UnsetType = UNSET
    per_minute: dict[str, Annotated[int, Meta(ge=0)] | None] = {}


class CallOnBoard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The call that ``POST /_simulator/calls/close`` or ``…/remove`` is about, as a dispatcher would point at it."""

    server: int
    call_id: int


_CALL = msgspec.json.Decoder(CallOnBoard)
_FAULTS: msgspec.json.Decoder[Fault | list[Fault]] = msgspec.json.Decoder(Fault | list[Fault])
_SETTINGS = msgspec.json.Decoder(Settings)


class Control:
    """Answers requests under ``/_simulator/``; errors are ``{"title", "status", "detail"}``."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._doors: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "state"): self._state,
            ("GET", "requests"): self._requests,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "reset"): self._reset,
            ("POST", "settings"): self._settings,
            ("POST", "calls/close"): self._close_call,
            ("POST", "calls/remove"): self._remove_call,
        }

    def handle(self, request: Request) -> Reply:
        """Do what is asked."""
        door = self._doors.get((request.method, request.path.removeprefix(PREFIX)))
        if door is None:
            return refusal(HTTPStatus.NOT_FOUND, "There is no such control.")
        try:
            return door(request)
        except (msgspec.MsgspecError, ValueError) as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error))

    def _state(self, request: Request) -> Reply:
        del request
        return json_reply(state_of(self._cloud))

    def _requests(self, request: Request) -> Reply:
        query = request.query
        found = self._cloud.journal.of(
            query.get("operation"), after=int(query.get("after", "0")), since=float(query.get("since", "0"))
        )
        return json_reply({"requests": [_received(received) for received in found]})

    def _faults(self, request: Request) -> Reply:
        del request
        return json_reply({"faults": self._cloud.faults.active()})

    def _add_faults(self, request: Request) -> Reply:
        given = _FAULTS.decode(request.body)
        self._cloud.faults.add(*(given if isinstance(given, list) else [given]))
        return self._faults(request)

    def _clear_faults(self, request: Request) -> Reply:
        self._cloud.clear_faults()
        return self._faults(request)

    def _reset(self, request: Request) -> Reply:
        self._cloud.reset()
        return self._state(request)

    def _settings(self, request: Request) -> Reply:
        settings = _SETTINGS.decode(request.body)
        limiter = self._cloud.cad.limiter
        for operation, per_minute in settings.per_minute.items():
            (self._cloud.cms.limiter if operation in CMS else limiter).change(operation, per_minute)
        if settings.limits is not UNSET:
            limiter.enforced = settings.limits
        self._change_community(settings)
        _change_interfaces(self._cloud.cad.community, settings)
        self._change_cms(settings.cms)
        return self._state(request)

    def _close_call(self, request: Request) -> Reply:
        return self._end_call(request, self._cloud.cad.community.close_call)

    def _remove_call(self, request: Request) -> Reply:
        return self._end_call(request, self._cloud.cad.community.remove_call)

    def _end_call(self, request: Request, end: Callable[[int, int, float], bool]) -> Reply:
        call = _CALL.decode(request.body)
        if not end(call.server, call.call_id, self._cloud.now()):
            return refusal(HTTPStatus.NOT_FOUND, "There is no such open call.")
        return json_reply(call)

    def _change_community(self, settings: Settings) -> None:
        community = self._cloud.cad.community
        if settings.plan is not UNSET:
            community.plan = Plan[settings.plan]
        if settings.known_units is not UNSET:
            community.known_units = settings.known_units
        if settings.servers is not UNSET:
            community.estate.configure(
                server_row(server) if isinstance(server, int) else server for server in settings.servers
            )
        if settings.permission_keys is not UNSET:
            community.permission_keys = settings.permission_keys
        if settings.secrets is not UNSET:
            community.secrets = settings.secrets
        if settings.camel_calls is not UNSET:
            community.camel_calls = settings.camel_calls
        if settings.calls_visible_after is not UNSET:
            community.calls_visible_after = settings.calls_visible_after

    def _change_cms(self, settings: CmsSettings) -> None:
        cms = self._cloud.cms
        cms.key = cms.key if settings.key is UNSET else settings.key
        if settings.limits is not UNSET:
            cms.limiter.enforced = settings.limits
        if settings.community_id is not UNSET:
            cms.community.community_id = settings.community_id
        if settings.version is not UNSET:
            cms.community.version = settings.version
        if settings.servers is not UNSET:
            cms.community.configure(settings.servers)
        if settings.members is not UNSET:
            _change_members(cms.community, settings.members)


def _change_interfaces(community: Community, settings: Settings) -> None:
    if settings.api is not UNSET:
        community.api = settings.api
    if settings.v1_metadata is not UNSET:
        community.v1_metadata = settings.v1_metadata
    if settings.community_id is not UNSET:
        community.profile = msgspec.structs.replace(community.profile, com_id=settings.community_id)


def _change_members(community: CmsCommunity, members: list[MemberRow]) -> None:
    community.members.clear()
    for row in members:
        community.enrol(
            row.username,
            row.api_ids,
            servers=row.servers,
            ranks=row.ranks,
            discord=row.discord,
            bypass=row.bypass,
            banned=row.banned,
        )


def refusal(status: int, detail: str) -> Reply:
    """Return how the control door says no."""
    return json_reply({"title": title_of(status), "status": status, "detail": detail}, status=status)


def _received(received: Received) -> object:
    return {
        "number": received.number,
        "monotonic": received.monotonic,
        "wall": received.wall,
        "method": received.method,
        "path": received.path,
        "query": received.query,
        "raw_query": received.raw_query,
        "headers": received.headers,
        "operation": received.operation,
        "server": received.server,
        "body": received.decoded(),
        "text": received.text,
        "length": received.length,
        "sha256": received.sha256,
        "parts": [_part(part) for part in received.parts],
        "status": received.status,
        "lost": received.lost,
    }


def _part(part: Part) -> object:
    return {
        "name": part.name,
        "filename": part.filename,
        "content_type": part.content_type,
        "length": part.length,
        "sha256": part.sha256,
        "text": part.text,
    }
