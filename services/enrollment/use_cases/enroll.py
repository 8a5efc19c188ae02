"""Enrolling: commands that wait together become one transaction (architecture, principles 1 and 11).

It locks the sessions, loads in set-based queries what the rules need, decides command by command in the order
of arrival, and writes what was granted. A command alone takes the same path in a batch of one.
"""

import contextlib
from collections.abc import Mapping, Sequence
from time import perf_counter

from asyncpg import InterfaceError, PostgresError

from services.enrollment import rules
from services.enrollment.answers import Enrolled, enrolled_answer
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.rules import EnrollCommand, Granted, Seats, SessionKey
from services.enrollment.seat_metrics import UNWATCHED, SeatMetrics
from services.enrollment.store import candidates as candidate_store
from services.enrollment.store import seats as seat_store
from services.enrollment.store.seats import NewEnrollment
from services.enrollment.use_cases import change_set, sessions
from services.enrollment.use_cases.change_set import Change
from shared.concurrency.batcher import Batcher
from shared.events.states import EnrollmentState
from shared.events.types import EnrollmentCreated, EnrollmentWaitlisted
from shared.http.responses import Answer
from shared.postgres.errors import TransactionConflict
from shared.postgres.pool import Connection, Pool, transaction
from shared.service import idempotency
from shared.time_spent import spend

EnrollmentBatcher = Batcher[EnrollCommand, Answer]
"""Where commands wait for their transaction."""


async def enroll(batcher: EnrollmentBatcher, pool: Pool, catalog: CatalogClient, command: EnrollCommand) -> Answer:
    """Enrolls everyone or nobody, unless the command is `partial`; raises the refusals of contract section 4.

    A command with an `Idempotency-Key` that was answered before gets that answer.
    """
    return await sessions.with_known_session(pool, catalog, command.session_key, lambda: _in_batch(batcher, command))


async def _in_batch(batcher: EnrollmentBatcher, command: EnrollCommand) -> Answer:
    began = perf_counter()
    try:
        return await batcher.submit(command)
    finally:
        spend("database", began)


async def enroll_together(
    pool: Pool, commands: Sequence[EnrollCommand], *, metrics: SeatMetrics = UNWATCHED
) -> Sequence[Answer | Exception]:
    """Each command's outcome. A transaction that was refused is run again, each command on its own.

    Not when the database is unavailable: then it may have been committed, and there is no way to know.
    """
    with contextlib.suppress(TransactionConflict, PostgresError, InterfaceError):
        return await _enroll_in_one_transaction(pool, commands, metrics)
    return [await _enroll_alone(pool, command, metrics) for command in commands]


async def _enroll_alone(pool: Pool, command: EnrollCommand, metrics: SeatMetrics) -> Answer | Exception:
    try:
        [outcome] = await _enroll_in_one_transaction(pool, [command], metrics)
    except Exception as error:
        return error
    return outcome


async def _enroll_in_one_transaction(
    pool: Pool, commands: Sequence[EnrollCommand], metrics: SeatMetrics
) -> list[Answer | Exception]:
    organisations = {command.organisation_id for command in commands}
    async with transaction(pool, organisations) as connection:
        outcomes = await _kept_answers(connection, commands)
        fresh = [position for position, outcome in enumerate(outcomes) if outcome is None]
        decided = await _decide_and_write(connection, [commands[position] for position in fresh])
        for position, outcome in zip(fresh, decided, strict=True):
            outcomes[position] = enrolled_answer(outcome) if isinstance(outcome, Enrolled) else outcome
        await _keep_answers(connection, [(commands[position], outcomes[position]) for position in fresh])
    metrics.batch(len(commands))
    for position, outcome in zip(fresh, decided, strict=True):
        metrics.decided(commands[position], outcome)
    return [outcome for outcome in outcomes if outcome is not None]


async def _kept_answers(connection: Connection, commands: Sequence[EnrollCommand]) -> list[Answer | Exception | None]:
    """Answers that were given before to the commands' keys; `None` where the command is to be carried out."""
    keys = [command.idempotency_key for command in commands if command.idempotency_key is not None]
    found = iter(await idempotency.find_answers(connection, keys) if keys else [])
    return [None if command.idempotency_key is None else next(found) for command in commands]


async def _keep_answers(
    connection: Connection, answered: Sequence[tuple[EnrollCommand, Answer | Exception | None]]
) -> None:
    """Refusals have no effect, and so no answer to be repeated."""
    kept = [
        (command.idempotency_key, outcome)
        for command, outcome in answered
        if command.idempotency_key is not None and isinstance(outcome, Answer)
    ]
    await idempotency.keep_answers(connection, kept)


async def _decide_and_write(
    connection: Connection, commands: Sequence[EnrollCommand]
) -> Sequence[Enrolled | Exception]:
    if not commands:
        return []
    keys = sorted({command.session_key for command in commands})
    seats = await seat_store.lock_sessions(connection, keys)
    asked = [
        (*command.session_key, employee_id)
        for command in commands
        if command.session_key in seats
        for employee_id in command.employee_ids
    ]
    courses = {key: session.course_id for key, session in seats.items()}
    reserve = any(session.refuses_clashes for session in seats.values())
    candidates = await candidate_store.candidates(connection, asked, courses, reserve=reserve)
    decisions = rules.decide_in_order(commands, seats, candidates)
    written = await _write(connection, commands, decisions, seats)
    outcomes: list[Enrolled | Exception] = []
    for position, (command, decision) in enumerate(zip(commands, decisions, strict=True)):
        if isinstance(decision, Granted):
            refused = decision.refused if command.partial else None
            spots, before = decision.available_spots, decision.waiting_before
            outcomes.append(Enrolled(written[position], spots, before, refused, decision.clashes))
        else:
            outcomes.append(decision)
    return outcomes


async def _write(
    connection: Connection,
    commands: Sequence[EnrollCommand],
    decisions: Sequence[Granted | Exception],
    seats: Mapping[SessionKey, Seats],
) -> dict[int, tuple[EnrollmentState, ...]]:
    """Writes what was granted; returns the enrollments as they stand, by the position of their command."""
    new = [
        (position, _new_enrollment(command, employee_id, seats, has_seat=place < decision.seats))
        for position, (command, decision) in enumerate(zip(commands, decisions, strict=True))
        if isinstance(decision, Granted)
        for place, employee_id in enumerate(decision.employee_ids)
    ]
    if not new:
        return {}
    states = await seat_store.insert_enrollments(connection, [row for _, row in new])
    written: dict[int, tuple[EnrollmentState, ...]] = {}
    created = []
    for (position, _), state in zip(new, states, strict=True):
        command = commands[position]
        written[position] = (*written.get(position, ()), state)
        event = EnrollmentCreated if state.holds_seat else EnrollmentWaitlisted
        created.append(Change(command.organisation_id, None, state, event, command.actor))
    await change_set.save(connection, created, seats)
    return written


def _new_enrollment(
    command: EnrollCommand, employee_id: int, seats: Mapping[SessionKey, Seats], *, has_seat: bool
) -> NewEnrollment:
    return NewEnrollment(
        command.organisation_id,
        command.session_id,
        seats[command.session_key].course_id,
        employee_id,
        has_seat,
        command.enrolled_at,
    )
