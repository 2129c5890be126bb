"""Builds every part of the daemon from the configuration; no other module makes a collaborator."""

import secrets
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from socket import socket

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
from bridge.outbox import Outbox
from bridge.postals import Postals
from bridge.relay import Relay
from bridge.retry import ANSWER_REASONS
from bridge.retry import FAILURE_REASONS as EVENT_FAILURE_REASONS
from bridge.sonoran.breaker import Breaker
from bridge.sonoran.budget import Budgets, effective_limits, heartbeat_pace, location_pace, sharing_of
from bridge.sonoran.client import CadClient, Transport
from bridge.sonoran.http import FAILURE_REASONS as REQUEST_FAILURE_REASONS
from bridge.sonoran.http import CadHttp
from bridge.sonoran.keeper import Keeper
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
        names = {ServerId(server.id): server.name for server in config.servers}
        limits = effective_limits(config.cad.limits, config.cad.share, config.cad.api)
        sharing = sharing_of(config.cad.limits, config.cad.share, config.cad.api)
        pace = location_pace(config.locations.interval, limits[UPDATE_UNIT_LOCATIONS.name])
        self.metrics = Metrics(__version__)
        own = [operation.name for operation in OWN]
        self.metrics.create_series(names.values(), own, DOCUMENTED_LIMITS)
        self.metrics.create_reasons(
            names.values(),
            own,
            dropped=DROP_REASONS,
            events=EVENT_FAILURE_REASONS,
            requests=REQUEST_FAILURE_REASONS,
            answers=ANSWER_REASONS,
        )
        self.fleet = Fleet(names)
        self.coalescer = Coalescer(config.locations, names)
        self.store = Store(config.outbox.path, self.metrics.outbox_commit.observe)
        self.outbox = Outbox(self.store, config.outbox, clock, self.metrics, names)
        self.budgets = Budgets(self.store, clock, limits, pace, config.cad.timeout, sharing)
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
            _load_postals(config.locations.postals_file),
        )
        random = SystemRandom()
        self.relay = Relay(
            self.outbox.backlog, self.client, clock, random, cms=None if self.cms is None else self.cms.client
        )
        self.lookup = Lookup(
            self.outbox.backlog, self.client, config.outbox, config.cad.timeout, clock, random
        )
        self.heartbeat = self._build_heartbeat(heartbeat_pace(
            config.heartbeat.interval, len(names), limits[HEARTBEAT.name]
        ))  # fmt: skip
        self.certificate = self._build_certificate()
        self.listener = self._build_listener(sockets)

    def _build_heartbeat(self, interval: float) -> Heartbeat:
        urls = {
            ServerId(server.id): server.fxserver_url for server in self.config.servers if server.fxserver_url
        }
        return Heartbeat(
            self.fleet,
            self.client,
            self.metrics,
            self.clock,
            interval=interval,
            urls=urls,
            count_units=self.coalescer.count,
        )

    def _build_certificate(self) -> ServedCertificate | None:
        certificate, key = self.config.listener.tls_cert_file, self.config.listener.tls_key_file
        if certificate is None or key is None:
            return None
        return ServedCertificate(certificate, key, self.metrics, self.clock)

    def _build_listener(self, sockets: Sequence[socket]) -> Listener:
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
        routes = (*native.routes, *drop_in.routes, *drop_in_v1.routes, *cms)
        return Listener(config.listener, tokens, routes, self.metrics, self.clock, sockets, self.certificate)

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


def _load_postals(path: Path | None) -> Postals | None:
    return None if path is None else Postals.load(path)
