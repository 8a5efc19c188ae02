"""What the catalog follows: enrollments move the counts of their session and course."""

from services.catalog import store
from shared.consumer import Subscriptions
from shared.events import (
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

SUBSCRIPTIONS: Subscriptions = {
    EnrollmentCreated: store.apply_enrollments,
    EnrollmentWaitlisted: store.apply_enrollments,
    EnrollmentPromoted: store.apply_enrollments,
    EnrollmentTransferred: store.apply_enrollments,
    EnrollmentCompleted: store.apply_enrollments,
    EnrollmentFailed: store.apply_enrollments,
    EnrollmentMarkedAbsent: store.apply_enrollments,
    EnrollmentCancelled: store.apply_enrollments,
    EnrollmentCheckedIn: store.apply_enrollments,
}
