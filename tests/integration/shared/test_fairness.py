"""One organisation's searches take no connection from another one's requests, and none of its places among searches."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from shared.concurrency.fair_semaphore import FairSemaphore
from shared.concurrency.fairness import current_organisation
from shared.errors import Overloaded
from shared.postgres import pool as database
from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import (
    SLOW_QUEUE,
    Connection,
    Pool,
    connected,
    connection_pool,
    slow_permits,
    slow_transaction,
)
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import Answer, Client, new_organisation
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.stack import Stack
from tests.support.world import COURSES, new_course, new_session

SEARCHES = 60
BOUND = 10.0
REFUSALS = {database._SLOW_REFUSAL, Overloaded.message}
"""Of the service whose searches these are, and of the gateway where they wait for their turn at it."""
SIZE = 10
FLOODING, SMALL = 1, 2

Direct = Callable[[int], Client]


@pytest.fixture(params=["gateway", "service"])
def client_of(request: pytest.FixtureRequest, stack: Stack) -> Direct:
    """Clients of the catalog, through the gateway and around it."""
    if request.param == "gateway":
        return stack.client
    return lambda organisation: stack.direct("catalog", organisation)


@asynccontextmanager
async def flooded(client: Client, organisation: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Answer]]:
    """Searches that end when the block does, each with its connection until then; gives their answers so far."""
    released, answers = asyncio.Event(), list[Answer]()
    original = PageRead.alone

    async def alone(read: PageRead, connection: Connection) -> Any:
        if read.slow and read.arguments[0] == organisation:
            await released.wait()
        return await original(read, connection)

    async def search() -> None:
        answers.append(await client.get(COURSES, search="safety"))

    monkeypatch.setattr(PageRead, "alone", alone)
    async with asyncio.TaskGroup() as searching:
        for _ in range(SEARCHES):
            searching.create_task(search())
        try:
            yield answers
        finally:
            released.set()


async def test_what_another_organisation_asks_is_answered_during_a_flood_of_searches(
    client_of: Direct, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = client_of(new_organisation())
    course_id = await new_course(other, title="First aid")
    async with flooded(client_of(organisation), organisation, monkeypatch) as answers:
        await eventually(lambda: refused(answers))
        found = await other.get(COURSES, search="aid")
        assert (found.status, [course["id"] for course in found.data]) == (200, [course_id])
        assert (await other.get(COURSES)).status == 200
        assert (await other.get(f"{COURSES}/{course_id}")).status == 200
        await new_session(other, course_id)
        assert (await client_of(organisation).get(COURSES)).status == 200  # nor does it notice itself
    statuses = Counter(answer.status for answer in answers)
    assert statuses.keys() == {200, 503}
    assert statuses[200] >= slow_permits(SIZE).per_organisation
    for answer in answers:
        if answer.status == 503:
            assert (answer.json["code"], answer.headers["Retry-After"]) == ("upstream_unavailable", "1")
            assert answer.json["message"] in REFUSALS


async def refused(answers: list[Answer]) -> bool:
    return any(answer.status == 503 for answer in answers)


async def test_another_organisation_s_statements_and_searches_find_connections(catalog: Database) -> None:
    assert await others_outcomes(catalog, slow_read) == [None, None]


async def test_control_without_a_share_of_their_own_searches_leave_no_connection(
    catalog: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "slow_permits", lambda size: FairSemaphore(size, size))
    monkeypatch.setattr(database, "KEPT_FOR_OTHERS", 10**9)
    assert await others_outcomes(catalog, slow_read) == [Overloaded, Overloaded]


async def test_locks_that_one_organisation_waits_for_leave_others_connections(catalog: Database) -> None:
    assert await others_outcomes(catalog, connected) == [None, None]


async def test_control_without_a_reserve_they_leave_none(catalog: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "KEPT_FOR_OTHERS", 10**9)
    assert await others_outcomes(catalog, connected) == [Overloaded, Overloaded]


def slow_read(pool: Pool) -> AbstractAsyncContextManager[Connection]:
    return slow_transaction(pool, EVERY_ORGANISATION)


async def others_outcomes(catalog: Database, flood: Callable[[Pool], Any]) -> list[type[Exception] | None]:
    """What becomes of a statement and a search of one organisation while another one's are held."""
    released = asyncio.Event()

    async def hold(pool: Pool) -> None:
        current_organisation.set(FLOODING)
        async with flood(pool):
            await released.wait()

    async with connection_pool(catalog.url, name="test", size=SIZE) as pool, asyncio.timeout(BOUND):
        held = [asyncio.create_task(hold(pool)) for _ in range(SIZE + SLOW_QUEUE)]
        await asyncio.sleep(0)
        outcomes = [await outcome(pool, statement) for statement in (connected, slow_read)]
        released.set()
        await asyncio.gather(*held, return_exceptions=True)
    return outcomes


async def outcome(pool: Pool, statement: Callable[[Pool], Any]) -> type[Exception] | None:
    token = current_organisation.set(SMALL)
    try:
        async with statement(pool) as connection:
            await connection.fetchval("SELECT 1")
    except Overloaded as error:
        return type(error)
    finally:
        current_organisation.reset(token)
    return None


@pytest.mark.parametrize(("size", "of_one", "of_all"), [(2, 1, 1), (3, 1, 1), (4, 1, 2), (10, 1, 2), (100, 10, 11)])
async def test_slow_reads_have_fewer_connections_than_there_are(size: int, of_one: int, of_all: int) -> None:
    permits = slow_permits(size)
    assert (permits.per_organisation, permits.permits) == (of_one, of_all)
    assert permits.permits < size
