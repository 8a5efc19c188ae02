"""What a process has answered for its metrics, as far as the screen shows it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]
"""Names and values of one series."""
PARTS: Final = ("_bucket", "_sum", "_count")
"""What a histogram's series end with."""
TYPE: Final = "# TYPE "
NO_SERIES: Final[Mapping[Labels, float]] = {}


@dataclass(frozen=True)
class Exposition:
    """Series by the name of their samples (`x_total`, `x_bucket`)."""

    series: Mapping[str, Mapping[Labels, float]]
    present: frozenset[str]
    """Metrics that the process has, those without a series too: nothing was counted yet."""

    def of(self, name: str) -> Mapping[Labels, float] | None:
        """The series of this name; None when the process has no such metric."""
        if name in self.series:
            return self.series[name]
        return NO_SERIES if metric_of(name) in self.present or name in self.present else None

    def total(self, name: str, **labels: str) -> float | None:
        """The sum of the series with these labels; None when the process has no such metric."""
        series = self.of(name)
        return None if series is None else sum(value for own, value in series.items() if labels.items() <= own)


def parse(text: str, wanted: Iterable[str]) -> Exposition:
    """Read Prometheus's text format, of which only the metrics `wanted` are looked at; ValueError for other text."""
    metrics = frozenset(wanted)
    lines = text.splitlines()
    present = frozenset(line.split(" ", 3)[2] for line in lines if line.startswith(TYPE)) & metrics
    series: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families("".join(_kept(lines, metrics))):
        for sample in family.samples:
            series.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return Exposition(series, present)


def metric_of(sample: str) -> str:
    """The name of the metric that a sample belongs to."""
    return next((sample.removesuffix(part) for part in PARTS if sample.endswith(part)), sample)


def _kept(lines: Iterable[str], metrics: frozenset[str]) -> Iterator[str]:
    """Without its comments each sample keeps its name, and the parser, which is slow, sees a part of the lines."""
    for line in lines:
        if line and not line.startswith("#"):
            name = line.partition("{")[0].partition(" ")[0]
            if name in metrics or metric_of(name) in metrics:
                yield f"{line}\n"
