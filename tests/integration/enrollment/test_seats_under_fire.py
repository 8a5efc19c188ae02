"""The seat rules under a state machine, on the real database: any change in any order, and several at once.

Afterwards no seat is lost or doubled, nobody was overtaken, and the catalog's counts and the histories, made from the
events, agree.
The control takes the lock out and shows that the machine finds the bug.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import pytest
from asyncpg import UniqueViolationError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import services.catalog.app
import services.enrollment.app
import services.history.app
from services.enrollment import merging, transitions
from services.enrollment.store import candidates as candidate_store
from services.enrollment.store import seats as seat_store
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool
from tests.integration.enrollment.seats_world import (
    ORGANISATIONS,
    PEOPLE,
    SESSIONS,
    WINDOWS,
    Window,
    World,
    settled,
)
from tests.support.databases import fresh_database
from tests.support.guards import without

organisations = st.sampled_from(ORGANISATIONS)
sessions = st.sampled_from(SESSIONS)
groups = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True)
meetings = st.lists(st.none() | st.integers(0, 2), min_size=1, max_size=2)
pairs = st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=2, unique=True)
picks = st.integers(min_value=0, max_value=1000)


class Databases:
    """A database of each service, emptied for each story."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self._exits = AsyncExitStack()
        self.enrollment: Pool
        self.catalog: Pool
        self.history: Pool

    def open(self) -> None:
        self.runner.run(self._open())

    async def _open(self) -> None:
        modules = {"enrollment": services.enrollment, "catalog": services.catalog, "history": services.history}
        for name, module in modules.items():
            url = await self._exits.enter_async_context(fresh_database(f"seats_{name}"))
            await migrate(url, module.app.MIGRATIONS)
            pool = await self._exits.enter_async_context(connection_pool(url, name="seats", size=12))
            setattr(self, name, pool)

    async def clear(self) -> None:
        await self.enrollment.execute(
            "TRUNCATE enrollments, sessions, courses, people, audit, audit_trail, outbox, idempotency_keys,"
            " certifications, external_records"
        )
        await self.catalog.execute("TRUNCATE enrollments, sessions, courses, outbox")
        await self.history.execute("TRUNCATE records")

    def close(self) -> None:
        self.runner.run(self._exits.aclose())
        self.runner.close()


@pytest.fixture
def databases() -> Iterator[Databases]:
    databases = Databases()
    databases.open()
    try:
        yield databases
    finally:
        databases.close()


class SeatsMachine(RuleBasedStateMachine):
    """Each rule does something, alone or at once with others, and then looks at all that was promised."""

    databases: ClassVar[Databases]
    broken: ClassVar[list[Exception]]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.databases.enrollment)
        self.known: list[tuple[int, int]] = []
        self.keys = 0
        self.databases.runner.run(self._begin())

    async def _begin(self) -> None:
        await self.databases.clear()
        await self.world.populate()

    def _do(self, *attempts: Coroutine[Any, Any, object]) -> None:
        async def act() -> None:
            await settled(*attempts)
            await self.world.check()
            self.known = await self.world.enrollments()

        try:
            self.databases.runner.run(act())
        except Exception as broken:
            self.broken.append(broken)
            raise

    def _enrollment(self, pick: int) -> tuple[int, int]:
        return self.known[pick % len(self.known)]

    @rule(organisation=organisations, session=sessions, group=groups, waitlist=st.booleans())
    def enroll(self, organisation: int, session: int, group: list[int], waitlist: bool) -> None:
        self._do(self.world.enroll(organisation, session, group, waitlist=waitlist))

    @rule(organisation=organisations, session=sessions, group=groups)
    def retry_with_the_same_key(self, organisation: int, session: int, group: list[int]) -> None:
        self.keys += 1
        before = len(self.known)
        attempts = [
            self.world.enroll(organisation, session, group, waitlist=True, key=f"key-{self.keys}") for _ in range(3)
        ]
        self._do(*attempts)
        assert len(self.known) - before in (0, len(group))

    @rule(organisation=organisations, session=sessions, group=groups, waitlist=st.booleans())
    def enroll_who_can_be(self, organisation: int, session: int, group: list[int], waitlist: bool) -> None:
        self.keys += 1
        self._do(
            *(
                self.world.enroll_who_can_be(organisation, session, group, waitlist=waitlist, key=f"{key} {self.keys}")
                for key in ("once", "once", "again")
            )
        )

    @precondition(lambda self: self.known)
    @rule(pick=picks, attended=st.booleans())
    def end_and_enroll_again(self, pick: int, attended: bool) -> None:
        enrollment = self._enrollment(pick)
        self._do(self.world.complete(*enrollment) if attended else self.world.mark_absent(*enrollment))
        again = (self.world.enroll_again(*enrollment) for _ in range(2))
        self._do(*again, self.world.reopen(*enrollment))

    @precondition(lambda self: self.known)
    @rule(pick=picks)
    def cancel_twice(self, pick: int) -> None:
        enrollment = self._enrollment(pick)
        self._do(self.world.cancel(*enrollment), self.world.cancel(*enrollment))

    @precondition(lambda self: self.known)
    @rule(pick=picks)
    def mark_absent(self, pick: int) -> None:
        self._do(self.world.mark_absent(*self._enrollment(pick)))

    @precondition(lambda self: self.known)
    @rule(pick=picks, attended=st.booleans())
    def end_and_reopen(self, pick: int, attended: bool) -> None:
        enrollment = self._enrollment(pick)
        self._do(self.world.complete(*enrollment) if attended else self.world.mark_absent(*enrollment))
        self._do(self.world.reopen(*enrollment), self.world.reopen(*enrollment))

    @precondition(lambda self: self.known)
    @rule(pick=picks, over_capacity=st.booleans())
    def promote(self, pick: int, over_capacity: bool) -> None:
        enrollment = self._enrollment(pick)
        self._do(self.world.promote(*enrollment, over_capacity=over_capacity), self.world.promote(*enrollment))

    @rule(organisation=organisations, session=sessions, window=st.sampled_from(WINDOWS), person=st.sampled_from(PEOPLE))
    def move_the_window(self, organisation: int, session: int, window: Window, person: int) -> None:
        self._do(self.world.open_window(organisation, session, window))
        self._do(*(self.world.enroll_oneself(each, session, person) for each in ORGANISATIONS))

    @rule(session=sessions, group=groups, capacity=st.integers(1, 4))
    def all_organisations_at_once(self, session: int, group: list[int], capacity: int) -> None:
        self._do(
            *(self.world.enroll(each, session, group, waitlist=True) for each in ORGANISATIONS),
            *(self.world.resize(each, session, capacity) for each in ORGANISATIONS),
            *(self.world.promote(*enrollment) for enrollment in self.known[-4:]),
        )

    @precondition(lambda self: self.known)
    @rule(pick=picks, session=sessions)
    def transfer(self, pick: int, session: int) -> None:
        self._do(self.world.transfer(*self._enrollment(pick), session))

    @rule(organisation=organisations, session=sessions, count=st.integers(0, 3))
    def meet(self, organisation: int, session: int, count: int) -> None:
        self._do(self.world.meet(organisation, session, count))

    @precondition(lambda self: self.known)
    @rule(pick=picks, chosen=meetings, hours=st.none() | st.integers(0, 5))
    def check_in(self, pick: int, chosen: list[int | None], hours: int | None) -> None:
        enrollment = self._enrollment(pick)
        self._do(*(self.world.check_in(*enrollment, meeting, hours) for meeting in chosen))

    @precondition(lambda self: self.known)
    @rule(pick=picks, meeting=st.none() | st.integers(0, 2))
    def remove_a_check_in(self, pick: int, meeting: int | None) -> None:
        self._do(self.world.remove_check_in(*self._enrollment(pick), meeting))

    @rule(organisation=organisations, session=sessions, capacity=st.integers(1, 4))
    def resize(self, organisation: int, session: int, capacity: int) -> None:
        self._do(self.world.resize(organisation, session, capacity))

    @rule(organisation=organisations, person=st.sampled_from(PEOPLE))
    def remove_a_person(self, organisation: int, person: int) -> None:
        self._do(self.world.remove_and_return(organisation, person))

    @rule(organisation=organisations, group=groups, session=sessions, others=groups)
    def several_leave(self, organisation: int, group: list[int], session: int, others: list[int]) -> None:
        self._do(
            self.world.leave_and_return(organisation, group),
            self.world.leave_and_return(organisation, others),
            self.world.enroll(organisation, session, others, waitlist=True),
        )

    @rule(organisation=organisations, person=st.sampled_from(PEOPLE))
    def hire_a_person(self, organisation: int, person: int) -> None:
        before = self.known
        self._do(self.world.hire(organisation, person))
        assert self.known == before

    @rule(organisation=organisations, pair=pairs)
    def merge_two(self, organisation: int, pair: list[int]) -> None:
        self._do(self.world.merge(organisation, *pair), self.world.merge(organisation, *reversed(pair)))

    @rule(organisation=organisations, session=sessions)
    def cancel_the_session_and_schedule_it_anew(self, organisation: int, session: int) -> None:
        self._do(self.world.cancel_session(organisation, session))
        self._do(self.world.schedule_anew(organisation, session))

    @precondition(lambda self: self.known)
    @rule(
        chosen=st.lists(picks, min_size=2, max_size=6),
        groups=st.lists(groups, min_size=2, max_size=5),
        session=sessions,
        organisation=organisations,
        pair=pairs,
    )
    def all_at_once(
        self, chosen: list[int], groups: list[list[int]], session: int, organisation: int, pair: list[int]
    ) -> None:
        changes: list[Callable[[tuple[int, int]], Coroutine[Any, Any, object]]] = [
            lambda enrollment: self.world.cancel(*enrollment),
            lambda enrollment: self.world.mark_absent(*enrollment),
            lambda enrollment: self.world.transfer(*enrollment, session),
            lambda enrollment: self.world.complete(*enrollment),
            lambda enrollment: self.world.reopen(*enrollment),
            lambda enrollment: self.world.promote(*enrollment),
            lambda enrollment: self.world.promote(*enrollment, over_capacity=True),
            lambda enrollment: self.world.check_in(*enrollment, 0, None),
        ]
        attempts = [changes[pick % len(changes)](self._enrollment(pick)) for pick in chosen]
        attempts += [self.world.enroll(organisation, session, group, waitlist=True) for group in groups]
        attempts += [self.world.enroll(organisation, session, group, waitlist=False) for group in groups]
        self.keys += 1
        attempts += [
            self.world.enroll_who_can_be(organisation, session, group, waitlist=False, key=f"{place} {self.keys}")
            for place, group in enumerate(groups)
        ]
        attempts.append(self.world.enlarge(organisation, session, 1))
        attempts.append(self.world.merge(organisation, *pair))
        self._do(*attempts)

    def teardown(self) -> None:
        self.databases.runner.run(self.world.check_projections(self.databases.catalog, self.databases.history))


def tell_stories(
    databases: Databases, examples: int, phases: tuple[Phase, ...], broken: list[Exception] | None = None
) -> None:
    run_state_machine_as_test(
        type("Story", (SeatsMachine,), {"databases": databases, "broken": [] if broken is None else broken}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


def what_breaks(databases: Databases) -> list[Exception]:
    """By stories without a guard. A repetition may end well, and then Hypothesis reports nothing but that."""
    broken: list[Exception] = []
    with contextlib.suppress(BaseException):
        tell_stories(databases, 60, (Phase.generate,), broken)
    return broken


@pytest.mark.timeout(180)
def test_no_seat_is_lost_or_doubled_whatever_happens(databases: Databases) -> None:
    tell_stories(databases, 25, (Phase.explicit, Phase.generate, Phase.shrink))


@pytest.mark.timeout(180)
def test_control_without_the_lock_the_stories_end_badly(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seat_store, "_LOCK_SESSIONS", seat_store._LOCK_SESSIONS.replace("FOR UPDATE OF s", ""))
    assert what_breaks(databases)


@pytest.mark.timeout(180)
def test_control_where_open_records_are_overlooked_the_stories_end_badly(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "bool_or(e.status IN ('enrolled', 'waitlisted'))"
    without(monkeypatch, candidate_store, "_CANDIDATES", guard, "bool_or(false)")
    assert any(isinstance(broken, UniqueViolationError) for broken in what_breaks(databases))


def test_control_where_double_bookings_are_overlooked_a_promise_is_broken(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "double_bookings", lambda *_: [])
    world = World(databases.enrollment)

    async def story() -> None:
        await world.populate()
        await world.enroll(1, SESSIONS[0], PEOPLE[:2], waitlist=False)
        for enrollment in await world.enrollments():
            await world.complete(*enrollment)
        await world.merge(1, *PEOPLE[:2])
        await world.check()

    with pytest.raises(AssertionError, match="somebody is enrolled twice"):
        databases.runner.run(story())


def test_control_where_a_transfer_takes_attendance_along_a_promise_is_broken(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "NOT_CHECKED_IN", {})
    world = World(databases.enrollment)

    async def story() -> None:
        await world.populate()
        await world.enroll(1, SESSIONS[1], PEOPLE[:1], waitlist=False)
        [enrollment] = await world.enrollments()
        await world.check_in(*enrollment, 1, None)
        await world.transfer(*enrollment, SESSIONS[0])
        await world.check()

    with pytest.raises(AssertionError, match="attended a meeting of a session in which they are not"):
        databases.runner.run(story())
