"""The catalog's routes (contract, section 3)."""

import json
from typing import Any

from aiohttp import web

from services.catalog import store, use_cases
from services.catalog.errors import CourseNotFound, SessionNotFound
from services.catalog.schemas import CourseFields, CourseQuery, MergePatch, SessionFields, SessionQuery
from shared.database import connected
from shared.http.answers import json_text, success
from shared.http.fields import Body, Query
from shared.http.pagination import PagedQuery, training_links, training_meta
from shared.http.routing import Call, Route
from shared.identity import MANAGE, VIEW
from shared.service import POOL

COURSES = "/api/v1/training/courses"
SESSIONS = "/api/v1/training/sessions"


async def list_courses(call: Call[CourseQuery, Body]) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        total, items = await store.course_page(connection, call.organisation_id, call.query)
    return _page(call, total, items)


async def get_course(call: Call[Query, Body]) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        course = await store.course_detail(connection, call.organisation_id, call.id)
    if course is None:
        raise CourseNotFound
    return success(course)


async def create_course(call: Call[Query, CourseFields]) -> web.Response:
    course_id, course = await use_cases.create_course(call.app[POOL], call.organisation_id, call.body)
    location = {"Location": f"{COURSES}/{course_id}"}
    return success(course, message="Course created successfully", status=201, headers=location)


async def change_course(call: Call[Query, MergePatch]) -> web.Response:
    course = await use_cases.change_course(call.app[POOL], call.organisation_id, call.id, call.body.members)
    return success(course, message="Course updated successfully")


async def list_sessions(call: Call[SessionQuery, Body]) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        total, items = await store.session_page(connection, call.organisation_id, call.query)
    return _page(call, total, items)


async def get_session(call: Call[Query, Body]) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        session = await store.session_detail(connection, call.organisation_id, call.id)
    if session is None:
        raise SessionNotFound
    return success(session)


async def create_session(call: Call[Query, SessionFields]) -> web.Response:
    session_id, session = await use_cases.create_session(call.app[POOL], call.organisation_id, call.body)
    location = {"Location": f"{SESSIONS}/{session_id}"}
    return success(session, message="Session created successfully", status=201, headers=location)


async def change_session(call: Call[Query, MergePatch]) -> web.Response:
    session = await use_cases.change_session(call.app[POOL], call.organisation_id, call.id, call.body.members)
    return success(session, message="Session updated successfully")


async def session_state(call: Call[Query, Body]) -> web.Response:
    """For enrollment alone, and not routed by the gateway: a session that its events have not brought yet."""
    async with connected(call.app[POOL]) as connection:
        session = await store.session_state(connection, call.organisation_id, call.id)
        if session is None:
            raise SessionNotFound
        [course] = await store.course_states(connection, call.organisation_id, [session.course_id])
        prerequisites = await store.course_states(connection, call.organisation_id, course.prerequisites)
    courses = [state.model_dump(mode="json") for state in (course, *prerequisites)]
    return json_text(json.dumps({"session": session.model_dump(mode="json"), "courses": courses}))


def _page(call: Call[Any, Body], total: int, items: str) -> web.Response:
    query: PagedQuery = call.query
    return success(items, meta=training_meta(query, total), links=training_links(call.url, query, total))


ROUTES: list[Route[Any, Any]] = [
    Route("GET", COURSES, list_courses, permissions=[VIEW], query=CourseQuery),
    Route("GET", COURSES + "/{id}", get_course, permissions=[VIEW]),
    Route("POST", COURSES, create_course, permissions=[MANAGE], body=CourseFields),
    Route("PATCH", COURSES + "/{id}", change_course, permissions=[MANAGE], body=MergePatch),
    Route("GET", SESSIONS, list_sessions, permissions=[VIEW], query=SessionQuery),
    Route("GET", SESSIONS + "/{id}", get_session, permissions=[VIEW]),
    Route("POST", SESSIONS, create_session, permissions=[MANAGE], body=SessionFields),
    Route("PATCH", SESSIONS + "/{id}", change_session, permissions=[MANAGE], body=MergePatch),
    Route("GET", "/internal/sessions/{id}", session_state),
]
