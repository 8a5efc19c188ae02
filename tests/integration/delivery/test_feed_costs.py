"""A read of the feed touches little more than what it shows, in the partitions of the days that it may show."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.delivery.event_types import Wanted
from services.delivery.store import feed, feed_days
from shared.postgres.batched_reads import BatchedReader, PageRead, batched_reader
from shared.postgres.pool import Connection, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.feed import EVERYTHING, TYPE, FeedDatabase, feed_database
from tests.support.plans import nodes, touched

ORGANISATION, OTHER = 7, 8
DAYS = 20
OF_A_DAY = 500
"""Events of each of two organisations, at positions that go up from day to day."""
FEW = 1_000
"""Rows that a read of 50 may touch, all its steps together."""
RARE = "training.settings.saved.v1"

_FILL = f"""
INSERT INTO events (organisation_id, position, day, event_id, type, body)
SELECT organisation, 1000 * day + n, current_date - {DAYS} + day, gen_random_uuid(),
    CASE WHEN day = {DAYS} AND n = {OF_A_DAY} THEN '{RARE}' ELSE '{TYPE}' END, '{{}}'
FROM generate_series(1, {DAYS}) AS day, generate_series(1, {OF_A_DAY}) AS n,
    unnest(ARRAY[{ORGANISATION}, {OTHER}]) AS organisation
"""
_POSITIONS = f"""
INSERT INTO feed_days SELECT current_date - {DAYS} + day, 1000 * day FROM generate_series(1, {DAYS}) AS day
ON CONFLICT (day) DO UPDATE SET position = excluded.position
"""
_ABOVE_ALL = "UPDATE feed_state SET position_offset = 1000000"


@pytest.fixture(scope="module")
async def filled() -> AsyncIterator[FeedDatabase]:
    """With a partition for each day."""
    async with feed_database() as delivery:
        for statement in (_FILL, _POSITIONS, _ABOVE_ALL):
            await delivery.value(statement)
        while await delivery.value("SELECT make_feed_day()"):
            pass
        await delivery.value("VACUUM ANALYZE")
        yield delivery


@pytest.fixture(scope="module")
async def connection(filled: FeedDatabase) -> AsyncIterator[Connection]:
    """Planned as requests are, and as the service, which row-level security holds for."""
    async with batched_reader(filled.service_url, filled.pool, name="test") as reads, _connection_of(reads) as acquired:
        yield acquired


def _connection_of(reads: BatchedReader) -> Any:
    return reads._pool.acquire()


async def plan(connection: Connection, read: PageRead, *, together: bool = False) -> list[dict[str, Any]]:
    """What runs of it; alone, or for two that go together."""
    each_of = """'{{"{0}", "{0}"}}'""" if together else "'{0}'"
    arguments = ", ".join(map(each_of.format, read.arguments))
    statement = read.statement.together if together else read.statement.alone_scoped
    await connection.execute(f"PREPARE page AS {statement}")
    try:
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page ({arguments})")
    finally:
        await connection.execute("DEALLOCATE page")
    [top] = json.loads(explained)
    return [node for node in nodes(top["Plan"]) if node["Actual Loops"]]


@pytest.mark.parametrize("day", [0, 1, DAYS // 2, DAYS])
@pytest.mark.parametrize("wanted", [EVERYTHING, Wanted([TYPE]), Wanted([], ["training.course."])])
async def test_a_read_touches_few_rows_wherever_it_begins(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, day: int, wanted: Wanted
) -> None:
    monkeypatch.setattr(feed, "EXAMINED", 100)
    assert await touched(connection, feed.page(ORGANISATION, (1000 * day + 100, 0), wanted, 50)) < FEW


async def test_control_without_a_limit_it_touches_all(connection: Connection) -> None:
    assert await touched(connection, feed.page(ORGANISATION, (0, 0), EVERYTHING, 100_000)) > DAYS * OF_A_DAY


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
async def test_a_reader_near_the_end_opens_the_partitions_of_the_last_days(
    connection: Connection, together: bool
) -> None:
    read = feed.page(ORGANISATION, (1000 * DAYS + 100, 0), EVERYTHING, 50)
    found = await plan(connection, read, together=together)
    assert len(partitions(found)) <= 6  # yesterday, today, three days ahead, and other days


async def test_control_one_far_behind_opens_more(connection: Connection) -> None:
    found = await plan(connection, feed.page(ORGANISATION, (0, 0), EVERYTHING, 50))
    assert len(partitions(found)) > DAYS


async def test_events_are_found_by_their_index_alone_and_then_read(connection: Connection) -> None:
    found = await plan(connection, feed.page(ORGANISATION, (1000 * DAYS, 0), Wanted([RARE]), 50))
    scans = {node["Node Type"] for node in found if node.get("Relation Name", "").startswith("events_")}
    assert scans == {"Index Only Scan", "Index Scan"}
    bodies = [node for node in found if node["Node Type"] == "Index Scan" and "events_" in node["Relation Name"]]
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in bodies) == 1


async def test_forgetting_ids_finds_them_by_their_age(filled: FeedDatabase) -> None:
    await filled.value(
        "INSERT INTO event_ids SELECT 1, gen_random_uuid(), now() - n * interval '1 minute'"
        " FROM generate_series(1, 60000) AS n"
    )
    await filled.value("ANALYZE event_ids")
    async with transaction(filled.pool, EVERY_ORGANISATION) as connection:
        assert await feed_days.prune_ids(connection)
        read = await connection.fetchval("EXPLAIN (FORMAT JSON) " + feed_days._PRUNE_IDS, 31, 100)
    scans = {node["Node Type"] for node in nodes(json.loads(read)[0]["Plan"]) if "Scan" in node["Node Type"]}
    assert "Seq Scan" not in scans


def partitions(found: list[dict[str, Any]]) -> set[str]:
    names = {str(node.get("Relation Name", "")) for node in found}
    return {name for name in names if name.startswith("events_")}
