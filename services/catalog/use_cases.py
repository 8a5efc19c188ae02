"""What the catalog does: one transaction each, with the event that tells of it."""

from datetime import datetime
from typing import Any

from services.catalog import rules, store
from services.catalog.errors import CourseNotFound, CourseNotSelectable, SessionNotFound
from services.catalog.schemas import CourseFields, SessionFields
from shared import outbox
from shared.database import Connection, Pool, transaction
from shared.events import CourseSaved, SessionSaved
from shared.observability import current_trace

SOURCE = "catalog"


async def create_course(
    pool: Pool, organisation_id: int, course: CourseFields, *, created_at: datetime | None = None
) -> tuple[int, str]:
    """The new course's id and representation; raises `CourseNotSelectable` for an unknown prerequisite."""
    async with transaction(pool) as connection:
        await _check_prerequisites(connection, organisation_id, course)
        course_id = await store.insert_course(connection, organisation_id, course, created_at)
        return course_id, await _publish_course(connection, organisation_id, course_id)


async def change_course(pool: Pool, organisation_id: int, course_id: int, patch: dict[str, Any]) -> str:
    """The course's new representation; raises `CourseNotFound` or `ValidationFailed`."""
    async with transaction(pool) as connection:
        current = await store.lock_course(connection, organisation_id, course_id)
        if current is None:
            raise CourseNotFound
        changed = rules.changed_course(course_id, current, patch)
        await _check_prerequisites(connection, organisation_id, changed)
        if changed == current:
            return await _course(connection, organisation_id, course_id)
        await store.update_course(connection, organisation_id, course_id, changed)
        return await _publish_course(connection, organisation_id, course_id)


async def create_session(pool: Pool, organisation_id: int, session: SessionFields) -> tuple[int, str]:
    """The new session's id and representation; raises `CourseNotSelectable`."""
    rules.check_new_session(session)
    async with transaction(pool) as connection:
        if not await store.existing_courses(connection, organisation_id, [session.course_id]):
            raise CourseNotSelectable("course_id")
        session_id = await store.insert_session(connection, organisation_id, session)
        return session_id, await _publish_session(connection, organisation_id, session_id)


async def change_session(pool: Pool, organisation_id: int, session_id: int, patch: dict[str, Any]) -> str:
    """The session's new representation; raises `SessionNotFound`, `ValidationFailed` or `StatusMoveForbidden`."""
    async with transaction(pool) as connection:
        found = await store.lock_session(connection, organisation_id, session_id)
        if found is None:
            raise SessionNotFound
        current, enrolled = found
        changed = rules.changed_session(current, enrolled, patch)
        if changed == current:
            return await _session(connection, organisation_id, session_id)
        await store.update_session(connection, organisation_id, session_id, changed)
        return await _publish_session(connection, organisation_id, session_id)


async def _check_prerequisites(connection: Connection, organisation_id: int, course: CourseFields) -> None:
    if course.prerequisites:
        existing = await store.existing_courses(connection, organisation_id, course.prerequisites)
        rules.check_courses_exist("prerequisites", course.prerequisites, existing)


async def _publish_course(connection: Connection, organisation_id: int, course_id: int) -> str:
    [state] = await store.course_states(connection, organisation_id, [course_id])
    await outbox.add(connection, SOURCE, [CourseSaved(organisation_id, state, current_trace.get())])
    return await _course(connection, organisation_id, course_id)


async def _publish_session(connection: Connection, organisation_id: int, session_id: int) -> str:
    state = await store.session_state(connection, organisation_id, session_id)
    if state is None:
        raise SessionNotFound
    await outbox.add(connection, SOURCE, [SessionSaved(organisation_id, state, current_trace.get())])
    return await _session(connection, organisation_id, session_id)


async def _course(connection: Connection, organisation_id: int, course_id: int) -> str:
    text = await store.course_detail(connection, organisation_id, course_id)
    if text is None:
        raise CourseNotFound
    return text


async def _session(connection: Connection, organisation_id: int, session_id: int) -> str:
    text = await store.session_detail(connection, organisation_id, session_id)
    if text is None:
        raise SessionNotFound
    return text
