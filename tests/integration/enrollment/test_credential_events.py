"""That a credential was issued or revoked is published once, whatever has revoked it and whoever has issued it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from services.enrollment.app import MIGRATIONS
from services.enrollment.sealing import CREDENTIAL_KEYS
from services.enrollment.store import credential_events as store
from services.enrollment.use_cases.credential_events import publish_batch
from services.enrollment.use_cases.credentials import credential_of
from shared.auth.secrets_at_rest import Sealer
from shared.auth.sight import EVERYBODY
from shared.observability import NO_TRACE, Trace
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool
from tests.support.earlier_schema import database_before
from tests.support.enrollment_rows import (
    ORGANISATION,
    complete,
    enrolled,
    enrollment_database,
    execute,
    in_scope,
    new_people,
    new_session,
    published,
    reopen,
    warm_pool,
)
from tests.support.guards import without
from tests.support.races import hold_after

WORKERS = 2
SEALER = Sealer(CREDENTIAL_KEYS, SecretStr("a secret of these tests, which is long enough"))


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, WORKERS + 2) as pool:
        yield pool


async def certified(pool: Pool) -> tuple[int, int]:
    """A person and their enrollment, which certifies."""
    session_id = await new_session(pool, places=1)
    await execute(pool, "UPDATE courses SET pass_score = 50")
    [person] = await new_people(pool, 1)
    [enrollment] = await enrolled(pool, session_id, person)
    await complete(pool, enrollment)
    return person, enrollment


async def ask(pool: Pool, enrollment: int, trace: Trace = NO_TRACE) -> None:
    place = (ORGANISATION, enrollment)
    assert await credential_of(pool, SEALER, "enrollments", place, EVERYBODY, trace) is not None


async def look(pool: Pool) -> None:
    while await publish_batch(pool):
        pass


async def told(pool: Pool) -> list[tuple[str, int, int]]:
    """Of each event what it is, of which credential, and which version."""
    return [(kind, state["id"], state["version"]) for kind, state in await published(pool, "credential")]


async def row(pool: Pool) -> Any:
    [found] = await in_scope(pool, "SELECT * FROM credentials")
    return found


async def test_who_asks_first_has_it_published_with_what_it_is_about(pool: Pool) -> None:
    person, enrollment = await certified(pool)
    for _ in range(3):
        await ask(pool, enrollment, Trace("request-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    await look(pool)
    issued = await row(pool)
    assert await published(pool, "credential") == [
        (
            "issued",
            {
                "id": issued["id"],
                "version": 1,
                "employee_id": person,
                "enrollment_id": enrollment,
                "record_id": None,
                "issued_at": issued["issued_at"].isoformat().replace("+00:00", "Z"),
                "revoked_at": None,
            },
        )
    ]
    [event] = await in_scope(
        pool, "SELECT body::jsonb ->> 'requestid' AS request FROM outbox WHERE routing_key = 'credential.issued'"
    )
    assert event["request"] == "request-1"


async def test_three_who_ask_at_once_have_it_published_once(pool: Pool) -> None:
    _, enrollment = await certified(pool)
    async with asyncio.timeout(20):
        await asyncio.gather(*(ask(pool, enrollment) for _ in range(3)))
    assert [(kind, version) for kind, _, version in await told(pool)] == [("issued", 1)]


@pytest.mark.parametrize("way", ["failed", "reopened", "erased", "reassigned"])
async def test_whatever_revokes_it_it_is_published_once(pool: Pool, way: str) -> None:
    person, enrollment = await certified(pool)
    await ask(pool, enrollment)
    if way == "failed":
        await complete(pool, enrollment, 10)
    elif way == "reopened":
        await reopen(pool, enrollment)
    elif way == "erased":
        blank = "removed = true, erased_at = now(), full_name = '', employee_id = ''"
        await in_scope(pool, f"UPDATE people SET {blank} WHERE id = $1", person)
    else:
        [other] = await new_people(pool, 1)
        await in_scope(pool, "UPDATE enrollments SET employee_id = $1 WHERE id = $2", other, enrollment)
    for _ in range(3):
        await look(pool)
    revoked = await row(pool)
    assert await told(pool) == [("issued", revoked["id"], 1), ("revoked", revoked["id"], 2)]
    [_, (_, state)] = await published(pool, "credential")
    assert (state["employee_id"], state["enrollment_id"], state["record_id"]) == (person, enrollment, None)
    assert state["revoked_at"] == revoked["revoked_at"].isoformat().replace("+00:00", "Z")


async def test_what_is_certified_again_is_another_credential(pool: Pool) -> None:
    _, enrollment = await certified(pool)
    await ask(pool, enrollment)
    for score in (10, 90):
        await complete(pool, enrollment, score)
    await ask(pool, enrollment)
    await look(pool)
    first, second = [each["id"] for each in await in_scope(pool, "SELECT id FROM credentials ORDER BY id")]
    assert sorted(await told(pool)) == [("issued", first, 1), ("issued", second, 1), ("revoked", first, 2)]


async def test_what_the_release_before_issues_is_published_too(pool: Pool) -> None:
    """Its statement does not say that it is."""
    _, enrollment = await certified(pool)
    await ask(pool, enrollment)
    await execute(pool, "DELETE FROM outbox")
    await in_scope(pool, "UPDATE credentials SET told = DEFAULT")
    await complete(pool, enrollment, 10)
    await look(pool)
    assert [(kind, version) for kind, _, version in await told(pool)] == [("issued", 1), ("revoked", 2)]
    [(_, issued), (_, revoked)] = await published(pool, "credential")
    assert (issued["revoked_at"], revoked["revoked_at"] is None) == (None, False)


async def look_at_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """What is published when several workers have read what is to be, before any has published it."""
    _, enrollment = await certified(pool)
    await ask(pool, enrollment)
    await reopen(pool, enrollment)
    hold_after(monkeypatch, store, "lock_to_tell", WORKERS)
    async with asyncio.timeout(20):
        await asyncio.gather(*(publish_batch(pool) for _ in range(WORKERS)))
    return [each for each in await told(pool) if each[0] == "revoked"]


async def test_two_workers_at_once_publish_it_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(await look_at_once(pool, monkeypatch)) == 1


async def test_control_without_the_row_lock_they_publish_it_twice(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, store, "_TO_TELL", "FOR NO KEY UPDATE OF c SKIP LOCKED")
    assert len(await look_at_once(pool, monkeypatch)) == 2


async def test_a_worker_that_fails_has_published_nothing_and_another_does(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, enrollment = await certified(pool)
    await ask(pool, enrollment)
    await reopen(pool, enrollment)

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as failing:
        failing.setattr("shared.messaging.outbox.add", broken)
        with pytest.raises(ZeroDivisionError):
            await publish_batch(pool)
    assert [kind for kind, *_ in await told(pool)] == ["issued"]
    await look(pool)
    assert [kind for kind, *_ in await told(pool)] == ["issued", "revoked"]


async def test_an_issue_that_fails_publishes_nothing(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    _, enrollment = await certified(pool)

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as failing:
        failing.setattr("shared.messaging.outbox.add", broken)
        with pytest.raises(ZeroDivisionError):
            await ask(pool, enrollment)
    assert await in_scope(pool, "SELECT FROM credentials") == []
    await look(pool)
    assert await told(pool) == []


_OF_BEFORE = """
INSERT INTO credentials (organisation_id, of_id, employee_id, code, code_sha256, list, place, content, revoked_at)
SELECT $1, id, 1, CASE WHEN id = 1 THEN 'code' END, sha256(id::text::bytea), 1, id,
    CASE WHEN id = 1 THEN '{}'::jsonb END, CASE WHEN id = 2 THEN now() END
FROM generate_series(1, 2) id
"""


async def test_what_was_issued_and_revoked_before_is_not_published_later() -> None:
    async with (
        database_before("0060_told_credentials.sql", MIGRATIONS) as url,
        warm_pool(url, 2) as before,
    ):
        await in_scope(before, _OF_BEFORE, ORGANISATION)
        await migrate(url, MIGRATIONS)
        await look(before)
        assert await told(before) == []
        await in_scope(before, "UPDATE credentials SET revoked_at = now(), content = NULL, code = NULL WHERE of_id = 1")
        await look(before)
        [(kind, state)] = await published(before, "credential")
        assert (kind, state["version"], state["record_id"]) == ("revoked", 2, 1)
