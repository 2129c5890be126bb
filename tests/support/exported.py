"""The metrics as the code declares them, labels without a value included."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from bridge.metrics import Metrics

_HISTOGRAM_SERIES = {"_bucket": frozenset({"le"}), "_count": frozenset[str](), "_sum": frozenset[str]()}


class Exported(Struct, frozen=True, kw_only=True):
    """A metric; ``name`` and ``kind`` are as in the TYPE line of /metrics."""

    name: str
    kind: str
    labels: frozenset[str]

    @property
    def series(self) -> dict[str, frozenset[str]]:
        """Return the names under which Prometheus stores it, each with its labels."""
        if self.kind == "histogram":
            return {f"{self.name}{suffix}": self.labels | more for suffix, more in _HISTOGRAM_SERIES.items()}
        return {self.name: self.labels}


def exported() -> list[Exported]:
    """Return every metric of ours."""
    wrappers: Iterable[Any] = [
        one for one in Metrics("0").registry._collector_to_names if isinstance(one, MetricWrapperBase)
    ]
    return [_describe(one) for one in wrappers]


def exported_series() -> dict[str, frozenset[str]]:
    """Return every series name of ours, with its labels."""
    return {name: labels for metric in exported() for name, labels in metric.series.items()}


def _describe(wrapper: Any) -> Exported:
    kind = {Counter: "counter", Histogram: "histogram"}.get(wrapper.__class__, "gauge")
    name = f"{wrapper._name}_total" if kind == "counter" else wrapper._name
    return Exported(name=name, kind=kind, labels=frozenset(wrapper._labelnames))
