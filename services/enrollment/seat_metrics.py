"""What was decided about seats, and how many are decided together."""

from collections import Counter as Tally
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.enrollment.answers import Enrolled
from services.enrollment.refusals import EnrollmentRefused
from services.enrollment.rules import EnrollCommand
from shared.errors import ApiError

BUCKETS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500)


class SeatMetrics:
    """Of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._decisions = Counter(
            "muster_seat_decisions_total",
            "People whose enrollment was decided: who got a seat, who waits for one, and the code of a refusal.",
            ["outcome"],
            registry=registry,
        )
        self._batch_size = Histogram(
            "muster_seat_batch_size",
            "Requests to enroll that are decided in one transaction.",
            buckets=BUCKETS,
            registry=registry,
        )
        self._children: dict[str, Counter] = {}

    def batch(self, commands: int) -> None:
        self._batch_size.observe(commands)

    def decided(self, command: EnrollCommand, outcome: Enrolled | Exception) -> None:
        """Once it is committed."""
        for name, people in people_by_outcome(command, outcome).items():
            child = self._children.get(name)
            if child is None:
                child = self._children[name] = self._decisions.labels(name)
            child.inc(people)


def people_by_outcome(command: EnrollCommand, outcome: Enrolled | Exception) -> dict[str, int]:
    """How many people `taken`, `waitlisted` and each code of a refusal say it of. A command for everybody or nobody is
    refused for all by the reasons of those who have one, and whoever has none counts under the first."""
    if isinstance(outcome, Enrolled):
        tally = Tally("taken" if state.holds_seat else "waitlisted" for state in outcome.enrollments)
        tally.update(refusal.code for _, refusal in outcome.refused or ())
        return tally
    if isinstance(outcome, EnrollmentRefused):
        tally = Tally(refusal.code for refusal in outcome.refusals.values())
        tally[outcome.code] += len(command.employee_ids) - len(outcome.refusals)
        return +tally
    return {outcome.code: len(command.employee_ids)} if isinstance(outcome, ApiError) else {}


UNWATCHED: Final = SeatMetrics()
"""For who decides without a process whose metrics are read."""
