"""Mass assignment: what only the system decides is no field that a client can send, in any body that writes."""

from collections.abc import Iterator, Mapping

from tests.security.corpus import (
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    SETTINGS,
    STAFF,
    Case,
    Expected,
    Family,
    Service,
    course,
    invalid,
    send,
)

_SESSION = (
    '"course_id": <course>, "session_name": "New", "max_participants": 5, '
    '"start_date": "2030-05-15T09:00:00Z", "end_date": "2030-05-15T17:00:00Z"'
)
_PERSON = '"employee_id": "E-1", "full_name": "New Name"'

EVERYWHERE = [
    "id", "organisation_id", "version", "created_at", "updated_at", "removed", "org", "is_admin", "permissions",
    "constructor", "__class__",
]  # fmt: skip
_OF_COURSES = ("total_sessions", "total_enrollments", "completion_rate", "average_score", "upcoming_sessions")
_OF_SESSIONS = ("enrolled_count", "available_spots", "seats_taken", "course")

WRITING: Mapping[str, tuple[str, Service, tuple[str, ...]]] = {
    f"POST {COURSES}": (course()[1:-1], "catalog", _OF_COURSES),
    f"PATCH {COURSES}/<course>": ('"title": "New"', "catalog", _OF_COURSES),
    f"POST {SESSIONS}": (_SESSION, "catalog", _OF_SESSIONS),
    f"PATCH {SESSIONS}/<session>": ('"location": "New"', "catalog", _OF_SESSIONS),
    f"POST {ENROLLMENTS}": (
        '"session_id": <session>, "employee_ids": [<idle person>]',
        "enrollment",
        ("status", "score", "passed", "course_id", "enrolled_at", "completed_at", "valid_until", "waitlist_position"),
    ),
    f"PATCH {ENROLLMENTS}/<enrollment>/complete": (
        '"score": 80',
        "enrollment",
        ("status", "passed", "certifies", "judged_by", "valid_until", "employee_id", "session_id"),
    ),
    f"PATCH {ENROLLMENTS}/<enrollment>/check-in": (
        '"method": "manual"',
        "enrollment",
        ("status", "score", "checked_in_by"),
    ),
    f"PATCH {ENROLLMENTS}/<enrollment>/reopen": (
        '"reason": "A mistake"',
        "enrollment",
        ("status", "holds_seat", "certifies", "session_id"),
    ),
    f"PATCH {ENROLLMENTS}/<enrollment>/cancel": ("", "enrollment", ("status", "reason")),
    f"PATCH {ENROLLMENTS}/<enrollment>/absent": ("", "enrollment", ("status", "reason")),
    f"PATCH {ENROLLMENTS}/<enrollment>/transfer": (
        '"session_id": <empty session>',
        "enrollment",
        ("status", "employee_id", "enrolled_at"),
    ),
    "POST /api/v1/training/records": (
        '"employee_id": <person>, "training_name": "First Aid", "provider": "x",'
        ' "completed_at": "2025-03-03T08:00:00Z"',
        "enrollment",
        (
            "status",
            "passed",
            "certifies",
            "submitted_by",
            "submitted_at",
            "decided_by",
            "source",
            "remembered",
            "reason",
        ),
    ),
    f"PUT {EMPLOYEES}/<person>": (_PERSON, "enrollment", ("type", "company_id", "company_name")),
    f"PUT {STAFF}/<staff>": (_PERSON, "enrollment", ("type", "company", "company_id")),
    f"PUT {SETTINGS}": ('"time_zone": "UTC"', "enrollment", ("organisation", "timezone")),
}


def cases() -> Iterator[Case]:
    for request, (members, service, fields) in WRITING.items():
        method, _, path = request.partition(" ")
        for field in [*EVERYWHERE, *fields]:
            body = "{" + ", ".join(filter(None, (members, f'"{field}": 1'))) + "}"
            yield Case(f"{field} in {request}", send(method, path, body), invalid(field), service=service)


NESTED = [
    Case(
        "version in a label",
        send("POST", COURSES, course(labels='[{"id": 1, "name": "x", "version": 9}]')),
        invalid("labels.0.version"),
    ),
    Case(
        "version in a facilitator",
        send("PATCH", f"{SESSIONS}/<session>", '{"facilitator": {"id": 1, "full_name": "x", "version": 9}}'),
        invalid("facilitator.version"),
    ),
    Case(
        "organisation in a company",
        send(
            "PUT", f"{EMPLOYEES}/<person>", f'{{{_PERSON}, "company": {{"id": 1, "name": "x", "organisation_id": 1}}}}'
        ),
        invalid("company.organisation_id"),
        service="enrollment",
    ),
    Case(
        "a new session that is completed",
        send("POST", SESSIONS, f'{{{_SESSION}, "status": "completed"}}'),
        Expected(422, "validation_failed", names=("status",)),
    ),
    Case(
        "the course of a session",
        send("PATCH", f"{SESSIONS}/<session>", '{"course_id": <other course>}'),
        Expected(422, "validation_failed", names=("course_id",)),
    ),
]

FAMILY = Family("assignment", [*cases(), *NESTED], 180)
