"""What becomes of the enrollments of two people who turn out to be one: values in, values out (contract, section 4)."""

from collections.abc import Collection, Iterable

from services.enrollment.transitions import OPEN
from shared.events.states import EnrollmentState

_FURTHEST_FIRST = ("completed", "failed", "absent", "enrolled", "waitlisted")


def double_bookings(enrollments: Iterable[EnrollmentState], standing: Collection[int]) -> list[EnrollmentState]:
    """Those to be cancelled, so that one person is in each session once; the one that has come furthest stays.

    In `standing` sessions final records keep nobody out, and so all of them stay.
    """
    counted = [each for each in enrollments if _counts(each, standing)]
    furthest: dict[int, EnrollmentState] = {}
    for each in sorted(counted, key=_how_far):
        furthest.setdefault(each.session_id, each)
    return [each for each in counted if each is not furthest[each.session_id]]


def _counts(enrollment: EnrollmentState, standing: Collection[int]) -> bool:
    if enrollment.session_id in standing:
        return enrollment.status in OPEN
    return enrollment.status != "cancelled"


def _how_far(enrollment: EnrollmentState) -> tuple[int, bool, bool, int]:
    """Of two that are as far, the one with a certificate, then the one with a check-in, then the older one."""
    stage = _FURTHEST_FIRST.index(enrollment.status)
    return stage, not enrollment.certifies, enrollment.checked_in_at is None, enrollment.id
