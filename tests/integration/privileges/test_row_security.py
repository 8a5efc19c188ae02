"""Row-level security: a service sees and writes the rows of the organisations it has named, whatever it asks for."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.catalog.app import MIGRATIONS
from services.catalog.store import counts
from shared.events.types import EnrollmentCreated
from shared.messaging.broker import QueueName
from shared.messaging.consumer import Consumer
from shared.messaging.subscriptions import Subscribed
from shared.postgres.batched_reads import PageRead, Statement, _rows
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connected, connection_pool, slow_transaction, transaction
from shared.postgres.row_security import EVERY_ORGANISATION, scoped
from stack.services import SERVICE_NAMES
from tests.support import events
from tests.support.databases import ServiceDatabase, service_database
from tests.support.stack import Stack

OPEN_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND EXISTS (
    SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polroles = '{0}'
        AND pg_get_expr(p.polqual, p.polrelid) LIKE '%organisations_in_scope()%'))
"""
OPEN_VIEWS = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
    AND NOT coalesce('security_invoker=true' = ANY(c.reloptions), false)
    AND pg_get_viewdef(c.oid) NOT LIKE '%organisations_in_scope()%'
"""
REMOVED = "INSERT INTO removed (kind, organisation_id, id, state) VALUES ('courses', $1, $2, '{}')"
COUNT = "SELECT array_agg(DISTINCT organisation_id ORDER BY organisation_id) AS organisations FROM removed"
ALL = Statement(COUNT + " WHERE :organisation_id > 0", {"organisation_id": "bigint"})
"""Asks for no organisation in particular."""
COURSE = """
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, prerequisites, labels, created_at)
VALUES ($1, $1, 'Course', 'safety', 'online', 1, 0, 'internal', '{}', '[]', now())
"""


@pytest.fixture(scope="module")
async def database() -> AsyncIterator[ServiceDatabase]:
    """A catalog's, with rows of organisations 1 and 2."""
    async with service_database("catalog") as database:
        await migrate(database.owner_url, MIGRATIONS)
        connection = await asyncpg.connect(database.owner_url, timeout=10)
        for organisation in (1, 2):
            await connection.execute(REMOVED, organisation, organisation)
            await connection.execute(COURSE, organisation)
        await connection.close()
        yield database


@pytest.fixture
async def pool(database: ServiceDatabase) -> AsyncIterator[Pool]:
    async with connection_pool(database.service_url, name="test", size=2) as pool:
        yield pool


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_every_table_with_organisations_has_the_policy(stack: Stack, service: str) -> None:
    assert await rows_of(stack, service, OPEN_TABLES) == []


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_no_view_reads_past_the_policies(stack: Stack, service: str) -> None:
    assert await rows_of(stack, service, OPEN_VIEWS) == []


async def test_control_a_new_table_and_a_new_view_are_found(database: ServiceDatabase) -> None:
    connection = await asyncpg.connect(database.owner_url, timeout=10)
    change = connection.transaction()
    await change.start()
    await connection.execute("CREATE TABLE forgotten (organisation_id bigint)")
    await connection.execute("CREATE VIEW forgotten_too AS SELECT * FROM courses")
    assert [row[0] for row in await connection.fetch(OPEN_TABLES)] == ["forgotten"]
    assert [row[0] for row in await connection.fetch(OPEN_VIEWS)] == ["forgotten_too"]
    await connection.execute("SELECT separate_organisations('forgotten')")
    assert await connection.fetch(OPEN_TABLES) == []
    await change.rollback()
    await connection.close()


async def rows_of(stack: Stack, service: str, statement: str) -> list[str]:
    connection = await asyncpg.connect(stack.database_urls[service], timeout=10)
    found = [row[0] for row in await connection.fetch(statement)]
    await connection.close()
    return found


@pytest.mark.parametrize(("named", "seen"), [([1], [1]), ([2], [2]), ([1, 2], [1, 2]), ([3], None), ([], None)])
async def test_a_transaction_sees_the_organisations_it_has_named(
    pool: Pool, named: list[int], seen: list[int] | None
) -> None:
    async with transaction(pool, named) as connection:
        assert await connection.fetchval(COUNT) == seen
    async with slow_transaction(pool, named) as connection:
        assert await connection.fetchval(COUNT) == seen


async def test_work_for_every_organisation_sees_all(pool: Pool) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        assert await connection.fetchval(COUNT) == [1, 2]


async def test_a_statement_without_a_transaction_sees_the_organisation_it_is_given(pool: Pool) -> None:
    async with connected(pool) as connection:
        assert await connection.fetchval(COUNT) is None
        assert await connection.fetchval(scoped(COUNT, ["bigint"]), 2) == [2]
        assert await _rows(connection, [PageRead(ALL, (1,))]) == [([1],)]
        assert await connection.fetchval(COUNT) is None


async def test_reads_that_go_together_see_the_organisations_of_all_of_them(pool: Pool) -> None:
    async with connected(pool) as connection:
        assert await _rows(connection, [PageRead(ALL, (1,)), PageRead(ALL, (3,))]) == [([1],)] * 2
        assert await _rows(connection, [PageRead(ALL, (2,)), PageRead(ALL, (1,))]) == [([1, 2],)] * 2
        assert await connection.fetchval(COUNT) is None


async def test_nothing_is_left_for_the_next_transaction(pool: Pool) -> None:
    for _ in range(3):
        async with transaction(pool, [1]) as connection:
            assert await connection.fetchval(COUNT) == [1]
    for _ in range(3):
        async with transaction(pool, []) as connection:
            assert await connection.fetchval(COUNT) is None


async def test_no_row_of_another_organisation_is_written(pool: Pool) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with transaction(pool, [1]) as connection:
            await connection.execute(REMOVED, 2, 77)
    async with transaction(pool, [1]) as connection:
        assert await connection.execute("UPDATE removed SET kind = 'x' WHERE organisation_id = 2") == "UPDATE 0"
        assert await connection.execute("DELETE FROM removed WHERE organisation_id = 2") == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with transaction(pool, [1]) as connection:
            await connection.execute("UPDATE removed SET organisation_id = 2 WHERE organisation_id = 1")


async def test_a_view_shows_no_more_and_lets_no_more_be_written(pool: Pool) -> None:
    async with transaction(pool, [1]) as connection:
        assert await connection.fetchval("SELECT array_agg(id) FROM courses_in_scope") == [1]
        assert await connection.execute("UPDATE courses_in_scope SET title = 'x'") == "UPDATE 1"
    with pytest.raises(asyncpg.WithCheckOptionViolationError):
        async with transaction(pool, [1]) as connection:
            await connection.execute("UPDATE courses_in_scope SET organisation_id = 2")


async def test_a_connection_of_the_release_before_sees_all(
    database: ServiceDatabase,
) -> None:
    connection = await asyncpg.connect(database.service_url, timeout=10)
    assert await connection.fetchval(COUNT) == [1, 2]
    await connection.close()


async def test_the_owner_sees_all(database: ServiceDatabase) -> None:
    async with connection_pool(database.owner_url, name="test", size=2) as pool, connected(pool) as connection:
        assert await connection.fetchval(COUNT) == [1, 2]


async def test_a_consumer_sees_the_organisations_of_what_arrives_while_it_begins(pool: Pool) -> None:
    assert await applied(pool, first_seen=[1], then=[1, 2]) == [1, 2]


async def test_control_without_naming_them_again_it_does_not(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.messaging.consumer.scope", lambda _: "SELECT 1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await applied(pool, first_seen=[1], then=[1, 2])


async def applied(pool: Pool, first_seen: list[int], then: list[int]) -> list[int]:
    """The organisations that have rows of a batch, of which some have arrived after its transaction began."""
    seen = iter([first_seen, then])
    consumer = Consumer(pool, "amqp://", QueueName("test"), Subscribed({EnrollmentCreated: counts.apply_enrollments}))
    await consumer._commit(lambda: [events.enrollment(each, each, session_id=1, course_id=1) for each in next(seen)])
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        rows = await connection.fetch("DELETE FROM enrollments RETURNING organisation_id")
    return sorted(row[0] for row in rows)
