"""What becomes of courses: one transaction each, with its event."""

from datetime import datetime
from typing import Any

from services.catalog import rules
from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.errors import (
    ChangedMeanwhile,
    CourseNotFound,
    IsPrerequisite,
    PrerequisiteRing,
    TooManyPrerequisites,
)
from services.catalog.representations import course_row
from services.catalog.schemas import CourseFields
from services.catalog.store import courses as course_store
from services.catalog.store import pages, snapshots
from services.catalog.store import sessions as session_store
from services.catalog.use_cases.external_ids import check_external_id
from services.catalog.use_cases.publishing import Changes, publish
from services.catalog.use_cases.sessions import remove_session
from shared.events.states import CourseState
from shared.events.types import CourseRemoved, CourseSaved
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.postgres.audit import Actor, differences
from shared.postgres.pool import Connection, Pool, transaction

MAX_REQUIRED = 1000
"""Pairs of a course and one that requires it, which are walked to find a ring; in practice a handful."""


async def create_course(
    connection: Connection,
    organisation_id: int,
    course: CourseFields,
    actor: Actor,
    *,
    created_at: datetime | None = None,
) -> tuple[int, Document]:
    """The new course's id and representation; raises `CourseNotSelectable` for an unknown prerequisite, or
    `ExternalIdTaken`.

    In the caller's transaction, which an `Idempotency-Key` may share.
    """
    await check_external_id(connection, "courses", organisation_id, None, course)
    await check_prerequisites(connection, organisation_id, course)
    course_id = await course_store.insert(connection, organisation_id, course, created_at)
    document, _ = await _publish_course(connection, organisation_id, course_id, differences(None, course), actor)
    return course_id, document


async def change_course(
    pool: Pool,
    enrollment: EnrollmentClient,
    organisation_id: int,
    course_id: int,
    patch: dict[str, Any],
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The course's new representation; enrollment has been notified of it.

    Raises `CourseNotFound`, `PreconditionFailed`, `ExternalIdTaken` or `ValidationFailed`.
    """
    async with transaction(pool, [organisation_id]) as connection:
        current, version = await _lock_course(connection, organisation_id, course_id)
        conditions.check(course_row(organisation_id, course_id), version)
        changed = rules.changed_course(course_id, current, patch)
        await check_external_id(connection, "courses", organisation_id, current, changed)
        await check_prerequisites(connection, organisation_id, changed)
        if changed.prerequisites != current.prerequisites:
            await check_no_ring(connection, organisation_id, course_id, changed)
        changes = differences(current, changed)
        if changes:
            await course_store.update(connection, organisation_id, course_id, changed)
        document, state = await _publish_course(connection, organisation_id, course_id, changes, actor)
    await enrollment.notify(organisation_id, courses=[state])
    return document


async def delete_course(
    pool: Pool, enrollment: EnrollmentClient, organisation_id: int, course_id: int, actor: Actor, conditions: Conditions
) -> None:
    """Deletes the course with its sessions.

    Raises `CourseNotFound`, `PreconditionFailed`, `HasEnrollments`, `IsPrerequisite`, `ChangedMeanwhile` or
    `Unavailable`.
    """
    async with transaction(pool, [organisation_id]) as connection:
        _, version = await _lock_course(connection, organisation_id, course_id)
        conditions.check(course_row(organisation_id, course_id), version)
        await _check_is_no_prerequisite(connection, organisation_id, course_id)
        sessions = await session_store.of_course(connection, organisation_id, course_id)
    await enrollment.close_sessions(organisation_id, sessions)
    async with transaction(pool, [organisation_id]) as connection:
        current_version = await course_store.lock_to_delete(connection, organisation_id, course_id)
        current_sessions = await session_store.of_course(connection, organisation_id, course_id)
        if (current_version, current_sessions) != (version, sessions):
            raise ChangedMeanwhile
        await _check_is_no_prerequisite(connection, organisation_id, course_id)
        for session_id in sessions:
            await remove_session(connection, organisation_id, session_id, actor)
        await _remove_course(connection, organisation_id, course_id, actor)


async def _remove_course(connection: Connection, organisation_id: int, course_id: int, actor: Actor) -> None:
    [state] = await course_store.states(connection, organisation_id, [course_id])
    deleted = await course_store.delete(connection, organisation_id, course_id)
    removed = state.model_copy(update={"version": state.version + 1, "removed": True})
    await snapshots.remember_removed(connection, "courses", organisation_id, removed)
    await publish(connection, CourseRemoved(organisation_id, removed, actor.trace), differences(deleted, None), actor)


async def _lock_course(connection: Connection, organisation_id: int, course_id: int) -> tuple[CourseFields, int]:
    found = await course_store.lock(connection, organisation_id, course_id)
    if found is None:
        raise CourseNotFound
    return found


async def _check_is_no_prerequisite(connection: Connection, organisation_id: int, course_id: int) -> None:
    if await course_store.is_prerequisite(connection, organisation_id, course_id):
        raise IsPrerequisite


async def check_prerequisites(connection: Connection, organisation_id: int, course: CourseFields) -> None:
    """Raises `CourseNotSelectable`."""
    if course.prerequisites:
        existing = await course_store.existing(connection, organisation_id, course.prerequisites)
        rules.check_courses_exist("prerequisites", course.prerequisites, existing)


async def check_no_ring(connection: Connection, organisation_id: int, course_id: int, course: CourseFields) -> None:
    """Two changes at once could close a ring together, and so take turns; a new course is required by none."""
    await course_store.lock_prerequisites(connection, organisation_id)
    required_by = await course_store.required_by(
        connection, organisation_id, course_id, course.prerequisites, MAX_REQUIRED + 1
    )
    if len(required_by) > MAX_REQUIRED:
        raise TooManyPrerequisites(MAX_REQUIRED)
    ring = rules.ring_of(course_id, required_by)
    if ring:
        states = await course_store.states(connection, organisation_id, ring)
        titles = {state.id: state.title for state in states} | {course_id: course.title}
        raise PrerequisiteRing([titles[each] for each in ring])


async def _publish_course(
    connection: Connection, organisation_id: int, course_id: int, changes: Changes, actor: Actor
) -> tuple[Document, CourseState]:
    """The course as clients and events see it; an event only where something has changed."""
    [state] = await course_store.states(connection, organisation_id, [course_id])
    if changes:
        await publish(connection, CourseSaved(organisation_id, state, actor.trace), changes, actor)
    return await _course(connection, organisation_id, course_id), state


async def _course(connection: Connection, organisation_id: int, course_id: int) -> Document:
    document = await pages.course_detail(connection, organisation_id, course_id)
    if document is None:
        raise CourseNotFound
    return document
