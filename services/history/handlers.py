"""What history follows: all of it, to make the training records of each person."""

from services.history import store
from shared.events.types import (
    CourseRemoved,
    CourseSaved,
    EmployeeRemoved,
    EmployeeSaved,
    EnrollmentCancelled,
    EnrollmentCheckedIn,
    EnrollmentCompleted,
    EnrollmentCreated,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    EnrollmentPromoted,
    EnrollmentTransferred,
    EnrollmentWaitlisted,
    SessionRemoved,
    SessionSaved,
)
from shared.messaging.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    CourseSaved: store.save_courses,
    CourseRemoved: store.save_courses,
    SessionSaved: store.save_sessions,
    SessionRemoved: store.save_sessions,
    EmployeeSaved: store.save_people,
    EmployeeRemoved: store.save_people,
    EnrollmentCreated: store.save_records,
    EnrollmentWaitlisted: store.save_records,
    EnrollmentPromoted: store.save_records,
    EnrollmentTransferred: store.save_records,
    EnrollmentCompleted: store.save_records,
    EnrollmentFailed: store.save_records,
    EnrollmentMarkedAbsent: store.save_records,
    EnrollmentCancelled: store.save_records,
    EnrollmentCheckedIn: store.save_records,
}
