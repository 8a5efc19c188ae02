"""Reads that wait together are one statement; each is answered as if it had been alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from shared.concurrency.deadline import Deadline, current_deadline
from shared.errors import DeadlinePassed, Overloaded
from shared.postgres import batched_reads
from shared.postgres.batched_reads import (
    BatchedReader,
    PageRead,
    Statement,
    batched_reader,
)
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.lists import PAGE_TYPES, page_of, union_over
from shared.postgres.pool import ACQUIRE_TIMEOUT, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.projections import Database

ORGANISATION = {"organisation_id": "bigint"}
DIVIDED = Statement("SELECT 10 / :by AS quotient, clock_timestamp() AS at", ORGANISATION | {"by": "integer"})
TEXT = Statement(
    "SELECT :text || '!' AS text, pg_backend_pid() || ' at ' || statement_timestamp() AS statement",
    ORGANISATION | {"text": "text"},
)
"""Two statements may begin in the same microsecond, but not on one connection."""
DIVISION_BY_ZERO = asyncpg.DivisionByZeroError


@pytest.fixture
async def reads(catalog: Database) -> AsyncIterator[BatchedReader]:
    async with batched_reader(catalog.url, catalog.pool, name="test") as reads:
        yield reads


async def outcomes(reads: BatchedReader, *asked: PageRead) -> list[Any]:
    return await asyncio.gather(*map(reads.read, asked), return_exceptions=True)


def divided(by: int) -> PageRead:
    return PageRead(DIVIDED, (1, by))


def text(value: str | None) -> PageRead:
    return PageRead(TEXT, (1, value))


async def test_each_gets_its_own_row_whatever_waits_beside_it(reads: BatchedReader) -> None:
    asked = [divided(1), text("a"), divided(5), text(None), text("b"), divided(2)]
    rows = await outcomes(reads, *asked)
    assert [row[0] for row in rows] == [10, "a!", 2, None, "b!", 5]
    assert [row[0] for row in [await reads.read(read) for read in asked]] == [row[0] for row in rows]


async def test_those_that_wait_together_are_one_statement(reads: BatchedReader) -> None:
    rows = await outcomes(reads, *(text(str(number)) for number in range(batched_reads.BATCH)))
    assert [row[0] for row in rows] == [f"{number}!" for number in range(batched_reads.BATCH)]
    assert len({row[1] for row in rows}) == 1


async def test_no_statement_is_of_more_than_the_most(reads: BatchedReader) -> None:
    rows = await outcomes(reads, *(text(str(number)) for number in range(2 * batched_reads.BATCH + 1)))
    assert len({row[1] for row in rows}) == 3


async def test_only_the_read_at_fault_fails(reads: BatchedReader) -> None:
    rows = await outcomes(reads, divided(1), divided(0), divided(2), text("a"))
    assert [row[0] for row in (rows[0], rows[2], rows[3])] == [10, 5, "a!"]
    assert isinstance(rows[1], DIVISION_BY_ZERO)


async def test_control_without_reading_alone_again_all_fail(
    reads: BatchedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batched_reads, "Unavailable", Exception)
    rows = await outcomes(reads, divided(1), divided(0), divided(2), text("a"))
    assert [type(row) for row in rows] == [DIVISION_BY_ZERO] * 3 + [tuple]


async def test_nobody_waits_for_a_turn_longer_than_for_a_connection(reads: BatchedReader) -> None:
    assert await behind_slow_reads(reads) == [Overloaded]


async def test_control_without_that_bound_one_waits_as_long_as_it_takes(
    reads: BatchedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads._batcher, "_max_wait", 60)
    assert await behind_slow_reads(reads) == [tuple]


async def behind_slow_reads(reads: BatchedReader) -> list[type[Any]]:
    """What becomes of a read that finds all turns taken for a while."""
    slow = Statement("SELECT pg_sleep(:seconds)::text AS slept", ORGANISATION | {"seconds": "double precision"})
    turns = []
    for _ in range(batched_reads.BATCHES):
        turns.append(asyncio.create_task(reads.read(PageRead(slow, (1, 2 * ACQUIRE_TIMEOUT)))))
        for _ in range(5):  # until it has its turn, so that the next one is not in the same batch
            await asyncio.sleep(0)
    behind = await outcomes(reads, text("a"))
    await asyncio.gather(*turns)
    return list(map(type, behind))


async def test_while_the_database_is_away_nobody_asks_it_again(
    reads: BatchedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def away(_: Any, reads: Any) -> Any:
        asked.append(len(reads))
        raise DatabaseUnavailable("refused")

    monkeypatch.setattr(batched_reads, "_rows", away)
    rows = await outcomes(reads, *map(divided, range(1, 6)))
    assert [type(row) for row in rows] == [DatabaseUnavailable] * 5
    assert asked == [5]


async def test_a_read_after_its_deadline_is_not_asked(reads: BatchedReader) -> None:
    token = current_deadline.set(Deadline.after(0))
    try:
        for read in (text("a"), PageRead(TEXT, (1, "a"), slow=True)):
            with pytest.raises(DeadlinePassed):
                await reads.read(read)
    finally:
        current_deadline.reset(token)


async def test_what_was_committed_before_is_seen_by_whoever_waits_with_others(
    catalog: Database, reads: BatchedReader, organisation: int
) -> None:
    """A batch begins after its reads have arrived, and another may be under way when they do."""
    count = Statement("SELECT count(*) AS rows FROM removed WHERE organisation_id = :organisation_id",
                      {"organisation_id": "bigint"})  # fmt: skip
    async with connection_pool(catalog.url, name="test", size=2) as pool:

        async def write_and_read(number: int) -> int:
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                await connection.execute(
                    "INSERT INTO removed (kind, organisation_id, id, state) VALUES ('courses', $1, $2, '{}')",
                    organisation + number % 3,
                    number,
                )
            return int((await reads.read(PageRead(count, (organisation + number % 3,))))[0])

        for first in range(0, 60, 3):
            seen = await asyncio.gather(*(write_and_read(number) for number in range(first, first + 3)))
            assert seen == [first // 3 + 1] * 3


def test_a_statement_without_an_organisation_is_none() -> None:
    with pytest.raises(ValueError, match="organisation_id"):
        Statement("SELECT :text AS text", {"text": "text"})


async def test_a_page_over_values_is_that_of_all_values_in_their_order(reads: BatchedReader) -> None:
    numbers = "SELECT n AS id, n % 3 AS kind FROM generate_series(1, 100) AS n WHERE :first <= n"
    page = page_of(union_over(f"SELECT id FROM ({numbers}) rows WHERE true", "id", "kind::text", "012"), "id", 100)
    types = ORGANISATION | {"first": "integer"} | PAGE_TYPES
    paged = Statement(f"SELECT array_agg(id ORDER BY id) AS ids FROM {page} page", types)
    rows = await outcomes(reads, *(PageRead(paged, (1, *asked)) for asked in ((1, 5, 0), (20, 4, 3), (98, 10, 0))))
    assert rows == [([1, 2, 3, 4, 5],), ([23, 24, 25, 26],), ([98, 99, 100],)]
