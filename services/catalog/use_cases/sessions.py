"""What becomes of sessions: one transaction each, with its event."""

from dataclasses import replace
from typing import Any

from services.catalog import rules
from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.errors import (
    ChangedMeanwhile,
    CourseNotSelectable,
    SessionNotFound,
)
from services.catalog.representations import session_row
from services.catalog.schemas import SessionFields
from services.catalog.store import courses as course_store
from services.catalog.store import pages, snapshots
from services.catalog.store import sessions as session_store
from services.catalog.use_cases.external_ids import check_external_id
from services.catalog.use_cases.publishing import Changes, publish
from shared.events.states import SessionState
from shared.events.types import SessionRemoved, SessionSaved
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.postgres.audit import Actor, differences
from shared.postgres.pool import Connection, Pool, transaction


async def create_session(
    connection: Connection, organisation_id: int, session: SessionFields, actor: Actor
) -> tuple[int, Document]:
    """The new session's id and representation; raises `CourseNotSelectable` or `ExternalIdTaken`.

    In the caller's transaction, which an `Idempotency-Key` may share.
    """
    rules.check_new_session(session)
    await check_external_id(connection, "sessions", organisation_id, None, session)
    if not await course_store.existing(connection, organisation_id, [session.course_id]):
        raise CourseNotSelectable("course_id")
    session_id = await session_store.insert(connection, organisation_id, session)
    document, _ = await _publish_session(connection, organisation_id, session_id, differences(None, session), actor)
    return session_id, document


async def change_session(
    pool: Pool,
    enrollment: EnrollmentClient,
    organisation_id: int,
    session_id: int,
    patch: dict[str, Any],
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The session's new representation; enrollment has been notified of it.

    Where places were added after the start, it says how many wait for them, as far as enrollment does.

    A lower capacity, or a status that closes the session, is agreed with enrollment first, which owns the seats: once
    it has agreed it assigns no more.
    Raises `SessionNotFound`, `PreconditionFailed`, `ValidationFailed`, `StatusMoveForbidden`,
    `CapacityBelowEnrolled`, `ExternalIdTaken`, `ChangedMeanwhile` or `Unavailable`.
    """
    async with transaction(pool, [organisation_id]) as connection:
        planned, planned_version = await _lock_session(connection, organisation_id, session_id)
        conditions.check(session_row(organisation_id, session_id), planned_version)
        changed = rules.changed_session(planned, patch)
        await check_external_id(connection, "sessions", organisation_id, planned, changed)
        is_agreed = not rules.needs_agreement(planned, changed)
        if is_agreed:
            saved = await _change_session(connection, organisation_id, session_id, planned, changed, actor)
    if not is_agreed:
        closing, version = rules.closing_status(planned, changed), planned_version + 1
        await enrollment.agree_change(organisation_id, session_id, version, changed.max_participants, closing)
        async with transaction(pool, [organisation_id]) as connection:
            current, current_version = await _lock_session(connection, organisation_id, session_id)
            if current_version != planned_version:
                raise ChangedMeanwhile
            await check_external_id(connection, "sessions", organisation_id, current, changed)
            saved = await _change_session(connection, organisation_id, session_id, current, changed, actor)
    document, state = saved
    waiting = await enrollment.notify(organisation_id, sessions=[state])
    if changed.max_participants > planned.max_participants and session_id in waiting:
        return replace(document, text=f'{document.text[:-1]}, "waiting": {waiting[session_id]}}}')
    return document


async def _change_session(
    connection: Connection,
    organisation_id: int,
    session_id: int,
    current: SessionFields,
    changed: SessionFields,
    actor: Actor,
) -> tuple[Document, SessionState]:
    changes = differences(current, changed)
    if changes:
        await session_store.update(connection, organisation_id, session_id, changed)
    return await _publish_session(connection, organisation_id, session_id, changes, actor)


async def delete_session(
    pool: Pool,
    enrollment: EnrollmentClient,
    organisation_id: int,
    session_id: int,
    actor: Actor,
    conditions: Conditions,
) -> None:
    """Raises `SessionNotFound`, `PreconditionFailed`, `HasEnrollments`, `ChangedMeanwhile` or `Unavailable`."""
    async with transaction(pool, [organisation_id]) as connection:
        planned, version = await _lock_session(connection, organisation_id, session_id)
        conditions.check(session_row(organisation_id, session_id), version)
    await enrollment.close_sessions(organisation_id, {session_id: version})
    async with transaction(pool, [organisation_id]) as connection:
        # Before the session, as whoever deletes the course or counts its enrollments does.
        await course_store.lock(connection, organisation_id, planned.course_id)
        _, current_version = await _lock_session(connection, organisation_id, session_id)
        if current_version != version:
            raise ChangedMeanwhile
        await remove_session(connection, organisation_id, session_id, actor)


async def remove_session(connection: Connection, organisation_id: int, session_id: int, actor: Actor) -> None:
    state = await session_store.state(connection, organisation_id, session_id)
    if state is None:
        raise SessionNotFound
    deleted = await session_store.delete(connection, organisation_id, session_id)
    removed = state.model_copy(update={"version": state.version + 1, "removed": True})
    await snapshots.remember_removed(connection, "sessions", organisation_id, removed)
    await publish(connection, SessionRemoved(organisation_id, removed, actor.trace), differences(deleted, None), actor)


async def _lock_session(connection: Connection, organisation_id: int, session_id: int) -> tuple[SessionFields, int]:
    found = await session_store.lock(connection, organisation_id, session_id)
    if found is None:
        raise SessionNotFound
    return found


async def _publish_session(
    connection: Connection, organisation_id: int, session_id: int, changes: Changes, actor: Actor
) -> tuple[Document, SessionState]:
    """The session as clients and events see it; an event only where something has changed."""
    state = await session_store.state(connection, organisation_id, session_id)
    if state is None:
        raise SessionNotFound
    if changes:
        await publish(connection, SessionSaved(organisation_id, state, actor.trace), changes, actor)
    return await _session(connection, organisation_id, session_id), state


async def _session(connection: Connection, organisation_id: int, session_id: int) -> Document:
    document = await pages.session_detail(connection, organisation_id, session_id)
    if document is None:
        raise SessionNotFound
    return document
