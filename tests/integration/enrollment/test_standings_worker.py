"""The worker that looks at how people stand: everybody in the end, once, however many look and whatever fails."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.enrollment.store import standings as store
from services.enrollment.use_cases import standings
from services.enrollment.use_cases.standings import look_around, look_at_next
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.enrollment_rows import ORGANISATION, enrollment_database, in_scope, new_people, warm_pool
from tests.support.guards import without
from tests.support.races import hold_after
from tests.support.standings import asks, differences, lacking, look, scoped, told

WORKERS = 2


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, WORKERS + 3) as pool:
        yield pool


async def test_everybody_is_looked_at_however_many_they_are(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "BATCH", 2)
    await new_people(pool, 7)
    await asks(pool, course_ids=[1])
    await look(pool)
    assert len(await told(pool)) == len(await lacking(pool)) == 7
    assert await in_scope(pool, "SELECT FROM clearance_walks") == []


async def test_a_change_during_a_walk_reaches_who_was_looked_at_already(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "BATCH", 2)
    await new_people(pool, 7)
    await asks(pool, course_ids=[1])
    for name in ("Second", "Third"):
        await look_at_next(pool, ORGANISATION)
        await look_at_next(pool, ORGANISATION)
        await asks(pool, name=name, course_ids=[1])
    await look(pool)
    assert [len(each) for each in (await lacking(pool)).values()] == [3] * 7
    assert len(await told(pool)) == 21
    assert len({(who, version) for _, who, version, *_ in await told(pool)}) == 21


async def test_changes_one_after_another_keep_nobody_from_being_looked_at(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "BATCH", 2)
    await new_people(pool, 7)
    await asks(pool, course_ids=[1])
    for days in range(1, 8):
        await scoped(pool, "UPDATE requirements SET created_at = now() - make_interval(days => $1)", days)
        await look_at_next(pool, ORGANISATION)
    assert len(await lacking(pool)) == 7


async def look_at_once(pool: Pool, monkeypatch: pytest.MonkeyPatch, *, takes_turns: bool) -> list[tuple[int, int]]:
    """Whose events of which version there are, when several workers look at the same person at once."""
    await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    await look(pool)
    await scoped(pool, "UPDATE clearances SET lacking = '{}', version = 0, look_at = now()")
    await scoped(pool, "DELETE FROM outbox")
    hold_after(monkeypatch, store, "take_turn" if takes_turns else "facts", WORKERS)
    async with asyncio.timeout(20):
        await asyncio.gather(*(look_at_next(pool, ORGANISATION) for _ in range(WORKERS)))
    return [(who, version) for _, who, version, *_ in await told(pool)]


async def test_two_workers_at_once_tell_it_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(await look_at_once(pool, monkeypatch, takes_turns=True)) == 1


async def test_control_without_turns_two_workers_tell_it_twice(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = "pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', 'standings', $1::bigint), 6))"
    without(monkeypatch, store, "_TAKE_TURN", lock, "$1::bigint > 0")
    seen = await look_at_once(pool, monkeypatch, takes_turns=False)
    assert len(seen) == 2
    assert len(set(seen)) == 1


async def test_a_worker_that_fails_has_told_nothing_and_another_goes_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_people(pool, 3)
    await asks(pool, course_ids=[1])

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as failing:
        failing.setattr("shared.messaging.outbox.add", broken)
        with pytest.raises(ZeroDivisionError):
            await look_at_next(pool, ORGANISATION)
        assert not await look_around(pool)
    assert await told(pool) == []
    assert await lacking(pool) == {}
    await look(pool)
    assert len(await told(pool)) == 3


async def test_what_fails_in_one_organisation_keeps_no_other_from_its_turn(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    await scoped(
        pool,
        "INSERT INTO requirements (organisation_id, name, course_ids, label_ids) VALUES (1, 'Theirs', '{1}', '{}')",
    )
    whole = store.take_people

    async def broken(connection: Any, organisation_id: int, limit: int) -> Any:
        if organisation_id == 1:
            raise ZeroDivisionError
        return await whole(connection, organisation_id, limit)

    monkeypatch.setattr(store, "take_people", broken)
    await look(pool)
    assert len(await told(pool)) == 1


async def test_a_row_that_says_something_else_is_found_and_put_right(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    await look(pool)
    await scoped(pool, "UPDATE clearances SET lacking = '{}'")
    [sentence] = await differences(pool)
    assert f"person {person}" in sentence
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        assert await store.look_anew(connection) == 1
    await look(pool)
    assert await differences(pool) == []


async def test_who_is_about_to_be_looked_at_is_not_wrong_yet(pool: Pool) -> None:
    await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    assert await differences(pool) == []
