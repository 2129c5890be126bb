"""Counts that every push moves: plain numbers, which the metrics library reads when it is asked.

Its own counters take a lock and a handful of calls for each step, which is more than the rest of the counting.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

_INFINITE = float("inf")


class Count:
    """One series of a counter."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Count so much more."""
        self.number += amount


class Spread:
    """One series of a histogram; ``numbers`` holds how many were within each bound and above the one before."""

    __slots__ = ("bounds", "numbers", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.numbers = [0] * len(bounds)
        self.total = 0.0

    def observe(self, amount: float) -> None:
        """Take one more."""
        self.numbers[bisect_left(self.bounds, amount)] += 1
        self.total += amount


class Counts(Collector):
    """A counter with labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self.name, self.label_names = name, tuple(labels)
        self._text = text
        self._series: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """Return the series with these labels; it exists from then on."""
        return self._series.setdefault(values, Count())

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Return all series."""
        family = CounterMetricFamily(self.name, self._text, labels=self.label_names)
        for labels, series in self._series.items():
            family.add_metric(labels, series.number)
        return (family,)


class Spreads(Collector):
    """A histogram with labels."""

    def __init__(
        self,
        name: str,
        text: str,
        bounds: Iterable[float],
        labels: Sequence[str],
        registry: CollectorRegistry,
    ) -> None:
        self.name, self.label_names = name, tuple(labels)
        self._text = text
        self._bounds = (*bounds, _INFINITE)
        self._series: dict[tuple[str, ...], Spread] = {}
        registry.register(self)

    def labels(self, *values: str) -> Spread:
        """Return the series with these labels; it exists from then on."""
        return self._series.setdefault(values, Spread(self._bounds))

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Return all series."""
        family = HistogramMetricFamily(self.name, self._text, labels=self.label_names)
        names = ["+Inf" if bound == _INFINITE else str(bound) for bound in self._bounds]
        for labels, series in self._series.items():
            buckets = list(zip(names, accumulate(series.numbers), strict=True))
            family.add_metric(labels, buckets, series.total)
        return (family,)
