"""How many webhooks an organisation has (contract, section 9), and controls that each part of the bound is needed."""

import asyncio
from typing import Final

import pytest
from pydantic import SecretStr

from services.delivery import webhooks as rules
from services.delivery.errors import TooManyWebhooks
from services.delivery.schemas_webhooks import WebhookFields
from services.delivery.sealing import WEBHOOK_SECRETS
from services.delivery.store import webhooks as store
from services.delivery.use_cases import webhooks as use_cases
from services.delivery.webhook_keys import new_secret, new_signing_key
from services.delivery.webhooks import MOST_WEBHOOKS
from shared.auth.secrets_at_rest import Sealer
from shared.observability import own_trace
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, transaction
from tests.support.client import new_organisation
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.projections import Database
from tests.support.webhooks import Webhooks

SEALER: Final = Sealer(WEBHOOK_SECRETS, SecretStr("a secret of thirty-two characters"))
FIELDS: Final = WebhookFields(url="https://hooks.invalid/")
_WAITING_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def create(connection: Connection, organisation: int) -> None:
    made = new_secret(), new_signing_key(), SEALER, lambda _: None
    await use_cases.create(connection, organisation, FIELDS, *made, Actor("7", "Ann", own_trace()))


async def create_one(database: Database, organisation: int) -> None:
    async with transaction(database.pool, [organisation]) as connection:
        await create(connection, organisation)


async def number(database: Database, organisation: int) -> int:
    sql = "SELECT count(*) FROM webhooks WHERE organisation_id = $1 AND NOT removed"
    return int(await database.value(sql, organisation))


async def test_an_organisation_has_fifty_and_others_have_theirs(database: Database, webhooks: Webhooks) -> None:
    for _ in range(MOST_WEBHOOKS):
        await webhooks.new("https://hooks.invalid/")
    with pytest.raises(TooManyWebhooks):
        await create_one(database, webhooks.organisation)
    await create_one(database, new_organisation())
    await webhooks.set("removed = true", await database.value("SELECT max(id) - 1 FROM webhooks"), table="webhooks")
    await create_one(database, webhooks.organisation)
    assert (await number(database, webhooks.organisation), MOST_WEBHOOKS) == (50, 50)


async def test_control_without_the_bound_it_has_more(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "check_room", lambda _: None)
    for _ in range(MOST_WEBHOOKS):
        await webhooks.new("https://hooks.invalid/")
    await create_one(database, webhooks.organisation)
    assert await number(database, webhooks.organisation) == MOST_WEBHOOKS + 1


async def two_at_once(database: Database, organisation: int) -> BaseException | None:
    """What becomes of the second, which begins before the first is committed; there is room for one."""
    async with transaction(database.pool, [organisation]) as connection:
        await create(connection, organisation)
        second = asyncio.create_task(create_one(database, organisation))

        async def has_ended_or_waits_for_a_lock() -> bool:
            return second.done() or bool(await database.value(_WAITING_FOR_A_LOCK))

        await eventually(has_ended_or_waits_for_a_lock)
    await asyncio.wait({second}, timeout=20)
    return second.exception()


async def test_two_at_once_are_counted_one_after_the_other(
    database: Database, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_WEBHOOKS", 1)
    assert isinstance(await two_at_once(database, organisation), TooManyWebhooks)
    assert await number(database, organisation) == 1


async def test_control_without_the_lock_neither_counts_the_other(
    database: Database, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_WEBHOOKS", 1)
    lock = "pg_advisory_xact_lock(hashtextextended('webhooks ' || $1::bigint, 0))"
    without(monkeypatch, store, "_LOCK_ALL", lock, "$1::bigint")
    assert await two_at_once(database, organisation) is None
    assert await number(database, organisation) == 2
