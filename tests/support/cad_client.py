"""A ``CadClient`` with all that it needs and no disk: what it would write, it forgets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from bridge.clock import Clock
from bridge.metrics import Metrics
from bridge.sonoran.breaker import Breaker
from bridge.sonoran.budget import effective_limits
from bridge.sonoran.budgets import Budgets
from bridge.sonoran.client import CadClient, Transport
from bridge.store import Store


class ForgetfulStore(Store):
    """Takes everything and keeps nothing."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"), lambda _: None)

    def post(self, *_: Any, **__: Any) -> None:
        return


def budgets_of(
    clock: Clock, limits: Mapping[str, int] | None = None, *, interval: float = 5.05, timeout: float = 10.0
) -> Budgets:
    return Budgets(ForgetfulStore(), clock, effective_limits(limits or {}, 1.0), interval, timeout)


def client_of(
    transport: Transport, clock: Clock, limits: Mapping[str, int] | None = None, *, interval: float = 5.05
) -> CadClient:
    metrics = Metrics("0")
    return CadClient(transport, budgets_of(clock, limits, interval=interval), Breaker(clock), metrics, clock)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return a metric's value; None where the series does not exist."""
    registry: CollectorRegistry = metrics.registry
    return registry.get_sample_value(f"cad_bridge_{name}", labels)
