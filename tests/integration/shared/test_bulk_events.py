"""Events in bulk: they leave room for others, and each organisation has its turn (decision 31)."""

from collections import Counter
from typing import Any

import pytest

import shared.messaging.relay
from shared.events.types import Event
from shared.messaging import outbox
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.broker import Broker
from tests.support.events import enrollment
from tests.support.eventually import NEVER, eventually
from tests.support.guards import without
from tests.support.projections import Database
from tests.support.relays import WAITING, arrived, commit, everything_is_marked, ids, relay_for, running


async def commit_in_bulk(database: Database, *events: Event[Any], more: bool = False) -> None:
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        await outbox.put_in_bulk(connection, more=more)
        await outbox.add(connection, "enrollment", events)


async def so_many_wait(database: Database, count: int) -> bool:
    return bool(await database.value(WAITING) == count)


@pytest.fixture
def one_batch_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.messaging.relay, "BATCH", 5)
    monkeypatch.setattr(shared.messaging.relay, "BULK_INTERVAL", NEVER)


@pytest.mark.usefixtures("one_batch_of_five")
async def test_others_do_not_wait_for_events_in_bulk(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    await commit_in_bulk(database, *(enrollment(7, number) for number in range(1, 21)))
    async with running(relay_for(database, broker)):
        await arrived(inbox, *range(1, 6))
        await commit(database, *(enrollment(7, number) for number in range(101, 113)))
        await arrived(inbox, *range(101, 113))
        assert ids(inbox) == {*range(1, 6), *range(101, 113)}
        await eventually(lambda: so_many_wait(database, 15))


@pytest.mark.usefixtures("one_batch_of_five")
async def test_control_those_that_are_not_in_bulk_have_no_pace(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    await commit(database, *(enrollment(7, number) for number in range(1, 21)))
    async with running(relay_for(database, broker)):
        await arrived(inbox, *range(1, 21))


async def test_all_of_them_are_published_and_a_notification_wakes_their_lane(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_interval(monkeypatch)
    monkeypatch.setattr(shared.messaging.relay, "BULK_INTERVAL_MEANWHILE", 0.0)
    monkeypatch.setattr(shared.messaging.relay, "BULK_POLL_INTERVAL", NEVER)
    inbox = await broker.inbox()
    async with running(relay_for(database, broker)):
        for start in (1, 101):
            await commit_in_bulk(database, *(enrollment(7, number) for number in range(start, start + 23)))
            await arrived(inbox, *range(start, start + 23))
        await eventually(lambda: everything_is_marked(database))


def no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.messaging.relay, "BATCH", 5)
    monkeypatch.setattr(shared.messaging.relay, "BULK_INTERVAL", 0.0)


@pytest.mark.parametrize(("more", "left"), [(True, 15), (False, 0)])
async def test_while_a_file_is_imported_they_have_a_slower_pace(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch, *, more: bool, left: int
) -> None:
    """A relay that knows of a file publishes one batch of five at most before its interval, which never ends."""
    no_interval(monkeypatch)
    monkeypatch.setattr(shared.messaging.relay, "BULK_INTERVAL_MEANWHILE", NEVER)
    monkeypatch.setattr(shared.messaging.relay, "BULK_QUIET", NEVER)
    inbox, relay = await broker.inbox(), relay_for(database, broker)
    async with running(relay):
        await eventually(relay.is_connected)  # a notification sent before it listens would tell it nothing
        await commit_in_bulk(database, enrollment(7, 201), more=more)
        await arrived(inbox, 201)
        await commit_in_bulk(database, *(enrollment(7, number) for number in range(1, 21)), more=more)
        if not more:
            await arrived(inbox, *range(1, 21))
        for number in range(101, 121):  # more batches than there are of those in bulk
            await commit(database, enrollment(7, number))
            await arrived(inbox, number)
        assert len(ids(inbox) & set(range(1, 21))) <= 20 - left


async def test_the_setting_ends_with_its_transaction(database: Database) -> None:
    await commit_in_bulk(database, enrollment(7, 1))
    for number in range(2, 22):  # on whichever connection
        await commit(database, enrollment(7, number))
    assert await database.value("SELECT array_agg((body::jsonb #>> '{data,id}')::int) FROM outbox WHERE bulk") == [1]


async def organisations_of_a_batch(database: Database) -> Counter[int]:
    await commit_in_bulk(database, *(enrollment(7, number) for number in range(1, 101)))
    await commit_in_bulk(database, *(enrollment(8, number) for number in range(101, 104)))
    await commit_in_bulk(database, *(enrollment(9, number) for number in range(201, 301)))
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        rows = await outbox.lock_unpublished(connection, 30, bulk=True)
        found = await connection.fetch(
            "SELECT organisation_id FROM outbox WHERE id = ANY($1::bigint[])", [row.id for row in rows]
        )
    return Counter(row["organisation_id"] for row in found)


async def test_organisations_take_turns(database: Database) -> None:
    assert await organisations_of_a_batch(database) == {7: 10, 8: 3, 9: 10}


async def test_control_without_a_share_the_first_has_the_whole_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = "greatest($1 / (SELECT count(organisation_id) FROM organisations), 1)"
    without(monkeypatch, outbox, "_LOCK_UNPUBLISHED_IN_BULK", share, "$1")
    assert await organisations_of_a_batch(database) == {7: 30}


async def test_what_one_relay_holds_no_other_claims(database: Database) -> None:
    await commit_in_bulk(database, *(enrollment(7, number) for number in range(1, 11)))
    async with (
        transaction(database.pool, EVERY_ORGANISATION) as one,
        transaction(database.pool, EVERY_ORGANISATION) as another,
    ):
        first = await outbox.lock_unpublished(one, 6, bulk=True)
        second = await outbox.lock_unpublished(another, 6, bulk=True)
        assert await outbox.lock_unpublished(one, 6) == []
    assert (len(first), len(second)) == (6, 4)
    assert not {row.id for row in first} & {row.id for row in second}
