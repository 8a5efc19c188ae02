"""Messages that take too long together are applied in parts: others, and those behind them, do not wait for ever."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.events.types import Event
from shared.messaging.consumer import Consumer
from shared.messaging.follower import Followed
from shared.messaging.subscriptions import routing_keys
from shared.postgres.errors import DatabaseUnavailable, StatementTooSlow
from shared.postgres.pool import Connection
from tests.support.broker import Broker
from tests.support.consumers import Recorder, consumer_for, following
from tests.support.events import enrollment
from tests.support.eventually import eventually
from tests.support.projections import Database

pytestmark = pytest.mark.usefixtures("declared_queue")

TOGETHER = 20
"""Messages."""
BEARABLE = 7
"""Of them in one statement: more take too long."""


class Slow(Recorder):
    """It takes time for each of its messages, and notes what was done in time."""

    def __init__(self) -> None:
        super().__init__()
        self.tries: list[int] = []

    async def __call__(self, connection: Connection, events: Sequence[Event[Any]]) -> None:
        self.tries.append(len(events))
        seconds = 60 if len(events) > BEARABLE else 0
        await connection.execute("SET LOCAL statement_timeout = '100ms'")
        await connection.execute("SELECT pg_sleep($1)", seconds)
        await super().__call__(connection, events)


async def published(broker: Broker, slow: Slow) -> None:
    await broker.declare(*routing_keys(slow.subscriptions))
    await broker.publish([enrollment(7, number) for number in range(1, TOGETHER + 1)])


async def test_they_are_applied_in_parts_and_those_behind_them_too(catalog: Database, broker: Broker) -> None:
    slow = Slow()
    await published(broker, slow)
    async with following(consumer_for(catalog.pool, broker, slow.subscriptions)):
        await broker.publish([enrollment(7, TOGETHER + 1)])
        await slow.has(*range(1, TOGETHER + 2))
    applied = [event.data.id for batch in slow.batches for event in batch]
    assert sorted(applied) == list(range(1, TOGETHER + 2))
    assert max(map(len, slow.batches)) <= BEARABLE
    assert await broker.dead_letters() == []


async def test_control_not_divided_they_are_tried_for_ever(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Consumer._commit

    async def undivided(consumer: Consumer, messages: Callable[[], Sequence[Followed]]) -> None:
        while True:
            try:
                return await commit(consumer, messages)
            except StatementTooSlow:
                continue

    monkeypatch.setattr(Consumer, "_commit", undivided)
    slow = Slow()
    await published(broker, slow)
    async with following(consumer_for(catalog.pool, broker, slow.subscriptions)):

        async def tried_often() -> bool:
            return max(Counter(number for number in slow.tries if number > BEARABLE).values(), default=0) > 3

        await eventually(tried_often)
        assert len(slow.ids) < TOGETHER


async def test_a_single_one_waits_as_for_a_database_that_is_unavailable(catalog: Database, broker: Broker) -> None:
    class Once(Recorder):
        tries = 0

        async def __call__(self, connection: Connection, events: Sequence[Event[Any]]) -> None:
            self.tries += 1
            if self.tries < 3:
                raise StatementTooSlow("canceling statement due to statement timeout")
            await super().__call__(connection, events)

    once = Once()
    assert issubclass(StatementTooSlow, DatabaseUnavailable)
    async with following(consumer_for(catalog.pool, broker, once.subscriptions)):
        await broker.publish([enrollment(7, 1)])
        await once.has(1)
    assert await broker.dead_letters() == []
