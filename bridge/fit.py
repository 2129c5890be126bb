"""Holds the configuration against what the CAD says of the community: findings in words, for whoever can mend them.

From what the CAD does not say, or says in a way that makes no sense, nothing is concluded.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct

from bridge.config import Config, ServerConfig
from bridge.operations import GET_CALLS, OPERATIONS, OWN, UPDATE_UNIT_LOCATIONS, Operation, Plan
from bridge.sonoran.v2 import Server

_PLANS = {plan.value: plan for plan in Plan} | {"0": Plan.FREE}  # Sonoran numbers them too, from 0 for FREE
_SIZES = {plan: size for size, plan in enumerate(Plan)}
_UNCLEAR = {
    "repeat": "is sent again and may be there twice",
    "fail": "is given up and may be missing",
}  # by outbox.unclear
_INSIDE = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)  # addresses that a machine is not reached by from the internet

_Address = IPv4Address | IPv6Address


class Severity(StrEnum):
    """What a finding means: what is configured cannot work; it works in part; it works, and this is good to know."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


class Finding(Struct, frozen=True, kw_only=True):
    """One sentence; it begins with the configuration's key that is at fault, or with ``CAD``."""

    severity: Severity
    text: str


def examine(config: Config, plan_name: str | None, rows: Sequence[Server] | None) -> list[Finding]:
    """Return what does not fit, the plan first, then the servers in their order.

    Args:
        config: the checked configuration.
        plan_name: the plan as getVersion names it, such as ``PLUS``.
        rows: the game servers as getServers shows them; None where it could not be asked.
    """
    findings: list[Finding] = []
    plan = _PLANS.get((plan_name or "").strip().lower())
    if plan is not None:
        findings += _examine_plan(config, plan)
    if rows is not None:
        known = {row.id: row for row in rows}
        for number, server in enumerate(config.servers):
            findings += _examine_server(f"servers[{number}]", server, known)
    return findings


def _examine_plan(config: Config, plan: Plan) -> Iterator[Finding]:
    the_plan = f"the plan is {plan.value.upper()}"
    if _lacks(plan, UPDATE_UNIT_LOCATIONS):
        yield _problem(f"CAD: {the_plan}; live locations and panics need {_needed(UPDATE_UNIT_LOCATIONS)}")
        return
    for bigger in Plan:
        names = [] if _SIZES[bigger] <= _SIZES[plan] else _reachable(config, bigger)
        if names:
            yield _note(
                f"CAD: {the_plan}; of what the game servers may ask for by servers[].allow and by events, "
                f"the CAD refuses what needs {bigger.value.capitalize()}: {', '.join(names)}"
            )
    if _lacks(plan, GET_CALLS):
        yield _note(
            f"outbox.unclear: {the_plan}, and reading calls needs {_needed(GET_CALLS)}, so that a 911 call whose "
            f"creation ended unclear cannot be looked up: it {_UNCLEAR[config.outbox.unclear]}"
        )


def _reachable(config: Config, plan: Plan) -> list[str]:
    """Return the operations that some token or event may reach and of which a plan is the smallest that has them."""
    scopes = {scope for server in config.servers for scope in server.allow}
    return sorted(
        operation.name
        for operation in OPERATIONS.values()
        if operation.plan is plan and (operation in OWN or operation.scope in scopes)
    )


def _lacks(plan: Plan, operation: Operation) -> bool:
    return operation.plan is not None and _SIZES[plan] < _SIZES[operation.plan]


def _needed(operation: Operation) -> str:
    return "" if operation.plan is None else operation.plan.value.capitalize()


def _examine_server(key: str, server: ServerConfig, known: dict[int, Server]) -> Iterator[Finding]:
    row = known.get(server.id)
    if row is None:
        found = ", ".join(map(str, sorted(known))) or "none"
        yield _problem(f"{key}.id: the CAD has no server {server.id}; it has {found}")
        return
    if row.enable_map is False:
        yield _warning(
            f"CAD: the live map of server {server.id} ({server.name}) is switched off at Sonoran (enableMap), "
            "units will not show"
        )
    if server.fxserver_url is not None:
        yield from _examine_url(f"{key}.fxserver_url", server.fxserver_url, row)
    if row.differing_outbound:
        yield _outbound(f"server {server.id} ({server.name})", row)


def _examine_url(key: str, url: str, row: Server) -> Iterator[Finding]:
    """Compare where the game server answers us with where Sonoran looks for it.

    A URL without a port is a proxy's; one inside the machine or the network says nothing of the address outside, and
    a name may lead anywhere.
    """
    parts = urlsplit(url)
    if None not in (parts.port, row.listener_port) and parts.port != row.listener_port:
        yield _warning(
            f"{key}: it has port {parts.port}, but the CAD has game port {row.listener_port} for server {row.id} "
            "(listenerPort), where its own events to the game go"
        )
    ours, theirs = _literal(parts.hostname), _literal(row.map_ip)
    if ours is None or theirs is None or ours.version != theirs.version or _is_inside(ours):
        return
    if ours != theirs and not (row.differing_outbound and ours == _literal(row.outbound_ip)):
        yield _warning(
            f"{key}: it has address {ours}, but the CAD has {theirs} for server {row.id} (mapIp), "
            "where its own events to the game go"
        )


def _outbound(server: str, row: Server) -> Finding:
    """Tell what ``differingOutbound`` asks for: Sonoran expects a server's requests from ``outboundIp`` then."""
    if not row.outbound_ip:
        return _warning(
            f"CAD: {server} sends from another address than its own (differingOutbound), but Sonoran has none "
            "for that (outboundIp)"
        )
    address = _literal(row.outbound_ip) or "another address than its own"
    return _note(
        f"CAD: Sonoran expects what {server} sends from {address} (differingOutbound, outboundIp); with the bridge it "
        "comes from the bridge's machine"
    )


def _literal(host: str | None) -> _Address | None:
    """Return a literal address; None for a name, and for what is neither."""
    try:
        address = ip_address((host or "").strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_inside(address: _Address) -> bool:
    special = address.is_loopback or address.is_unspecified
    return special or any(address in network for network in _INSIDE)


def _problem(text: str) -> Finding:
    return Finding(severity=Severity.PROBLEM, text=text)


def _warning(text: str) -> Finding:
    return Finding(severity=Severity.WARNING, text=text)


def _note(text: str) -> Finding:
    return Finding(severity=Severity.NOTE, text=text)
