"""Events as the services make them, and the plain truth that projections of them must agree with."""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.events.cloudevents import encode, qualified_type
from shared.events.states import (
    CourseState,
    EmployeeState,
    EnrollmentState,
    EnrollmentStatus,
    NamedItem,
    SessionState,
    State,
)
from shared.events.types import (
    CourseSaved,
    EmployeeSaved,
    EnrollmentCancelled,
    EnrollmentCompleted,
    EnrollmentCreated,
    EnrollmentEvent,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    Event,
    SessionSaved,
)

MOMENT = datetime(2030, 5, 15, 9, tzinfo=UTC)


def encoded(event: Event[Any], source: str = "enrollment") -> tuple[UUID, str]:
    """Its id and the whole body, as the outbox stores it."""
    event_id, body = encode(event)
    added = {
        "time": MOMENT.isoformat(),
        "source": f"urn:muster:test:{source}",
        "dataschema": f"https://muster.example/schemas/{qualified_type(type(event))}.json",
    }
    return event_id, f"{json.dumps(added)[:-1]}, {body[1:]}"


ENROLLMENT_EVENTS: Mapping[EnrollmentStatus, type[EnrollmentEvent]] = {
    "enrolled": EnrollmentCreated,
    "completed": EnrollmentCompleted,
    "failed": EnrollmentFailed,
    "absent": EnrollmentMarkedAbsent,
    "cancelled": EnrollmentCancelled,
}


def course(organisation: int, course_id: int, version: int = 1, **changes: Any) -> CourseSaved:
    state = {
        "title": f"Course {course_id}, version {version}",
        "category": "safety",
        "delivery_mode": "in_person",
        "pass_score": None,
        "validity_months": None,
        "labels": [{"id": version, "name": f"Label {version}"}],
        "prerequisites": [],
    }
    return CourseSaved(
        organisation, CourseState.model_validate({"id": course_id, "version": version} | state | changes)
    )


def session(organisation: int, session_id: int, version: int = 1, **changes: Any) -> SessionSaved:
    state = {
        "course_id": 1,
        "session_name": f"Session {session_id}, version {version}",
        "start_date": MOMENT,
        "end_date": MOMENT.replace(hour=17),
        "location": f"Room {version}",
        "max_participants": 20,
        "status": "scheduled",
        "projects": [{"id": version, "name": f"Project {version}"}],
    }
    return SessionSaved(
        organisation, SessionState.model_validate({"id": session_id, "version": version} | state | changes)
    )


def person(organisation: int, person_id: int, version: int = 1, **changes: Any) -> EmployeeSaved:
    state = {
        "type": "employee",
        "employee_id": f"EMP-{person_id}",
        "full_name": f"Person {person_id}, version {version}",
        "company": NamedItem(id=version, name=f"Company {version}"),
        "created_at": MOMENT,
        "removed": False,
    }
    return EmployeeSaved(
        organisation, EmployeeState.model_validate({"id": person_id, "version": version} | state | changes)
    )


def enrollment(
    organisation: int, enrollment_id: int, version: int = 1, status: EnrollmentStatus = "enrolled", **changes: Any
) -> EnrollmentEvent:
    """Of session 1 of course 1 unless the changes say otherwise; the event that belongs to the status."""
    state = {
        "session_id": 1,
        "course_id": 1,
        "employee_id": enrollment_id,
        "status": status,
        "holds_seat": status not in ("cancelled", "waitlisted"),
        "certifies": status == "completed",
        "score": None,
        "passed": None,
        "feedback": None,
        "certificate_url": None,
        "enrolled_at": MOMENT,
        "completed_at": MOMENT if status in ("completed", "failed") else None,
        "valid_until": None,
        "checked_in_at": None,
        "check_in_method": None,
    }
    return ENROLLMENT_EVENTS[status](
        organisation, EnrollmentState.model_validate({"id": enrollment_id, "version": version} | state | changes)
    )


def enrollment_histories(
    chance: random.Random, organisation: int, *, enrollments: int, versions: int, courses: Mapping[int, int]
) -> list[EnrollmentEvent]:
    """Every version of each enrollment, in random states, moving between sessions; `courses`: session → course."""
    return [
        _random_version(chance, organisation, enrollment_id, version, courses)
        for enrollment_id in range(1, enrollments + 1)
        for version in range(1, chance.randint(1, versions) + 1)
    ]


def _random_version(
    chance: random.Random, organisation: int, enrollment_id: int, version: int, courses: Mapping[int, int]
) -> EnrollmentEvent:
    status = chance.choice(list(ENROLLMENT_EVENTS))
    session_id = chance.choice(list(courses))
    scored = status in ("completed", "failed") and chance.random() < 0.7
    return enrollment(
        organisation,
        enrollment_id,
        version,
        status,
        session_id=session_id,
        course_id=courses[session_id],
        score=Decimal(chance.randint(0, 10_000)) / 100 if scored else None,
    )


def newest(events: Iterable[EnrollmentEvent]) -> list[EnrollmentState]:
    """The last state of each enrollment: what every projection must come to."""
    last: dict[int, EnrollmentState] = {}
    for event in sorted(events, key=lambda event: event.data.version):
        last[event.data.id] = event.data
    return [last[enrollment_id] for enrollment_id in sorted(last)]


@dataclass(frozen=True)
class CourseCounts:
    enrollments: int
    completed: int
    scored: int
    score_sum: Decimal


def session_counts(events: Iterable[EnrollmentEvent], session_ids: Iterable[int]) -> dict[int, int]:
    """The seats taken of each session."""
    taken = [state.session_id for state in newest(events) if state.status != "cancelled"]
    return {session_id: taken.count(session_id) for session_id in session_ids}


def course_counts(events: Iterable[EnrollmentEvent], course_ids: Iterable[int]) -> dict[int, CourseCounts]:
    states = [state for state in newest(events) if state.status != "cancelled"]
    return {course_id: _counts([state for state in states if state.course_id == course_id]) for course_id in course_ids}


def _counts(states: list[EnrollmentState]) -> CourseCounts:
    scores = [state.score for state in states if state.score is not None]
    completed = sum(state.status == "completed" for state in states)
    return CourseCounts(len(states), completed, len(scores), sum(scores, Decimal(0)))


def shuffled(chance: random.Random, events: Iterable[Event[State]], copies: int = 3) -> list[Event[State]]:
    """Each event `copies` times, in random order."""
    repeated = list(events) * copies
    chance.shuffle(repeated)
    return repeated
