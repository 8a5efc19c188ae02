"""What happened between two readings of a process's metrics: rates, and quantiles of durations."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from stack.metrics.exposition import NO_SERIES, Exposition, Labels


@dataclass(frozen=True)
class Reading:
    """What a process answered at a time (monotonic seconds)."""

    at: float
    metrics: Exposition


@dataclass(frozen=True)
class Window:
    """From one reading to a later one of the same process."""

    earlier: Reading
    later: Reading

    @property
    def seconds(self) -> float:
        return self.later.at - self.earlier.at

    def rate(self, name: str, **labels: str) -> float | None:
        """How much a counter's series with these labels grew each second; None when the process does not have it."""
        grown = self.grown(name)
        if grown is None or self.seconds <= 0:
            return None
        return sum(value for own, value in grown.items() if labels.items() <= own) / self.seconds

    def grown(self, name: str) -> Mapping[Labels, float] | None:
        """By how much each series of a counter grew; None when the process has no such metric.

        A series that was not there began at 0, as one did that is smaller than it was.
        """
        later = self.later.metrics.of(name)
        if later is None:
            return None
        earlier = self.earlier.metrics.of(name) or NO_SERIES
        return {labels: _growth(earlier.get(labels, 0.0), value) for labels, value in later.items()}

    def quantile(self, share: float, name: str, **labels: str) -> float | None:
        """A quantile of what a histogram observed meanwhile; None when that was nothing, or there is no such metric."""
        counts: dict[float, float] = {}
        for own, growth in (self.grown(f"{name}_bucket") or NO_SERIES).items():
            if labels.items() <= own:
                bound = float(dict(own)["le"])
                counts[bound] = counts.get(bound, 0.0) + growth
        return quantile(share, counts)


def _growth(earlier: float, later: float) -> float:
    return later - earlier if later >= earlier else later


def quantile(share: float, cumulative: Mapping[float, float]) -> float | None:
    """Below which value lies this share of the observations, taking them as spread evenly in each bucket.

    `cumulative` has the number of those up to each bound. Infinite when it lies above the last finite bound.
    """
    bounds = sorted(cumulative)
    total = cumulative[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    rank = share * total
    for (low, below), (high, until) in pairwise([(0.0, 0.0), *((bound, cumulative[bound]) for bound in bounds)]):
        if until >= rank and until > below:
            return high if math.isinf(high) else low + (high - low) * (rank - below) / (until - below)
    return bounds[-1]
