"""The connection on which requests are counted: held for as long as it serves, and replaced when it does not."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from gateway.admission.redis_client import redis_client
from gateway.admission.redis_script import RedisScript
from tests.support.databases import redis_url

SAYS = "return {KEYS[1], ARGV[1]}"


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    client = redis_client(redis_url())
    yield client
    await client.aclose()


def address(script: RedisScript) -> str:
    """That of its end of the connection, as Redis knows it."""
    assert script._connection is not None
    assert script._connection._transport is not None
    host, port = script._connection._transport.get_extra_info("sockname")[:2]
    return f"{host}:{port}"


async def test_all_calls_go_over_one_connection(redis: Redis) -> None:
    script = RedisScript(redis, SAYS)
    assert await script.run(["a"], [7]) == [b"a", b"7"]
    first = address(script)
    gc.collect()  # redis-py closes a connection that nobody holds
    for number in range(20):
        assert await script.run([str(number)], [number]) == [str(number).encode()] * 2
    assert address(script) == first
    script.close()


async def test_a_connection_that_was_closed_is_made_anew_by_the_next_call(redis: Redis) -> None:
    script = RedisScript(redis, SAYS)
    await script.run(["a"], [1])
    first = address(script)
    await redis.client_kill(first)
    try:
        await script.run(["a"], [1])
    except RedisConnectionError:  # it may hear of the end before or after it asks
        await script.run(["a"], [1])
    assert address(script) != first
    script.close()


async def test_a_script_that_fails_says_so_and_serves_on(redis: Redis) -> None:
    script = RedisScript(redis, "return redis.call('INCR', KEYS[1])")
    await redis.set("not a number", "x", px=5000)
    with pytest.raises(ResponseError):
        await script.run(["not a number"], [])
    await redis.delete("a number")
    assert await script.run(["a number"], []) == 1
    await redis.delete("a number")
    script.close()


async def test_a_call_cut_short_leaves_its_answer_to_nobody(redis: Redis) -> None:
    script = RedisScript(redis, SAYS)
    await script.run(["warm"], [0])
    for number in range(10):
        call = asyncio.create_task(script.run(["cut short"], [0]))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await script.run([str(number)], [number]) == [str(number).encode()] * 2
    script.close()
