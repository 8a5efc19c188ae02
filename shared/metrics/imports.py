"""Files that are imported."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

STATUSES: Final = ("waiting", "running")


class ImportMetrics:
    """Of the imports of one service."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._imports = Gauge(
            "muster_imports", "Imports that are not done, by kind and status.", ["kind", "status"], registry=registry
        )
        self._lines = Counter(
            "muster_import_lines_total",
            "Lines of imported files that this process has done, by what came of them.",
            ["kind", "outcome"],
            registry=registry,
        )

    def show(self, kinds: Iterable[str], numbers: Mapping[tuple[str, str], int]) -> None:
        """`numbers` by kind and status; none is zero."""
        for kind in kinds:
            for status in STATUSES:
                self._imports.labels(kind, status).set(numbers.get((kind, status), 0))

    def count(self, kind: str, outcomes: Mapping[str, int]) -> None:
        """A batch of lines, once it is committed."""
        for outcome, number in outcomes.items():
            self._lines.labels(kind, outcome).inc(number)
