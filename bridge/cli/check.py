"""``cad-bridge check``: is the configuration right, and with ``--online``, does the CAD agree?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import click

from bridge import host
from bridge.cli.configured import config_option, load_or_exit
from bridge.cli.epilog import UNUSABLE, epilog
from bridge.cli.progress import tell
from bridge.clock import SystemClock
from bridge.config import CadConfig, CmsConfig, Config, duration_text
from bridge.errors import CadError, ConfigError
from bridge.fit import Severity, examine
from bridge.heartbeat import ask_players
from bridge.operations import HEARTBEAT, SET_UNIT_PANIC, UPDATE_UNIT_LOCATIONS
from bridge.postals import Postals
from bridge.sonoran import cms, v2
from bridge.sonoran.budget import FIRST_PENALTY, WINDOW, effective_limits, heartbeat_pace, location_pace
from bridge.sonoran.client import TOO_MANY_REQUESTS, UNAUTHORIZED, Transport
from bridge.sonoran.http import CadHttp, Outbound
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.sonoran.v1 import CadV1

PROBE_TIMEOUT = 3.0  # seconds a game server has for /dynamic.json
MOST_WAITS = 2  # for the CAD's rate limit, which a running daemon on the same key may have used up
LONGEST_WAIT = 60.0  # seconds of one of them: no limit of Sonoran counts longer

PAGE_END = epilog(
    "cad-bridge check",
    "cad-bridge check --config bridge.toml --online",
    exits={
        0: "all is well",
        2: "something does not fit, or with --online does not answer; a line tells of each",
    },
)


@click.command(epilog=PAGE_END)
@config_option
@click.option("--online", is_flag=True, help="Ask the CAD about key, plan and servers, and each game server.")
def check(path: Path | None, *, online: bool) -> None:
    """Validate the configuration and say what would run, or tell every problem on a line."""
    loaded = load_or_exit(path)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    problems = _check_files(loaded.config)
    for line in describe(loaded.config):
        click.echo(line)
    if online:
        problems += host.run(lambda: _ask_all(loaded.config))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(UNUSABLE)
    click.echo("all is well")


def describe(config: Config) -> list[str]:
    """Return what would run, a line each."""
    limits = effective_limits(config.cad.limits, config.cad.share, config.cad.api)
    every = location_pace(config.locations.interval, limits[UPDATE_UNIT_LOCATIONS.name])
    beat = heartbeat_pace(config.heartbeat.interval, len(config.servers), limits[HEARTBEAT.name])
    turns = every * len(config.servers)
    return [
        f"listener: {', '.join(map(str, config.listener.bind))}{' (TLS)' if config.listener.tls else ''}",
        f"admin:    {', '.join(map(str, config.admin.bind))}",
        f"CAD:      {config.cad.base_url} ({config.cad.api}), community {config.cad.community_id}",
        *_describe_share(config.cad.share, limits),
        *_describe_cms(config.cms),
        *([] if config.cad.proxy is None else [f"proxy:    {config.cad.proxy}"]),
        f"outbox:   {config.outbox.path}",
        *(
            f"server {server.id} ({server.name}): locations every {duration_text(every)}"
            f"{f', {duration_text(turns)} while all servers are busy' if len(config.servers) > 1 else ''}"
            f"; heartbeat every {duration_text(beat)}"
            for server in config.servers
        ),
    ]


def _describe_share(share: float, limits: Mapping[str, float]) -> list[str]:
    """Return what a part of the limits costs, where it is not all of them."""
    if share == 1:
        return []
    batches, panics = limits[UPDATE_UNIT_LOCATIONS.name], limits[SET_UNIT_PANIC.name]
    turn = duration_text(round(2 * WINDOW / panics, 1))
    return [
        f"share:    {share:g} of each limit: {batches:g} location batches a minute; a panic waits up to {turn}"
    ]


def _describe_cms(config: CmsConfig | None) -> list[str]:
    return [] if config is None else [f"CMS:      {config.base_url}, community {config.community_id}"]


def _check_files(config: Config) -> list[str]:
    if config.locations.postals_file is None:
        return []
    try:
        Postals.load(config.locations.postals_file)
    except ConfigError as error:
        return list(error.problems)
    return []


async def _ask_all(config: Config) -> list[str]:
    problems = await _ask_cad(config)
    if config.cms is not None:
        problems += await _ask_cms(config.cms, config.cad)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT)) as session:
        for server in config.servers:
            if server.fxserver_url is None:
                continue
            tell(f"Asking game server {server.name} at {server.fxserver_url} …")
            players = await ask_players(session, server.fxserver_url)
            if players is None:
                problems.append(
                    f"game server {server.name}: {server.fxserver_url}/dynamic.json does not answer"
                )
            else:
                click.echo(f"game server {server.name}: answers, {players} players")
    return problems


async def _ask_cad(config: Config) -> list[str]:
    """Ask getVersion and getServers, and return what does not fit."""
    _tell_asking("CAD", config.cad.base_url, config.cad)
    async with _wire(config.cad, config.cad) as wire:
        cad = CadV1(wire, config.cad.community_id) if config.cad.api == "v1" else wire
        try:
            version = await _ask(cad, v2.get_version())
            if version.status == UNAUTHORIZED:
                return [_refused("cad", "CAD", v2.read_problem(version))]
            if not version.ok:
                return [f"CAD: getVersion: {v2.read_problem(version)}"]
            plan = v2.read_plan(version)
            click.echo(f"CAD:      reached, the key is right, plan {plan or 'unknown'}")
            servers = await _ask(cad, v2.get_servers())
        except CadError as error:
            return [_no_answer("cad", config.cad.base_url, config.cad, error)]
    rows = v2.read_servers(servers) if servers.ok else None
    problems = _tell(config, plan, rows)
    if rows is None:
        reason = "its answer shows no servers" if servers.ok else v2.read_problem(servers)
        problems.append(f"CAD: getServers: {reason}")
    return problems


async def _ask_cms(config: CmsConfig, cad: CadConfig) -> list[str]:
    """Ask for the plan, and return what does not fit."""
    _tell_asking("CMS", config.base_url, cad)
    async with _wire(config, cad) as wire:
        try:
            answer = await _ask(cms.CmsTransport(wire, config.community_id), cms.QUESTION.request)
        except CadError as error:
            return [_no_answer("cms", config.base_url, cad, error)]
    if answer.status == UNAUTHORIZED:
        return [_refused("cms", "CMS", cms.read_reason(answer))]
    if not answer.ok:
        return [f"CMS: {answer.status}: {cms.read_reason(answer)}"]
    click.echo(f"CMS:      reached, the key is right, plan {cms.read_plan(answer) or 'unknown'}")
    return []


def _tell_asking(whom: str, url: str, cad: CadConfig) -> None:
    tell(f"Asking the {whom} at {url}, for at most {duration_text(cad.timeout)} …")


def _wire(service: CadConfig | CmsConfig, cad: CadConfig) -> CadHttp:
    """Return what asks a service as the daemon does."""
    outbound = Outbound(proxy=cad.proxy, ca_file=cad.ca_file)
    return CadHttp(service.base_url, service.api_key, cad.timeout, SystemClock(), outbound=outbound)


def _no_answer(section: str, url: str, cad: CadConfig, error: CadError) -> str:
    """Return which key of the configuration to look at."""
    if error.reason != "proxy":
        return f"{section}.base_url: {url} gives no answer: {error.reason}"
    cause = error.__cause__
    status = f": it answers {cause.status}" if isinstance(cause, aiohttp.ClientHttpProxyError) else ""
    return f"cad.proxy: {cad.proxy} gives no way to {url}{status}"


def _refused(section: str, whose: str, reason: str) -> str:
    """Return which key of the configuration to mend: v1 tells a wrong community from a wrong key."""
    if "COMMUNITY ID" in reason:
        return f"{section}.community_id: the {whose} does not know this community: {reason}"
    return f"{section}.api_key_file: the {whose} refuses this key: {reason}"


async def _ask(cad: Transport, request: CadRequest) -> CadAnswer:
    """Ask, and wait where the CAD wants us to, as far as a person has the patience."""
    for _ in range(MOST_WAITS):
        answer = await cad.exchange(request)
        seconds = FIRST_PENALTY if answer.retry_after is None else answer.retry_after
        if answer.status != TOO_MANY_REQUESTS or seconds > LONGEST_WAIT:
            return answer
        click.echo(f"CAD:      limits our rate, asking again in {duration_text(seconds)}")
        await SystemClock().sleep(seconds)
    return await cad.exchange(request)


def _tell(config: Config, plan: str | None, rows: Sequence[v2.Server] | None) -> list[str]:
    """Say what fits and what is worth knowing, and return what does not work."""
    names = {row.id: row.name for row in rows or ()}
    for server in config.servers:
        if server.id in names:
            click.echo(f"server {server.id} ({server.name}): the CAD calls it {names[server.id]!r}")
    problems: list[str] = []
    for finding in examine(config, plan, rows):
        match finding.severity:
            case Severity.PROBLEM:
                problems.append(finding.text)
            case Severity.WARNING:
                click.echo(f"warning: {finding.text}", err=True)
            case Severity.NOTE:
                click.echo(f"note: {finding.text}")
    return problems
