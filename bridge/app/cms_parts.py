"""Builds what speaks to the CMS: a client with limits, health and key of its own, and what rests on it."""

from collections.abc import Mapping
from functools import partial

from bridge.clock import Clock
from bridge.config import CadConfig, CmsConfig
from bridge.forward import Forward
from bridge.listener import Token, Tokens
from bridge.listener.cms_v1 import CmsAccess, CmsV1Door
from bridge.listener.reception import Reception
from bridge.metrics import Metrics
from bridge.sonoran import cms
from bridge.sonoran.breaker import Breaker
from bridge.sonoran.budgets import Budgets
from bridge.sonoran.client import CadClient, Transport
from bridge.sonoran.http import FAILURE_REASONS, CadHttp, Outbound
from bridge.sonoran.keeper import Keeper
from bridge.store import Store
from bridge.units import ServerId
from bridge.whitelist import RESULTS, Whitelist


class CmsParts:
    """The parts for one community of the CMS, connected but not started.

    Args:
        config: the section ``[cms]``.
        cad: the section ``[cad]``: how long a request may take, and how one gets out.
        store: where requests are counted and whitelists kept.
        metrics: what is counted.
        clock: what time it is.
        names: the servers.
        transport: what carries requests to the CMS; None: HTTP to ``cms.base_url``.
    """

    def __init__(
        self,
        config: CmsConfig,
        cad: CadConfig,
        store: Store,
        metrics: Metrics,
        clock: Clock,
        names: Mapping[ServerId, str],
        transport: Transport | None = None,
    ) -> None:
        self._config = config
        self._timeout = timeout = cad.timeout
        self._clock = clock
        self._metrics = metrics
        metrics.create_cms_series(names.values(), cms.LIMITS, FAILURE_REASONS, RESULTS)
        self.http = CadHttp(config.base_url, config.api_key, timeout, clock, outbound=outbound_of(cad))
        self.budgets = Budgets(store, clock, cms.LIMITS, interval=0.0, timeout=timeout)
        self.breaker = Breaker(clock, whose="CMS", key="cms.api_key_file")
        wire = cms.CmsTransport(transport or self.http, config.community_id)
        self.client = CadClient(wire, self.budgets, self.breaker, metrics, clock)
        self.forward = Forward(self.client, metrics, clock)
        self.keeper = Keeper(self.client, self.breaker, clock, cms.QUESTION)
        self.breaker.on_doubt(self.keeper.look)
        self.whitelist = Whitelist(
            self.client,
            store,
            metrics,
            clock,
            names,
            community=f"{config.base_url} {config.community_id}",
            allow_unknown=config.when_down == "allow",
        )
        metrics.cms_up.set_function(lambda: not self.breaker.down)
        for operation in cms.LIMITS:
            metrics.cms_budget_remaining.labels(operation).set_function(partial(self._remaining, operation))

    def reconfigure(self, config: CmsConfig, names: Mapping[ServerId, str]) -> None:
        """Go on with another key, other servers, another word on unknown players."""
        if config.api_key != self._config.api_key:
            self.http.use_key(config.api_key)
            self.breaker.suspect_key()
        self._config = config
        self._metrics.create_cms_series(names.values(), cms.LIMITS, FAILURE_REASONS, RESULTS)
        self.whitelist.reconfigure(names, allow_unknown=config.when_down == "allow")

    def door(self, reception: Reception, tokens: Tokens, allow: Mapping[ServerId, Token]) -> CmsV1Door:
        """Return what game servers reach of it."""
        access = CmsAccess(community_id=self._config.community_id, tokens=tokens, allow=allow)
        return CmsV1Door(access, self.whitelist, self.forward, reception, self._clock, timeout=self._timeout)

    def _remaining(self, operation: str) -> int:
        return self.budgets[operation].remaining(self._clock.monotonic())


def outbound_of(cad: CadConfig) -> Outbound:
    """Return how one gets out to the CAD, and to the CMS too."""
    return Outbound(proxy=cad.proxy, ca_file=cad.ca_file)
