"""Enrollment's routes (contract, section 4)."""

from operator import attrgetter
from typing import Any

from aiohttp import web

from services.enrollment import rules
from services.enrollment.api_attendance import ATTENDANCE_ROUTES
from services.enrollment.api_internal import CATALOG, INTERNAL_ROUTES
from services.enrollment.api_people import PEOPLE_ROUTES
from services.enrollment.errors import (
    ChangedMeanwhile,
    CheckedIn,
    CheckInKept,
    CompletedAtNotPossible,
    CourseNotSelectable,
    EmployeeLeft,
    EnrollmentClosed,
    EnrollmentNotFound,
    LabelNotSelectable,
    MeetingNotSelectable,
    MeetingRequired,
    SessionNotSelectable,
    SessionOfOtherCourse,
    TimeZoneUnknown,
)
from services.enrollment.refusals import (
    KINDS,
    AlreadyEnrolled,
    Clash,
    EnrollmentNotOpen,
    PrerequisiteMissing,
    SessionClosed,
    SessionFull,
    WaitlistAhead,
)
from services.enrollment.representations import (
    CompletionAnswer,
    ComplianceItem,
    EnrolledPeople,
    EnrollmentDetail,
    EnrollmentItem,
    SettingsAnswer,
)
from services.enrollment.rules import EnrollCommand
from services.enrollment.schemas import (
    CheckIn,
    CheckInQuery,
    Completion,
    ComplianceQuery,
    EnrollmentQuery,
    EnrollmentRequest,
    OrganisationSettings,
    Promotion,
    Reopening,
    Transfer,
)
from services.enrollment.store import compliance, pages
from services.enrollment.store import settings as settings_store
from services.enrollment.use_cases import lifecycle, settings
from services.enrollment.use_cases.enroll import EnrollmentBatcher, enroll
from shared.auth.internal_token import ENROLL, MANAGE, RECORD, VIEW, VIEW_COMPANY
from shared.auth.sight import ENROLLS, VIEWS, reach_of, sight_of
from shared.errors import NotFound, PreconditionFailed
from shared.http.models import Body, Query
from shared.http.representation import Listed, Success
from shared.http.resource_responses import changed, document, page
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor
from shared.postgres.pool import connected, slow_transaction
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY
from shared.service.resource_routes import audit_route, detail_in_sight_route, list_in_sight_route

ENROLLMENT_BATCHER: web.AppKey[EnrollmentBatcher] = web.AppKey("enrollment_batcher")

TRAINING = "/api/v1/training"
ENROLLMENTS = TRAINING + "/enrollments"


async def create_enrollments(call: Call[Query, EnrollmentRequest]) -> Answer:
    rules.check_may_enroll(call.caller, call.body.employee_ids)
    command = EnrollCommand(
        organisation_id=call.organisation_id,
        session_id=call.body.session_id,
        employee_ids=tuple(call.body.employee_ids),
        actor=call.actor,
        waitlist=call.body.waitlist,
        partial=call.body.partial,
        idempotency_key=call.idempotency_key,
        reach=reach_of(call.caller),
    )
    return await enroll(call.app[ENROLLMENT_BATCHER], call.app[POOL], call.app[CATALOG], command)


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


async def list_compliance(call: Call[ComplianceQuery, Body]) -> Answer:
    require_own_cursor(call)
    async with slow_transaction(call.app[POOL], [call.organisation_id]) as connection:
        courses = await compliance.courses_asked_for(connection, call.organisation_id, call.query)
        if not courses:
            raise CourseNotSelectable if call.query.label_id is None else LabelNotSelectable
        rows = await compliance.compliance_page(
            connection, call.organisation_id, courses, call.query, sight_of(call.caller)
        )
    return page(call, *rows)


async def get_settings(call: Call[Query, Body]) -> Answer:
    async with connected(call.app[POOL]) as connection:
        return document(await settings_store.settings(connection, call.organisation_id), call.conditions)


async def put_settings(call: Call[Query, OrganisationSettings]) -> Answer:
    saved = await settings.save_settings(call.app[POOL], call.organisation_id, call.body, call.actor, call.conditions)
    return changed(saved)


_OF_A_CHANGE = (EnrollmentNotFound, PreconditionFailed)
_OF_A_SEAT = (*_OF_A_CHANGE, ChangedMeanwhile)
"""What every change of an enrollment refuses, and every one that needs its session locked."""

ROUTES: list[Route[Any, Any]] = [
    list_in_sight_route(
        ENROLLMENTS, pages.enrollment_page, EnrollmentQuery, EnrollmentItem, summary="List enrollments"
    ),
    detail_in_sight_route(
        ENROLLMENTS + "/{id}", pages.enrollment_detail, EnrollmentNotFound, EnrollmentDetail, summary="Get enrollment"
    ),
    Route(
        "POST",
        ENROLLMENTS,
        create_enrollments,
        {201: Success[EnrolledPeople]},
        permissions=ENROLLS,
        body=EnrollmentRequest,
        summary="Enroll employees",
        description=(
            "Enrolls everyone or nobody. With `partial` those are enrolled who can be, and `refused` says why the"
            " others are not. With `waitlist` those who find no seat wait for one."
        ),
        refusals=[*KINDS, SessionNotSelectable, *OF_IDEMPOTENCY],
    ),
    Route(
        "PATCH",
        ENROLLMENTS + "/{id}/complete",
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
        ENROLLMENTS + "/{id}/cancel",
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
        ENROLLMENTS + "/{id}/absent",
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
        ENROLLMENTS + "/{id}/promote",
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
        ENROLLMENTS + "/{id}/transfer",
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
    audit_route(
        ENROLLMENTS + "/{id}", pages.ENROLLMENT_TRAIL, EnrollmentNotFound, summary="Get audit trail of enrollment"
    ),
    Route(
        "PATCH",
        ENROLLMENTS + "/{id}/check-in",
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
        ENROLLMENTS + "/{id}/check-in",
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
        ENROLLMENTS + "/{id}/reopen",
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
    Route(
        "GET",
        TRAINING + "/compliance",
        list_compliance,
        {200: Listed[ComplianceItem]},
        permissions=[VIEW, VIEW_COMPANY],
        query=ComplianceQuery,
        summary="List compliance",
        description="Exactly one of `course_id` and `label_id` is required.",
        refusals=[CourseNotSelectable, LabelNotSelectable],
    ),
    Route(
        "GET",
        TRAINING + "/settings",
        get_settings,
        {200: Success[SettingsAnswer]},
        permissions=VIEWS,
        summary="Get settings",
        tagged=True,
    ),
    Route(
        "PUT",
        TRAINING + "/settings",
        put_settings,
        {200: Success[SettingsAnswer]},
        permissions=[MANAGE],
        body=OrganisationSettings,
        summary="Replace settings",
        refusals=[PreconditionFailed, TimeZoneUnknown, ChangedMeanwhile],
        tagged=True,
    ),
    audit_route(
        TRAINING + "/settings",
        pages.SETTINGS_TRAIL,
        NotFound,
        attrgetter("organisation_id"),
        summary="Get audit trail of settings",
    ),
    *ATTENDANCE_ROUTES,
    *PEOPLE_ROUTES,
    *INTERNAL_ROUTES,
]
