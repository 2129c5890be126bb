"""What a simulator knows, told to whoever checks what arrived: ``GET /_simulator/state``."""

from collections.abc import Iterable

from bridge.simulator.board import Call, DispatchCall, EmergencyCall
from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import Cms
from bridge.simulator.community import Blip, Community, Heartbeat, Recording
from bridge.simulator.roster import Unit
from bridge.simulator.shapes import UNIT_STATUS


def state_of(cloud: Cloud) -> dict[str, object]:
    """Return settings, what the community holds, and how the limits fared; instants are Unix seconds."""
    cad = cloud.cad
    return {
        **_settings(cad.community),
        **_calls(cad.community, cloud.now()),
        **_rest(cad.community),
        **_people(cad.community),
        **_configuration(cad.community),
        "limits": cad.limiter.enforced,
        "windows": cad.limiter.tallies(),
        "violations": cad.limiter.violations,
        "requests": cloud.journal.total,
        "cms": _cms(cloud.cms),
    }


def _settings(community: Community) -> dict[str, object]:
    known = community.known_units
    return {
        "plan": community.plan.name,
        "servers": community.servers,
        "known_units": None if known is None else sorted(known),
        "camel_calls": community.camel_calls,
        "calls_visible_after": community.calls_visible_after,
        "server_rows": community.estate.servers,
        "api": community.api,
        "community_id": community.profile.com_id,
        "v1_metadata": community.v1_metadata,
    }


def _calls(community: Community, now: float) -> dict[str, object]:
    """Return the calls: open 911 calls, those that went, dispatch calls by the order in which they were made."""
    board = community.board
    names = {unit.ident: unit.unit_id for unit in community.units.values()}
    dispatch = sorted((*board.dispatch(), *board.closed()), key=lambda call: call.call_id)
    return {
        "calls": _emergency_calls(board.emergency(now), names),
        "ended_calls": _emergency_calls(board.ended(now), names),
        "dispatch_calls": [_dispatch_call(call, names) for call in dispatch],
    }


def _rest(community: Community) -> dict[str, object]:
    return {
        "units": {unit.unit_id: _unit(unit) for unit in community.units.values()},
        "blips": [_blip(blip) for blip in community.blips],
        "photos": [
            {"unit": photo.unit_id, "url": photo.url, "sent_at": photo.sent_at} for photo in community.photos
        ],
        "kicks": [
            {
                "server": kick.server_id,
                "unit": kick.unit_id,
                "reason": kick.reason,
                "kicked_at": kick.kicked_at,
            }
            for kick in community.kicks
        ],
        "heartbeats": {str(server): _heartbeat(beat) for server, beat in community.heartbeats.items()},
    }


def _people(community: Community) -> dict[str, object]:
    archive, people = community.archive, community.people
    return {
        "identifiers": [_identifier(unit) for unit in community.roster.everyone()],
        "accounts": people.everybody(),
        "link_codes": people.codes,
        "records": [record.row() for record in archive.records.values()],
        "drafts": [draft.row() for draft in archive.drafts],
        "recordings": [_recording(recording) for recording in community.recordings],
    }


def _configuration(community: Community) -> dict[str, object]:
    """Return what is configured; ``equipment`` goes by server."""
    estate = community.estate
    return {
        "penal_codes": estate.penal_codes,
        "clocks": {str(server): clock for server, clock in community.clocks.items()},
        "postals": estate.postals,
        "equipment": {str(server): equipment for server, equipment in estate.equipment.items()},
    }


def _cms(cms: Cms) -> dict[str, object]:
    """Return what the CMS knows, and how its limits fared; who is on duty goes by username."""
    community = cms.community
    names = {member.acc_id: member.username for member in community.members.values()}
    return {
        "community_id": community.community_id,
        "version": community.version,
        "servers": community.servers,
        "members": list(community.members.values()),
        "on_duty": [names.get(one.acc_id, "") for one in community.sessions if one.ended_at is None],
        "sessions": community.sessions,
        "limits": cms.limiter.enforced,
        "windows": cms.limiter.tallies(),
        "violations": cms.limiter.violations,
    }


def _identifier(unit: Unit) -> object:
    return {"unit": unit.unit_id, **_unit(unit)}


def _unit(unit: Unit) -> dict[str, object]:
    return {
        "ident": unit.ident,
        "account": unit.account,
        "server": unit.server_id,
        "status": UNIT_STATUS[unit.status],
        "is_panic": unit.is_panic,
        "location": unit.location,
        "coordinates": unit.coordinates,
        "vehicle": unit.vehicle,
        "peer_id": unit.peer_id,
        "is_dispatch": unit.is_dispatch,
        "aop": unit.aop,
        "data": unit.data,
        "updated_at": unit.updated_at,
    }


def _emergency_calls(calls: Iterable[EmergencyCall], names: dict[int, str]) -> list[object]:
    return [
        {
            **_call(call, names),
            "emergency": call.content.is_emergency,
            "caller": call.content.caller,
            "location": call.content.location,
            "ends_at": call.ends_at,
            "ended_at": call.ended_at,
        }
        for call in calls
    ]


def _dispatch_call(call: DispatchCall, names: dict[int, str]) -> object:
    content = call.content
    return {
        **_call(call, names),
        "open": call.closed_at is None,
        "origin": content.origin,
        "status": content.status,
        "priority": content.priority,
        "block": content.block,
        "address": content.address,
        "postal": content.postal,
        "title": content.title,
        "code": content.code,
        "primary": content.primary,
        "track_primary": bool(content.track_primary),
        "closed_at": call.closed_at,
    }


def _call(call: Call, names: dict[int, str]) -> dict[str, object]:
    """Return what both sorts have in common; ``units`` are community user ids."""
    return {
        "call_id": call.call_id,
        "server": call.server_id,
        "description": call.content.description,
        "metadata": call.content.meta_data or {},
        "notes": call.notes,
        "units": [names[ident] for ident in call.idents],
        "created_at": call.created_at,
    }


def _blip(blip: Blip) -> object:
    content = blip.content
    return {
        "id": blip.blip_id,
        "server": blip.server_id,
        "coordinates": content.coordinates,
        "sub_type": content.sub_type,
        "icon": content.icon,
        "color": content.color,
        "tooltip": content.tooltip,
        "radius": content.radius,
        "data": content.data or [],
    }


def _heartbeat(beat: Heartbeat) -> object:
    return {"players": beat.player_count, "received_at": beat.received_at, "count": beat.count}


def _recording(recording: Recording) -> object:
    film = recording.file
    return {
        "url": recording.url,
        "filename": film.filename,
        "content_type": film.content_type,
        "length": film.length,
        "sha256": film.sha256,
        "duration_ms": recording.duration_ms,
        "fields": recording.fields,
        "received_at": recording.received_at,
    }
