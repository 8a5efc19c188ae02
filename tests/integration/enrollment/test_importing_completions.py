"""Past completions, many in one transaction: what each would be, submitted and accepted, whatever others do."""

import asyncio
import json
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.imports import COMPLETIONS, PEOPLE
from services.enrollment.schemas_imports import CompletionLine, PersonLine
from services.enrollment.schemas_records import RecordFields
from services.enrollment.store import catalog_replica
from services.enrollment.store import past_completions as store
from services.enrollment.store.erasure_check import half_erased
from services.enrollment.use_cases import erasing, external_records, merging
from services.enrollment.use_cases.certifications import send_batch
from shared.auth.internal_token import MANAGE, RECORD, Caller
from shared.http.conditional import UNCONDITIONAL, Conditions
from shared.imports.kind import Applied
from shared.postgres.audit import Actor
from shared.postgres.errors import TransactionConflict
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.enrollment_rows import ACTOR, ORGANISATION, enrollment_database, new_people, warm_pool
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.past_completions import AT
from tests.support.races import waits_for_a_lock

COURSE, OTHER_COURSE = 5, 6


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        courses = [
            events.course(ORGANISATION, COURSE, validity_months=12, pass_score=50),
            events.course(ORGANISATION, OTHER_COURSE),
        ]
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await catalog_replica.save_courses(connection, courses)
        yield pool


def line(key: str, employee_id: int, **changes: Any) -> CompletionLine:
    fields = {"key": key, "employee_id": employee_id, "course_id": COURSE, "completed_at": AT}
    return CompletionLine.model_validate(fields | changes)


async def apply(pool: Pool, *lines: CompletionLine) -> list[Applied]:
    async with transaction(pool, [ORGANISATION]) as connection:
        return list(await COMPLETIONS.apply(connection, ORGANISATION, lines, ACTOR))


def outcomes(applied: Sequence[Applied]) -> list[str]:
    return [each.outcome for each in applied]


async def merge(pool: Pool, person: int, into: int) -> None:
    any_version = Conditions(if_match=frozenset({"*"}))
    async with transaction(pool, [ORGANISATION]) as connection:
        await merging.merge(connection, ORGANISATION, "employee", person, into, ACTOR, any_version)


async def record(pool: Pool, key: str) -> Any:
    return await pool.fetchrow("SELECT * FROM external_records WHERE key = $1", key)


async def test_the_same_lines_again_write_nothing(pool: Pool) -> None:
    people = await new_people(pool, 3)
    lines = [line(f"K-{person}", person, score=80) for person in people]
    assert outcomes(await apply(pool, *lines)) == ["created"] * 3
    rows = "SELECT xmin::text, xmax::text, * FROM {} ORDER BY id"
    before = [await pool.fetch(rows.format(table)) for table in ("external_records", "people", "outbox")]
    assert outcomes(await apply(pool, *lines)) == ["unchanged"] * 3
    assert [await pool.fetch(rows.format(table)) for table in ("external_records", "people", "outbox")] == before


@pytest.mark.parametrize("seed", range(20))
async def test_an_imported_completion_is_what_it_would_be_submitted_and_accepted(pool: Pool, seed: int) -> None:
    chance = random.Random(seed)
    [imported, other] = await new_people(pool, 2)
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=chance.randint(0, 700))
    values: dict[str, Any] = {
        "course_id": chance.choice([COURSE, OTHER_COURSE]),
        "completed_at": at,
        "valid_until": chance.choice([None, None, at + timedelta(days=400)]),
        "score": chance.choice([None, 49, 50, 80]),
    }
    assert outcomes(await apply(pool, line("K-1", imported, **values))) == ["created"]
    fields = RecordFields.model_validate({"employee_id": other, "provider": "Red Cross", **values})
    may = frozenset({RECORD, MANAGE})
    clerk, judge = (Caller(ORGANISATION, each, each, "staff", may) for each in ("clerk", "judge"))
    async with transaction(pool, [ORGANISATION]) as connection:
        record_id, _ = await external_records.submit(connection, clerk, fields, Actor("clerk", "Clerk"))
    await external_records.accept(pool, judge, record_id, Actor("judge", "Judge"), UNCONDITIONAL)
    rows = await pool.fetch(
        """SELECT r.status, r.course_id, r.completed_at, r.valid_until, r.score, r.passed, r.certifies,
            r.remembered - 'delivery_mode' AS remembered, c.completed_at AS held_from, c.valid_until AS held_until
        FROM external_records r LEFT JOIN certifications c USING (organisation_id, course_id, employee_id)"""
    )
    assert len(rows) == 2
    assert tuple(rows[0]) == tuple(rows[1])


async def test_of_a_person_who_is_erased_nothing_stays_and_nothing_comes_back(pool: Pool) -> None:
    """The key of a line may have a name in it."""
    [person] = await new_people(pool, 1)
    completion = line("doe-john-2019", person, certificate_url="https://example.org/john-doe")
    assert outcomes(await apply(pool, completion)) == ["created"]
    async with transaction(pool, [ORGANISATION]) as connection:
        await erasing.erase(connection, ORGANISATION, "employee", person, "asked for it", ACTOR)
        assert [text async for text in half_erased(connection)] == []
    [row] = await pool.fetch("SELECT key, line_digest, certificate_url, version FROM external_records")
    assert tuple(row) == (None, None, None, 2)
    trail = "SELECT string_agg(changes::text, '') FROM audit_trail WHERE kind = 'record'"
    assert "john" not in await pool.fetchval(trail)
    assert outcomes(await apply(pool, completion)) == ["refused"]


async def test_notices_of_its_expiry_name_its_source(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    await apply(pool, line("K-1", person, valid_until=datetime.now(UTC) + timedelta(days=6, hours=12)))
    while await send_batch(pool, (30, 7)):
        pass
    rows = await pool.fetch("SELECT body FROM outbox WHERE routing_key = 'certification.expiring'")
    [data] = [json.loads(row["body"])["data"] for row in rows]
    expected = {"source": "import", "employee_id": person, "course_id": COURSE, "days_left": 7}
    assert {name: data[name] for name in expected} == expected


async def test_a_line_of_somebody_who_is_being_merged_waits_and_is_refused(pool: Pool) -> None:
    person, into = await new_people(pool, 2)
    any_version = Conditions(if_match=frozenset({"*"}))
    async with transaction(pool, [ORGANISATION]) as connection:
        await merging.merge(connection, ORGANISATION, "employee", person, into, ACTOR, any_version)
        applying = asyncio.create_task(apply(pool, line("K-1", person)))
        await eventually(lambda: waits_for_a_lock(pool))
    async with asyncio.timeout(20):
        [applied] = await applying
    assert [(each.field, each.reason) for each in applied.errors] == [
        ("employee_id", f"This person was merged into person {into}.")
    ]


async def test_whoever_merges_waits_for_the_lines_and_takes_them_along(pool: Pool) -> None:
    person, into = await new_people(pool, 2)
    async with transaction(pool, [ORGANISATION]) as connection:
        await COMPLETIONS.apply(connection, ORGANISATION, [line("K-1", person)], ACTOR)
        merging_them = asyncio.create_task(merge(pool, person, into))
        await eventually(lambda: waits_for_a_lock(pool))
    async with asyncio.timeout(20):
        await merging_them
    assert (await record(pool, "K-1"))["employee_id"] == into


async def test_control_without_the_lock_a_line_goes_to_whoever_is_there_no_more(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, store, "_LOCK_PEOPLE", "FOR SHARE")
    person, into = await new_people(pool, 2)
    async with transaction(pool, [ORGANISATION]) as connection:
        scene = await store.scene(connection, ORGANISATION, [person], [COURSE])
        await merge(pool, person, into)
        assert scene.people[person].merged_into is None


async def test_a_correction_of_whom_others_merge_meanwhile_is_tried_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, into = await new_people(pool, 2)
    await apply(pool, line("K-1", person))
    original, merged = store.known, False

    async def known(*arguments: Any) -> Any:
        nonlocal merged
        found = await original(*arguments)
        if not merged:
            merged = True
            await merge(pool, person, into)
        return found

    monkeypatch.setattr(store, "known", known)
    correction = line("K-1", into, score=80)
    with pytest.raises(TransactionConflict):
        await apply(pool, correction)
    assert outcomes(await apply(pool, correction)) == ["changed"]
    row = await record(pool, "K-1")
    assert (row["employee_id"], row["version"], row["score"]) == (into, 3, 80)


async def test_a_key_is_given_once(pool: Pool) -> None:
    one, other = await new_people(pool, 2)
    async with transaction(pool, [ORGANISATION]) as connection:
        await COMPLETIONS.apply(connection, ORGANISATION, [line("K-1", one)], ACTOR)
        second = asyncio.create_task(apply(pool, line("K-1", other), line("K-2", other)))
        await eventually(lambda: waits_for_a_lock(pool))
    async with asyncio.timeout(20):
        with pytest.raises(TransactionConflict):
            await second
    assert await pool.fetchval("SELECT array_agg(employee_id) FROM external_records") == [one]
    assert outcomes(await apply(pool, line("K-1", other), line("K-2", other))) == ["changed", "created"]


async def test_control_without_the_index_it_is_given_twice(pool: Pool) -> None:
    """The rows of two transactions that do not see each other."""
    one, other = await new_people(pool, 2)
    await pool.execute("DROP INDEX external_records_by_key")
    statement = store._INSERT.replace("ON CONFLICT (organisation_id, key) WHERE key IS NOT NULL DO NOTHING", "")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(store, "_INSERT", statement)
    try:
        async with transaction(pool, [ORGANISATION]) as connection:
            await COMPLETIONS.apply(connection, ORGANISATION, [line("K-1", one)], ACTOR)
            await apply(pool, line("K-1", other))
    finally:
        monkeypatch.undo()
    assert await pool.fetchval("SELECT count(*) FROM external_records WHERE key = 'K-1'") == 2


async def test_a_batch_takes_a_handful_of_statements(pool: Pool) -> None:
    """However many lines it has. A connection's first one also looks up the types of arrays."""
    people = await new_people(pool, 20)

    async def statements(lines: Sequence[CompletionLine]) -> int:
        count = 0
        async with transaction(pool, [ORGANISATION]) as connection:

            def note(_: Any) -> None:
                nonlocal count
                count += 1

            await COMPLETIONS.apply(connection, ORGANISATION, [line(secrets.token_hex(8), people[0])], ACTOR)
            connection.add_query_logger(note)
            await COMPLETIONS.apply(connection, ORGANISATION, lines, ACTOR)
            connection.remove_query_logger(note)
        return count

    few = await statements([line(f"A-{person}", person) for person in people[:2]])
    assert await statements([line(f"B-{person}", person) for person in people]) == few < 20
    few = await statements([line(f"A-{person}", person, score=80) for person in people[:2]])
    assert await statements([line(f"B-{person}", person, score=80) for person in people]) == few < 20


async def test_tables_that_nobody_has_analyzed_yet_are_no_slower(pool: Pool) -> None:
    """A new installation begins with files: no statement of a batch goes through all of a table for each line."""
    everybody = range(1, 10_001)
    async with transaction(pool, [ORGANISATION]) as connection:
        lines = [PersonLine(id=each, employee_id=f"E-{each}", full_name="John Doe") for each in everybody]
        await PEOPLE.apply(connection, ORGANISATION, lines, ACTOR)
    for start in range(0, 2000, 500):
        batch = [line(f"K-{each}", each) for each in everybody[start : start + 500]]
        assert set(outcomes(await apply(pool, *batch))) == {"created"}
    assert await pool.fetchval("SELECT count(*) FROM certifications") == 2000
