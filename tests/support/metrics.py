"""What a process's metrics say."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from shared.metrics.registry import Metrics
from tests.support.eventually import eventually


@dataclass(frozen=True)
class Reading:
    """The values by name and labels, as they were read once."""

    values: dict[tuple[str, frozenset[tuple[str, str]]], float]
    families: frozenset[str]
    """As they are asked for: counters with `_total`, but histograms without `_bucket`."""

    def of(self, name: str, **labels: str) -> float | None:
        """None for one that is not there."""
        return self.values.get((name, frozenset(labels.items())))

    def total(self, name: str, **labels: str) -> float:
        """Of all that have these labels, and maybe others."""
        return sum(value for (each, own), value in self.values.items() if each == name and labels.items() <= set(own))

    def labels(self, name: str) -> set[str]:
        """All values of all labels of one metric."""
        return {value for each, own in self.values for _, value in own if each == name}


async def read(metrics: Metrics) -> Reading:
    families = list(text_string_to_metric_families((await metrics.exposition()).decode()))
    values = {
        (sample.name, frozenset(sample.labels.items())): sample.value for each in families for sample in each.samples
    }
    return Reading(values, frozenset(_asked_for(each) for each in families))


def _asked_for(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


async def shows(metrics: Metrics, expected: Callable[[Reading], bool]) -> Reading:
    """Once the metrics are as expected."""
    found: list[Reading] = []

    async def as_expected() -> bool:
        found[:] = [await read(metrics)]
        return expected(found[0])

    await eventually(as_expected)
    return found[0]
