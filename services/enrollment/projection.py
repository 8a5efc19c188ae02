"""What enrollment copies: courses and sessions; the seats in a session's row are its own."""

from functools import partial

from services.enrollment.store import agreed_status, catalog_replica
from services.enrollment.store.certification_check import wrong_certifications
from services.enrollment.store.erasure_check import half_erased
from services.enrollment.store.seat_check import wrong_seats
from services.enrollment.store.standing_check import wrong_standings
from services.enrollment.store.totals import TOTALS
from shared.events.types import CourseRemoved, CourseSaved, SessionRemoved, SessionSaved
from shared.messaging.outbox import changes_without_event
from shared.postgres.list_totals import wrong_totals
from shared.projections.comparison import Projection, ReplicaTable

PROJECTION = Projection(
    replicas=[
        ReplicaTable("courses", owner="catalog", kind="courses", own_columns=("details_version",)),
        ReplicaTable(
            "sessions",
            owner="catalog",
            kind="sessions",
            own_columns=(
                "seats_taken",
                "seats_agreed_for",
                "seats_version",
                "seats_changed_by",
                *agreed_status.COLUMNS,
                "details_version",
                "times_version",
                "booked",
                "facilitator_version",
                "saved_at",
            ),
        ),
    ],
    # The replica alone: what else a session's event causes is caused once, when it is consumed.
    subscriptions={
        CourseSaved: catalog_replica.save_courses,
        CourseRemoved: catalog_replica.save_courses,
        SessionSaved: catalog_replica.save_sessions,
        SessionRemoved: catalog_replica.save_sessions,
    },
    checks=[
        wrong_seats,
        wrong_certifications,
        wrong_standings,
        half_erased,
        *(partial(wrong_totals, totals=totals) for totals in TOTALS),
        partial(changes_without_event, kind="employee", table="people"),
        partial(changes_without_event, kind="enrollment", table="enrollments"),
        partial(changes_without_event, kind="record", table="external_records"),
        partial(changes_without_event, kind="clearance", table="clearances"),
        partial(changes_without_event, kind="settings", table="organisation_settings"),
    ],
)
