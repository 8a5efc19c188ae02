"""Requests with their answers, as the contract shows them. The demonstration rows answer so, and a test holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

COURSE_BEGINNING = """
    "id": 1, "title": "Leadership Essentials", "category": "leadership", "delivery_mode": "in_person",
    "duration_hours": 8, "cost_per_participant": 200.00, "provider": "external",
    "provider_name": "Leadership Academy", "pass_score": 70, "total_sessions": 3, "total_enrollments": 24,
    "external_id": null, "created_at": "2026-01-10T00:00:00.000000Z"
"""

ONE_PAGE = """
    "meta": {"current_page": 1, "last_page": 1, "per_page": 15, "total": 1, "from": 1, "to": 1},
    "links": {"first": "http://x", "last": "http://x", "prev": null, "next": null}
"""

SESSION = """
    "id": 8, "course": {"id": 1, "title": "Leadership Essentials"}, "session_name": "May Cohort",
    "start_date": "2026-05-15T09:00:00.000000Z", "end_date": "2026-05-15T17:00:00.000000Z",
    "location": "Training Room A", "facilitator": {"id": 10, "full_name": "Sarah Williams"},
    "max_participants": 20, "enrolled_count": 15, "available_spots": 5, "status": "scheduled",
    "external_id": null
"""

ENROLLMENT = """
    "id": 301, "employee": {"id": 42, "employee_id": "EMP-042", "full_name": "John Doe"},
    "session": {"id": 8, "course": {"id": 1, "title": "Leadership Essentials"}, "start_date": "2026-05-15",
                "location": "Training Room A"},
    "status": "enrolled", "score": null, "passed": null, "feedback": null,
    "enrolled_at": "2026-04-03T11:00:00.000000Z", "completed_at": null
"""

FEEDBACK = "John demonstrated strong leadership understanding throughout the course."


@dataclass(frozen=True)
class Example:
    """`shape_only`: places whose values depend on the day; `beginning`: lists that go on after what is shown."""

    method: str
    path: str
    status: int
    answer: str
    body: Any = None
    shape_only: Sequence[str] = ()
    beginning: Sequence[str] = ()


EXAMPLES: Final[Mapping[str, Example]] = {
    "list courses": Example(
        "GET",
        "/api/v1/training/courses?search=leadership&category=leadership&delivery_mode=in_person&page=1&per_page=15",
        200,
        f'{{"success": true, "data": [{{{COURSE_BEGINNING}}}], {ONE_PAGE}}}',
        shape_only=("links",),
    ),
    "get course": Example(
        "GET",
        "/api/v1/training/courses/1",
        200,
        f"""{{"success": true, "data": {{{COURSE_BEGINNING},
            "description": "A foundational course covering key leadership principles and team management strategies.",
            "prerequisites": [], "completion_rate": 87.5, "average_score": 78.3,
            "upcoming_sessions": [
                {{"id": 9, "start_date": "2026-05-15", "end_date": "2026-05-15", "location": "Training Room A",
                  "available_spots": 20, "max_participants": 20}}
            ],
            "labels": [], "validity_months": null, "renewal_window_days": null}}}}""",
        shape_only=("data.upcoming_sessions.0.start_date", "data.upcoming_sessions.0.end_date"),
    ),
    "list sessions": Example(
        "GET",
        "/api/v1/training/sessions?course_id=1&status=scheduled&date_from=2026-05-15&date_to=2026-05-16",
        200,
        f'{{"success": true, "data": [{{{SESSION}}}], {ONE_PAGE}}}',
        shape_only=("links",),
    ),
    "get session": Example(
        "GET",
        "/api/v1/training/sessions/8",
        200,
        f"""{{"success": true, "data": {{{SESSION}, "projects": [],
            "enrollment_opens_at": null, "enrollment_closes_at": null}}}}""",
    ),
    "enroll": Example(
        "POST",
        "/api/v1/training/enrollments",
        201,
        """{"success": true, "message": "3 employees enrolled successfully",
            "data": {
                "enrolled_count": 3,
                "enrollments": [
                    {"id": 301, "employee_id": 42, "status": "enrolled"},
                    {"id": 302, "employee_id": 43, "status": "enrolled"},
                    {"id": 303, "employee_id": 44, "status": "enrolled"}
                ],
                "session_available_spots": 2}}""",
        body={"session_id": 8, "employee_ids": [42, 43, 44]},
    ),
    "session full": Example(
        "POST",
        "/api/v1/training/enrollments",
        422,
        """{"success": false,
            "message": "Session is at capacity. Only 2 spots remaining. You requested 3 enrollments.",
            "code": "session_full", "available_spots": 2, "requested": 3}""",
        body={"session_id": 8, "employee_ids": [101, 102, 103]},
    ),
    "list enrollments": Example(
        "GET",
        "/api/v1/training/enrollments?employee_id=42&session_id=8&course_id=1&status=enrolled",
        200,
        f'{{"success": true, "data": [{{{ENROLLMENT}}}], {ONE_PAGE}}}',
        shape_only=("links", "data.0.enrolled_at"),
    ),
    "get enrollment": Example(
        "GET",
        "/api/v1/training/enrollments/301",
        200,
        f"""{{"success": true, "data": {{{ENROLLMENT},
            "certificate_url": null, "checked_in_at": null, "check_in_method": null}}}}""",
        shape_only=("data.enrolled_at",),
    ),
    "complete": Example(
        "PATCH",
        "/api/v1/training/enrollments/301/complete",
        200,
        f"""{{"success": true, "message": "Enrollment marked as completed",
            "data": {{
                "id": 301, "employee": {{"id": 42, "full_name": "John Doe"}}, "status": "completed", "score": 82,
                "passed": true, "feedback": "{FEEDBACK}", "completed_at": "2026-05-15T17:10:00.000000Z"}}}}""",
        body={"score": 82, "feedback": FEEDBACK, "certificate_url": None},
        shape_only=("data.completed_at",),
    ),
    "history of a worker": Example(
        "GET",
        "/api/v1/employees/456/training?status=completed",
        200,
        """{"data": [
                {"id": 7890, "type": "offline", "training_name": "Forklift Operation Refresher",
                 "training_type": "session", "completed_at": "2025-07-01T00:00:00+00:00", "status": "completed",
                 "result": "attended", "valid_until": null,
                 "person": {"id": 456, "type": "employee", "name": "John Doe",
                            "company": "ABC Contractors Pty Ltd"},
                 "projects": ["Sydney Metro West"], "labels": ["Plant Operations"],
                 "session": {"id": 789, "name": "Forklift Operation Refresher", "venue": "Warehouse B",
                             "checked_in_at": "2025-07-01T07:30:00+00:00", "check_in_method": "manual"}}
            ],
            "meta": {"current_page": 1, "per_page": 50, "total": 8, "total_pages": 1}}""",
        beginning=("data",),
    ),
    "worker of nobody": Example(
        "GET",
        "/api/v1/employees/457/training",
        404,
        '{"success": false, "message": "Worker not found or not in your organisation", "code": "not_found"}',
    ),
}
"""In the order in which they are asked: some answers rest on those before."""
