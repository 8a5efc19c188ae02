"""What the catalog follows: enrollments move the counts of their session and course."""

from services.catalog.store import counts
from shared.events.types import (
    EnrollmentCancelled,
    EnrollmentCheckedIn,
    EnrollmentCompleted,
    EnrollmentCreated,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    EnrollmentPromoted,
    EnrollmentTransferred,
    EnrollmentWaitlisted,
)
from shared.messaging.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    EnrollmentCreated: counts.apply_enrollments,
    EnrollmentWaitlisted: counts.apply_enrollments,
    EnrollmentPromoted: counts.apply_enrollments,
    EnrollmentTransferred: counts.apply_enrollments,
    EnrollmentCompleted: counts.apply_enrollments,
    EnrollmentFailed: counts.apply_enrollments,
    EnrollmentMarkedAbsent: counts.apply_enrollments,
    EnrollmentCancelled: counts.apply_enrollments,
    EnrollmentCheckedIn: counts.apply_enrollments,
}
