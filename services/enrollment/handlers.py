"""What enrollment follows: courses and sessions, as much of them as enrolling and calendars need, and new
organisations."""

from services.enrollment.store import catalog_replica
from services.enrollment.use_cases import sessions, settings
from shared.events.types import CourseRemoved, CourseSaved, OrganisationCreated, SessionRemoved, SessionSaved
from shared.messaging.subscriptions import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    CourseSaved: catalog_replica.save_courses,
    CourseRemoved: catalog_replica.save_courses,
    SessionSaved: sessions.follow,
    SessionRemoved: sessions.follow,
    OrganisationCreated: settings.begin,
}
