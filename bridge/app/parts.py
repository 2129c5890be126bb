"""Builds every part of the daemon from the configuration; no other module makes a collaborator."""

import secrets
import sys
import uuid
from collections.abc import Mapping, Sequence
from random import SystemRandom
from socket import socket
from typing import Self

from msgspec import Struct

from bridge import __version__
from bridge.app.cms_parts import CmsParts, outbound_of
from bridge.app.survey import Survey
from bridge.clock import Clock
from bridge.coalescer import Coalescer
from bridge.config import SHORTEST_TOKEN, Config, Secret
from bridge.config.sources import Sources
from bridge.errors import StartError
from bridge.fleet import Fleet
from bridge.flusher import DROP_REASONS, Flusher
from bridge.forward import Forward
from bridge.heartbeat import Heartbeat
from bridge.host import make_folder, write_private
from bridge.listener import Buffers, CadV2Door, Listener, NativeDoor, Token, Tokens
from bridge.listener.cad_v1 import CadV1Door, Keys
from bridge.listener.certificate import ServedCertificate
from bridge.listener.cms_v1 import route_without_cms
from bridge.listener.forward_v1 import ForwardV1
from bridge.listener.reception import Reception
from bridge.listener.routes import Route
from bridge.lookup import Lookup
from bridge.metrics import Metrics
from bridge.operations import DOCUMENTED_LIMITS, HEARTBEAT, OWN, UPDATE_UNIT_LOCATIONS
from bridge.outbox import Desk, Outbox
from bridge.postals import Postals
from bridge.relay import Relay
from bridge.retry import ANSWER_REASONS
from bridge.retry import FAILURE_REASONS as EVENT_FAILURE_REASONS
from bridge.sonoran.breaker import Breaker
from bridge.sonoran.budget import effective_limits, heartbeat_pace, location_pace, sharing_of
from bridge.sonoran.budgets import Budgets
from bridge.sonoran.client import CadClient, Transport
from bridge.sonoran.http import FAILURE_REASONS as REQUEST_FAILURE_REASONS
from bridge.sonoran.http import CadHttp
from bridge.sonoran.keeper import Keeper
from bridge.sonoran.pools import Sharing
from bridge.sonoran.v1 import CadV1
from bridge.store import Store
from bridge.units import ServerId

ADMIN_TOKEN_FILE = "admin.token"  # noqa: S105 -- the file's name, beside the outbox


class Parts:
    """Every part of one daemon, connected but not started.

    Args:
        config: the checked configuration.
        clock: what time it is.
        transport: what carries requests to the CAD; None: HTTP to ``cad.base_url``.
        sockets: what the listener was handed over, in place of ``listener.bind``.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        transport: Transport | None = None,
        sockets: Sequence[socket] = (),
    ) -> None:
        self.config = config
        self.clock = clock
        self.instance = uuid.uuid4().hex
        self.started_at = clock.wall()
        names = names_of(config)
        rates = _Rates.of(config)
        self.metrics = Metrics(__version__)
        self._create_series(names)
        self.fleet = Fleet(names)
        self.coalescer = Coalescer(config.locations, names)
        self.store = Store(config.outbox.path, self.metrics.outbox_commit.observe)
        self.outbox = Outbox(self.store, config.outbox, clock, self.metrics, names)
        self.desk = Desk(self.store, self.outbox, clock, names)
        self.budgets = Budgets(self.store, clock, rates.limits, rates.pace, config.cad.timeout, rates.sharing)
        self.breaker = Breaker(clock)
        self.http = CadHttp(
            config.cad.base_url,
            config.cad.api_key,
            config.cad.timeout,
            clock,
            outbound=outbound_of(config.cad),
        )
        carrier = transport or self.http
        spoken = CadV1(carrier, config.cad.community_id) if config.cad.api == "v1" else carrier
        self.client = CadClient(spoken, self.budgets, self.breaker, self.metrics, clock)
        self.forward = Forward(self.client, self.metrics, clock)
        self.keeper = Keeper(self.client, self.breaker, clock)
        self.breaker.on_doubt(self.keeper.look)
        self.survey = Survey(config, self.client, self.keeper, clock)
        self.cms = (
            None
            if config.cms is None
            else CmsParts(config.cms, config.cad, self.store, self.metrics, clock, names)
        )
        self.flusher = Flusher(
            self.coalescer,
            self.fleet,
            self.client,
            config.locations,
            self.metrics,
            clock,
            load_postals(config),
        )
        random = SystemRandom()
        self.relay = Relay(
            self.outbox.backlog, self.client, clock, random, cms=None if self.cms is None else self.cms.client
        )
        self.lookup = Lookup(
            self.outbox.backlog, self.client, config.outbox, config.cad.timeout, clock, random
        )
        self.heartbeat = Heartbeat(
            self.fleet,
            self.client,
            self.metrics,
            clock,
            interval=rates.beat,
            urls=_urls_of(config),
            count_units=self.coalescer.count,
        )
        self.certificate = self._build_certificate()
        self.listener = Listener(
            config.listener, *self._build_doors(), self.metrics, clock, sockets, self.certificate
        )

    def reconfigure(self, config: Config, postals: Postals | None) -> None:
        """Go on with another configuration, from one moment to the next.

        Args:
            config: what ``reload.keep_fixed`` made: nothing in it needs a restart.
            postals: those of ``locations.postals_file``.
        """
        former, self.config = self.config, config
        names = names_of(config)
        rates = _Rates.of(config)
        self._create_series(names)
        self.budgets.reconfigure(rates.limits, rates.pace, rates.sharing)
        self.fleet.serve(names)
        self.coalescer.reconfigure(config.locations, names)
        self.outbox.reconfigure(config.outbox, names)
        self.desk.names = names
        self.outbox.backlog.wake()  # what waits for a slot may have one sooner
        self.lookup.reconfigure(config.outbox)
        self.flusher.reconfigure(config.locations, postals)
        self.heartbeat.reconfigure(rates.beat, _urls_of(config))
        if self.cms is not None and config.cms is not None:
            self.cms.reconfigure(config.cms, names)
        self.listener.reconfigure(config.listener, *self._build_doors())
        if self.certificate is not None:
            self.certificate.look()
        if config.cad.api_key != former.cad.api_key:
            self.http.use_key(config.cad.api_key)
            self.breaker.suspect_key()
        self.survey.reconfigure(config)
        for name in set(names_of(former).values()).difference(names.values()):
            self.metrics.forget_server(name)

    def _create_series(self, names: Mapping[ServerId, str]) -> None:
        own = [operation.name for operation in OWN]
        self.metrics.create_series(names.values(), own, DOCUMENTED_LIMITS)
        self.metrics.create_reasons(
            list(names.values()),
            own,
            dropped=DROP_REASONS,
            events=EVENT_FAILURE_REASONS,
            requests=REQUEST_FAILURE_REASONS,
            answers=ANSWER_REASONS,
        )

    def _build_certificate(self) -> ServedCertificate | None:
        certificate, key = self.config.listener.tls_cert_file, self.config.listener.tls_key_file
        if certificate is None or key is None:
            return None
        return ServedCertificate(certificate, key, self.metrics, self.clock)

    def _build_doors(self) -> tuple[Tokens, tuple[Route, ...]]:
        config = self.config
        buffers = Buffers(fleet=self.fleet, coalescer=self.coalescer, outbox=self.outbox)
        native = NativeDoor(
            buffers,
            self.metrics,
            self.clock,
            max_coordinate=config.locations.max_coordinate,
            instance=self.instance,
            cms=self.cms is not None,
        )
        allow = {
            ServerId(server.id): Token(name=server.name, allow=frozenset(server.allow))
            for server in config.servers
        }
        drop_in = CadV2Door(
            buffers,
            self.metrics,
            self.forward,
            allow,
            self.clock,
            max_coordinate=config.locations.max_coordinate,
            timeout=config.cad.timeout,
        )
        tokens = Tokens((ServerId(server.id), server.token) for server in config.servers)
        drop_in_v1 = CadV1Door(
            buffers,
            self.metrics,
            ForwardV1(
                self.forward,
                self.clock,
                community_id=config.cad.community_id,
                as_v1=config.cad.api == "v1",
            ),
            Keys(tokens=tokens, servers=allow, community_id=config.cad.community_id),
            self.clock,
            max_coordinate=config.locations.max_coordinate,
            timeout=config.cad.timeout,
        )
        cms = self._cms_routes(buffers, tokens, allow)
        return tokens, (*native.routes, *drop_in.routes, *drop_in_v1.routes, *cms)

    def _cms_routes(
        self, buffers: Buffers, tokens: Tokens, allow: Mapping[ServerId, Token]
    ) -> tuple[Route, ...]:
        if self.cms is None:
            return (route_without_cms(),)
        reception = Reception(buffers, self.metrics, self.clock)
        return self.cms.door(reception, tokens, allow).routes


def admin_token(config: Config) -> Secret:
    """Return the admin door's token; where none is configured, make one beside the outbox at first start.

    Raises:
        StartError: the file cannot be read or written.
    """
    if config.admin.token is not None:
        return config.admin.token
    path = config.outbox.path.parent / ADMIN_TOKEN_FILE
    try:
        if not path.exists():
            make_folder(path.parent)
            write_private(path, secrets.token_urlsafe(32) + "\n")
        token = Sources(path.parent, {}, sys.platform).secret(path.name, "", SHORTEST_TOKEN)
    except OSError as error:
        raise StartError(f"{path}: the admin token cannot be kept: {error.strerror}") from error
    except ValueError as error:
        raise StartError(f"{path}: {error}; delete it to have a new one made") from None
    assert token is not None, "the file has a name"  # noqa: S101 -- only a secret without one is None
    return token


def secrets_of(config: Config) -> list[str]:
    """Return every secret of the configuration, for the log to mask.

    Raises:
        StartError: the admin token cannot be kept.
    """
    cms_key = () if config.cms is None else (config.cms.api_key,)
    tokens = (server.token for server in config.servers)
    proxy = () if config.cad.proxy is None else config.cad.proxy.secrets
    known = [config.cad.api_key, *cms_key, admin_token(config), *tokens, *proxy]
    return [secret.reveal() for secret in known]


def names_of(config: Config) -> dict[ServerId, str]:
    """Return the servers of a configuration."""
    return {ServerId(server.id): server.name for server in config.servers}


def load_postals(config: Config) -> Postals | None:
    """Return the postals that a configuration names, if any.

    Raises:
        ConfigError: the file is none.
    """
    path = config.locations.postals_file
    return None if path is None else Postals.load(path)


class _Rates(Struct, frozen=True, kw_only=True):
    """How often things are sent: requests a minute by operation, seconds between batches and heartbeats."""

    limits: dict[str, float]
    sharing: Sharing
    pace: float
    beat: float

    @classmethod
    def of(cls, config: Config) -> Self:
        cad = config.cad
        limits = effective_limits(cad.limits, cad.share, cad.api)
        return cls(
            limits=limits,
            sharing=sharing_of(cad.limits, cad.share, cad.api),
            pace=location_pace(config.locations.interval, limits[UPDATE_UNIT_LOCATIONS.name]),
            beat=heartbeat_pace(config.heartbeat.interval, len(config.servers), limits[HEARTBEAT.name]),
        )


def _urls_of(config: Config) -> dict[ServerId, str]:
    return {ServerId(server.id): server.fxserver_url for server in config.servers if server.fxserver_url}
