"""What is asked when the metrics are read is found on indexes, however much else the tables have."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from services.delivery.store import sending
from services.enrollment.store import standings
from shared.imports import work_store
from shared.messaging import outbox
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.plans import nodes
from tests.support.projections import Database, delivery_database

PUBLISHED = 3000
_EVENTS = """
INSERT INTO outbox (event_id, organisation_id, routing_key, body, published_at, created_at, bulk)
SELECT gen_random_uuid(), $1::bigint + n % 3, 'course.saved', '{}', CASE WHEN n > $2::int THEN now() END,
    now() - make_interval(secs => n), $3::boolean
FROM generate_series(1, $2::int + $4::int) AS n
"""


@pytest.fixture(scope="module")
async def delivery() -> AsyncIterator[Database]:
    async with delivery_database() as database:
        yield database


async def indexes_of(database: Database, statement: str, arguments: Sequence[Any]) -> tuple[set[str], set[str]]:
    """The indexes that the plan walks along, and the tables that it reads whole."""
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        text = statement
        for number, argument in enumerate(arguments, 1):
            text = text.replace(f"${number}", str(argument))
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {text}")
    plan = list(nodes(json.loads(explained)[0]["Plan"]))
    return (
        {node["Index Name"] for node in plan if "Index Name" in node},
        {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"},
    )


async def test_the_outbox_is_counted_by_lane(database: Database, organisation: int) -> None:
    for bulk, waiting in ((False, 2), (True, 5)):
        await database.pool.execute(_EVENTS, organisation, waiting, bulk, PUBLISHED)
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        found = await outbox.backlog(connection)
    assert (found.direct, found.bulk) == (2, 5)
    # The first that was added is the oldest of its lane by its id; of those in bulk one of each organisation counts.
    assert 1 <= found.direct_seconds < 60
    assert 3 <= found.bulk_seconds < 60
    used, whole = await indexes_of(database, outbox._BACKLOG, [outbox.MOST_COUNTED])
    assert whole == set()
    assert used == {"outbox_waiting_alone", "outbox_waiting_in_bulk"}


async def test_counting_ends(database: Database, organisation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_COUNTED", 4)
    for bulk in (False, True):
        await database.pool.execute(_EVENTS, organisation, 7, bulk, 0)
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        found = await outbox.backlog(connection)
    assert (found.direct, found.bulk) == (4, 4)


async def test_messages_that_wait_are_found_from_webhook_to_webhook(delivery: Database) -> None:
    used, whole = await indexes_of(delivery, sending._WAITING, [sending.MOST_COUNTED, 10])
    assert whole == set()
    assert "webhook_messages_due" in used
    assert "webhook_messages_pkey" not in used


async def test_imports_that_are_not_done_have_an_index(enrollment: Database) -> None:
    used, whole = await indexes_of(enrollment, work_store._TO_DO, [])
    assert (used, whole) == ({"imports_to_do"}, set())


async def test_people_to_look_at_have_indexes(enrollment: Database) -> None:
    used, whole = await indexes_of(enrollment, standings._COUNT_WAITING, [standings.MOST_COUNTED])
    assert "clearances_to_look_at" in used
    assert "people" not in whole
    assert "clearances" not in whole
