"""Enrollment's route of a session's attendance (contract, section 4)."""

from typing import Any

from services.enrollment.api_internal import CATALOG
from services.enrollment.attendance import AttendanceRefused
from services.enrollment.errors import SessionNotFound
from services.enrollment.representations import RecordedAttendance
from services.enrollment.schemas_attendance import Attendance
from services.enrollment.use_cases.attendance import record_attendance
from shared.auth.internal_token import RECORD
from shared.http.models import Query
from shared.http.representation import Success
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY


async def post_attendance(call: Call[Query, Attendance]) -> Answer:
    return await record_attendance(
        call.app[POOL],
        call.app[CATALOG],
        (call.organisation_id, call.id),
        call.body,
        call.actor,
        call.idempotency_key,
    )


ATTENDANCE_ROUTES: list[Route[Any, Any]] = [
    Route(
        "POST",
        "/api/v1/training/sessions/{id}/attendance",
        post_attendance,
        {200: Success[RecordedAttendance]},
        permissions=[RECORD],
        body=Attendance,
        summary="Record attendance",
        description=(
            "The rows are recorded in their order, each by the rules of the single change. With `atomic` all are"
            " recorded or none."
        ),
        refusals=[SessionNotFound, AttendanceRefused, *OF_IDEMPOTENCY],
    ),
]
