"""The broker dies, freezes, is cut off or out of disk: writes go on, the outbox grows and drains."""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import asyncpg
import pytest

from tests.faults.bed import Bed
from tests.faults.dead_letters import dead_letters
from tests.faults.disruptions import (
    POISON,
    Disruption,
    broker_black_holed,
    broker_frozen,
    broker_killed,
    broker_out_of_disk,
    redelivered,
)
from tests.faults.figures import figure
from tests.faults.run import broken_promises, story
from tests.faults.waiting import acknowledged
from tests.support import events
from tests.support.eventually import eventually
from tests.support.world import SESSIONS, new_course

SEED = 2
WRITES = 12
"""Acknowledged while the broker is down, before it comes back."""
UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
OF_SESSION = "routing_key = 'session.saved' AND (body::jsonb #>> '{data,id}')::bigint = $1"

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("away", [broker_killed, broker_frozen, broker_black_holed, broker_out_of_disk])
async def test_writes_are_acknowledged_and_reach_everybody_later(bed: Bed, away: Disruption) -> None:
    name = away.__name__.replace("_", " ")
    async with story(bed, SEED) as ledger:
        await acknowledged(ledger, WRITES)
        async with away(bed, random.Random(SEED)):
            began = time.monotonic()
            ledger.tell(name)
            await acknowledged(ledger, WRITES)
            await eventually(lambda: outbox_has(bed, 1), deadline=10)
        back = time.monotonic()
        ledger.tell("back")
        await eventually(lambda: outbox_had_only_since(bed, back))
        figure(name, "outbox drained after", time.monotonic() - back, "s", goal=2)
    refused = [attempt for attempt in ledger.failures() if attempt.at >= began]
    assert not refused, refused


async def test_control_without_waiting_for_the_confirm_they_are_lost(bed: Bed) -> None:
    async with bed.changed("enrollment", WITHOUT="confirm"), broken_promises(bed, SEED, of="I2 lost") as ledger:
        bed.broker_link.freeze(to_client=False)
        await acknowledged(ledger, WRITES)
        bed.broker_link.cut()
        bed.broker_link.thaw()


async def test_an_event_that_routes_nowhere_stays_until_it_does(bed: Bed) -> None:
    async with unrouted(bed, "session.saved"):
        session = await new_session_id(bed, 5001)
        await eventually(lambda: said(bed, "catalog", "event stays in the outbox"))
        assert await unpublished(bed, session)
    await bring_near(bed, session)
    await eventually(lambda: is_published(bed, session))


async def test_control_without_the_mandatory_flag_it_is_marked_sent(bed: Bed) -> None:
    async with bed.changed("catalog", WITHOUT="mandatory"), unrouted(bed, "session.saved"):
        session = await new_session_id(bed, 5002)
        await eventually(lambda: is_published(bed, session))


async def test_poison_is_set_aside_and_its_neighbours_are_applied(bed: Bed) -> None:
    before = await dead_letters(bed, "history")
    async with story(bed, SEED) as ledger:
        await acknowledged(ledger, WRITES)
        began = time.monotonic()
        await publish_to_history(bed, *POISON, never_applicable())
        await eventually(lambda: has_dead_letters(bed, before + len(POISON) + 1))
        figure("poison", "dead-lettered after", time.monotonic() - began, "s", goal=10)
        await acknowledged(ledger, WRITES)


async def test_control_without_dead_letters_the_neighbours_starve(bed: Bed) -> None:
    async with bed.changed("history", WITHOUT="dead letters"), broken_promises(bed, SEED, of="I3"):
        await publish_to_history(bed, POISON[0])
    await publish_to_history(bed)


async def test_everything_delivered_three_times_and_shuffled_changes_nothing(bed: Bed) -> None:
    async with story(bed, SEED) as ledger:
        await acknowledged(ledger, 3 * WRITES)
        async with redelivered(bed, random.Random(SEED)):
            await acknowledged(ledger, WRITES)


async def test_control_without_the_version_check_old_events_win(bed: Bed) -> None:
    async with bed.changed("history", WITHOUT="version check"), broken_promises(bed, SEED, of="I[35]") as ledger:
        await acknowledged(ledger, 3 * WRITES)
        async with redelivered(bed, random.Random(SEED)):
            await acknowledged(ledger, WRITES)


async def fetchval(bed: Bed, service: str, statement: str, *arguments: object) -> int:
    connection = await asyncpg.connect(bed.database_urls[service], timeout=5)
    try:
        return int(await connection.fetchval(statement, *arguments) or 0)
    finally:
        await connection.close()


async def outbox_has(bed: Bed, events: int) -> bool:
    return await fetchval(bed, "enrollment", UNPUBLISHED) >= events


async def outbox_had_only_since(bed: Bed, moment: float) -> bool:
    """Nothing waits that was there before the moment."""
    age = f"{UNPUBLISHED} AND created_at < now() - make_interval(secs => $1)"
    return await fetchval(bed, "enrollment", age, time.monotonic() - moment) == 0


@asynccontextmanager
async def unrouted(bed: Bed, routing_key: str) -> AsyncIterator[None]:
    """No queue is bound for the routing key while the block runs."""
    async with await aio_pika.connect(bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel()
        queues = [await channel.get_queue(name) for name in ("muster.history", "muster.enrollment")]
        feed = await channel.get_queue("muster.delivery")
        everything = await channel.get_queue("bed.subscriber", ensure=False)
        for queue in queues:
            await queue.unbind("training.events", routing_key)
        for queue in (feed, everything):
            await queue.unbind("training.events", "#")
        try:
            yield
        finally:
            await feed.bind("training.events", "#")
            for queue in queues:
                await queue.bind("training.events", routing_key)


async def new_session_id(bed: Bed, organisation: int) -> int:
    client = bed.client(organisation)
    body = {
        "course_id": await new_course(client), "session_name": "Routes nowhere", "max_participants": 3,
        "start_date": "2031-05-15T09:00:00Z", "end_date": "2031-05-15T17:00:00Z",
    }  # fmt: skip
    answer = await client.post(SESSIONS, body)
    assert answer.status == 201, answer.text
    return int(answer.data["id"])


async def unpublished(bed: Bed, session: int) -> bool:
    return await fetchval(bed, "catalog", f"{UNPUBLISHED} AND {OF_SESSION}", session) == 1


async def bring_near(bed: Bed, session: int) -> None:
    """What is tried again after ten seconds is due; fails where that was not to be."""
    due = f"UPDATE outbox SET retry_at = now() WHERE retry_at > now() AND {OF_SESSION} RETURNING 1"
    assert await fetchval(bed, "catalog", due, session) == 1


async def is_published(bed: Bed, session: int) -> bool:
    return not await unpublished(bed, session)


async def said(bed: Bed, service: str, what: str) -> bool:
    return any(what in process.log_end(20_000) for process in bed.copies_of(service))


async def has_dead_letters(bed: Bed, count: int) -> bool:
    return await dead_letters(bed, "history") >= count


async def publish_to_history(bed: Bed, *bodies: bytes) -> None:
    async with await aio_pika.connect(bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel()
        for body in bodies:
            await channel.default_exchange.publish(aio_pika.Message(body), "muster.history")


def never_applicable() -> bytes:
    """A good event that no database can hold: the id of its organisation has more than 64 bits."""
    return events.encoded(events.course(2**70, 7), "catalog")[1].encode()
