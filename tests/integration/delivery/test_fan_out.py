"""Each event is a message for each webhook that wants it, in the transaction that takes it in."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from services.delivery.store import feed
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION, scope
from tests.support.client import new_organisation
from tests.support.projections import Database
from tests.support.webhooks import Webhooks, event

COURSE = "training.course.saved.v1"
WANTING: dict[str, tuple[str, bool]] = {
    "all": ("'{}'", True),
    "this type": (f"'{{training.session.saved.v1,{COURSE}}}'", True),
    "all of courses": ("'{training.course.*}'", True),
    "all of training": ("'{training.*}'", True),
    "another type": ("'{training.session.saved.v1}'", False),
    "another version": ("'{training.course.saved.v2}'", False),
    "a part of its name": ("'{training.course}'", False),
    "all of another": ("'{training.cou.*}'", False),
}


async def taken(database: Database, organisation: int, *event_ids: UUID) -> None:
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        await feed.take(
            connection,
            [feed.Entry(organisation, each, COURSE, event(str(each), organisation)) for each in event_ids],
        )


async def messages(database: Database, webhook: int) -> Sequence[UUID]:
    sql = "SELECT array_agg(event_id ORDER BY id) FROM webhook_messages WHERE webhook_id = $1"
    return await database.value(sql, webhook) or []


@pytest.mark.parametrize("name", WANTING)
async def test_a_webhook_gets_the_types_it_wants(database: Database, webhooks: Webhooks, name: str) -> None:
    types, wanted = WANTING[name]
    webhook = await webhooks.new("https://a.example/")
    await webhooks.set(f"types = {types}", webhook, table="webhooks")
    event_id = uuid4()
    await taken(database, webhooks.organisation, event_id)
    assert await messages(database, webhook) == ([event_id] if wanted else [])


async def test_an_event_that_is_taken_again_is_no_message_again(database: Database, webhooks: Webhooks) -> None:
    hooks = [await webhooks.new("https://a.example/") for _ in range(2)]
    first, second = uuid4(), uuid4()
    await taken(database, webhooks.organisation, first, first)
    await taken(database, webhooks.organisation, first, second)
    for webhook in hooks:
        assert await messages(database, webhook) == [first, second]


async def test_other_organisations_and_webhooks_that_are_off_get_none(database: Database, webhooks: Webhooks) -> None:
    other = await Webhooks(database, new_organisation()).new("https://a.example/")
    off, removed = await webhooks.new("https://b.example/"), await webhooks.new("https://c.example/")
    await webhooks.set("status = 'disabled', disabled_reason = 'by_user'", off, table="webhooks")
    await webhooks.set("removed = true", removed, table="webhooks")
    await taken(database, webhooks.organisation, uuid4())
    assert [await messages(database, each) for each in (other, off, removed)] == [[], [], []]


async def test_an_event_that_is_rolled_back_is_no_message(database: Database, webhooks: Webhooks) -> None:
    webhook = await webhooks.new("https://a.example/")
    async with database.pool.acquire() as connection:
        taking = connection.transaction()
        await taking.start()
        await connection.execute(scope(EVERY_ORGANISATION))
        await feed.take(connection, [feed.Entry(webhooks.organisation, uuid4(), COURSE, "{}")])
        await taking.rollback()
    assert await messages(database, webhook) == []
