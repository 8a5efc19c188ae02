"""What a comparison found: samples of alternating rounds, and how they stand to their goal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Samples:
    """One figure a round."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Samples":
        if not values:
            raise ValueError("no round was measured")
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table; `ratio` is ours to the peer's, and `goal` the bound in words (`≥ 0.60`, `≤ 10 ms`)."""

    name: str
    unit: str
    ours: Samples
    peer: Samples | None
    peer_name: str
    ratio: float | None
    goal: str
    met: bool
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """`{name, ours, peer, ratio, goal, met}` and what they were made of; figures are medians."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours.median,
            "ours_range": [self.ours.low, self.ours.high],
            "peer": None if self.peer is None else self.peer.median,
            "peer_range": None if self.peer is None else [self.peer.low, self.peer.high],
            "peer_name": self.peer_name,
            "ratio": self.ratio,
            "goal": self.goal,
            "met": self.met,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Result":
        """What `as_json` wrote; of the samples it has the lowest, the median and the highest."""
        peer = None if row["peer"] is None else _samples(row["peer"], row["peer_range"])
        ours = _samples(row["ours"], row["ours_range"])
        return cls(
            row["name"], row["unit"], ours, peer, row["peer_name"], row["ratio"], row["goal"], row["met"], row["note"]
        )


def _samples(middle: float, ends: Sequence[float]) -> Samples:
    return Samples((ends[0], middle, ends[1]))


def at_least(name: str, unit: str, ours: Samples, peer: Samples, peer_name: str, goal: float, note: str = "") -> Result:
    """Ours should be `goal` times the peer's or more; the ratio is that of the medians."""
    ratio = ours.median / peer.median
    return Result(name, unit, ours, peer, peer_name, ratio, f"≥ {goal:g} ×", ratio >= goal, note)


def at_most(name: str, unit: str, ours: Samples, peer: Samples, peer_name: str, goal: float, note: str = "") -> Result:
    """Ours should be `goal` times the peer's or less, as a latency at ten times the data."""
    ratio = ours.median / peer.median
    return Result(name, unit, ours, peer, peer_name, ratio, f"≤ {goal:g} ×", ratio <= goal, note)


def bounded(name: str, unit: str, ours: Samples, most: float, note: str = "") -> Result:
    """Ours should be `most` or less, with nobody beside it."""
    return Result(name, unit, ours, None, "", None, f"≤ {most:g} {unit}", ours.median <= most, note)


def reached(name: str, unit: str, ours: Samples, least: float, note: str = "") -> Result:
    """Ours should be `least` or more, with nobody beside it."""
    return Result(name, unit, ours, None, "", None, f"≥ {least:g} {unit}", ours.median >= least, note)
