"""What is known of one process at one moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from stack.metrics.differences import Reading, Window
from stack.metrics.names import REQUESTS

State = Literal["up", "ended", "stopped", "given"]
"""`ended`: by itself, and not started again yet. `stopped`: by ./dev down NAME. `given`: by the environment."""


@dataclass(frozen=True)
class Observed:
    """A server, which has no metrics here, a service, or the gateway."""

    name: str
    state: State
    age: float | None
    """Seconds since its start."""
    cpu: float | None
    """Of one processor, of it and all that it has started."""
    memory: int | None
    measured: bool
    """Whether it answers for metrics when all is well."""
    reading: Reading | None = None
    window: Window | None = None

    @property
    def silent(self) -> bool:
        """Whether it runs, and does not answer for its metrics."""
        return self.measured and self.state == "up" and self.reading is None

    def now(self, name: str, **labels: str) -> float | None:
        """A gauge, summed over its series; None when it is not known."""
        return None if self.reading is None else self.reading.metrics.total(name, **labels)

    def most(self, name: str) -> float | None:
        """The largest of a gauge's series."""
        series = None if self.reading is None else self.reading.metrics.of(name)
        return None if series is None else max(series.values(), default=0.0)

    def values(self, name: str, label: str) -> dict[str, float]:
        """A gauge by one of its labels."""
        series = (None if self.reading is None else self.reading.metrics.of(name)) or {}
        return {dict(labels)[label]: value for labels, value in series.items()}

    def rate(self, name: str, **labels: str) -> float | None:
        """Of a counter, each second; None when it is not known."""
        return None if self.window is None else self.window.rate(name, **labels)

    def failed(self) -> float | None:
        """Requests answered with 5xx, each second; None when it is not known."""
        grown = None if self.window is None else self.window.grown(f"{REQUESTS}_count")
        if grown is None or self.window is None or self.window.seconds <= 0:
            return None
        failed = sum(value for labels, value in grown.items() if dict(labels)["status"].startswith("5"))
        return failed / self.window.seconds

    def quantile(self, portion: float, name: str, **labels: str) -> float | None:
        """Of a histogram's observations; None when there were none, or it is not known."""
        return None if self.window is None else self.window.quantile(portion, name, **labels)


def summed(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
