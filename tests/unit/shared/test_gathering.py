"""How long a consumer's batch waits for more."""

import asyncio
from typing import Any

import pytest

import shared.consumer
from shared.broker import QueueName
from shared.consumer import MANY, Arrivals, Consumer

NOBODY: Any = None
A_LITTLE_LATER = 0.05


@pytest.mark.parametrize(("before", "together"), [(1, 1), (MANY, 2)], ids=["after few", "after many"])
async def test_after_many_messages_a_batch_waits_longer_for_more(
    monkeypatch: pytest.MonkeyPatch, before: int, together: int
) -> None:
    monkeypatch.setattr(shared.consumer, "GATHERING_MANY", 10 * A_LITTLE_LATER)
    consumer, arrived = Consumer(NOBODY, "", QueueName("q"), {}), Arrivals()
    delivery: Any = object()
    for _ in range(before):
        arrived.put_nowait(delivery)
    assert len(await consumer._next_batch(NOBODY, arrived)) == before
    arrived.put_nowait(delivery)
    asyncio.get_running_loop().call_later(A_LITTLE_LATER, arrived.put_nowait, delivery)
    assert len(await consumer._next_batch(NOBODY, arrived)) == together
