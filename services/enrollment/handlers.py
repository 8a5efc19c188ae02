"""What enrollment follows: courses and sessions, as much of them as enrolling needs."""

from services.enrollment.store import copies
from services.enrollment.use_cases import sessions
from shared.consumer import Subscriptions
from shared.events import CourseRemoved, CourseSaved, SessionRemoved, SessionSaved

SUBSCRIPTIONS: Subscriptions = {
    CourseSaved: copies.save_courses,
    CourseRemoved: copies.save_courses,
    SessionSaved: sessions.follow,
    SessionRemoved: sessions.follow,
}
