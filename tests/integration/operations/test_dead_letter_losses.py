"""No dead letter is lost: not to a kill, to another operator, to a broker that goes away, nor to being looked at."""

import asyncio

import pytest
from aio_pika.exceptions import DeliveryError
from aiormq.abc import ArgumentsType

from services.history.settings import HistorySettings
from shared.messaging import dead_letter_queue as module
from shared.messaging.dead_letter import DeadLetter
from shared.messaging.dead_letter_queue import DeadLetterQueue, QueueInUse, dead_letter_queue
from tests.support.broker import TIMEOUT, Broker
from tests.support.commands import run, start
from tests.support.dead_letters import (
    count_in,
    everything,
    ids_in_dead_letters,
    ids_left,
    ids_taken,
    set_aside,
)
from tests.support.eventually import eventually
from tests.support.proxy import proxy_for


async def test_control_acknowledged_before_it_is_confirmed_it_is_lost(
    declared: Broker, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = DeadLetterQueue._publish_retry

    async def acknowledge_first(self: DeadLetterQueue, letter: DeadLetter) -> None:
        await letter.message.ack()
        await publish(self, letter)

    monkeypatch.setattr(DeadLetterQueue, "_publish_retry", acknowledge_first)
    ids = await set_aside(declared, organisation, 1, 2)
    await declared.delete_queue()
    with pytest.raises(DeliveryError):
        async with dead_letter_queue(declared.url, declared.queue) as letters:
            await letters.retry(everything)
    assert await ids_in_dead_letters(declared) == ids[1:]


async def test_a_retry_that_is_killed_loses_nothing(
    settings: HistorySettings, declared: Broker, organisation: int
) -> None:
    ids = await set_aside(declared, organisation, *range(1, 501))
    process = await start("history", settings, "dead-letters", "retry", "--all")
    await eventually(lambda: holds_some(declared))
    process.kill()
    await process.communicate()
    moved = await ids_taken(declared)

    async def all_there() -> list[str]:
        """The broker gives back what the killed one held when it sees the connection end."""
        left = await ids_left(declared)
        assert {*left, *moved} == set(ids)
        return left

    left = await eventually(all_there)
    assert left, "it was killed too late to show anything"
    assert left == sorted(left, key=ids.index)
    assert moved == ids[: len(moved)]


async def holds_some(broker: Broker) -> bool:
    return await count_in(broker, broker.queue.name) > 0


async def test_two_operators_at_once_hand_over_each_letter_once(
    settings: HistorySettings, declared: Broker, organisation: int
) -> None:
    ids = await set_aside(declared, organisation, *range(1, 201))
    outcomes = await asyncio.gather(*(run("history", settings, "dead-letters", "retry", "--all") for _ in range(2)))
    assert [outcome.status for outcome in outcomes] == [0, 0]
    assert [message.message_id for message in await declared.taken()] == ids


async def test_a_queue_that_another_command_reads_is_said_to_be_in_use(
    declared: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT", 0.3)
    async with dead_letter_queue(declared.url, declared.queue):
        with pytest.raises(QueueInUse):
            async with dead_letter_queue(declared.url, declared.queue):
                pass


@pytest.fixture
async def limited(broker: Broker) -> Broker:
    """The dead letters under the limit that RabbitMQ 4 gives every quorum queue that has none."""
    arguments: ArgumentsType = {"x-queue-type": "quorum", "x-delivery-limit": 20}
    await broker.channel.declare_queue(broker.queue.dead_letters, durable=True, arguments=arguments, timeout=TIMEOUT)
    return broker


async def look(broker: Broker, times: int) -> None:
    for _ in range(times):
        async with dead_letter_queue(broker.url, broker.queue) as letters:
            assert letters.total >= 0


async def test_looking_at_dead_letters_very_often_loses_none_and_keeps_their_order(
    limited: Broker, organisation: int
) -> None:
    ids = await set_aside(limited, organisation, 1, 2, 3)
    await look(limited, 15)
    ids += await set_aside(limited, organisation, 4)
    await look(limited, 30)
    assert await ids_in_dead_letters(limited) == ids


async def test_control_without_renewal_looking_loses_them(
    limited: Broker, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_AFTER", 1000)
    await set_aside(limited, organisation, 1, 2, 3)
    await look(limited, 45)
    assert await ids_in_dead_letters(limited) == []


async def test_a_broker_that_goes_away_during_a_retry_loses_nothing(declared: Broker, organisation: int) -> None:
    ids = await set_aside(declared, organisation, *range(1, 51))
    async with proxy_for(declared.url) as (proxy, url):

        def cut_at_the_tenth(letter: DeadLetter) -> bool:
            if letter.id == ids[10]:
                proxy.cut()
            return True

        with pytest.raises((Exception, asyncio.CancelledError)):
            async with dead_letter_queue(url, declared.queue) as letters:
                await letters.retry(cut_at_the_tenth)
    moved = await ids_taken(declared)

    async def all_there() -> bool:
        return {*await ids_left(declared), *moved} == set(ids)

    await eventually(all_there)
