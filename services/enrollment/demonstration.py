"""Rows to look at: those of the API's own examples, or as many enrollments as a real organisation has.

They are entered through the use cases, so that their events tell the other services of them. People, courses and
sessions of such an organisation are imported before (`stack.product.seeding`): an import has no enrollments.
"""

import argparse
import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.enrollment.catalog_client import CatalogClient
from services.enrollment.rules import EnrollCommand
from services.enrollment.schemas import CheckIn, Completion, EmployeeFields, PersonQuery
from services.enrollment.schemas_requirements import RequirementFields
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.store import enrollments as enrollments_store
from services.enrollment.store import pages, people_pages
from services.enrollment.use_cases import lifecycle, people, requirements
from services.enrollment.use_cases.enroll import EnrollmentBatcher, enroll, enroll_together
from shared.auth.signing import InternalSigner
from shared.concurrency.batcher import each
from shared.http.models import IdAndName
from shared.http.responses import Answer
from shared.http.service_client import connect_to_service
from shared.postgres.audit import Actor
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.service.chassis import Command

ORGANISATION = 1
WORKER = 456
WORKER_SESSION = 789
WORKER_COMPLETIONS = {
    781: datetime(2025, 1, 6, tzinfo=UTC),
    782: datetime(2025, 1, 8, tzinfo=UTC),
    783: datetime(2025, 1, 10, tzinfo=UTC),
    784: datetime(2025, 2, 10, tzinfo=UTC),
    785: datetime(2025, 3, 10, tzinfo=UTC),
    786: datetime(2025, 4, 10, tzinfo=UTC),
    787: datetime(2025, 5, 10, tzinfo=UTC),
    WORKER_SESSION: datetime(2025, 7, 1, tzinfo=UTC),
}
"""What worker 456 has completed, session by session: enrollments 7883 to 7890."""
FIRST_ATTENDEE = 101
SCORES = (91, 84, 77, 72, 88, 75, 70, 79, 81, 74, 83, 76, 71, 90, 73, 78, 80, 72, 76, 82, 72)
"""Of the 21 who completed course 1: the mean of the examples, 78.3."""
FIRST_OF_COURSE = 277
"""Nine and fifteen enrollments from here on, so that the first one a reader makes is 301 as in the examples."""

REQUIREMENTS: Sequence[Mapping[str, Any]] = (
    {"name": "Site induction", "applies_to": {"project_ids": [5]}, "needs": {"course_id": 8}},
    {
        "name": "Work at height",
        "applies_to": {"project_ids": [5], "company_ids": [77]},
        "needs": {"course_id": 3},
        "grace_days": 14,
        "from": "2026-01-01",
    },
)
"""What Sydney Metro West asks: of everybody, and of the workers of ABC Contractors. Worker 456 meets both, the second
until January 2030."""

_ACTOR = Actor("demonstration", "Demonstration data")
_COMPANY = IdAndName(id=77, name="ABC Contractors Pty Ltd")
_NAMES = ("Ava", "Ben", "Chloe", "Dan", "Ella", "Finn", "Grace", "Hugo"), ("Nguyen", "Smith", "Rossi", "Khan")


async def load_examples(pool: Pool, catalog: CatalogClient) -> str:
    """Loads the examples' people and enrollments once, where there are none; says what it did."""
    async with transaction(pool, [ORGANISATION]) as connection:
        total, _ = await people_pages.person_page(ORGANISATION, "employee", PersonQuery(), None).alone(connection)
    if total:
        return f"organisation {ORGANISATION} has people already: the examples are for an empty one"
    if await catalog.session(ORGANISATION, WORKER_SESSION) is None:
        return "the catalog has other courses than the examples', so there is nobody to enroll"
    await _add_people(pool)
    batcher = EnrollmentBatcher(lambda commands: enroll_together(pool, commands))
    await _start_ids(pool, 7883)
    for session_id, day in WORKER_COMPLETIONS.items():
        await _complete_worker(pool, batcher, catalog, session_id, day)
    await _ask(pool)
    await _start_ids(pool, FIRST_OF_COURSE)
    attendees = range(FIRST_ATTENDEE, FIRST_ATTENDEE + 24)
    await _hold_session(pool, batcher, catalog, 7, attendees[:9], SCORES[:9], datetime(2026, 2, 16, tzinfo=UTC))
    await _hold_session(pool, batcher, catalog, 8, attendees[9:], SCORES[9:], datetime(2026, 5, 15, tzinfo=UTC))
    return "29 people, 32 enrollments and 2 requirements of the examples"


async def _add_people(pool: Pool) -> None:
    created = datetime(2025, 1, 2, tzinfo=UTC)

    async def add(person_id: int, name: str, type_: str = "employee", company: IdAndName | None = None) -> None:
        fields = EmployeeFields(employee_id=f"EMP-{person_id:03}", full_name=name, company=company)
        await people.save_person(pool, ORGANISATION, type_, person_id, fields, _ACTOR, created_at=created)

    await add(10, "Sarah Williams", "staff")
    for person_id, name in ((42, "John Doe"), (43, "Jane Roe"), (44, "Sam Lee")):
        await add(person_id, name)
    await add(WORKER, "John Doe", company=_COMPANY)
    for number in range(24):
        await add(FIRST_ATTENDEE + number, f"{_NAMES[0][number % 8]} {_NAMES[1][number % 4]}")


async def _ask(pool: Pool) -> None:
    for fields in REQUIREMENTS:
        async with transaction(pool, [ORGANISATION]) as connection:
            await requirements.create(connection, ORGANISATION, RequirementFields.model_validate(fields), _ACTOR)


async def _complete_worker(
    pool: Pool, batcher: EnrollmentBatcher, catalog: CatalogClient, session_id: int, day: datetime
) -> None:
    command = EnrollCommand(ORGANISATION, session_id, (WORKER,), _ACTOR, enrolled_at=datetime(2025, 1, 3, tzinfo=UTC))
    [enrollment_id] = _ids(await enroll(batcher, pool, catalog, command))
    check_in = CheckIn(method="manual", checked_in_at=day + timedelta(hours=7, minutes=30))
    await lifecycle.check_in(pool, ORGANISATION, enrollment_id, check_in, _ACTOR)
    await lifecycle.complete(pool, ORGANISATION, enrollment_id, Completion(), _ACTOR, now=day)


async def _hold_session(
    pool: Pool,
    batcher: EnrollmentBatcher,
    catalog: CatalogClient,
    session_id: int,
    attendees: Sequence[int],
    scores: Sequence[int],
    day: datetime,
) -> None:
    """Enrolls all attendees; as many of them complete as there are scores."""
    command = EnrollCommand(ORGANISATION, session_id, tuple(attendees), _ACTOR, enrolled_at=day - timedelta(days=21))
    held = day + timedelta(hours=17, minutes=10)
    for enrollment_id, score in zip(_ids(await enroll(batcher, pool, catalog, command)), scores, strict=False):
        completion = Completion(score=Decimal(score))
        await lifecycle.complete(pool, ORGANISATION, enrollment_id, completion, _ACTOR, now=held)


def _ids(answer: Answer) -> list[int]:
    """Of the enrollments in an answer."""
    return [enrollment["id"] for enrollment in json.loads(answer.text)["data"]["enrollments"]]


async def _start_ids(pool: Pool, enrollment_id: int) -> None:
    async with transaction(pool, [ORGANISATION]) as connection:
        await enrollments_store.start_ids_at(connection, enrollment_id)


async def enroll_many(pool: Pool, first_id: int, people_count: int, wanted: int) -> str:
    """Enrolls the people from this id on in the sessions that have room, until they have so many enrollments; says what
    it did."""
    chance = random.Random(people_count)  # noqa: S311 - the same rows every time
    everyone = range(first_id, first_id + people_count)
    async with transaction(pool, [ORGANISATION]) as connection:
        present = await pages.count_enrollments_of(connection, ORGANISATION, first_id, everyone[-1])
    missing = max(wanted - present, 0)
    enrolled: list[int] = []
    for session_id, room in await _sessions_with_room(pool, missing) if missing else ():
        seats = min(room, missing - len(enrolled), people_count, 500)
        if seats:
            command = EnrollCommand(ORGANISATION, session_id, tuple(chance.sample(everyone, seats)), _ACTOR)
            [outcome] = await enroll_together(pool, [command])
            enrolled += _ids(outcome) if isinstance(outcome, Answer) else []
            print(f"enrollments {len(enrolled)}/{missing}", flush=True)
    await _record_results(pool, enrolled, chance)
    return f"{len(enrolled)} enrollments, beside {present} from before"


async def _sessions_with_room(pool: Pool, wanted: int) -> list[tuple[int, int]]:
    """Sessions and their free seats, once the catalog's events have brought enough of them."""
    async with asyncio.timeout(120):
        while True:
            async with transaction(pool, [ORGANISATION]) as connection:
                found = await pages.sessions_with_room(connection, ORGANISATION)
            if sum(room for _, room in found) >= wanted:
                return found
            await asyncio.sleep(0.2)


async def _record_results(pool: Pool, enrolled: Sequence[int], chance: random.Random) -> None:
    """Most complete, some fail or stay away, the rest are still to come."""

    async def record(enrollment_id: int) -> None:
        luck = chance.random()
        if luck < 0.6:
            score = Decimal(chance.randint(45, 100))
            await lifecycle.complete(pool, ORGANISATION, enrollment_id, Completion(score=score), _ACTOR)
        elif luck < 0.65:
            await lifecycle.mark_absent(pool, ORGANISATION, enrollment_id, _ACTOR)

    await each(enrolled, record, lambda done: _report("results", done, len(enrolled)))


def _report(what: str, done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"{what} {done}/{total}", flush=True)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, help="enroll this many people instead of loading the examples")
    parser.add_argument("--first", type=int, default=1, help="who have ids from this one on (default 1)")
    parser.add_argument("--enrollments", type=int, help="until they have this many (default ten a person)")


def _seed(settings: EnrollmentSettings, arguments: argparse.Namespace) -> int:
    print(asyncio.run(_load(settings, arguments)))
    return 0


async def _load(settings: EnrollmentSettings, arguments: argparse.Namespace) -> str:
    async with connection_pool(settings.migration_database_url.get_secret_value(), name="enrollment seed") as pool:
        if arguments.people is not None:
            wanted = arguments.enrollments or 10 * arguments.people
            return await enroll_many(pool, arguments.first, arguments.people, wanted)
        signer = InternalSigner("enrollment", settings.internal_keys_file)
        async with connect_to_service(
            settings.catalog_url, name="catalog", asking="enrollment", signer=signer
        ) as client:
            return await load_examples(pool, CatalogClient(client))


SEED = Command("seed", "load the examples' people and enrollments, or many more enrollments", _add_arguments, _seed)
