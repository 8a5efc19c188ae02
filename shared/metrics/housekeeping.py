"""When what has expired was deleted last."""

from prometheus_client import CollectorRegistry, Gauge


class Housekeeping:
    """Of all tasks of one process that delete what is kept no longer."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._last_run = Gauge(
            "muster_housekeeping_last_run_seconds",
            "When the task's last run finished, in Unix time; the start of the process until one has.",
            ["task"],
            registry=registry,
        )

    def task(self, name: str) -> Gauge:
        """To be set with `finished` after each run. It begins with now: a task that never finishes is late too."""
        last_run = self._last_run.labels(name)
        finished(last_run)
        return last_run


def finished(task: Gauge) -> None:
    task.set_to_current_time()
