"""A rebuild replaces copies while everything goes on, and leaves what a follower would have come to, byte for byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from services.history.app import SERVICE
from services.history.settings import HistorySettings
from shared.projections import comparison as projections
from shared.projections.rebuild import Rebuilding
from shared.service.chassis import build_app, prepare
from stack.config.ports import reserve_port
from tests.support.client import Client
from tests.support.commands import run, start
from tests.support.copies import COPIES, copies_of, dump, everything_is_followed, execute, rebuild, verify
from tests.support.databases import fresh_database
from tests.support.eventually import eventually
from tests.support.injected_steps import before
from tests.support.lifecycle import changed
from tests.support.stack import Stack, serving
from tests.support.world import new_employee, new_enrollment, new_session

HISTORY = "history"


async def version_here(stack: Stack, enrollment_id: int) -> int:
    """Of history's record; 0 where it has none."""
    connection = await asyncpg.connect(stack.history_database_url, timeout=10)
    try:
        return int(await connection.fetchval("SELECT max(version) FROM records WHERE id = $1", enrollment_id) or 0)
    finally:
        await connection.close()


async def has_version(stack: Stack, enrollment_id: int, version: int) -> bool:
    return await version_here(stack, enrollment_id) == version


@asynccontextmanager
async def second_history(stack: Stack) -> AsyncIterator[str]:
    """Another history that follows the same events and is never rebuilt; gives its database's address."""
    async with fresh_database("history") as url:
        ours = stack.settings[HISTORY]
        address = SecretStr(url)
        settings = ours.model_copy(
            update={
                "database_url": address,
                "migration_database_url": address,
                "amqp_url": ours.migration_amqp_url,  # the service's own user may read no second queue
                "queue_prefix": f"{ours.queue_prefix}.second",
            }
        )
        assert isinstance(settings, HistorySettings)
        await prepare(SERVICE, settings)
        async with serving(build_app(SERVICE, settings), reserve_port()):
            yield url


@pytest.fixture
async def empty(served: Stack) -> None:
    """Nothing of the tests before, anywhere: what follows from now on follows everything."""
    for service, tables in EVERY_TABLE.items():
        await execute(served, service, f"TRUNCATE {tables}")


EVERY_TABLE = {
    "catalog": "courses, sessions, enrollments, organisation_settings, removed, audit_trail, outbox, idempotency_keys",
    "enrollment": "courses, sessions, people, enrollments, organisation_settings, audit, audit_trail, certifications,"
    " external_records, outbox, idempotency_keys",
    "history": "courses, sessions, people, records, organisation_settings",
}


async def write(client: Client, done: asyncio.Event) -> int:
    """Changes of every kind, one after the other."""
    session = await new_session(client, await new_enrollment_course(client))
    count = 0
    while not done.is_set():
        enrollment_id = await new_enrollment(client)
        await changed(client, enrollment_id, "complete", {"score": count % 100})
        await client.patch(f"/api/v1/training/sessions/{session}", {"session_name": f"Session {count}"})
        count += 1
    return count


async def new_enrollment_course(client: Client) -> int:
    answer = await client.get("/api/v1/training/courses")
    return int(answer.data[0]["id"])


async def read(client: Client, person: int, done: asyncio.Event) -> list[int]:
    """Statuses other than 200, and how often the person's record was not there."""
    wrong = []
    while not done.is_set():
        answer = await client.get(f"/api/v1/employees/{person}/training")
        if answer.status != 200 or len(answer.data) != 1:
            wrong.append(answer.status)
    return wrong


@pytest.mark.usefixtures("empty")
async def test_under_load_readers_notice_nothing_and_the_end_is_that_of_an_untouched_follower(
    served: Stack, organisation: int
) -> None:
    client, done = served.client(organisation), asyncio.Event()
    async with second_history(served) as untouched:
        await new_enrollment(client)
        person = await new_employee(client)
        session = await new_session(client, await new_enrollment_course(client))
        answer = await client.post("/api/v1/training/enrollments", {"session_id": session, "employee_ids": [person]})
        assert answer.status == 201
        await everything_is_followed(served)
        load = [asyncio.create_task(write(client, done)) for _ in range(2)]
        readers = [asyncio.create_task(read(client, person, done)) for _ in range(2)]
        for _ in range(2):
            outcome = await run(HISTORY, served.settings[HISTORY], "rebuild")
            assert outcome.status == 0, outcome.errors
        for service in ("catalog", "enrollment"):
            assert (await rebuild(served, service)).status == 0
        done.set()
        assert all(await asyncio.gather(*load))
        assert await asyncio.gather(*readers) == [[], []]
        await everything_is_followed(served)

        async def the_same() -> bool:
            return await copies_of(served, HISTORY) == await dump(untouched, COPIES[HISTORY])

        await eventually(the_same)
    for service in COPIES:
        verified = await verify(served, service, settle=1.0)
        assert verified.status == 0, verified.output


@pytest.mark.usefixtures("enrollments")
async def test_a_lost_projection_comes_back_whole(served: Stack) -> None:
    whole = await copies_of(served, HISTORY)
    await execute(served, HISTORY, f"TRUNCATE {', '.join(COPIES[HISTORY])}")
    outcome = await run(HISTORY, served.settings[HISTORY], "rebuild")
    assert outcome.status == 0
    assert "records: " in outcome.output
    assert await copies_of(served, HISTORY) == whole


@pytest.mark.parametrize("moment", [b"courses", b"records", b"changed meanwhile"])
@pytest.mark.usefixtures("enrollments")
async def test_a_rebuild_that_is_killed_leaves_all_or_nothing_and_the_next_begins_clean(
    served: Stack, moment: bytes
) -> None:
    whole = await copies_of(served, HISTORY)
    await execute(served, HISTORY, "UPDATE records SET status = 'absent'")
    broken = await copies_of(served, HISTORY)
    process = await start(HISTORY, served.settings[HISTORY], "rebuild")
    assert process.stderr is not None
    while moment not in (line := await process.stderr.readline()):
        assert line, "the rebuild ended before that moment"
    process.kill()
    await process.communicate()
    # The database may still be about to commit what it was sent, or to notice that nobody is there.
    await eventually(partial(nobody_compares, served.history_database_url))
    left = await copies_of(served, HISTORY)
    assert left in ([broken] if moment != b"changed meanwhile" else [broken, whole])
    assert (await rebuild(served, HISTORY)).status == 0
    assert await copies_of(served, HISTORY) == whole


async def nobody_compares(url: str) -> bool:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        sql = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'history comparison'"
        )
        return not await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.mark.usefixtures("enrollments")
async def test_of_two_at_once_the_second_says_so_and_ends(served: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("history", "catalog"):
        second: list[Any] = []

        async def again(service: str = service, second: list[Any] = second) -> None:
            second.append(await run(service, served.settings[service], "rebuild"))

        before(monkeypatch, "replace", again)
        assert (await rebuild(served, service)).status == 0
        [outcome] = second
        assert (outcome.status, outcome.errors) == (2, "another rebuild is running; nothing was changed\n")


async def change_before_switch(served: Stack, client: Client, enrollment_id: int) -> None:
    """It is made and followed after the owner was asked."""
    await changed(client, enrollment_id, "complete", {"score": 71})
    await eventually(partial(has_version, served, enrollment_id, 2))


async def test_what_was_followed_while_pages_were_read_is_not_lost(
    served: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served.client(organisation)
    enrollment_id = await new_enrollment(client)
    await everything_is_followed(served)
    before(monkeypatch, "lock_out_consumers", partial(change_before_switch, served, client, enrollment_id))
    assert (await rebuild(served, HISTORY)).status == 0
    assert await has_version(served, enrollment_id, 2)


async def test_control_without_asking_again_it_is_lost(
    served: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask_nothing(*_: Any, **__: Any) -> int:
        return 0

    monkeypatch.setattr(Rebuilding, "_catch_up", ask_nothing)
    client = served.client(organisation)
    enrollment_id = await new_enrollment(client)
    await everything_is_followed(served)
    before(monkeypatch, "lock_out_consumers", partial(change_before_switch, served, client, enrollment_id))
    assert (await rebuild(served, HISTORY)).status == 0
    assert await has_version(served, enrollment_id, 1)
    monkeypatch.undo()
    assert (await rebuild(served, HISTORY)).status == 0


async def follower_waits(url: str) -> bool:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return bool(await connection.fetchval(sql))
    finally:
        await connection.close()


async def test_a_change_in_the_moment_of_the_switch_is_applied_after_it(
    served: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served.client(organisation)
    enrollment_id = await new_enrollment(client)
    await everything_is_followed(served)

    async def change_and_see_the_follower_wait() -> None:
        await changed(client, enrollment_id, "complete", {"score": 71})
        await eventually(partial(follower_waits, served.history_database_url))

    before(monkeypatch, "replace", change_and_see_the_follower_wait)
    assert (await rebuild(served, HISTORY)).status == 0
    await eventually(partial(has_version, served, enrollment_id, 2))


async def test_control_without_stopping_the_followers_it_is_lost(
    served: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "_LOCK", "SELECT 1 -- {}")
    client = served.client(organisation)
    enrollment_id = await new_enrollment(client)
    await everything_is_followed(served)
    before(monkeypatch, "replace", partial(change_before_switch, served, client, enrollment_id))
    assert (await rebuild(served, HISTORY)).status == 0
    await everything_is_published(served)
    assert await has_version(served, enrollment_id, 1)
    monkeypatch.undo()
    assert (await rebuild(served, HISTORY)).status == 0


async def everything_is_published(served: Stack) -> None:
    """Nothing can come any more: the change's event was followed before the switch."""
    connection = await asyncpg.connect(served.enrollment_database_url, timeout=10)
    try:

        async def published() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")

        await eventually(published)
    finally:
        await connection.close()


@pytest.mark.usefixtures("enrollments")
async def test_an_owner_that_goes_away_before_the_switch_leaves_everything_as_it_was(
    served: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.projections.snapshot.ATTEMPTS", 1)
    await execute(served, "history", "UPDATE records SET version = version + 7")
    broken = await copies_of(served, HISTORY)
    nowhere = f"http://127.0.0.1:{reserve_port()}"
    settings = served.settings[HISTORY].model_copy(update={"enrollment_url": nowhere})
    outcome = await run(HISTORY, settings, "rebuild")
    assert outcome.status == 2
    assert "nothing was changed" in outcome.errors
    assert await copies_of(served, HISTORY) == broken
    assert (await rebuild(served, HISTORY)).status == 0


@pytest.mark.usefixtures("enrollments")
async def test_a_row_that_is_right_already_is_not_touched(served: Stack) -> None:
    places = "SELECT id, ctid::text AS place FROM records ORDER BY id"
    connection = await asyncpg.connect(served.history_database_url, timeout=10)
    try:
        standing = await connection.fetch(places)
        assert (await rebuild(served, HISTORY)).status == 0
        assert await connection.fetch(places) == standing
    finally:
        await connection.close()
