"""What history follows: all of it, to make the training records of each person."""

from services.history import store
from shared.events.types import (
    ENROLLMENT_EVENTS,
    CourseRemoved,
    CourseSaved,
    EmployeeRemoved,
    EmployeeSaved,
    SessionRemoved,
    SessionSaved,
    SettingsSaved,
)
from shared.messaging.consumer import Subscriptions
from shared.projections import settings_copy

SUBSCRIPTIONS: Subscriptions = {
    CourseSaved: store.save_courses,
    CourseRemoved: store.save_courses,
    SessionSaved: store.save_sessions,
    SessionRemoved: store.save_sessions,
    EmployeeSaved: store.save_people,
    EmployeeRemoved: store.save_people,
    **dict.fromkeys(ENROLLMENT_EVENTS, store.save_records),
    SettingsSaved: settings_copy.save_settings,
}
