"""A small world of sessions and people in which seats are fought over, straight on enrollment's database."""

import asyncio
import json
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import services.catalog.app
import services.catalog.store.counts
import services.enrollment.app
import services.history.store.copies
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.rules import EnrollCommand
from services.enrollment.schemas import CheckIn, Completion, EmployeeFields
from services.enrollment.schemas_imports import PersonLine
from services.enrollment.store import catalog_replica
from services.enrollment.use_cases import importing_people, lifecycle, merging, people, sessions
from services.enrollment.use_cases.change_set import in_transaction
from services.enrollment.use_cases.enroll import enroll_together
from shared.auth.internal_token import ENROLL, Caller
from shared.auth.sight import EVERYBODY, Sight
from shared.errors import ApiError
from shared.events.cloudevents import decode
from shared.events.states import CourseState, SessionState
from shared.events.types import CourseSaved, SessionSaved
from shared.http.conditional import UNCONDITIONAL, Conditions
from shared.http.idempotency_key import IdempotencyKey, digest
from shared.http.responses import Answer
from shared.messaging.subscriptions import newest_of_each_row
from shared.observability import NO_TRACE, Trace
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.integration.enrollment.seats_problems import PROBLEMS

Window = tuple[datetime | None, datetime | None]
PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2089, 1, 1, tzinfo=UTC)
WINDOWS: tuple[Window, ...] = ((None, None), (FUTURE, None), (None, PAST), (PAST, FUTURE))
ORGANISATIONS = (1, 2)
MODES = {1: "in_person", 2: "self_paced"}
SESSIONS = (11, 12)
PEOPLE = (101, 102, 103, 104, 105)
ACTOR = Actor("tester", "Tester")
CHOOSER = Actor("chooser", "Chooser")
"""Who promotes whom they choose, past others."""
ANY_VERSION = Conditions(if_match=frozenset({"*"}))


@dataclass
class World:
    """Two organisations with the same ids, two sessions of one course each, and five people.

    The course of the second one is self-paced: there final records keep nobody out.
    """

    pool: Pool
    versions: dict[tuple[int, int], int] = field(default_factory=dict)
    begun: set[tuple[int, int]] = field(default_factory=set)
    windows: dict[tuple[int, int], Window] = field(default_factory=dict)
    meetings: dict[tuple[int, int], int] = field(default_factory=dict)
    """How many each session has; none where it is not named."""
    ids: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of those who came in the place of one who was merged, by organisation and place."""

    async def populate(self) -> None:
        for organisation in ORGANISATIONS:
            course = CourseState(
                id=1, version=1, title="Course", category="safety", delivery_mode=MODES[organisation], pass_score=None,
                validity_months=None, labels=(), prerequisites=(),
            )  # fmt: skip
            async with transaction(self.pool, EVERY_ORGANISATION) as connection:
                await catalog_replica.save_courses(connection, [CourseSaved(organisation, course)])
            self.meetings[organisation, SESSIONS[-1]] = 2
            for session in SESSIONS:
                await self.follow(organisation, session, capacity=2)
            for person in PEOPLE:
                fields = EmployeeFields(employee_id=str(person), full_name="Somebody")
                await people.save_person(self.pool, organisation, "employee", person, fields, ACTOR)

    async def follow(
        self, organisation: int, session: int, *, capacity: int, status: str = "scheduled", version: int | None = None
    ) -> None:
        """What the catalog's event does."""
        await self.follow_together(self.news(organisation, session, capacity=capacity, status=status, version=version))

    async def follow_together(self, *news: SessionSaved) -> None:
        async with transaction(self.pool, EVERY_ORGANISATION) as connection:
            await sessions.follow(connection, news)

    def news(
        self,
        organisation: int,
        session: int,
        *,
        capacity: int,
        status: str = "scheduled",
        version: int | None = None,
        trace: Trace = NO_TRACE,
    ) -> SessionSaved:
        """The catalog's event, of the next version if none is named."""
        key = organisation, session
        self.versions[key] = version or self.versions.get(key, 0) + 1
        start = datetime.now(UTC) + timedelta(days=30)
        opens, closes = self.windows.get(key, (None, None))
        state = SessionState.model_validate(
            {
                "id": session, "version": self.versions[key], "course_id": 1, "session_name": "Session",
                "start_date": start, "end_date": start + timedelta(hours=8), "location": None,
                "max_participants": capacity, "status": status, "projects": [],
                "enrollment_opens_at": opens, "enrollment_closes_at": closes,
                "meetings": [_meeting(session, number, start) for number in range(self.meetings.get(key, 0))],
            }
        )  # fmt: skip
        return SessionSaved(organisation, state, trace)

    async def resize(self, organisation: int, session: int, capacity: int) -> None:
        """As the catalog does: fewer seats are agreed first."""
        version = self.versions[organisation, session] + 1
        await sessions.agree_change(self.pool, nobody(), (organisation, session), capacity, version)
        await self.follow(organisation, session, capacity=capacity, version=version)

    async def enlarge(self, organisation: int, session: int, capacity: int) -> None:
        row = await self.pool.fetchrow(
            "SELECT seats_max, status FROM sessions WHERE organisation_id = $1 AND id = $2", organisation, session
        )
        assert row is not None
        if row["status"] == "scheduled":
            await self.follow(organisation, session, capacity=row["seats_max"] + capacity)

    async def schedule_anew(self, organisation: int, session: int) -> None:
        sql = "SELECT seats_taken FROM sessions WHERE organisation_id = $1 AND id = $2"
        taken = await self.pool.fetchval(sql, organisation, session)
        await self.follow(organisation, session, capacity=max(2, taken))

    async def cancel_session(self, organisation: int, session: int) -> None:
        await self.follow(organisation, session, capacity=50, status="cancelled")

    async def enroll(
        self,
        organisation: int,
        session: int,
        employees: Sequence[int],
        *,
        waitlist: bool,
        key: str | None = None,
        partial: bool = False,
        reach: Sight = EVERYBODY,
    ) -> Answer:
        employees = [self.person_at(organisation, each) for each in employees]
        body = [session, list(employees), waitlist, partial]
        idempotency_key = None if key is None else IdempotencyKey(organisation, "tester", "POST", key, digest(body))
        command = EnrollCommand(
            organisation, session, tuple(employees), ACTOR, waitlist, idempotency_key, partial=partial, reach=reach
        )
        [outcome] = await enroll_together(self.pool, [command])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def enroll_oneself(self, organisation: int, session: int, person: int) -> None:
        """Which nobody can outside the window."""
        await self.enroll(organisation, session, [person], waitlist=True, reach=Sight(person=person))
        assert self.windows.get((organisation, session), WINDOWS[0]) in (WINDOWS[0], WINDOWS[-1])

    async def open_window(self, organisation: int, session: int, window: Window) -> None:
        """The catalog's event of another window."""
        self.windows[organisation, session] = window
        await self.enlarge(organisation, session, 0)

    async def enroll_who_can_be(
        self, organisation: int, session: int, employees: Sequence[int], *, waitlist: bool, key: str
    ) -> Answer:
        """Everybody is either enrolled or named as refused."""
        employees = [self.person_at(organisation, each) for each in employees]
        answer = await self.enroll(organisation, session, employees, waitlist=waitlist, key=key, partial=True)
        data = json.loads(answer.text)["data"]
        enrolled = [enrollment["employee_id"] for enrollment in data["enrollments"]]
        refused = [refusal["employee_id"] for refusal in data["refused"]]
        assert enrolled
        assert sorted([*enrolled, *refused]) == sorted(employees)
        return answer

    async def enroll_again(self, organisation: int, enrollment: int) -> Answer:
        """The person of an enrollment, in its session."""
        row = await self.pool.fetchrow(
            "SELECT session_id, employee_id FROM enrollments WHERE organisation_id = $1 AND id = $2",
            organisation,
            enrollment,
        )
        assert row is not None
        return await self.enroll(organisation, row["session_id"], [row["employee_id"]], waitlist=True)

    async def cancel(self, organisation: int, enrollment: int) -> None:
        await lifecycle.cancel(self.pool, _caller(organisation), enrollment, ACTOR)

    async def mark_absent(self, organisation: int, enrollment: int) -> None:
        await lifecycle.mark_absent(self.pool, organisation, enrollment, ACTOR)

    async def meet(self, organisation: int, session: int, meetings: int) -> None:
        """The session meets so many times from now on."""
        row = await self.pool.fetchrow(
            "SELECT seats_max, status FROM sessions WHERE organisation_id = $1 AND id = $2", organisation, session
        )
        assert row is not None
        self.meetings[organisation, session] = meetings
        await self.follow(organisation, session, capacity=row["seats_max"], status=row["status"])

    async def check_in(self, organisation: int, enrollment: int, meeting: int | None, hours: int | None) -> None:
        """At the meeting with that number in the session, so many hours ago or now."""
        meeting_id = None if meeting is None else await self._meeting_id(organisation, enrollment, meeting)
        at = None if hours is None else datetime.now(UTC) - timedelta(hours=hours)
        check_in = CheckIn(method="manual", meeting_id=meeting_id, checked_in_at=at)
        await lifecycle.check_in(self.pool, organisation, enrollment, check_in, ACTOR)

    async def remove_check_in(self, organisation: int, enrollment: int, meeting: int | None) -> None:
        meeting_id = None if meeting is None else await self._meeting_id(organisation, enrollment, meeting)
        await lifecycle.remove_check_in(self.pool, organisation, enrollment, ACTOR, meeting_id=meeting_id)

    async def _meeting_id(self, organisation: int, enrollment: int, number: int) -> int:
        sql = "SELECT session_id FROM enrollments WHERE organisation_id = $1 AND id = $2"
        return meeting_id(await self.pool.fetchval(sql, organisation, enrollment), number)

    async def promote(self, organisation: int, enrollment: int, *, over_capacity: bool = False) -> None:
        await lifecycle.promote(self.pool, organisation, enrollment, CHOOSER, over_capacity=over_capacity)

    async def complete(self, organisation: int, enrollment: int) -> None:
        await lifecycle.complete(self.pool, organisation, enrollment, Completion(), ACTOR)

    async def reopen(self, organisation: int, enrollment: int) -> None:
        await lifecycle.reopen(self.pool, organisation, enrollment, "A mistake", ACTOR)

    async def transfer(self, organisation: int, enrollment: int, session: int) -> None:
        await lifecycle.transfer(self.pool, nobody(), _caller(organisation), enrollment, session, ACTOR)

    async def remove_and_return(self, organisation: int, person: int) -> None:
        person = self.person_at(organisation, person)
        type_ = await self._type_of(organisation, person)
        await people.remove_person(self.pool, organisation, type_, person, ACTOR, UNCONDITIONAL)
        await people.save_person(self.pool, organisation, type_, person, _fields(person), ACTOR)

    async def leave_and_return(self, organisation: int, places: Sequence[int]) -> None:
        """Several at once, as files without them and with them say."""
        ids = [self.person_at(organisation, each) for each in places]
        types = {each: await self._type_of(organisation, each) for each in ids}
        lines = [
            PersonLine.model_validate({"id": each, "type": types[each], **_fields(each).model_dump()}) for each in ids
        ]
        async with transaction(self.pool, [organisation]) as connection:
            await importing_people.end(connection, organisation, ids, ACTOR)
        async with transaction(self.pool, [organisation]) as connection:
            await importing_people.apply(connection, organisation, lines, ACTOR)

    async def hire(self, organisation: int, person: int) -> None:
        """Or the other way round."""
        person = self.person_at(organisation, person)
        other = {"employee": "staff", "staff": "employee"}[await self._type_of(organisation, person)]
        await people.save_person(self.pool, organisation, other, person, _fields(person), ACTOR)

    async def merge(self, organisation: int, place: int, into: int) -> None:
        """Somebody new comes in the place of the one."""
        person, other = self.person_at(organisation, place), self.person_at(organisation, into)
        type_ = await self._type_of(organisation, person)

        async def work(connection: Connection) -> None:
            await merging.merge(connection, organisation, type_, person, other, ACTOR, ANY_VERSION)

        await in_transaction(self.pool, organisation, work)
        new = self.ids[organisation, place] = person + 100
        await people.save_person(self.pool, organisation, "employee", new, _fields(new), ACTOR)

    def person_at(self, organisation: int, place: int) -> int:
        """The id of whoever has that place among `PEOPLE` now."""
        return self.ids.get((organisation, place), place)

    async def _type_of(self, organisation: int, person: int) -> str:
        found = "SELECT type FROM people WHERE organisation_id = $1 AND id = $2"
        return str(await self.pool.fetchval(found, organisation, person))

    async def enrollments(self) -> list[tuple[int, int]]:
        rows = await self.pool.fetch("SELECT organisation_id, id FROM enrollments ORDER BY organisation_id, id")
        return [(row["organisation_id"], row["id"]) for row in rows]

    async def check(self) -> None:
        """No seat lost or doubled, nobody overtaken, nobody waiting beside a free seat."""
        async with self.pool.acquire() as connection:
            for problem, sql in PROBLEMS.items():
                rows = await connection.fetch(sql)
                assert not rows, f"{problem}: {[dict(row) for row in rows]}"

    async def check_projections(self, catalog: Pool, history: Pool) -> None:
        """The catalog's counts and the histories, made of the events shuffled and repeated, are what enrollment has."""
        await catalog.execute(_CATALOG_ROWS, ORGANISATIONS, SESSIONS)
        rows = await self.pool.fetch("SELECT body FROM outbox WHERE routing_key LIKE 'enrollment.%'")
        events: list[Any] = [decode(row["body"].encode()) for row in rows] * 2
        random.shuffle(events)
        for start in range(0, len(events), 7):
            newest: list[Any] = newest_of_each_row(events[start : start + 7])
            async with transaction(catalog, EVERY_ORGANISATION) as connection:
                await services.catalog.store.counts.apply_enrollments(connection, newest)
            async with transaction(history, EVERY_ORGANISATION) as connection:
                await services.history.store.copies.save_records(connection, newest)
        assert await _rows(catalog, _SPOTS) == await _rows(self.pool, _SEATS)
        assert await _rows(catalog, _TOTALS) == await _rows(self.pool, _ENROLLED)
        assert await _rows(history, _RECORDS) == await _rows(self.pool, _ENROLLMENTS)


def _fields(person: int) -> EmployeeFields:
    return EmployeeFields(employee_id=str(person), full_name="Somebody")


def meeting_id(session: int, number: int) -> int:
    """No two sessions have a meeting of one id: attendance shows which session it is of."""
    return session * 100 + number


def _meeting(session: int, number: int, start: datetime) -> dict[str, Any]:
    begin = start + timedelta(days=number)
    times = {"start_date": begin, "end_date": begin + timedelta(hours=2)}
    return {"id": meeting_id(session, number), **times, "location": None}


async def settled(*attempts: Awaitable[object]) -> None:
    """Runs all at once; refusals are fine, anything else is not."""
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, ApiError):
            raise outcome


async def _rows(source: Pool, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await source.fetch(sql)]


def _caller(organisation: int) -> Caller:
    return Caller(organisation, "tester", "Tester", "staff", frozenset({ENROLL}))


def nobody() -> CatalogClient:
    """Every session here is known, so the catalog is never asked."""
    return CatalogClient.__new__(CatalogClient)


_CATALOG_ROWS = """
WITH course AS (
    INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
        provider, prerequisites, labels, created_at)
    SELECT organisation, 1, 'Course', 'safety', 'in_person', 1, 0, 'internal', '{}', '[]', now()
    FROM unnest($1::bigint[]) AS organisation
)
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, max_participants, status,
    projects)
SELECT organisation, session, 1, 'Session', now(), now() + interval '1 hour', 1, 'scheduled', '[]'
FROM unnest($1::bigint[]) AS organisation, unnest($2::bigint[]) AS session
"""

_SEATS = "SELECT organisation_id, id, seats_taken FROM sessions ORDER BY 1, 2"
_SPOTS = "SELECT organisation_id, id, enrolled_count FROM sessions ORDER BY 1, 2"
_ENROLLED = """
SELECT o.id, count(e.id) FROM unnest(ARRAY[1, 2]) AS o (id)
LEFT JOIN enrollments e ON e.organisation_id = o.id AND e.status NOT IN ('cancelled', 'waitlisted')
GROUP BY o.id ORDER BY o.id
"""
_TOTALS = "SELECT organisation_id, total_enrollments FROM courses ORDER BY 1"
_RECORD = "organisation_id, id, version, employee_id, session_id, status, checked_in_at, attendance"
_ENROLLMENTS = f"SELECT {_RECORD} FROM enrollments ORDER BY 1, 2"
_RECORDS = f"SELECT {_RECORD} FROM records ORDER BY 1, 2"
