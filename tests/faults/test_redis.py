"""Redis dies, freezes, is out of memory or is emptied: clients notice nothing, and nobody revoked gets in."""

import random
import secrets
import time
from functools import partial
from statistics import median

import pytest

from tests.faults.bed import Bed
from tests.faults.disruptions import Disruption, redis_flushed, redis_frozen, redis_killed, redis_out_of_memory
from tests.faults.figures import figure
from tests.faults.run import story
from tests.faults.waiting import acknowledged
from tests.support.client import new_organisation
from tests.support.eventually import eventually

SEED = 5
WRITES = 10
LIMIT = 6
ASKED = 40
"""Requests whose median is taken."""
CONTROL_SECONDS = 2.0
ME = "/api/v1/auth/me"
LOGOUT = "/api/v1/auth/logout"
AWAY = (redis_killed, redis_frozen, redis_out_of_memory)
"""Faults that leave each process with what it knows itself."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
async def gateways_ask_redis(bed: Bed) -> None:
    """Both have noticed that it is back from the last test's fault."""
    await eventually(lambda: limited_together(bed))


async def test_under_load_clients_notice_nothing(bed: Bed) -> None:
    async with story(bed, SEED) as ledger:
        for disruption in (*AWAY, redis_flushed):
            await acknowledged(ledger, WRITES)
            async with disruption(bed, random.Random(SEED)):
                ledger.tell(disruption.__name__)
                await acknowledged(ledger, WRITES)
            ledger.tell("back")
        await acknowledged(ledger, WRITES)
    assert not [attempt for attempt in ledger.attempts if attempt.status == 429 or attempt in ledger.failures()]


@pytest.mark.parametrize("away", AWAY)
async def test_limits_go_on_in_each_process_and_together_afterwards(bed: Bed, away: Disruption) -> None:
    async with away(bed, random.Random(SEED)):
        assert await admitted(bed) == [LIMIT, LIMIT]
    await eventually(lambda: limited_together(bed))


async def test_an_emptied_redis_goes_on_limiting_all_processes_together(bed: Bed) -> None:
    async with redis_flushed(bed, random.Random(SEED)):
        assert await limited_together(bed)


async def test_control_a_limiter_that_needs_redis_refuses_everybody(bed: Bed) -> None:
    async with bed.changed("gateway", WITHOUT="limits without Redis"):
        assert await limited_together(bed)
        async with redis_killed(bed, random.Random(SEED)):
            assert await admitted(bed) == [0, 0]


@pytest.mark.parametrize("disruption", [*AWAY, redis_flushed])
async def test_known_revocations_hold(bed: Bed, disruption: Disruption) -> None:
    organisation, known = await revoked_token(bed)
    assert await statuses(bed, organisation, known) == [401, 401]
    async with disruption(bed, random.Random(SEED)):
        assert await statuses(bed, organisation, known) == [401, 401]
    assert await statuses(bed, organisation, known) == [401, 401]


@pytest.mark.parametrize("disruption", [*AWAY, redis_flushed])
async def test_what_one_process_knows_is_known_to_all_afterwards(bed: Bed, disruption: Disruption) -> None:
    """Revoked at the first gateway, before and meanwhile; the second one learns of it from Redis alone."""
    before = await revoked_token(bed)
    async with disruption(bed, random.Random(SEED)):
        meanwhile = await revoked_token(bed)
    for organisation, token in (before, meanwhile):
        await eventually(partial(refused_everywhere, bed, organisation, token))


async def test_control_a_process_that_keeps_no_revocation_lets_them_in(bed: Bed) -> None:
    async with bed.changed("gateway", WITHOUT="known revocations"):
        organisation, token = await revoked_token(bed)
        assert await statuses(bed, organisation, token) == [401, 401]
        async with redis_killed(bed, random.Random(SEED)):
            assert await statuses(bed, organisation, token) == [200, 200]
        await eventually(lambda: limited_together(bed))
        async with redis_flushed(bed, random.Random(SEED)):
            with pytest.raises(AssertionError):
                await eventually(lambda: refused_everywhere(bed, organisation, token), deadline=CONTROL_SECONDS)


@pytest.mark.parametrize("disruption", [*AWAY, redis_flushed])
async def test_how_much_later_answers_come(bed: Bed, disruption: Disruption) -> None:
    name = disruption.__name__.replace("_", " ")
    before = [median(await seconds(bed, gateway, ASKED)) for gateway in range(2)]
    async with disruption(bed, random.Random(SEED)):
        first = [(await seconds(bed, gateway, 1))[0] - before[gateway] for gateway in range(2)]
        later = [median(await seconds(bed, gateway, ASKED)) - before[gateway] for gateway in range(2)]
    figure(name, "first answer later by", max(first) * 1000, "ms", goal=50)
    figure(name, "further answers later by (median)", max(later) * 1000, "ms", goal=1)


async def admitted(bed: Bed) -> list[int]:
    """How many requests of a new user each gateway lets pass, if it is asked for twice the limit."""
    organisation = new_organisation()
    passed = [0, 0]
    for _ in range(2 * LIMIT):
        for gateway in range(2):
            client = bed.client(organisation, gateway=gateway, sub="one user", rate_limit=LIMIT)
            status = (await client.get(ME)).status
            assert status in (200, 429)
            passed[gateway] += status == 200
    return passed


async def limited_together(bed: Bed) -> bool:
    return sum(await admitted(bed)) == LIMIT


async def revoked_token(bed: Bed) -> tuple[int, str]:
    """An organisation's token, logged out at the first gateway, and its id."""
    organisation, token_id = new_organisation(), secrets.token_hex(8)
    assert (await bed.client(organisation, jti=token_id).post(LOGOUT, None)).status == 200
    return organisation, token_id


async def statuses(bed: Bed, organisation: int, token_id: str) -> list[int]:
    """What each gateway says to the token."""
    clients = [bed.client(organisation, gateway=gateway, jti=token_id) for gateway in range(2)]
    return [(await client.get(ME)).status for client in clients]


async def refused_everywhere(bed: Bed, organisation: int, token_id: str) -> bool:
    return await statuses(bed, organisation, token_id) == [401, 401]


async def seconds(bed: Bed, gateway: int, count: int) -> list[float]:
    """How long requests take that need nothing but Redis, one after the other."""
    client, taken = bed.client(new_organisation(), gateway=gateway), []
    for _ in range(count):
        began = time.monotonic()
        assert (await client.get(ME)).status == 200
        taken.append(time.monotonic() - began)
    return taken
