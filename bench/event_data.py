"""Events as enrollment tells them, and the rows that must be there before somebody can enroll or be counted."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from services.enrollment.store.catalog_replica import save_courses, save_sessions
from shared.events.cloudevents import encode
from shared.events.states import CourseState, EnrollmentState, SessionState
from shared.events.types import CourseSaved, EnrollmentCreated, SessionSaved

COURSES, SESSIONS, PEOPLE = 100, 1000, 6000
"""Of an organisation."""
MOMENT = datetime(2030, 5, 15, 9, tzinfo=UTC)

_COURSES = """
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, prerequisites, labels, created_at)
SELECT $1, id, 'Course', 'safety', 'in_person', 1, 0, 'internal', '{}', '[]', $3 FROM generate_series(1, $2) AS id
"""
_SESSIONS = """
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, max_participants, status,
    projects)
SELECT $1, id, id % $3 + 1, 'Session', $4, $4::timestamptz + interval '1 hour', 100000, 'scheduled', '[]'
FROM generate_series(1, $2) AS id
"""
_PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
SELECT $1, id, 'employee', 'EMP-' || id, 'Person ' || id, $3 FROM generate_series(1, $2) AS id
"""

_organisations = count(9_000_001)


def new_organisation() -> int:
    """One that nobody else has, so that no round meets the rows of another."""
    return next(_organisations)


def enrollments(organisation: int, number: int) -> list[EnrollmentCreated]:
    """One event of each of so many enrollments, through all sessions."""
    return [
        EnrollmentCreated(
            organisation,
            EnrollmentState(
                id=n, version=1, session_id=n % SESSIONS + 1, course_id=n % COURSES + 1, employee_id=n,
                status="enrolled", holds_seat=True, score=None, passed=None, feedback=None, certificate_url=None,
                enrolled_at=MOMENT, completed_at=None, valid_until=None, checked_in_at=None, check_in_method=None,
                certifies=False,
            ),
        )
        for n in range(1, number + 1)
    ]  # fmt: skip


def messages(events: Iterable[EnrollmentCreated]) -> list[tuple[str, str, str]]:
    """Id, routing key and body of each event, as the outbox has them."""
    schemas = "https://muster.example/schemas"
    added = f'{{"time": "{MOMENT.isoformat()}", "source": "urn:muster:bench:enrollment", "dataschema": "{schemas}/'
    encoded = [(event.type, *encode(event)) for event in events]
    return [(str(event_id), key, f'{added}training.{key}.v1.json", {body[1:]}') for key, event_id, body in encoded]


async def fill_catalog(database: Any, organisation: int) -> None:
    await database.execute(_COURSES, organisation, COURSES, MOMENT)
    await database.execute(_SESSIONS, organisation, SESSIONS, COURSES, MOMENT)
    await database.execute("ANALYZE")


async def fill_enrollment(database: Any, organisation: int) -> None:
    """People, and the copies of what the catalog has."""
    await database.execute(_PEOPLE, organisation, PEOPLE, MOMENT)
    await save_courses(database, [CourseSaved(organisation, _course(n)) for n in range(1, COURSES + 1)])
    await save_sessions(database, [SessionSaved(organisation, _session(n)) for n in range(1, SESSIONS + 1)])
    await database.execute("ANALYZE")


def _course(number: int) -> CourseState:
    return CourseState(
        id=number, version=1, title="Course", category="safety", delivery_mode="in_person", pass_score=None,
        validity_months=None, labels=(), prerequisites=(),
    )  # fmt: skip


def _session(number: int) -> SessionState:
    return SessionState(
        id=number, version=1, course_id=number % COURSES + 1, session_name="Session", start_date=MOMENT,
        end_date=MOMENT + timedelta(hours=1), location=None, max_participants=100_000, status="scheduled", projects=(),
    )  # fmt: skip
