"""The feed by days: partitions are made in time and dropped in time, and nothing is lost between (decision 24)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from aiohttp import web
from pydantic import SecretStr

from services.delivery.errors import CursorExpired
from services.delivery.keeping import keep_feed, prepare_feed
from services.delivery.reading import BEGINNING
from services.delivery.settings import DeliverySettings
from services.delivery.store import feed, feed_days
from shared.http.feed_cursor import FeedPlace
from shared.metrics.housekeeping import Housekeeping
from shared.metrics.registry import METRICS, Metrics
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import HOUSEKEEPING, POOL
from tests.support.client import new_organisation
from tests.support.eventually import eventually
from tests.support.feed import FeedDatabase, entries, entry, ids_of
from tests.support.guards import without
from tests.support.races import waits_for_a_lock
from tests.support.stack import Stack

PARTITIONS = """
SELECT array_agg(inhrelid::regclass::text ORDER BY inhrelid::regclass::text) FROM pg_inherits
WHERE inhparent = 'events'::regclass
"""
OTHER_DAYS = "events_of_other_days"


async def partitions(delivery: FeedDatabase) -> list[str]:
    found: list[str] = await delivery.value(PARTITIONS)
    return found


async def drop_today(delivery: FeedDatabase, days: int) -> None:
    """As if no worker had run since: the next days have no partitions."""
    for ahead in range(days):
        await delivery.value(f"DROP TABLE {name_of(today() + timedelta(ahead))}")


async def age(delivery: FeedDatabase, days: int) -> None:
    """What was taken in so far was taken in so long ago."""
    await delivery.value(
        f"WITH moved AS (DELETE FROM events RETURNING *)"
        f" INSERT INTO events OVERRIDING SYSTEM VALUE"
        f" SELECT organisation_id, position, id, day - {days}, event_id, type, body, received_at FROM moved"
    )
    await delivery.value(f"UPDATE feed_days SET day = day - {days}")
    await prepare(delivery)


async def prepare(delivery: FeedDatabase) -> None:
    """As the service, which may not change the schema by itself."""
    async with connected(delivery.pool) as connection:
        await feed_days.prepare(connection)


async def drop_old_days(delivery: FeedDatabase) -> list[date]:
    dropped = list[date]()
    async with connected(delivery.pool) as connection:
        while day := await feed_days.drop_one(connection):
            dropped.append(day)
    return dropped


def today() -> date:
    return datetime.now(UTC).date()


def name_of(day: date) -> str:
    return f"events_{day:%Y%m%d}"


async def test_the_next_days_have_their_partitions(own_delivery: FeedDatabase) -> None:
    assert await partitions(own_delivery) == sorted(
        [*(name_of(today() + timedelta(days)) for days in range(4)), OTHER_DAYS]
    )


async def test_what_comes_before_its_day_is_made_is_kept_and_moved(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await drop_today(own_delivery, 4)
    taken = entries(organisation, 5)
    await own_delivery.take(taken)
    seen = await own_delivery.every_event(organisation)
    assert len(seen) == 5
    assert await own_delivery.value(f"SELECT count(*) FROM {OTHER_DAYS}") == 5
    await prepare(own_delivery)
    assert await own_delivery.value(f"SELECT count(*) FROM {OTHER_DAYS}") == 0
    assert await own_delivery.value(f"SELECT count(*) FROM {name_of(today())}") == 5
    assert await own_delivery.every_event(organisation) == seen
    await own_delivery.take(entries(organisation, 1))
    assert await own_delivery.value(f"SELECT count(*) FROM {name_of(today())}") == 6


async def test_days_are_made_while_events_come_and_are_read(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    taken = entries(organisation, 200)
    await drop_today(own_delivery, 4)

    async def take_all() -> None:
        for each in taken:
            await own_delivery.take([each])

    async def read_all() -> set[str]:
        seen, place = set[str](), BEGINNING
        while len(seen) < len(taken):
            found = await own_delivery.step(organisation, place, limit=50)
            fresh = {str(each.event_id) for each in taken if str(each.event_id) in found.events}
            assert not seen & fresh
            seen, place = seen | fresh, found.next
        return seen

    async def make_and_unmake() -> None:
        for _ in range(5):
            await asyncio.gather(prepare(own_delivery), prepare(own_delivery))

    seen, *_ = await asyncio.gather(read_all(), take_all(), make_and_unmake())
    assert len(seen) == 200


@asynccontextmanager
async def a_day_in_the_making(delivery: FeedDatabase) -> AsyncIterator[None]:
    """Its partition is there, and committed when the block ends."""
    connection = await asyncpg.connect(delivery.superuser_url, timeout=10)
    try:
        async with connection.transaction():
            assert await connection.fetchval("SELECT make_feed_day()") == today()
            yield
    finally:
        await connection.close()


async def test_who_comes_while_a_day_is_made_finds_what_moved_and_adds_to_it(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await drop_today(own_delivery, 1)
    taken = entries(organisation, 4)
    await own_delivery.take(taken[:3])

    async with asyncio.TaskGroup() as tasks, a_day_in_the_making(own_delivery):
        reads = [tasks.create_task(own_delivery.step(organisation)) for _ in range(2)]
        tasks.create_task(own_delivery.take(taken[3:]))
        await eventually(lambda: waits_for_a_lock(own_delivery.pool, 3))
    assert [each.result().shown for each in reads] in ([3, 3], [3, 4], [4, 3], [4, 4])
    assert await own_delivery.value(f"SELECT count(*) FROM {name_of(today())}") == 4
    assert await own_delivery.every_event(organisation) == [str(each.event_id) for each in taken]


async def test_a_new_partition_keeps_organisations_apart(own_delivery: FeedDatabase) -> None:
    one, other = new_organisation(), new_organisation()
    await own_delivery.take([entry(one), entry(other)])
    async with transaction(own_delivery.pool, [one]) as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {name_of(today())}") == 1


async def test_days_are_dropped_after_thirty_of_them(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await own_delivery.take(entries(organisation, 2))
    await age(own_delivery, 31)
    kept = entry(organisation)
    await own_delivery.take([kept])
    assert await drop_old_days(own_delivery) == [today() - timedelta(31)]
    assert await own_delivery.every_event(organisation) == [str(kept.event_id)]
    assert name_of(today() - timedelta(31)) not in await partitions(own_delivery)


async def test_a_day_within_thirty_is_kept(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await own_delivery.take(entries(organisation, 2))
    await age(own_delivery, 30)
    assert await drop_old_days(own_delivery) == []
    assert len(await own_delivery.every_event(organisation)) == 2


async def test_a_cursor_before_what_was_dropped_has_expired(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await own_delivery.take(entries(organisation, 3))
    second = (await own_delivery.step(organisation, limit=2)).next
    last = FeedPlace(
        await own_delivery.value("SELECT max(position) FROM events"),
        await own_delivery.value("SELECT max(id) FROM events"),
    )
    await age(own_delivery, 31)
    await own_delivery.take(entries(organisation, 1))
    await drop_old_days(own_delivery)
    with pytest.raises(CursorExpired):
        await own_delivery.step(organisation, second)
    assert (await own_delivery.step(organisation, last)).shown == 1
    assert (await own_delivery.step(organisation)).shown == 1


async def test_control_until_it_is_dropped_it_has_not(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await own_delivery.take(entries(organisation, 3))
    second = (await own_delivery.step(organisation, limit=2)).next
    await age(own_delivery, 31)
    assert (await own_delivery.step(organisation, second)).shown == 1


async def test_who_reads_while_a_day_is_dropped_sees_all_of_the_rest_or_an_expired_cursor(
    own_delivery: FeedDatabase,
) -> None:
    organisation = new_organisation()
    for days in (3, 2, 1, 0):
        await own_delivery.take(entries(organisation, 20))
        if days:
            await age(own_delivery, 15)  # the oldest are 45 days old in the end, then 30 and 15
    everything = await own_delivery.every_event(organisation)

    async def read() -> list[str] | None:
        ids, place = list[str](), BEGINNING
        try:
            while True:
                found = await own_delivery.step(organisation, place, limit=3)
                ids, place = [*ids, *ids_of(found)], found.next
                if not found.has_more:
                    return ids
        except CursorExpired:
            return None

    outcomes = await asyncio.gather(
        *(read() for _ in range(4)), drop_old_days(own_delivery), *(read() for _ in range(4))
    )
    assert outcomes.pop(4) == [today() - timedelta(45)]
    kept = await own_delivery.every_event(organisation)
    assert kept == everything[20:]
    assert all(each is None or each in (everything, kept) for each in outcomes)


async def test_the_service_can_drop_and_make_nothing_else(own_delivery: FeedDatabase) -> None:
    for statement in (f"DROP TABLE {name_of(today())}", "SELECT drop_feed_day('2030-01-01')", "TRUNCATE events"):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError)):
            async with connected(own_delivery.pool) as connection:
                await connection.execute(statement)


async def test_ids_are_forgotten_a_day_later_than_events(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    taken = entries(organisation, 3)
    await own_delivery.take(taken)
    for each, days in zip(taken, (30, 32, 400), strict=True):
        await own_delivery.value(
            f"UPDATE event_ids SET received_at = received_at - interval '{days} days' WHERE event_id = $1",
            each.event_id,
        )
    async with transaction(own_delivery.pool, EVERY_ORGANISATION) as connection:
        assert not await feed_days.prune_ids(connection)
    assert await own_delivery.value("SELECT array_agg(event_id) FROM event_ids") == [taken[0].event_id]


async def restored(delivery: FeedDatabase) -> None:
    """As a dump looks in another cluster, where transaction ids are lower: all that was given is far ahead."""
    await delivery.value("UPDATE events SET position = position + 1000000")
    await delivery.value("UPDATE feed_state SET cluster = 'another/1', position_offset = 0")


async def test_after_a_restore_positions_go_on_above_all_that_were_given(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    before, after = entries(organisation, 3), entries(organisation, 3)
    await own_delivery.take(before)
    await restored(own_delivery)
    held_before = FeedPlace(await own_delivery.value("SELECT max(position) + 5000 FROM events"), 0)
    await prepare_feed(own_delivery.owner_url)
    await own_delivery.take(after)
    assert await own_delivery.every_event(organisation) == [str(each.event_id) for each in (*before, *after)]
    # Whoever had read on before the restore, beyond what the dump has, reads on as well.
    assert (await own_delivery.step(organisation, held_before)).shown == 3


async def test_until_then_nothing_is_taken_in(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await own_delivery.take(entries(organisation, 3))
    await restored(own_delivery)
    with pytest.raises(DatabaseUnavailable):  # which the consumer waits out
        await own_delivery.take(entries(organisation, 3))
    assert await own_delivery.value("SELECT count(*) FROM event_ids") == 3


async def test_control_without_either_what_comes_is_missed(
    own_delivery: FeedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = new_organisation()
    await own_delivery.take(entries(organisation, 3))
    seen = (await own_delivery.step(organisation)).next
    await restored(own_delivery)
    without(monkeypatch, feed, "_TAKE", "next_feed_position()", "feed_position(pg_current_xact_id())")
    await own_delivery.take(entries(organisation, 3))
    await own_delivery.value("UPDATE feed_state SET cluster = feed_cluster(), position_offset = 2000000")
    assert (await own_delivery.step(organisation, FeedPlace(seen.position + 1000000, 0))).shown == 0


async def test_a_cursor_ahead_of_all_that_happened_is_refused(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    here = (await own_delivery.step(organisation)).next
    with pytest.raises(CursorExpired):
        await own_delivery.step(organisation, FeedPlace(here.position + 1000, 0))


async def test_migrating_again_leaves_positions_as_they_are(own_delivery: FeedDatabase) -> None:
    await prepare_feed(own_delivery.owner_url)
    assert await own_delivery.value("SELECT position_offset FROM feed_state") == 0


async def test_the_offset_waits_for_who_is_writing(own_delivery: FeedDatabase) -> None:
    """One that wrote with the offset before would commit below the horizon."""
    organisation = new_organisation()
    async with transaction(own_delivery.pool, [organisation]) as connection:
        await feed.take(connection, entries(organisation, 1))
        await own_delivery.value("UPDATE feed_state SET cluster = 'another/1'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await own_delivery.value("SELECT renew_feed_offset()")
    await own_delivery.value("SELECT renew_feed_offset()")
    assert await own_delivery.value("SELECT position_offset FROM feed_state") >= 1 << 40
    assert len(await own_delivery.every_event(organisation)) == 1


async def test_a_worker_keeps_the_feed(own_delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await own_delivery.take(entries(organisation, 1))
    await age(own_delivery, 31)
    await drop_today(own_delivery, 4)
    settings = DeliverySettings.model_construct(
        database_url=SecretStr(own_delivery.service_url), amqp_url=SecretStr("")
    )
    app = web.Application()
    app[POOL], app[METRICS], app[HOUSEKEEPING] = own_delivery.pool, Metrics(), Housekeeping()

    async def kept() -> bool:
        return await partitions(own_delivery) == sorted(
            [*(name_of(today() + timedelta(days)) for days in range(4)), OTHER_DAYS]
        )

    async with asynccontextmanager(keep_feed)(settings, app):
        await eventually(kept)


async def test_an_installation_is_migrated_with_days_and_a_place_in_its_cluster(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.database_urls["delivery"], timeout=10)
    state = await connection.fetchval("SELECT cluster = feed_cluster() FROM feed_state")
    names = await connection.fetchval(PARTITIONS)
    await connection.close()
    assert state
    assert name_of(today() + timedelta(3)) in names
