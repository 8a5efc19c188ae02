"""Figures that the tests measure: shown at the end beside their goals, never asserted.

What is measured on a machine that does other things as well is shown as it is; bounds whose breach is a defect are the
deadlines of the clients, and those are asserted.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Of one fault; `goal` is the greatest value wanted."""

    fault: str
    what: str
    value: float
    goal: float | None
    unit: str

    def __str__(self) -> str:
        goal = "" if self.goal is None else f" (goal {self.goal:g}{', met' if self.value <= self.goal else ', MISSED'})"
        return f"{self.fault}: {self.what} {self.value:.4g} {self.unit}{goal}"


FIGURES: list[Figure] = []


def figure(fault: str, what: str, value: float, unit: str, goal: float | None = None) -> None:
    """Keeps one for the table."""
    FIGURES.append(Figure(fault, what, value, goal, unit))


def beside_neighbours(values: Sequence[float]) -> list[float]:
    """Every second value as a multiple of those before and after it: a core gives now more and now less here."""
    return [
        value * 2 / (before + after)
        for before, value, after in zip(values[::2], values[1::2], values[2::2], strict=False)
    ]
