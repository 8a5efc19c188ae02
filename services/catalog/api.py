"""The catalog's routes (contract, section 3)."""

import json
from typing import Any

from aiohttp import web

from services.catalog.api_imports import IMPORT_ROUTES
from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.errors import (
    CapacityBelowEnrolled,
    ChangedMeanwhile,
    CourseNotFound,
    CourseNotSelectable,
    ExternalIdTaken,
    HasEnrollments,
    IsPrerequisite,
    PrerequisiteRing,
    SessionNotFound,
    StatusMoveForbidden,
    TooManyPrerequisites,
)
from services.catalog.representations import (
    ChangedSession,
    CourseDetail,
    CourseItem,
    SessionDetail,
    SessionItem,
    SessionWithCourses,
)
from services.catalog.schemas import (
    CourseFields,
    CoursePatch,
    CourseQuery,
    KnownRows,
    SessionFields,
    SessionPatch,
    SessionQuery,
)
from services.catalog.store import courses as course_store
from services.catalog.store import known_then, pages, snapshots
from services.catalog.store import sessions as session_store
from services.catalog.use_cases import courses as course_use_cases
from services.catalog.use_cases import sessions as session_use_cases
from shared.auth.internal_token import MANAGE
from shared.auth.sight import VIEWS
from shared.auth.trust import FETCH_SESSION, KNOWN
from shared.errors import PreconditionFailed
from shared.http.models import Body, Query
from shared.http.representation import Done, Success
from shared.http.resource_responses import changed
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import transaction
from shared.projections.snapshot import KNOWN_PATH, Snapshot, encode_snapshot
from shared.service.chassis import POOL
from shared.service.named_lists import named_route
from shared.service.position_routes import outbox_route
from shared.service.resource_routes import audit_route, create_route, detail_route, list_route
from shared.service.snapshot_routes import snapshot_routes

ENROLLMENT = web.AppKey("enrollment", EnrollmentClient)

COURSES = "/api/v1/training/courses"
SESSIONS = "/api/v1/training/sessions"
LABELS = "/api/v1/training/labels"
PROJECTS = "/api/v1/training/projects"


async def change_course(call: Call[Query, CoursePatch]) -> Answer:
    course = await course_use_cases.change_course(
        call.app[POOL],
        call.app[ENROLLMENT],
        call.organisation_id,
        call.id,
        call.body.members,
        call.actor,
        call.conditions,
    )
    return changed(course, "Course updated successfully")


async def delete_course(call: Call[Query, Body]) -> Answer:
    await course_use_cases.delete_course(
        call.app[POOL], call.app[ENROLLMENT], call.organisation_id, call.id, call.actor, call.conditions
    )
    return success(None, message="Course deleted successfully")


async def change_session(call: Call[Query, SessionPatch]) -> Answer:
    session = await session_use_cases.change_session(
        call.app[POOL],
        call.app[ENROLLMENT],
        call.organisation_id,
        call.id,
        call.body.members,
        call.actor,
        call.conditions,
    )
    return changed(session, "Session updated successfully")


async def delete_session(call: Call[Query, Body]) -> Answer:
    await session_use_cases.delete_session(
        call.app[POOL], call.app[ENROLLMENT], call.organisation_id, call.id, call.actor, call.conditions
    )
    return success(None, message="Session deleted successfully")


async def session_state(call: Call[Query, Body]) -> Answer:
    """For enrollment alone, and not routed by the gateway: a session that its events have not brought yet."""
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        session = await session_store.state(connection, call.organisation_id, call.id)
        if session is None:
            raise SessionNotFound
        [course] = await course_store.states(connection, call.organisation_id, [session.course_id])
        prerequisites = await course_store.states(connection, call.organisation_id, course.prerequisites)
    courses = [state.model_dump(mode="json") for state in (course, *prerequisites)]
    return Answer(json.dumps({"session": session.model_dump(mode="json"), "courses": courses}))


async def known_rows(call: Call[Query, KnownRows]) -> Answer:
    """For history alone."""
    asked, organisation_id = call.body, call.organisation_id
    async with transaction(call.app[POOL], [organisation_id]) as connection:
        courses = await known_then.courses_known(connection, organisation_id, asked.courses, asked.as_of)
        sessions = await known_then.sessions_known(connection, organisation_id, asked.sessions, asked.as_of)
    return Answer(encode_snapshot([*courses, *sessions]))


ROUTES: list[Route[Any, Any]] = [
    list_route(COURSES, pages.course_page, CourseQuery, CourseItem, VIEWS, summary="List courses"),
    detail_route(COURSES + "/{id}", pages.course_detail, CourseNotFound, CourseDetail, VIEWS, summary="Get course"),
    create_route(
        COURSES,
        course_use_cases.create_course,
        CourseFields,
        CourseDetail,
        "Course created successfully",
        summary="Create course",
        refusals=[CourseNotSelectable, ExternalIdTaken],
    ),
    Route(
        "PATCH",
        COURSES + "/{id}",
        change_course,
        {200: Success[CourseDetail]},
        permissions=[MANAGE],
        body=CoursePatch,
        summary="Change course",
        refusals=[
            CourseNotFound,
            PreconditionFailed,
            CourseNotSelectable,
            ExternalIdTaken,
            PrerequisiteRing,
            TooManyPrerequisites,
        ],
        tagged=True,
    ),
    Route(
        "DELETE",
        COURSES + "/{id}",
        delete_course,
        {200: Done},
        permissions=[MANAGE],
        summary="Delete course",
        description="Its sessions are deleted as well.",
        refusals=[CourseNotFound, PreconditionFailed, HasEnrollments, IsPrerequisite, ChangedMeanwhile],
    ),
    list_route(SESSIONS, pages.session_page, SessionQuery, SessionItem, VIEWS, summary="List sessions"),
    detail_route(
        SESSIONS + "/{id}", pages.session_detail, SessionNotFound, SessionDetail, VIEWS, summary="Get session"
    ),
    create_route(
        SESSIONS,
        session_use_cases.create_session,
        SessionFields,
        SessionDetail,
        "Session created successfully",
        summary="Create session",
        refusals=[CourseNotSelectable, ExternalIdTaken],
    ),
    Route(
        "PATCH",
        SESSIONS + "/{id}",
        change_session,
        {200: Success[ChangedSession]},
        permissions=[MANAGE],
        body=SessionPatch,
        summary="Change session",
        description=(
            "A session that is `scheduled` becomes `in_progress` and then `completed`, or is `cancelled` before;"
            " never back. Cancelling it cancels its enrollments."
        ),
        refusals=[
            SessionNotFound,
            PreconditionFailed,
            StatusMoveForbidden,
            CapacityBelowEnrolled,
            ExternalIdTaken,
            ChangedMeanwhile,
        ],
        tagged=True,
    ),
    Route(
        "DELETE",
        SESSIONS + "/{id}",
        delete_session,
        {200: Done},
        permissions=[MANAGE],
        summary="Delete session",
        refusals=[SessionNotFound, PreconditionFailed, HasEnrollments, ChangedMeanwhile],
    ),
    named_route(LABELS, "labels", VIEWS, summary="List labels"),
    named_route(PROJECTS, "projects", VIEWS, summary="List projects"),
    audit_route(COURSES + "/{id}", pages.COURSE_TRAIL, CourseNotFound, summary="Get audit trail of course"),
    audit_route(SESSIONS + "/{id}", pages.SESSION_TRAIL, SessionNotFound, summary="Get audit trail of session"),
    Route(
        "GET",
        "/internal/sessions/{id}",
        session_state,
        {200: SessionWithCourses},
        permissions=[FETCH_SESSION],
        summary="Read a session as it is",
        refusals=[SessionNotFound],
    ),
    Route(
        "POST",
        KNOWN_PATH,
        known_rows,
        {200: Snapshot},
        permissions=[KNOWN],
        body=KnownRows,
        summary="Read what was known of courses and sessions",
    ),
    *IMPORT_ROUTES,
    *snapshot_routes(snapshots.SNAPSHOTS),
    outbox_route("catalog"),
]
