"""What enrollment copies: courses and sessions; the seats in a session's row are its own."""

from functools import partial

from services.enrollment.store import copies
from services.enrollment.store.audit_of_seats import wrong_seats
from services.enrollment.store.totals import TOTALS
from shared.events import CourseRemoved, CourseSaved, SessionRemoved, SessionSaved
from shared.outbox import untold_changes
from shared.projections import Copied, Projection
from shared.totals import wrong_totals

PROJECTION = Projection(
    copied=[
        Copied("courses", owner="catalog", kind="courses"),
        Copied("sessions", owner="catalog", kind="sessions", own_columns=("seats_taken", "seats_agreed_for")),
    ],
    # The copies alone: what else the service does about a session's news is done where it is news.
    subscriptions={
        CourseSaved: copies.save_courses,
        CourseRemoved: copies.save_courses,
        SessionSaved: copies.save_sessions,
        SessionRemoved: copies.save_sessions,
    },
    checks=[
        wrong_seats,
        *(partial(wrong_totals, totals=totals) for totals in TOTALS),
        partial(untold_changes, kind="employee", table="people"),
        partial(untold_changes, kind="enrollment", table="enrollments"),
    ],
)
