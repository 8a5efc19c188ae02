"""Enrollments through a proxy that loses and cuts answers, resets connections and refuses; a thousand in `-m long`."""

import asyncio
from collections import Counter
from collections.abc import Iterable

import pytest

from muster import AsyncMuster
from muster.asked import Limits
from muster.async_resources import AsyncResources
from muster.async_transport import AsyncTransport
from muster.errors import ApiError, MusterError
from muster.settings import Settings
from tests.support.client import Client
from tests.support.faulty_proxy import FATES, faulty_proxy
from tests.support.world import new_course, new_session

PEOPLE = 120
MANY = 1_000
AT_ONCE = 16
SEED = 27
LIMITS = Limits(tries=20, longest_wait=5)

pytestmark = pytest.mark.timeout(300)


async def people(client: AsyncMuster, count: int) -> list[int]:
    rows = "".join(f"{number},E-{number},Person {number}\n" for number in range(1, count + 1))
    job = await client.imports.create(f"id,employee_id,full_name\n{rows}".encode(), kind="people")
    async with asyncio.timeout(60):
        assert (await client.imports.wait(job)).created == count
    return list(range(1, count + 1))


def transport_to(url: str, token: str | None) -> AsyncTransport:
    """Waits for less than it says: the server is quick, and so should the test be."""

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds / 50)

    return AsyncTransport(Settings(url, token=token), wait=wait, limits=LIMITS)


async def enrolled(url: str, token: str | None, session: int, ids: Iterable[int]) -> tuple[list[int], Counter[str]]:
    """Ids of enrollments that were acknowledged, and how many commands ended in which error."""
    acknowledged: list[int] = []
    errors: Counter[str] = Counter()
    waiting = iter(ids)

    async def work(client: AsyncResources) -> None:
        for person in waiting:
            try:
                made = await client.enrollments.create(session_id=session, employee_ids=[person])
                acknowledged.extend(each.id for each in made.enrollments)
            except ApiError as error:
                errors[str(error.code)] += 1
            except MusterError as error:
                errors[type(error).__name__] += 1

    async with transport_to(url, token) as transport, asyncio.TaskGroup() as group:
        client = AsyncResources(transport)
        for _ in range(AT_ONCE):
            group.create_task(work(client))
    return acknowledged, errors


@pytest.mark.parametrize("count", [PEOPLE, pytest.param(MANY, marks=pytest.mark.long)])
async def test_none_is_doubled_and_none_is_lost(admin: Client, count: int) -> None:
    async with AsyncMuster(admin.url, token=admin.token) as direct:
        ids = await people(direct, count)
        session = await new_session(admin, await new_course(admin), max_participants=count)
        async with faulty_proxy(admin.url, SEED, faults=40) as (proxy, url):
            acknowledged, errors = await enrolled(url, admin.token, session, ids)
        rows = [row async for row in direct.enrollments.list(session_id=session)]
        assert (await direct.sessions.get(session)).available_spots == 0
    assert errors == {}
    assert sorted(acknowledged) == sorted(row.id for row in rows)
    assert sorted(row.employee.id for row in rows) == ids
    assert all(proxy.met[fate] > count // 25 for fate in FATES), proxy.met


async def test_control_without_keys_a_lost_answer_becomes_a_refusal(admin: Client) -> None:
    async with AsyncMuster(admin.url, token=admin.token) as direct:
        ids = await people(direct, 60)
        session = await new_session(admin, await new_course(admin), max_participants=60)
        async with faulty_proxy(admin.url, SEED, faults=40, strip=b"idempotency-key") as (_, url):
            acknowledged, errors = await enrolled(url, admin.token, session, ids)
    assert len(acknowledged) < len(ids)
    assert set(errors) == {"already_enrolled"}
