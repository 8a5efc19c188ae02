"""What enrollment does with the catalog's events: it updates its replica, and the seats follow."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from services.enrollment import transitions
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.errors import (
    CapacityBelowTaken,
    SessionHasEnrollments,
    SessionNotFound,
    SessionNotSelectable,
    SessionUnknown,
)
from services.enrollment.representations import WatchedSeats
from services.enrollment.rules import SessionKey
from services.enrollment.store import agreed_status, catalog_replica, live_seats
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases import change_set
from services.enrollment.use_cases.change_set import CHUNK, Change
from shared.events.states import SessionState
from shared.events.types import EnrollmentCancelled, Event
from shared.observability import Trace, own_trace
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

SessionEvent = Event[SessionState]
T = TypeVar("T")
_ENDED_BY: Mapping[str, Sequence[str]] = {"cancelled": transitions.OPEN, "completed": ("waitlisted",)}
"""Which enrollments are cancelled once the session has that status."""


async def learn(pool: Pool, catalog: CatalogClient, key: SessionKey) -> None:
    """Copies a session and its courses from the catalog, as their events would; raises `SessionNotSelectable`."""
    found = await catalog.session(*key)
    if found is None:
        raise SessionNotSelectable
    async with transaction(pool, [key[0]]) as connection:
        await agreed_status.forget_doubted(connection, key)
        await catalog_replica.save_courses(connection, found.courses)
        await follow(connection, [found.session])


async def with_known_session(
    pool: Pool, catalog: CatalogClient, key: SessionKey, attempt: Callable[[], Awaitable[T]]
) -> T:
    """Runs `attempt`, once more with the session fetched from the catalog if no event has brought it yet.

    So a session just created can be enrolled in at once. Raises `SessionNotSelectable`.
    """
    try:
        return await attempt()
    except SessionUnknown:
        await learn(pool, catalog, key)
    try:
        return await attempt()
    except SessionUnknown:
        raise SessionNotSelectable from None


async def watched(
    pool: Pool, catalog: CatalogClient, organisation_id: int, session_ids: Sequence[int]
) -> list[WatchedSeats]:
    """The seats of the sessions; one that no event has brought yet is fetched from the catalog, and one that does not
    exist is as if it were removed. Raises `SessionNotFound` where none of them exists."""
    keys = [(organisation_id, session_id) for session_id in session_ids]
    for key in await _unknown(pool, keys):
        with suppress(SessionNotSelectable):
            await learn(pool, catalog, key)
    async with transaction(pool, [organisation_id]) as connection:
        found = {each.id: each for each in await live_seats.watched_seats(connection, keys)}
    if all(each.removed for each in found.values()):
        raise SessionNotFound
    return [found.get(session_id) or WatchedSeats.of_none(organisation_id, session_id) for session_id in session_ids]


async def follow(connection: Connection, events: Sequence[SessionEvent]) -> None:
    """Keeps the newest version of each session. More places are given to those who wait; a session that was
    cancelled cancels its enrollments, and one that was completed those of who waits.
    """
    await catalog_replica.save_sessions(connection, events)
    keys = [(event.organisation_id, event.data.id) for event in events]
    await _settle(connection, keys, {key: _actor(event.trace) for key, event in zip(keys, events, strict=True)})


async def settle_waitlists(pool: Pool, limit: int) -> None:
    """Of at most `limit` sessions: gives free seats to those who can have them by now, though nobody freed any, and
    cancels who still waits for a session that an earlier release completed.
    """
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        keys = await seat_store.unsettled_sessions(connection, limit)
        await _settle(connection, keys, dict.fromkeys(keys, _actor(own_trace())))


async def _settle(connection: Connection, keys: Sequence[SessionKey], actors: Mapping[SessionKey, Actor]) -> None:
    sessions = await seat_store.lock_sessions(connection, keys)
    for status, ending in _ENDED_BY.items():
        closed = [key for key, seats in sessions.items() if seats.status == status and not seats.awaits_commit]
        if closed:
            await _cancel_enrollments(connection, closed, ending, actors)
    free = {key: seats.available for key, seats in sessions.items() if seats.promotes and seats.available}
    await change_set.promote(connection, free, actors)


async def agree_change(
    pool: Pool, catalog: CatalogClient, key: SessionKey, capacity: int, version: int, status: str | None = None
) -> None:
    """Assigns no more than `capacity` seats from now on, and none where `status` closes the session.

    The catalog asks before it commits the session's `version`. Until that arrives, no enrollment is cancelled, and
    no older version opens the session again. Raises `CapacityBelowTaken` or `SessionNotFound`.
    """
    await _learn_unknown(pool, catalog, [key])
    async with transaction(pool, [key[0]]) as connection:
        sessions = await seat_store.lock_sessions(connection, [key])
        if key not in sessions:
            raise SessionNotFound
        # Seats over the capacity keep nobody from closing the session.
        if sessions[key].taken > capacity and (status is None or capacity < sessions[key].maximum):
            raise CapacityBelowTaken(sessions[key].taken)
        await seat_store.limit_seats(connection, key, capacity, version)
        if status is not None:
            await agreed_status.agree(connection, key, status, version)


async def close(pool: Pool, catalog: CatalogClient, versions: Mapping[SessionKey, int]) -> None:
    """Lets nobody enroll in the sessions any more; raises `SessionHasEnrollments` if anybody ever did.

    The catalog asks before it deletes them, in their versions. Raises `SessionNotFound`.
    """
    keys = sorted(versions)
    await _learn_unknown(pool, catalog, keys)
    async with transaction(pool, _organisations(keys)) as connection:
        await seat_store.lock_sessions(connection, keys)
        if await seat_store.have_enrollments(connection, keys):
            raise SessionHasEnrollments
        await seat_store.close_sessions(connection, versions)


async def _learn_unknown(pool: Pool, catalog: CatalogClient, keys: Sequence[SessionKey]) -> None:
    for key in await _unknown(pool, keys):
        try:
            await learn(pool, catalog, key)
        except SessionNotSelectable:
            raise SessionNotFound from None


async def _unknown(pool: Pool, keys: Sequence[SessionKey]) -> list[SessionKey]:
    async with transaction(pool, _organisations(keys)) as connection:
        return await seat_store.unknown_sessions(connection, keys)


async def _cancel_enrollments(
    connection: Connection, keys: Sequence[SessionKey], statuses: Sequence[str], actors: Mapping[SessionKey, Actor]
) -> None:
    while found := await seat_store.enrollments_of_sessions(connection, keys, statuses, CHUNK):
        cancellations = [
            Change.of(locked, transitions.cancelled(locked.state), EnrollmentCancelled, actors[locked.session_key])
            for locked in await enrollment_store.lock(connection, found)
        ]
        await change_set.save(connection, cancellations, {})


def _organisations(keys: Sequence[SessionKey]) -> set[int]:
    return {organisation_id for organisation_id, _ in keys}


def _actor(trace: Trace) -> Actor:
    """The catalog, in the request that changed the session there."""
    return Actor("catalog", "Catalog", trace)
