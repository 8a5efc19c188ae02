"""What history follows: all of it, to make the training records of each person."""

from services.history.store import copies
from shared.events.types import (
    ENROLLMENT_EVENTS,
    RECORD_EVENTS,
    CourseRemoved,
    CourseSaved,
    EmployeeErased,
    EmployeeMerged,
    EmployeeRemoved,
    EmployeeSaved,
    SessionRemoved,
    SessionSaved,
    SettingsSaved,
)
from shared.messaging.subscriptions import Subscriptions
from shared.projections import settings_copy

SUBSCRIPTIONS: Subscriptions = {
    CourseSaved: copies.save_courses,
    CourseRemoved: copies.save_courses,
    SessionSaved: copies.save_sessions,
    SessionRemoved: copies.save_sessions,
    EmployeeSaved: copies.save_people,
    EmployeeRemoved: copies.save_people,
    EmployeeMerged: copies.save_people,
    EmployeeErased: copies.save_people,
    **dict.fromkeys(ENROLLMENT_EVENTS, copies.save_records),
    **dict.fromkeys(RECORD_EVENTS, copies.save_external_records),
    SettingsSaved: settings_copy.save_settings,
}
