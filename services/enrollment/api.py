"""Enrollment's routes (contract, section 4)."""

from operator import attrgetter
from typing import Any

from aiohttp import web

from services.enrollment import rules
from services.enrollment.api_attendance import ATTENDANCE_ROUTES
from services.enrollment.api_calendars import CALENDAR_ROUTES
from services.enrollment.api_erasure import ERASURE_ROUTES
from services.enrollment.api_imports import IMPORT_ROUTES
from services.enrollment.api_internal import CATALOG, INTERNAL_ROUTES
from services.enrollment.api_lifecycle import LIFECYCLE_ROUTES
from services.enrollment.api_live import LIVE_ROUTES
from services.enrollment.api_matrix import MATRIX_ROUTES
from services.enrollment.api_people import PEOPLE_ROUTES
from services.enrollment.api_records import RECORD_ROUTES
from services.enrollment.api_requirements import REQUIREMENT_ROUTES
from services.enrollment.errors import (
    ChangedMeanwhile,
    CourseNotSelectable,
    EnrollmentNotFound,
    LabelNotSelectable,
    SessionNotSelectable,
    TimeZoneUnknown,
)
from services.enrollment.refusals import (
    KINDS,
)
from services.enrollment.representations import (
    ComplianceItem,
    EnrolledPeople,
    EnrollmentDetail,
    EnrollmentItem,
    SettingsAnswer,
)
from services.enrollment.rules import EnrollCommand
from services.enrollment.schemas import (
    ComplianceQuery,
    EnrollmentQuery,
    EnrollmentRequest,
    OrganisationSettings,
)
from services.enrollment.store import compliance, pages
from services.enrollment.store import settings as settings_store
from services.enrollment.use_cases import settings
from services.enrollment.use_cases.enroll import EnrollmentBatcher, enroll
from shared.auth.internal_token import MANAGE, VIEW, VIEW_COMPANY
from shared.auth.sight import ENROLLS, VIEWS, reach_of, sight_of
from shared.errors import NotFound, PreconditionFailed
from shared.http.models import Body, Query
from shared.http.representation import Listed, Success
from shared.http.resource_responses import changed, document, page
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor
from shared.postgres.batched_reads import Row
from shared.postgres.pool import Connection, connected, slow_transaction
from shared.postgres.snapshot_reads import plan_for_arguments
from shared.service.chassis import POOL
from shared.service.event_cursor import cursor_of_walk
from shared.service.exports import Listing, exports_of
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


async def list_compliance(call: Call[ComplianceQuery, Body]) -> Answer:
    require_own_cursor(call)
    headers = await cursor_of_walk(call)
    async with slow_transaction(call.app[POOL], [call.organisation_id]) as connection:
        rows = await _compliance(connection, call, call.query)
    return page(call, *rows, headers=headers)


async def _compliance(connection: Connection, call: Call[ComplianceQuery, Body], query: ComplianceQuery) -> Row:
    courses = await compliance.courses_asked_for(connection, call.organisation_id, query)
    if not courses:
        raise CourseNotSelectable if query.label_id is None else LabelNotSelectable
    return await compliance.compliance_page(connection, call.organisation_id, courses, query, sight_of(call.caller))


async def _step_of_compliance(connection: Connection, call: Call[Any, Body], query: ComplianceQuery) -> Row:
    await plan_for_arguments(connection)
    return await _compliance(connection, call, query)


async def get_settings(call: Call[Query, Body]) -> Answer:
    async with connected(call.app[POOL]) as connection:
        return document(await settings_store.settings(connection, call.organisation_id), call.conditions)


async def put_settings(call: Call[Query, OrganisationSettings]) -> Answer:
    saved = await settings.save_settings(call.app[POOL], call.organisation_id, call.body, call.actor, call.conditions)
    return changed(saved)


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
    audit_route(
        ENROLLMENTS + "/{id}", pages.ENROLLMENT_TRAIL, EnrollmentNotFound, summary="Get audit trail of enrollment"
    ),
    Route(
        "GET",
        TRAINING + "/compliance",
        list_compliance,
        {200: Listed[ComplianceItem]},
        permissions=[VIEW, VIEW_COMPANY],
        query=ComplianceQuery,
        exports=exports_of(Listing(ComplianceItem, _step_of_compliance), spreadsheet=True),
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
    *MATRIX_ROUTES,
    *LIFECYCLE_ROUTES,
    *ATTENDANCE_ROUTES,
    *PEOPLE_ROUTES,
    *IMPORT_ROUTES,
    *RECORD_ROUTES,
    *REQUIREMENT_ROUTES,
    *ERASURE_ROUTES,
    *LIVE_ROUTES,
    *CALENDAR_ROUTES,
    *INTERNAL_ROUTES,
]
