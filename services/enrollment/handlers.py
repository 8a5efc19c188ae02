"""What enrollment follows: courses and sessions, as much of them as enrolling needs."""

from services.enrollment import store
from shared.consumer import Subscriptions
from shared.events import CourseSaved, SessionSaved

SUBSCRIPTIONS: Subscriptions = {
    CourseSaved: store.save_courses,
    SessionSaved: store.save_sessions,
}
