"""Random lives of an enrollment on the real database: the row, its events and its copies say what the model says.

The rules alone are compared with the model in tests/unit/enrollment/test_rules_results.py.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from services.enrollment import transitions, validity
from services.enrollment.app import MIGRATIONS
from services.enrollment.schemas import CheckIn, Completion, EmployeeFields
from services.enrollment.store import catalog_replica, snapshots
from services.enrollment.use_cases import lifecycle, people
from services.enrollment.use_cases import sessions as sessions_use_case
from shared.auth.internal_token import ENROLL, Caller
from shared.errors import ApiError
from shared.events.cloudevents import decode
from shared.events.states import EnrollmentState
from shared.events.types import EnrollmentEvent
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.integration.enrollment.seats_world import nobody
from tests.support import events
from tests.support.databases import fresh_database
from tests.support.enrollment_rows import ACTOR, ORGANISATION, enroll, granted
from tests.support.lives import Model, Refused, Step, lives

CALLER = Caller(ORGANISATION, "tester", "Tester", "staff", frozenset({ENROLL}))
COURSE, PERSON = 1, 42


class Life:
    """An enrollment in the database, in the world of a model."""

    def __init__(self, pool: Pool, model: Model) -> None:
        self.pool = pool
        self.model = model
        self.version = 0
        self.id = 0

    async def begin(self) -> None:
        await self.pool.execute(
            "TRUNCATE enrollments, sessions, courses, people, audit, audit_trail, outbox, certifications,"
            " external_records"
        )
        await self.follow_world()
        [data] = granted([await enroll(self.pool, 1, PERSON)])
        self.id = data["enrollments"][0]["id"]

    async def follow_world(self) -> None:
        """What is true of course, sessions and person reaches enrollment, each as a new version."""
        self.version += 1
        (mark, months), named = self.model.course, {"version": self.version}
        course = events.course(
            ORGANISATION, COURSE, title=self.model.title, pass_score=mark, validity_months=months, **named
        )
        told = [
            events.session(ORGANISATION, number, course_id=COURSE, start_date=self.model.start, **named)
            for number in (1, 2)
        ]
        async with transaction(self.pool, EVERY_ORGANISATION) as connection:
            await catalog_replica.save_courses(connection, [course])
            await sessions_use_case.follow(connection, told)
        company = None if self.model.company is None else {"id": self.model.company, "name": "ABC Contractors"}
        fields = EmployeeFields.model_validate({"employee_id": "E-42", "full_name": "John Doe", "company": company})
        await people.save_person(self.pool, ORGANISATION, "employee", PERSON, fields, ACTOR)

    async def take(self, what: str, value: Any, session: int) -> None:
        key = self.pool, ORGANISATION, self.id
        changes: dict[str, Callable[[], Awaitable[Any]]] = {
            "complete": lambda: lifecycle.complete(
                *key, Completion(**self.model.given(value)), ACTOR, now=self.model.now
            ),
            "reopen": lambda: lifecycle.reopen(*key, "A mistake", ACTOR),
            "absent": lambda: lifecycle.mark_absent(*key, ACTOR),
            "cancel": lambda: lifecycle.cancel(self.pool, CALLER, self.id, ACTOR),
            "check_in": lambda: lifecycle.check_in(*key, CheckIn(method="manual"), ACTOR),
            "remove_check_in": lambda: lifecycle.remove_check_in(*key, ACTOR),
            "transfer": lambda: lifecycle.transfer(self.pool, nobody(), CALLER, self.id, 3 - session, ACTOR),
        }
        if what in changes:
            await changes[what]()
        else:
            await self.follow_world()

    async def state(self) -> EnrollmentState:
        """As a snapshot has it, which is what the newest event says, and there is one for each version."""
        async with transaction(self.pool, EVERY_ORGANISATION) as connection:
            [snapshot] = await snapshots.SNAPSHOTS["enrollments"].current(connection, [(ORGANISATION, self.id)])
            bodies = await connection.fetch("SELECT body FROM outbox WHERE routing_key LIKE 'enrollment.%'")
            told = sorted((decode(row["body"].encode()).data for row in bodies), key=lambda state: state.version)
        assert isinstance(snapshot, EnrollmentEvent)
        assert [state.version for state in told] == list(range(1, snapshot.data.version + 1))
        assert told[-1] == snapshot.data
        return snapshot.data

    async def held(self) -> list[tuple[Any, ...]]:
        rows = await self.pool.fetch("SELECT enrollment_id, completed_at, valid_until FROM certifications")
        return [tuple(row) for row in rows]

    async def revoked(self) -> list[int]:
        rows = await self.pool.fetch("SELECT body FROM outbox WHERE routing_key = 'certification.revoked' ORDER BY id")
        return [json.loads(row["body"])["data"]["version"] for row in rows]


def recorded(state: EnrollmentState | Model) -> tuple[Any, ...]:
    names = ("status", "score", "feedback", "passed", "certifies", "completed_at", "valid_until")
    return tuple(getattr(state, name) for name in names)


def remembered(state: EnrollmentState) -> tuple[str, int | None] | None:
    if (then := state.remembered) is None:
        return None
    return then.training_name, None if then.company is None else then.company.id


async def live(pool: Pool, steps: list[Step]) -> None:
    model = Model()
    life = Life(pool, model)
    await life.begin()
    revoked = 0
    for step in steps:
        certified, session = model.certifies, model.session
        try:
            model.take(*step)
        except Refused:
            with pytest.raises(ApiError):
                await life.take(*step, session)
        else:
            await life.take(*step, session)
        state = await life.state()
        assert recorded(state) == recorded(model)
        assert (state.session_id, state.checked_in_at is not None) == (model.session, model.checked_in)
        assert remembered(state) == model.remembered
        assert await life.held() == ([(life.id, state.completed_at, state.valid_until)] if model.certifies else [])
        revoked += certified and not model.certifies
        assert await life.revoked() == list(range(1, revoked + 1))


@pytest.fixture
def database() -> Iterator[tuple[asyncio.Runner, Pool]]:
    exits = AsyncExitStack()

    async def opened() -> Pool:
        url = await exits.enter_async_context(fresh_database("lives"))
        await migrate(url, MIGRATIONS)
        return await exits.enter_async_context(connection_pool(url, name="lives", size=4))

    with asyncio.Runner() as runner:
        try:
            yield runner, runner.run(opened())
        finally:
            runner.run(exits.aclose())


def live_many(database: tuple[asyncio.Runner, Pool], examples: int, phases: tuple[Phase, ...]) -> None:
    runner, pool = database

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @given(lives(12))
    def lived(steps: list[Step]) -> None:
        runner.run(live(pool, steps))

    lived()


@pytest.mark.timeout(180)
def test_row_events_and_certifications_say_what_the_model_says(database: tuple[asyncio.Runner, Pool]) -> None:
    live_many(database, 40, (Phase.explicit, Phase.generate, Phase.shrink))


@pytest.mark.timeout(180)
def test_control_a_completion_that_certifies_by_itself_is_found(
    database: tuple[asyncio.Runner, Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = validity.judged
    monkeypatch.setattr(transitions, "judged", lambda *given: judged(*given) | {"certifies": True})
    with pytest.raises(AssertionError):
        live_many(database, 40, (Phase.generate,))
