"""A recovery is bounded, and sends nothing twice (contract, section 9)."""

from datetime import UTC, datetime

import pytest

from services.delivery.store import webhook_messages as store
from services.delivery.store import webhooks as webhook_store
from services.delivery.store.webhook_messages import Recovered
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.guards import without
from tests.support.projections import Database
from tests.support.webhooks import Webhooks

BEGINNING = datetime(2020, 5, 15, tzinfo=UTC)
_EVENTS = """
INSERT INTO events (organisation_id, position, event_id, type, body)
SELECT $1, number, gen_random_uuid(), 'training.course.saved.v1', '{}' FROM generate_series(1, $2::integer) AS number
"""


async def missed(database: Database, webhooks: Webhooks, count: int) -> int:
    """A webhook that was not there when so many events came."""
    await database.pool.execute(_EVENTS, webhooks.organisation, count)
    return await webhooks.new("https://hooks.invalid/")


async def recover(database: Database, webhooks: Webhooks, webhook: int, most: int) -> Recovered:
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        found = await webhook_store.lock(connection, webhooks.organisation, webhook)
        assert found is not None
        return await store.recover(connection, found, BEGINNING, most)


async def test_it_goes_on_where_it_ended(database: Database, webhooks: Webhooks) -> None:
    webhook = await missed(database, webhooks, 5)
    assert [await recover(database, webhooks, webhook, 2) for _ in range(4)] == [
        (2, True),
        (2, True),
        (1, False),
        (0, False),
    ]
    order = "SELECT array_agg(feed_position ORDER BY id) FROM webhook_messages WHERE webhook_id = $1"
    assert await database.value(order, webhook) == [1, 2, 3, 4, 5]


async def test_control_without_the_bound_all_are_sent_at_once(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = "FROM missed ORDER BY position, id"
    without(monkeypatch, store, "_RECOVER", f"{chosen} LIMIT $5", chosen)
    webhook = await missed(database, webhooks, 3)
    assert await recover(database, webhooks, webhook, 2) == (3, True)


async def test_what_was_delivered_or_is_pending_stays_as_it_is(database: Database, webhooks: Webhooks) -> None:
    webhook = await missed(database, webhooks, 2)
    await recover(database, webhooks, webhook, 9)
    await webhooks.set("status = CASE feed_position WHEN 1 THEN 'delivered' ELSE 'pending' END, tries = 3", webhook)
    assert await recover(database, webhooks, webhook, 9) == (0, False)
    assert await webhooks.states(webhook) == ["delivered", "pending"]


async def test_control_without_the_check_what_was_delivered_is_sent_again(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, store, "_RECOVER", "AND (sent.id IS NULL OR sent.status IN ('failed', 'dropped'))")
    without(monkeypatch, store, "_RECOVER", "WHERE m.status IN ('failed', 'dropped')")
    webhook = await missed(database, webhooks, 1)
    await recover(database, webhooks, webhook, 9)
    await webhooks.set("status = 'delivered'", webhook)
    assert await recover(database, webhooks, webhook, 9) == (1, False)
