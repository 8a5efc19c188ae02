"""Which cores who runs on: what is measured and its peer share one, the load comes from another."""

import os
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Cores of what is measured, and of the load generator with what both sides ask; servers go where there is room."""

    measured: Sequence[int]
    load: Sequence[int]

    @property
    def all(self) -> Sequence[int]:
        """Both, for what is a matter of a whole machine."""
        return sorted({*self.measured, *self.load})

    def __str__(self) -> str:
        return f"measured on core {_listed(self.measured)}, load from core {_listed(self.load)}"


def placement(cores: Sequence[int] | None = None) -> Placement:
    """The first core for what is measured, the second for the load; the same one where there is no second."""
    mine = sorted(os.sched_getaffinity(0)) if cores is None else list(cores)
    return Placement(mine[:1], mine[1:2] or mine[:1])


def pinned(command: Sequence[str], cores: Sequence[int]) -> list[str]:
    """The command, kept on these cores with all that it starts (taskset(1))."""
    return ["taskset", "--cpu-list", _listed(cores), *command]


def _listed(cores: Sequence[int]) -> str:
    return ",".join(map(str, cores))
