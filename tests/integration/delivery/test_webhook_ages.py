"""Messages and attempts are kept for 30 days (contract, section 9)."""

from collections import Counter

import pytest

from services.delivery.store import webhook_messages as store
from services.delivery.use_cases import webhooks as use_cases
from shared.observability import own_trace
from shared.postgres.audit import Actor
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.guards import without
from tests.support.projections import Database
from tests.support.webhooks import Webhooks

_ATTEMPT = """
INSERT INTO webhook_attempts (organisation_id, webhook_id, message_id, at, duration_ms)
VALUES ($1, $2, 1, now() - make_interval(days => $3), 1)
"""
Left = tuple[int, int]
"""Messages and attempts."""


async def with_ages(database: Database, webhooks: Webhooks, *days: int) -> None:
    webhook = await webhooks.new("https://hooks.invalid/")
    for age in days:
        [event_id] = await webhooks.send(webhook)
        older = f"created_at = CASE event_id WHEN '{event_id}' THEN now() - interval '{age} days' ELSE created_at END"
        await webhooks.set(older, webhook)
        await database.pool.execute(_ATTEMPT, webhooks.organisation, webhook, age)


async def left(database: Database) -> Left:
    count = "SELECT count(*) FROM "
    return await database.value(f"{count} webhook_messages"), await database.value(f"{count} webhook_attempts")


async def pruned(pool: Pool) -> bool:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        return await store.prune(connection)


async def test_what_is_older_than_30_days_goes(database: Database, webhooks: Webhooks) -> None:
    await with_ages(database, webhooks, 31, 29)
    assert not await pruned(database.pool)
    assert await left(database) == (1, 1)


async def test_control_without_the_age_what_is_younger_goes_too(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, moment in (("_PRUNE_MESSAGES", "created_at"), ("_PRUNE_ATTEMPTS", "at")):
        without(monkeypatch, store, name, f"WHERE {moment} < now() - interval '30 days'")
    await with_ages(database, webhooks, 31, 29)
    await pruned(database.pool)
    assert await left(database) == (0, 0)


async def test_a_round_is_bounded_and_says_that_more_may_be_left(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_ages(database, webhooks, 31, 32, 33)
    monkeypatch.setattr(store, "PRUNED_AT_ONCE", 2)
    for name, moment in (("_PRUNE_MESSAGES", "created_at"), ("_PRUNE_ATTEMPTS", "at")):
        monkeypatch.setattr(store, name, store._PRUNE.format(table=TABLES[name], moment=moment, most=2))
    assert await pruned(database.pool)
    assert await left(database) == (1, 1)
    assert not await pruned(database.pool)
    assert await left(database) == (0, 0)


async def remove(database: Database, webhooks: Webhooks, webhook: int) -> None:
    async with transaction(database.pool, [webhooks.organisation]) as connection:
        await use_cases.remove(connection, (webhooks.organisation, webhook), Actor("7", "Ann", own_trace()))


async def test_a_webhook_for_which_much_waits_is_deleted_and_the_rest_dropped_later(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PRUNED_AT_ONCE", 2)
    webhook, other = [await webhooks.new("https://hooks.invalid/") for _ in range(2)]
    for each in (webhook, other):
        await webhooks.send(each, 5)
    await remove(database, webhooks, webhook)
    assert Counter(await webhooks.states(webhook)) == {"dropped": 2, "pending": 3}
    assert await pruned(database.pool)
    assert not await pruned(database.pool)
    assert await webhooks.states(webhook) == ["dropped"] * 5
    assert await webhooks.states(other) == ["pending"] * 5


TABLES = {"_PRUNE_MESSAGES": "webhook_messages", "_PRUNE_ATTEMPTS": "webhook_attempts"}
