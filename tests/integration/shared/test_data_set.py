"""The bench's data set holds each copy as the handlers of its service would have written it."""

from collections.abc import AsyncIterator, Mapping

import pytest

from bench.clearance_data import require
from bench.dataset import Size, load, today
from services.catalog.store.snapshots import SNAPSHOTS as OF_CATALOG
from services.enrollment.store.snapshots import SNAPSHOTS as OF_ENROLLMENT
from services.enrollment.store.standing_check import wrong_standings
from shared.messaging.subscriptions import apply
from shared.postgres.pool import connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.projections.comparison import ReplicaTable
from shared.projections.keys import FIRST
from shared.projections.snapshot import SnapshotSource
from tests.support.projections import Database, catalog_database, enrollment_database, history_database
from tests.support.services import PROJECTIONS

ROWS = 300
SMALL = Size.of(0.01)


@pytest.fixture(scope="module")
async def loaded() -> AsyncIterator[Mapping[str, Database]]:
    async with catalog_database() as catalog, enrollment_database() as enrollment, history_database() as history:
        databases = {"catalog": catalog, "enrollment": enrollment, "history": history}
        await load({name: database.url for name, database in databases.items()}, SMALL, today(), lambda _: None)
        yield databases


def source(replica: ReplicaTable) -> SnapshotSource:
    return {"catalog": OF_CATALOG, "enrollment": OF_ENROLLMENT}[replica.owner][replica.kind]


@pytest.mark.parametrize(
    ("service", "table"),
    [("enrollment", "courses"), ("enrollment", "sessions")]
    + [("history", table) for table in ("courses", "sessions", "people", "records")],
)
async def test_a_copy_is_what_its_handler_writes(loaded: Mapping[str, Database], service: str, table: str) -> None:
    [replica] = [each for each in PROJECTIONS[service].replicas if each.table == table]
    row = "(to_jsonb(t) - '{updated_at,updated_day,saved_at}'::text[])::text"
    rows = f"SELECT {row} FROM {table} t ORDER BY organisation_id, id LIMIT {ROWS}"
    copying = loaded[service].pool
    async with transaction(loaded[replica.owner].pool, EVERY_ORGANISATION) as connection:
        events = await source(replica).page(connection, FIRST, ROWS)
    before = await copying.fetch(rows)
    await copying.execute(f"UPDATE {table} SET version = 0")
    async with transaction(copying, EVERY_ORGANISATION) as connection:
        await apply(connection, PROJECTIONS[service].subscriptions, events)
    changed = [(row, now) for row, now in zip(before, await copying.fetch(rows), strict=True) if row != now]
    assert changed[:1] == []


async def test_what_is_kept_of_how_people_stand_is_what_a_worker_would_keep(loaded: Mapping[str, Database]) -> None:
    enrollment = loaded["enrollment"]
    await require(enrollment.url, SMALL)
    async with transaction(enrollment.pool, EVERY_ORGANISATION) as connection:
        lacking = await connection.fetchval("SELECT count(*) FROM clearances WHERE lacking <> '{}'")
        marks = await connection.fetchval("SELECT count(*) FROM clearance_marks")
    assert (SMALL.people > lacking > 0, marks) == (True, 0)
    async with connected(enrollment.pool) as connection:
        await connection.execute("SET muster.organisations = '{NULL}'")
        wrong = [sentence async for sentence in wrong_standings(connection)]
        await connection.execute("RESET muster.organisations")
    assert wrong == []


async def test_triggers_that_it_was_loaded_without_are_there_again(loaded: Mapping[str, Database]) -> None:
    for database in loaded.values():
        async with connected(database.pool) as connection:
            off = await connection.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'")
        assert off == []
