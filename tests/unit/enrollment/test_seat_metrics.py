"""Of whom a decision about seats says what."""

from prometheus_client import CollectorRegistry

from services.enrollment.errors import SessionNotFound, SessionUnknown
from services.enrollment.refusals import AlreadyEnrolled, EnrollmentRefused, SessionFull
from services.enrollment.seat_metrics import SeatMetrics, people_by_outcome
from tests.unit.enrollment.test_rules_decisions import command


def test_a_refusal_counts_each_person_by_their_own_reason() -> None:
    refused = EnrollmentRefused({0: AlreadyEnrolled(), 2: SessionFull(0, 2), 3: SessionFull(0, 2)})
    assert refused.code == "already_enrolled"
    assert people_by_outcome(command(1, 5, 6, 7, 8), refused) == {"already_enrolled": 2, "session_full": 2}


def test_another_error_is_of_all_and_what_is_no_answer_of_nobody() -> None:
    assert people_by_outcome(command(1, 5, 6), SessionNotFound()) == {"not_found": 2}
    assert people_by_outcome(command(1, 5, 6), SessionUnknown()) == {}


def test_decisions_add_up() -> None:
    registry = CollectorRegistry()
    metrics = SeatMetrics(registry)
    for _ in range(2):
        metrics.decided(command(1, 5), SessionNotFound())
    assert registry.get_sample_value("muster_seat_decisions_total", {"outcome": "not_found"}) == 2
