"""People of an imported file: many in one transaction are what each of them would be alone."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from services.enrollment.errors import EmployeeIdTaken, PersonNotFound
from services.enrollment.imports import PEOPLE
from services.enrollment.schemas import Completion
from services.enrollment.schemas_imports import PersonLine
from services.enrollment.store import people as people_store
from services.enrollment.use_cases import certifications, change_set, lifecycle, merging, people, people_changes
from shared.http.conditional import Conditions
from shared.imports.kind import Applied, Outcome
from shared.postgres.errors import TransactionConflict
from shared.postgres.pool import Connection, Pool, transaction
from tests.support.client import new_organisation
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    enroll,
    enrollment_database,
    granted,
    new_session,
    seats,
    warm_pool,
)
from tests.support.eventually import eventually
from tests.support.races import waits_for_a_lock

TEXTS = ("E-1", "e-1", " E-1", "E-2", "E-3", "E-4", "e-4 ", "E-5")
COMPANIES = (None, None, {"id": 7, "name": "ABC"}, {"id": 7, "name": "ABC Contractors"}, {"id": 8, "name": "XYZ"})


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        yield pool


def line(person_id: int, employee_id: str | None = None, **changes: Any) -> PersonLine:
    fields = {"id": person_id, "employee_id": employee_id or f"E-{person_id}", "full_name": "John Doe"}
    return PersonLine.model_validate(fields | changes)


async def apply(pool: Pool, *lines: PersonLine, organisation: int = ORGANISATION) -> list[Applied]:
    async with transaction(pool, [organisation]) as connection:
        return list(await PEOPLE.apply(connection, organisation, lines, ACTOR))


async def end(pool: Pool, *person_ids: int, organisation: int = ORGANISATION) -> int:
    assert PEOPLE.end is not None
    async with transaction(pool, [organisation]) as connection:
        return await PEOPLE.end(connection, organisation, person_ids, ACTOR)


async def present(pool: Pool) -> list[int]:
    assert PEOPLE.present is not None
    async with transaction(pool, [ORGANISATION]) as connection:
        return sorted(await PEOPLE.present(connection, ORGANISATION))


def outcomes(applied: Sequence[Applied]) -> list[str]:
    return [each.outcome for each in applied]


async def test_lines_create_and_change_and_say_what_is_so_already(pool: Pool) -> None:
    assert outcomes(await apply(pool, line(1), line(2), line(3))) == ["created"] * 3
    again = await apply(pool, line(1), line(2, full_name="Jane Doe"), line(4), line(3))
    assert [(each.outcome, each.row_id) for each in again] == [
        ("unchanged", 1),
        ("changed", 2),
        ("created", 4),
        ("unchanged", 3),
    ]
    assert await present(pool) == [1, 2, 3, 4]


async def test_the_same_lines_again_write_nothing(pool: Pool) -> None:
    lines = [line(each, company={"id": each, "name": "ABC"}) for each in range(1, 20)]
    await apply(pool, *lines)
    before = await told(pool, ORGANISATION)
    rows = await pool.fetch("SELECT xmin::text, xmax::text, * FROM people ORDER BY id")
    assert outcomes(await apply(pool, *lines)) == ["unchanged"] * 19
    assert await told(pool, ORGANISATION) == before
    assert await pool.fetch("SELECT xmin::text, xmax::text, * FROM people ORDER BY id") == rows


async def test_good_lines_go_in_though_others_are_refused(pool: Pool) -> None:
    await apply(pool, line(1), line(2))
    applied = await apply(pool, line(3, " e-1"), line(4), line(2, "E-4"), line(5, "E-9"), line(6, "e-9"))
    assert outcomes(applied) == ["refused", "created", "refused", "created", "refused"]
    assert [(error.field, error.reason) for each in applied for error in each.errors] == [
        ("employee_id", "Person 1 of your organisation has this employee_id."),
        ("employee_id", "Person 4 of your organisation has this employee_id."),
        ("employee_id", "Person 5 of your organisation has this employee_id."),
    ]
    assert [each.row_id for each in applied] == [3, 4, 2, 5, 6]
    assert await present(pool) == [1, 2, 4, 5]


async def test_of_two_lines_about_one_person_the_first_counts(pool: Pool) -> None:
    first, second = line(1), line(1, full_name="Jane Doe")
    for expected in ("created", "unchanged"):
        applied = await apply(pool, first, second)
        assert outcomes(applied) == [expected, "refused"]
        assert applied[1].errors[0].field == "id"
        assert applied[1].row_id == 1


async def test_an_employee_id_that_one_line_gives_up_goes_to_the_next(pool: Pool) -> None:
    await apply(pool, line(1), line(2))
    assert outcomes(await apply(pool, line(1, "E-9"), line(2, "E-1"))) == ["changed", "changed"]
    assert outcomes(await apply(pool, line(2, "E-9"), line(1, "E-1"))) == ["refused", "refused"]


async def test_whoever_was_merged_does_not_come_back_and_whoever_was_removed_does(pool: Pool) -> None:
    await apply(pool, line(1), line(2), line(3))
    async with transaction(pool, [ORGANISATION]) as connection:
        any_version = Conditions(if_match=frozenset({"*"}))
        await merging.merge(connection, ORGANISATION, "employee", 1, 2, ACTOR, any_version)
    assert await end(pool, 3) == 1
    applied = await apply(pool, line(1), line(2), line(3))
    assert outcomes(applied) == ["refused", "unchanged", "created"]
    assert [(each.field, each.reason) for each in applied[0].errors] == [
        ("id", "This person was merged into person 2.")
    ]


async def test_staff_have_no_company(pool: Pool) -> None:
    with pytest.raises(ValueError, match="must be employee for a person with a company"):
        line(1, type="staff", company={"id": 1, "name": "ABC"})
    assert outcomes(await apply(pool, line(1, company={"id": 1, "name": "ABC"}))) == ["created"]
    assert outcomes(await apply(pool, line(1, type="staff"))) == ["changed"]
    row = await pool.fetchrow("SELECT type, company_id FROM people WHERE id = 1")
    assert row is not None
    assert tuple(row) == ("staff", None)


@pytest.mark.parametrize("seed", range(30))
async def test_many_at_once_are_what_each_is_alone(pool: Pool, seed: int) -> None:
    """The same lines in two organisations: batch by batch in one, line by line as requests in the other."""
    chance = random.Random(seed)
    together, alone = new_organisation(), new_organisation()
    for _ in range(4):
        lines = [some_line(chance, person_id) for person_id in chance.sample(range(1, 9), chance.randint(1, 8))]
        said = outcomes(await apply(pool, *lines, organisation=together))
        assert said == [await put(pool, alone, each) for each in lines]
        leaving = chance.sample(range(1, 9), chance.randint(0, 3))
        assert await end(pool, *leaving, organisation=together) == sum(
            [await left(pool, alone, each) for each in leaving]
        )
        assert await told(pool, together) == await told(pool, alone)
        assert await rows(pool, together) == await rows(pool, alone)


def some_line(chance: random.Random, person_id: int) -> PersonLine:
    type_ = chance.choice(["employee", "employee", "staff"])
    company = chance.choice(COMPANIES) if type_ == "employee" else None
    name = chance.choice(["John Doe", "Jane Doe"])
    return line(person_id, chance.choice(TEXTS), type=type_, company=company, full_name=name)


async def put(pool: Pool, organisation: int, wanted: PersonLine) -> str:
    """The same as a request, and what a line would say of it."""
    find = "SELECT coalesce(max(version), 0) FROM people WHERE organisation_id = $1 AND id = $2"
    before = await pool.fetchval(find, organisation, wanted.id)
    try:
        new, _ = await people.save_person(pool, organisation, wanted.type, wanted.id, wanted.person(), ACTOR)
    except (EmployeeIdTaken, PersonNotFound):
        return Outcome.REFUSED
    if new:
        return Outcome.CREATED
    after = await pool.fetchval(find, organisation, wanted.id)
    return Outcome.UNCHANGED if after == before else Outcome.CHANGED


async def left(pool: Pool, organisation: int, person_id: int) -> bool:
    for type_ in ("employee", "staff"):
        try:
            await people.remove_person(pool, organisation, type_, person_id, ACTOR)
        except PersonNotFound:
            continue
        return True
    return False


async def told(pool: Pool, organisation: int) -> dict[tuple[str, int, int], Any]:
    """By type, person and version what events and the audit trail say."""
    events = await pool.fetch("SELECT body FROM outbox WHERE organisation_id = $1", organisation)
    found: dict[tuple[str, int, int], Any]
    states = [json.loads(row["body"]) for row in events]
    found = {
        (each["type"], each["data"]["id"], each["data"]["version"]): {**each["data"], "created_at": None}
        for each in states
    }
    assert len(found) == len(states)
    trail = await pool.fetch("SELECT * FROM audit_trail WHERE organisation_id = $1", organisation)
    for row in trail:
        changes = {**json.loads(row["changes"]), "created_at": None}
        found[row["action"], row["id"], -row["version"]] = (row["actor_subject"], row["request_id"], changes)
    return found


async def rows(pool: Pool, organisation: int) -> list[tuple[Any, ...]]:
    columns = "id, version, type, employee_id, full_name, company_id, company_name, removed, merged_into"
    found = await pool.fetch(f"SELECT {columns} FROM people WHERE organisation_id = $1 ORDER BY id", organisation)
    return [tuple(row) for row in found]


async def test_a_batch_takes_as_many_statements_as_a_single_line(pool: Pool) -> None:
    """Each is a round trip: a statement for each line would be thousands."""
    async with transaction(pool, [ORGANISATION]) as connection:
        prepared, one, many = [
            await statements_of(connection, lines)
            for lines in ([line(1)], [line(2)], [line(each) for each in range(3, 303)])
        ]
    assert prepared >= one == many <= 6


async def statements_of(connection: Connection, lines: Sequence[PersonLine]) -> int:
    statements: list[str] = []
    with connection.query_logger(lambda query: statements.append(query.query)):
        await PEOPLE.apply(connection, ORGANISATION, lines, ACTOR)
    return len(statements)


async def one_employee_id_for_two(pool: Pool) -> int:
    """How many of two people get one `employee_id`, each in a transaction that is open while the other's begins."""
    async with transaction(pool, [ORGANISATION]) as connection:
        await PEOPLE.apply(connection, ORGANISATION, [line(1, "E-1"), line(2, "E-2")], ACTOR)
        other = asyncio.create_task(apply(pool, line(4, "E-4"), line(3, "e-1")))
        await eventually(lambda: waits_or_is_done(pool, other))
    await other
    return int(await pool.fetchval("SELECT count(*) FROM people WHERE lower(employee_id) = 'e-1'"))


async def waits_or_is_done(pool: Pool, task: asyncio.Task[Any]) -> bool:
    return task.done() or await waits_for_a_lock(pool)


async def test_two_files_at_once_give_one_person_the_employee_id(pool: Pool) -> None:
    assert await one_employee_id_for_two(pool) == 1


async def test_control_without_the_lock_both_have_it(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = "SELECT $1::bigint, $2::text[]"
    monkeypatch.setattr(people_store, "_LOCK_EMPLOYEE_IDS", statement)
    assert await one_employee_id_for_two(pool) == 2


async def test_whom_another_creates_meanwhile_is_found_by_the_next_attempt(pool: Pool) -> None:
    async with transaction(pool, [ORGANISATION]) as connection:
        await PEOPLE.apply(connection, ORGANISATION, [line(1)], ACTOR)
        other = asyncio.create_task(apply(pool, line(1, full_name="Jane Doe"), line(2)))
        await eventually(lambda: waits_for_a_lock(pool))
    with pytest.raises(TransactionConflict):
        await other
    assert await present(pool) == [1]
    assert outcomes(await apply(pool, line(1, full_name="Jane Doe"), line(2))) == ["changed", "created"]


async def test_those_who_end_free_their_seats_for_who_waited_and_stays(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as many steps as there are: a seat that one gives back goes to another who leaves, and on from there."""
    monkeypatch.setattr(people_changes, "CHUNK", 1)
    await apply(pool, *(line(each) for each in range(1, 9)))
    sessions = [await new_session(pool, places=2) for _ in range(2)]
    for session in sessions:
        granted([await enroll(pool, session, *range(1, 9), waitlist=True)])
    assert await end(pool, 1, 2, 3, 5) == 4
    assert await present(pool) == [4, 6, 7, 8]
    for session in sessions:
        assert await seats(pool, session) == (2, 2)
        assert await status_of_each(pool, session) == {
            **dict.fromkeys((1, 2, 3, 5), "cancelled"),
            **dict.fromkeys((4, 6), "enrolled"),
            **dict.fromkeys((7, 8), "waitlisted"),
        }


async def over_capacity(pool: Pool) -> int:
    """A session with one seat, which three have, and somebody who waits."""
    await apply(pool, *(line(each) for each in range(1, 5)))
    session = await new_session(pool, places=1)
    [data] = granted([await enroll(pool, session, 1, 2, 3, 4, waitlist=True)])
    for enrollment in data["enrollments"][1:3]:
        await lifecycle.promote(pool, ORGANISATION, enrollment["id"], ACTOR, over_capacity=True)
    assert await seats(pool, session) == (3, 3)
    return session


async def test_seats_are_counted_anew_for_each_step(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await over_capacity(pool)
    monkeypatch.setattr(people_changes, "CHUNK", 1)
    await end(pool, 1, 2, 3)
    assert (await status_of_each(pool, session))[4] == "enrolled"


async def test_control_seats_as_they_were_at_first_leave_somebody_waiting(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await over_capacity(pool)
    save, seen = change_set.save, list[Any]()

    async def save_as_at_first(connection: Any, changes: Any, sessions: Any) -> None:
        seen.append(sessions)
        await save(connection, changes, seen[0])

    monkeypatch.setattr(people_changes, "CHUNK", 1)
    monkeypatch.setattr(change_set, "save", save_as_at_first)
    await end(pool, 1, 2, 3)
    assert (await status_of_each(pool, session))[4] == "waitlisted"


async def status_of_each(pool: Pool, session: int) -> dict[int, str]:
    found = await pool.fetch("SELECT employee_id, status FROM enrollments WHERE session_id = $1", session)
    return {row["employee_id"]: row["status"] for row in found}


async def test_what_counts_goes_with_those_who_end_and_comes_back_with_them(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifications, "BATCH", 2)
    lines = [line(each) for each in range(1, 5)]
    await apply(pool, *lines)
    for _ in range(2):
        [data] = granted([await enroll(pool, await new_session(pool, places=9), 1, 2, 3, 4)])
        for enrollment in data["enrollments"]:
            await lifecycle.complete(pool, ORGANISATION, enrollment["id"], Completion(), ACTOR)
    held = await holders(pool)
    assert held == [1, 1, 2, 2, 3, 3, 4, 4]
    assert await end(pool, 1, 2, 3) == 3
    assert await holders(pool) == [4, 4]
    assert outcomes(await apply(pool, *lines)) == ["created", "created", "created", "unchanged"]
    assert await holders(pool) == held


async def holders(pool: Pool) -> list[int]:
    found = await pool.fetch("SELECT employee_id FROM certifications ORDER BY employee_id")
    return [row["employee_id"] for row in found]


async def test_nobody_ends_twice(pool: Pool) -> None:
    await apply(pool, line(1), line(2))
    assert [await end(pool, 1, 2, 99), await end(pool, 1, 2)] == [2, 0]
    assert await present(pool) == []


async def test_another_organisation_is_not_touched(pool: Pool) -> None:
    other = new_organisation()
    await apply(pool, line(1), line(2), organisation=other)
    before = await rows(pool, other)
    assert outcomes(await apply(pool, line(1), line(2, full_name="Jane Doe"))) == ["created", "created"]
    assert await end(pool, 1, 2) == 2
    assert await rows(pool, other) == before


async def test_an_enrollment_that_comes_in_between_is_seen_by_the_next_attempt(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await apply(pool, line(1), line(2))
    session = await new_session(pool, places=2)
    lock, late = people_store.lock_people, [1]

    async def lock_late(*arguments: Any) -> Any:
        if late:
            granted([await enroll(pool, session, late.pop())])
        return await lock(*arguments)

    monkeypatch.setattr(people_store, "lock_people", lock_late)
    with pytest.raises(TransactionConflict):
        await end(pool, 1, 2)
    assert await end(pool, 1, 2) == 2
    assert await status_of_each(pool, session) == {1: "cancelled"}
