"""What enrollment follows: courses and sessions, as much of them as enrolling needs."""

from services.enrollment.store import catalog_replica
from services.enrollment.use_cases import sessions
from shared.events.types import CourseRemoved, CourseSaved, SessionRemoved, SessionSaved
from shared.messaging.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    CourseSaved: catalog_replica.save_courses,
    CourseRemoved: catalog_replica.save_courses,
    SessionSaved: sessions.follow,
    SessionRemoved: sessions.follow,
}
