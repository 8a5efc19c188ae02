"""Enrolling: commands that wait together become one transaction (architecture, decisions 1 and 11).

It locks the sessions, loads in set-based queries what the rules need, decides command by command in the order
of arrival, and writes what was granted. A command alone takes the same path in a batch of one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import PostgresError
from asyncpg.exceptions import TransactionRollbackError

from services.enrollment import rules, store
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.errors import SessionNotSelectable, SessionUnknown
from services.enrollment.rules import EnrollCommand, Granted, Seats, SessionKey
from services.enrollment.store import NewEnrollment
from services.enrollment.use_cases import SOURCE
from shared import outbox
from shared.batching import Batcher
from shared.database import Connection, Pool, is_unavailable, transaction
from shared.events import EnrollmentCreated, EnrollmentState


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What was granted: the new enrollments in the order asked, and the seats that are left behind them."""

    enrollments: tuple[EnrollmentState, ...]
    available_spots: int


EnrollmentDesk = Batcher[EnrollCommand, Enrolled]
"""Where commands wait for their transaction."""


async def enroll(desk: EnrollmentDesk, pool: Pool, catalog: CatalogClient, command: EnrollCommand) -> Enrolled:
    """Enrolls everyone or nobody; raises the refusals of contract section 4.

    A session that no event has brought yet is fetched from the catalog, so that one just created can be
    enrolled in at once.
    """
    try:
        return await desk.submit(command)
    except SessionUnknown:
        await learn_session(pool, catalog, command.session_key)
    try:
        return await desk.submit(command)
    except SessionUnknown:
        raise SessionNotSelectable from None


async def learn_session(pool: Pool, catalog: CatalogClient, key: SessionKey) -> None:
    """Copies a session and its courses from the catalog, as their events would; raises `SessionNotSelectable`."""
    found = await catalog.session(*key)
    if found is None:
        raise SessionNotSelectable
    async with transaction(pool) as connection:
        await store.save_courses(connection, found.courses)
        await store.save_sessions(connection, [found.session])


async def enroll_together(pool: Pool, commands: Sequence[EnrollCommand]) -> Sequence[Enrolled | Exception]:
    """Each command's outcome. A transaction that was refused is run again, each command on its own.

    Not so when the database is away: then it may have been committed, and nobody can say.
    """
    try:
        return await _enroll_in_one_transaction(pool, commands)
    except PostgresError as error:
        if is_unavailable(error) and not isinstance(error, TransactionRollbackError):
            raise
    return [await _enroll_alone(pool, command) for command in commands]


async def _enroll_alone(pool: Pool, command: EnrollCommand) -> Enrolled | Exception:
    try:
        [outcome] = await _enroll_in_one_transaction(pool, [command])
    except Exception as error:
        return error
    return outcome


async def _enroll_in_one_transaction(pool: Pool, commands: Sequence[EnrollCommand]) -> list[Enrolled | Exception]:
    async with transaction(pool) as connection:
        sessions = await store.lock_sessions(connection, sorted({command.session_key for command in commands}))
        asked = [_new_enrollments(command, sessions) for command in commands]
        candidates = await store.candidates(connection, [new for batch in asked for new in batch])
        outcomes = rules.decide_in_order(commands, sessions, candidates)
        granted = [new for new, outcome in zip(asked, outcomes, strict=True) if isinstance(outcome, Granted)]
        traces = [c.trace for c, outcome in zip(commands, outcomes, strict=True) if isinstance(outcome, Granted)]
        written = await _write(connection, granted)
        events = [
            EnrollmentCreated(new.organisation_id, state, trace)
            for batch, states, trace in zip(granted, written, traces, strict=True)
            for new, state in zip(batch, states, strict=True)
        ]
        await outbox.add(connection, SOURCE, events)
    states_of = iter(written)
    return [
        Enrolled(next(states_of), outcome.available_spots) if isinstance(outcome, Granted) else outcome
        for outcome in outcomes
    ]


def _new_enrollments(command: EnrollCommand, sessions: dict[SessionKey, Seats]) -> list[NewEnrollment]:
    """What the command asks for, as far as its session is known."""
    seats = sessions.get(command.session_key)
    if seats is None:
        return []
    return [
        NewEnrollment(command.organisation_id, seats.session_id, seats.course_id, employee_id, command.enrolled_at)
        for employee_id in command.employee_ids
    ]


async def _write(
    connection: Connection, granted: Sequence[Sequence[NewEnrollment]]
) -> list[tuple[EnrollmentState, ...]]:
    """Takes the seats and writes the enrollments; returns them as they stand, command by command."""
    new = [row for batch in granted for row in batch]
    if not new:
        return []
    if not await store.take_seats(connection, Counter((row.organisation_id, row.session_id) for row in new)):
        raise RuntimeError("seats were granted that the database does not have: a lock is missing")
    states = iter(await store.insert_enrollments(connection, new))
    return [tuple(next(states) for _ in batch) for batch in granted]
