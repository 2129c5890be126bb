"""The figures: what was measured in each round, ours and a baseline's side by side."""

import math
from collections.abc import Sequence
from statistics import median

from msgspec import Struct


class Row(Struct, frozen=True, kw_only=True):
    """One line of the table.

    ``ours`` and ``baseline`` hold a figure for each round; where both have the same number of them, those of one
    place were taken one after the other. ``against`` names the baseline. Of ``worst`` rows the highest figure counts,
    of all others the median. ``more`` tells that more is better.
    """

    key: str
    title: str
    unit: str
    ours: tuple[float, ...]
    against: str = ""
    baseline: tuple[float, ...] = ()
    worst: bool = False
    more: bool = False

    @property
    def value(self) -> float:
        """Return the figure that stands for ours."""
        return self._pick(self.ours)

    @property
    def base(self) -> float | None:
        """Return the figure that stands for the baseline's."""
        return self._pick(self.baseline) if self.baseline else None

    @property
    def ratio(self) -> float | None:
        """Return ours divided by the baseline, as the median over the rounds."""
        if self.worst or len(self.ratios) != len(self.ours):
            return self.value / self.base if self.base else None
        return median(self.ratios)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Return ours divided by the baseline of the same round."""
        if len(self.ours) != len(self.baseline):
            return ()
        return tuple(one / other for one, other in zip(self.ours, self.baseline, strict=True) if other)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the lowest and the highest round: of the ratios where there are such, else of ours."""
        among = self.ratios if self.ratios and not self.worst else self.ours
        return min(among), max(among)

    def _pick(self, figures: Sequence[float]) -> float:
        return max(figures) if self.worst else median(figures)


def percentile(figures: Sequence[float], percent: float) -> float:
    """Return the smallest figure that at least ``percent`` of all do not exceed (the nearest rank)."""
    if not figures:
        raise ValueError("there are no figures")
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
