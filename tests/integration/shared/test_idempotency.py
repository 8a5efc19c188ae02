"""Which answers are kept for an `Idempotency-Key`, and how long: on a catalog's database, without HTTP."""

from collections.abc import AsyncIterator

import pytest

from shared.errors import (
    ApiError,
    Conflict,
    IdempotencyInFlight,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    TokenInvalid,
    Unavailable,
    UpstreamTimeout,
    ValidationFailed,
)
from shared.http.idempotency_key import IdempotencyKey
from shared.http.responses import Answer, failure
from shared.postgres.pool import Connection, Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service import idempotency
from shared.service.idempotency import run_once
from tests.support.projections import catalog_database

IDEMPOTENCY_KEY = IdempotencyKey(1, "subject", "/route", "key", b"digest")
CREATED = Answer('{"success": true}', 201, {"Location": "/route/1"})


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with catalog_database() as database:
        yield database.pool


async def answered(pool: Pool, outcome: Answer | ApiError) -> Answer:
    """As a client gets it, when the work comes to this outcome."""

    async def work(connection: Connection) -> Answer:
        if isinstance(outcome, ApiError):
            raise outcome
        return outcome

    try:
        return await run_once(pool, IDEMPOTENCY_KEY.organisation_id, IDEMPOTENCY_KEY, work)
    except ApiError as error:
        return failure(error)


@pytest.mark.parametrize(
    "refusal",
    [
        ValidationFailed(),
        NotFound(),
        PayloadTooLarge(),
        TokenInvalid(),
        PermissionDenied("training.enroll"),
        Conflict(),
        RateLimited(3),
        ApiError(),
        Unavailable(),
        Overloaded(),
        UpstreamTimeout(),
    ],
    ids=lambda error: f"{error.status} {type(error).__name__}",
)
async def test_a_refusal_is_not_kept(pool: Pool, refusal: ApiError) -> None:
    assert (await answered(pool, refusal)).status == refusal.status
    assert await answered(pool, CREATED) == CREATED
    assert (await answered(pool, refusal)).headers["Idempotency-Replayed"] == "true"


async def test_what_a_refused_request_wrote_is_undone(pool: Pool) -> None:
    async def work(connection: Connection) -> Answer:
        await connection.execute("INSERT INTO enrollments VALUES (1, 1, 1, 1, 1)")
        raise ValidationFailed

    with pytest.raises(ValidationFailed):
        await run_once(pool, IDEMPOTENCY_KEY.organisation_id, IDEMPOTENCY_KEY, work)
    assert await pool.fetchval("SELECT count(*) FROM enrollments") == 0
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0


async def test_old_keys_are_deleted_and_young_ones_stay(pool: Pool) -> None:
    await answered(pool, CREATED)
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 hours', key = 'old'")
    await answered(pool, CREATED)
    async with connected(pool) as connection:
        await idempotency.prune(connection)
        rows = await connection.fetch("SELECT key FROM idempotency_keys")
    assert [row["key"] for row in rows] == ["key"]


async def test_one_key_twice_in_one_batch_is_in_flight_the_second_time(pool: Pool) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        first, second = await idempotency.find_answers(connection, [IDEMPOTENCY_KEY, IDEMPOTENCY_KEY])
    assert first is None
    assert isinstance(second, IdempotencyInFlight)
