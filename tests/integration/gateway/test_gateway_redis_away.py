"""Redis killed, frozen, out of memory, emptied: requests go on, limits and known revocations hold."""

import signal
import time
from collections.abc import Awaitable, Callable
from unittest.mock import AsyncMock

import pytest
from pydantic import SecretStr
from redis.exceptions import RedisError

from gateway.admission.redis_client import Availability
from gateway.admission.revocation import Revocations
from shared.concurrency.tasks import background
from tests.integration.gateway.edge import Edge, OwnRedis, StartGateway, new_token
from tests.support.eventually import eventually

COURSES = "/api/v1/training/courses"
LOGOUT = "/api/v1/auth/logout"
FAULTS = ["killed", "frozen", "out of memory"]


async def bring_down(redis: OwnRedis, fault: str) -> None:
    if fault == "killed":
        await redis.kill()
    elif fault == "frozen":
        redis.signal(signal.SIGSTOP)
    else:
        async with redis.client() as client:
            await client.config_set("maxmemory", "1")


async def bring_back(redis: OwnRedis, fault: str) -> None:
    if fault == "killed":
        await redis.start()
    elif fault == "frozen":
        redis.signal(signal.SIGCONT)
    else:
        async with redis.client() as client:
            await client.config_set("maxmemory", "0")


async def counted_in(redis: OwnRedis, edge: Edge, organisation: int) -> bool:
    """Whether a request of a new user leaves its mark in Redis."""
    answer = await edge.client(new_token(organisation, sub="witness")).get(COURSES)
    assert answer.status == 200
    async with redis.client() as client:
        return bool(await client.exists(f"rate:{organisation}:witness"))


@pytest.mark.parametrize("fault", FAULTS)
async def test_limits_go_on_in_the_process_and_return_to_redis(
    start_gateway: StartGateway, own_redis: OwnRedis, organisation: int, fault: str
) -> None:
    edge = await start_gateway(redis_url=SecretStr(own_redis.url))
    token = new_token(organisation, rate_limit=6)
    assert [(await edge.client(token).get(COURSES)).status for _ in range(3)] == [200] * 3
    await bring_down(own_redis, fault)
    statuses = [(await edge.client(token).get(COURSES)).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]  # what Redis had counted still counts
    assert (await edge.client(new_token(organisation)).get(COURSES)).status == 200
    assert (await edge.client().get("/health/ready")).status == 200
    await bring_back(own_redis, fault)
    await eventually(lambda: counted_in(own_redis, edge, organisation))


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_known_revocation_holds(
    start_gateway: StartGateway, own_redis: OwnRedis, organisation: int, fault: str
) -> None:
    edges = [await start_gateway(redis_url=SecretStr(own_redis.url)) for _ in range(2)]
    token = new_token(organisation)
    assert (await edges[0].client(token).request("POST", LOGOUT)).status == 200
    assert [(await edge.client(token).get(COURSES)).status for edge in edges] == [401, 401]
    await bring_down(own_redis, fault)
    assert [(await edge.client(token).get(COURSES)).status for edge in edges] == [401, 401]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_token_revoked_meanwhile_is_refused_everywhere_afterwards(
    start_gateway: StartGateway, own_redis: OwnRedis, organisation: int, fault: str
) -> None:
    here, elsewhere = [await start_gateway(redis_url=SecretStr(own_redis.url)) for _ in range(2)]
    token = new_token(organisation)
    await bring_down(own_redis, fault)
    assert (await here.client(token).request("POST", LOGOUT)).status == 200
    assert (await here.client(token).get(COURSES)).status == 401
    await bring_back(own_redis, fault)

    async def refused_elsewhere() -> bool:
        return (await elsewhere.client(token).get(COURSES)).status == 401

    await eventually(refused_elsewhere)


async def test_an_emptied_redis_forgets_no_revocation_that_is_known(
    start_gateway: StartGateway, own_redis: OwnRedis, organisation: int
) -> None:
    edge = await start_gateway(redis_url=SecretStr(own_redis.url))
    token = new_token(organisation)
    assert (await edge.client(token).request("POST", LOGOUT)).status == 200
    async with own_redis.client() as client:
        await client.flushall()
        await client.script_flush()
    assert (await edge.client(token).get(COURSES)).status == 401
    assert await counted_in(own_redis, edge, organisation)


async def emptied(redis: OwnRedis) -> None:
    async with redis.client() as client:
        await client.flushall()


async def restarted(redis: OwnRedis) -> None:
    await redis.kill()
    await redis.start()


@pytest.mark.parametrize("loss", [emptied, restarted])
async def test_a_redis_that_lost_its_data_is_told_again_what_any_process_knows(
    start_gateway: StartGateway, own_redis: OwnRedis, organisation: int, loss: Callable[[OwnRedis], Awaitable[None]]
) -> None:
    here, elsewhere = [await start_gateway(redis_url=SecretStr(own_redis.url)) for _ in range(2)]
    token = new_token(organisation)
    assert (await here.client(token).request("POST", LOGOUT)).status == 200
    await loss(own_redis)

    async def refused_elsewhere() -> bool:
        """By a process that has never seen the token; each answer 200 leaves it so."""
        return (await elsewhere.client(token).get(COURSES)).status == 401

    await eventually(refused_elsewhere)


async def test_control_unless_it_is_written_again_an_emptied_redis_lets_the_token_in(
    start_gateway: StartGateway, own_redis: OwnRedis, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_: Revocations) -> None:
        """Is written again."""

    monkeypatch.setattr(Revocations, "_write_what_was_lost", nothing)
    here, elsewhere = [await start_gateway(redis_url=SecretStr(own_redis.url)) for _ in range(2)]
    token = new_token(organisation)
    assert (await here.client(token).request("POST", LOGOUT)).status == 200
    await emptied(own_redis)
    assert (await elsewhere.client(token).get(COURSES)).status == 200
    assert (await here.client(token).get(COURSES)).status == 401


async def test_a_redis_whose_clock_is_wrong_keeps_a_revocation_for_the_token_s_whole_life(
    start_gateway: StartGateway, own_redis: OwnRedis, organisation: int
) -> None:
    edge = await start_gateway(redis_url=SecretStr(own_redis.url))
    claims = {"jti": f"{organisation}-clock", "exp": int(time.time()) + 60}
    assert (await edge.client(new_token(organisation, **claims)).request("POST", LOGOUT)).status == 200
    async with own_redis.client() as client:
        kept_for = await client.ttl(f"revoked:{claims['jti']}")
    assert kept_for > 60 + 5 * 60


async def test_a_redis_without_memory_is_not_taken_for_one_that_is_back(
    own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers a PING as if all were well."""
    monkeypatch.setattr("gateway.admission.redis_client.PROBE_INTERVAL", 0.001)
    async with own_redis.client() as client:
        await client.config_set("maxmemory", "1")
        availability = Availability(client)

        async def looked_three_times() -> bool:
            refusals = (await client.info("errorstats")).get("errorstat_OOM", {})
            return bool(refusals.get("count", 0) >= 3)

        async def is_back() -> bool:
            return bool(availability)

        async with background(availability.watch(AsyncMock()), name="watch"):
            availability.lost(RedisError("out of memory"))
            await eventually(looked_three_times)
            assert not availability
            await client.config_set("maxmemory", "0")
            await eventually(is_back)
