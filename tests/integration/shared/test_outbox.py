import contextlib

import pytest

from shared.messaging import outbox
from shared.postgres.pool import connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.broker import Broker
from tests.support.events import enrollment
from tests.support.guards import without
from tests.support.projections import Database
from tests.support.relays import arrived, commit, ids, relay_for, running


async def test_events_of_a_change_that_was_rolled_back_are_not_published(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    async with running(relay_for(database, broker)):
        with contextlib.suppress(ZeroDivisionError):
            async with transaction(database.pool, EVERY_ORGANISATION) as connection:
                await outbox.add(connection, "enrollment", [enrollment(7, 1)])
                raise ZeroDivisionError
        await commit(database, enrollment(7, 2))
        await arrived(inbox, 2)
    assert ids(inbox) == {2}
    assert await database.value("SELECT count(*) FROM outbox") == 1


async def test_control_events_added_beside_the_transaction_outlive_its_rollback(
    database: Database, broker: Broker
) -> None:
    inbox = await broker.inbox()
    async with running(relay_for(database, broker)):
        with contextlib.suppress(ZeroDivisionError):
            async with transaction(database.pool, EVERY_ORGANISATION), connected(database.pool) as another:
                await outbox.add(another, "enrollment", [enrollment(7, 1)])
                raise ZeroDivisionError
        await arrived(inbox, 1)


async def test_an_event_has_the_time_of_its_row_by_the_clock_of_the_database(database: Database) -> None:
    await commit(database, enrollment(7, 1), enrollment(7, 2))
    assert await database.value("SELECT bool_and((body::jsonb ->> 'time')::timestamptz = created_at) FROM outbox")


async def claimed_by_two(database: Database) -> tuple[set[int], set[int]]:
    await commit(database, *(enrollment(7, number) for number in range(1, 11)))
    async with (
        transaction(database.pool, EVERY_ORGANISATION) as one,
        transaction(database.pool, EVERY_ORGANISATION) as another,
    ):
        first, second = await outbox.lock_unpublished(one, 6), await outbox.lock_unpublished(another, 6)
    return {row.id for row in first}, {row.id for row in second}


async def test_what_one_relay_holds_no_other_claims(database: Database) -> None:
    first, second = await claimed_by_two(database)
    assert (len(first), len(second), first & second) == (6, 4, set())


async def test_control_without_the_lock_two_relays_claim_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, outbox, "_LOCK_UNPUBLISHED", "FOR UPDATE SKIP LOCKED")
    first, second = await claimed_by_two(database)
    assert first & second


async def test_a_mark_waits_for_no_disk_and_what_comes_after_does(database: Database) -> None:
    await commit(database, enrollment(7, 1))
    async with connected(database.pool) as connection:
        await connection.execute("SET synchronous_commit = on")
        async with connection.transaction():
            await outbox.mark_published(connection, [row.id for row in await outbox.lock_unpublished(connection, 1)])
            assert await connection.fetchval("SHOW synchronous_commit") == "off"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        await connection.execute("RESET synchronous_commit")


async def test_only_what_was_published_long_ago_is_pruned(database: Database, broker: Broker) -> None:
    await commit(database, *(enrollment(7, number) for number in range(1, 4)))
    await database.pool.execute("UPDATE outbox SET created_at = now() - interval '9 days'")
    await database.pool.execute("UPDATE outbox SET published_at = now() - interval '25 hours' WHERE id = 1")
    await database.pool.execute("UPDATE outbox SET published_at = now() - interval '23 hours' WHERE id = 2")
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        await outbox.prune(connection)
    assert [row["id"] for row in await database.pool.fetch("SELECT id FROM outbox ORDER BY id")] == [2, 3]
