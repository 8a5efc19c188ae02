"""Enrollment's routes that change one enrollment (contract, section 4)."""

from typing import Any

from services.enrollment.api_internal import CATALOG
from services.enrollment.errors import (
    ChangedMeanwhile,
    CheckedIn,
    CheckInKept,
    CompletedAtNotPossible,
    EmployeeLeft,
    EnrollmentClosed,
    EnrollmentNotFound,
    MeetingNotSelectable,
    MeetingRequired,
    PersonErased,
    SessionNotSelectable,
    SessionOfOtherCourse,
)
from services.enrollment.refusals import (
    AlreadyEnrolled,
    Clash,
    EnrollmentNotOpen,
    PrerequisiteMissing,
    SessionClosed,
    SessionFull,
    WaitlistAhead,
)
from services.enrollment.representations import CompletionAnswer, EnrollmentDetail
from services.enrollment.schemas import CheckIn, CheckInQuery, Completion, Promotion, Reopening, Transfer
from services.enrollment.use_cases import lifecycle
from shared.auth.internal_token import ENROLL, RECORD
from shared.auth.sight import ENROLLS
from shared.errors import PreconditionFailed
from shared.http.models import Body, Query
from shared.http.representation import Success
from shared.http.resource_responses import changed
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.service.chassis import POOL

_ONE = "/api/v1/training/enrollments/{id}"


async def complete_enrollment(call: Call[Query, Completion]) -> Answer:
    status, enrollment = await lifecycle.complete(
        call.app[POOL], call.organisation_id, call.id, call.body, call.actor, conditions=call.conditions
    )
    return changed(enrollment, f"Enrollment marked as {status}")


async def check_in_enrollment(call: Call[Query, CheckIn]) -> Answer:
    enrollment = await lifecycle.check_in(
        call.app[POOL], call.organisation_id, call.id, call.body, call.actor, conditions=call.conditions
    )
    return changed(enrollment, "Enrollment checked in")


async def remove_check_in(call: Call[CheckInQuery, Body]) -> Answer:
    enrollment = await lifecycle.remove_check_in(
        call.app[POOL], call.organisation_id, call.id, call.actor, call.conditions, call.query.meeting_id
    )
    return changed(enrollment, "Check-in removed")


async def reopen_enrollment(call: Call[Query, Reopening]) -> Answer:
    enrollment = await lifecycle.reopen(
        call.app[POOL], call.organisation_id, call.id, call.body.reason, call.actor, call.conditions
    )
    return changed(enrollment, "Enrollment reopened")


async def cancel_enrollment(call: Call[Query, Body]) -> Answer:
    enrollment = await lifecycle.cancel(call.app[POOL], call.caller, call.id, call.actor, call.conditions)
    return changed(enrollment, "Enrollment cancelled")


async def mark_enrollment_absent(call: Call[Query, Body]) -> Answer:
    enrollment = await lifecycle.mark_absent(call.app[POOL], call.organisation_id, call.id, call.actor, call.conditions)
    return changed(enrollment, "Enrollment marked as absent")


async def promote_enrollment(call: Call[Query, Promotion]) -> Answer:
    enrollment = await lifecycle.promote(
        call.app[POOL],
        call.organisation_id,
        call.id,
        call.actor,
        over_capacity=call.body.over_capacity,
        conditions=call.conditions,
    )
    return changed(enrollment, "Enrollment promoted")


async def transfer_enrollment(call: Call[Query, Transfer]) -> Answer:
    enrollment = await lifecycle.transfer(
        call.app[POOL],
        call.app[CATALOG],
        call.caller,
        call.id,
        call.body.session_id,
        call.actor,
        call.conditions,
    )
    return changed(enrollment, "Enrollment transferred")


_OF_A_CHANGE = (EnrollmentNotFound, PreconditionFailed, PersonErased)
_OF_A_SEAT = (*_OF_A_CHANGE, ChangedMeanwhile)
"""What every change of an enrollment refuses, and every one that needs its session locked."""

LIFECYCLE_ROUTES: list[Route[Any, Any]] = [
    Route(
        "PATCH",
        f"{_ONE}/complete",
        complete_enrollment,
        {200: Success[CompletionAnswer]},
        permissions=[RECORD],
        body=Completion,
        body_optional=True,
        summary="Complete enrollment",
        description=(
            "A score below the pass score makes it `failed`. Another request corrects the result, which is judged"
            " as it was the first time."
        ),
        refusals=[*_OF_A_CHANGE, EnrollmentClosed, CompletedAtNotPossible],
        tagged=True,
    ),
    Route(
        "PATCH",
        f"{_ONE}/cancel",
        cancel_enrollment,
        {200: Success[EnrollmentDetail]},
        permissions=ENROLLS,
        summary="Cancel enrollment",
        description="The seat goes to the first on the waitlist. Cancelling again changes nothing.",
        refusals=[*_OF_A_SEAT, EnrollmentClosed],
        tagged=True,
    ),
    Route(
        "PATCH",
        f"{_ONE}/absent",
        mark_enrollment_absent,
        {200: Success[EnrollmentDetail]},
        permissions=[RECORD],
        summary="Mark enrollment as absent",
        description=(
            "Before the session begins, the seat goes to the first on the waitlist. Nobody is absent who is checked in."
        ),
        refusals=[*_OF_A_SEAT, EnrollmentClosed, CheckedIn],
        tagged=True,
    ),
    Route(
        "PATCH",
        f"{_ONE}/promote",
        promote_enrollment,
        {200: Success[EnrollmentDetail]},
        permissions=[ENROLL],
        body=Promotion,
        body_optional=True,
        summary="Promote enrollment",
        description="From the waitlist to a seat, whoever else waits; with `over_capacity` also when no seat is free.",
        refusals=[*_OF_A_SEAT, EnrollmentClosed, EmployeeLeft, SessionClosed, PrerequisiteMissing, Clash, SessionFull],
        tagged=True,
    ),
    Route(
        "PATCH",
        f"{_ONE}/transfer",
        transfer_enrollment,
        {200: Success[EnrollmentDetail]},
        permissions=ENROLLS,
        body=Transfer,
        summary="Transfer enrollment",
        description=(
            "To a seat in another session of the same course. The old seat goes to the first on the waitlist, and a"
            " check-in stays behind."
        ),
        refusals=[
            *_OF_A_SEAT,
            EnrollmentClosed,
            EmployeeLeft,
            SessionNotSelectable,
            SessionOfOtherCourse,
            SessionClosed,
            EnrollmentNotOpen,
            AlreadyEnrolled,
            Clash,
            WaitlistAhead,
            SessionFull,
        ],
        tagged=True,
    ),
    Route(
        "PATCH",
        f"{_ONE}/check-in",
        check_in_enrollment,
        {200: Success[EnrollmentDetail]},
        permissions=[RECORD],
        body=CheckIn,
        summary="Check in enrollment",
        description=(
            "In a session with meetings each has a check-in of its own, by `meeting_id`. Another check-in with a"
            " time corrects the first one."
        ),
        refusals=[*_OF_A_CHANGE, EnrollmentClosed, MeetingRequired, MeetingNotSelectable],
        tagged=True,
    ),
    Route(
        "DELETE",
        f"{_ONE}/check-in",
        remove_check_in,
        {200: Success[EnrollmentDetail]},
        permissions=[RECORD],
        query=CheckInQuery,
        summary="Remove check-in",
        description="That of the meeting `meeting_id`, or all of them.",
        refusals=[*_OF_A_CHANGE, CheckInKept, MeetingNotSelectable],
        tagged=True,
    ),
    Route(
        "PATCH",
        f"{_ONE}/reopen",
        reopen_enrollment,
        {200: Success[EnrollmentDetail]},
        permissions=[RECORD],
        body=Reopening,
        summary="Reopen enrollment",
        description=(
            "Takes back a result or an absence: the person is enrolled again, without score and dates. A seat that"
            " was given back has to be free again."
        ),
        refusals=[
            *_OF_A_SEAT,
            EnrollmentClosed,
            EmployeeLeft,
            SessionClosed,
            AlreadyEnrolled,
            WaitlistAhead,
            SessionFull,
        ],
        tagged=True,
    ),
]
