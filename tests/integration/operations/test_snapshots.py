"""Owners give the current states of their rows page by page: each once, in order, those that were deleted too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.catalog.app import MIGRATIONS
from services.catalog.store.snapshots import SNAPSHOTS as SNAPSHOTS_OF_CATALOG
from services.history.projection import PROJECTION
from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.trust import STATES
from shared.events.states import State
from shared.events.types import CourseRemoved, CourseSaved, Event
from shared.postgres.migrations import migrate
from shared.postgres.pool import connected, connection_pool
from shared.projections.keys import FIRST, Key, key_of
from shared.projections.snapshot import SnapshotClient
from shared.service.projection_commands import connected_owners
from tests.support.databases import fresh_database
from tests.support.events import course, encoded
from tests.support.stack import Stack
from tests.support.world import COURSES, new_course, new_session

LAST_EVENT = "SELECT body FROM outbox WHERE organisation_id = $1 AND routing_key = $2 ORDER BY id DESC LIMIT 1"
PUBLISHED = "INSERT INTO outbox (event_id, organisation_id, body, routing_key) VALUES ($1, 7, $2, $3)"
KINDS = [(replica.owner, replica.kind) for replica in PROJECTION.replicas]


@pytest.fixture
async def owners(served: Stack) -> AsyncIterator[dict[str, SnapshotClient]]:
    async with connected_owners(served.settings["history"], "history", PROJECTION) as owners:
        yield owners


async def all_pages(owner: SnapshotClient, kind: str, limit: int, after: Key = FIRST) -> list[Event[State]]:
    told: list[Event[State]] = []
    while page := await owner.page(kind, after, limit):
        assert len(page) <= limit
        told, after = told + page, key_of(page[-1])
    return told


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("owner", "kind"), KINDS)
async def test_pages_of_any_size_tell_the_same_rows_in_order(
    owners: dict[str, SnapshotClient], owner: str, kind: str
) -> None:
    told = await all_pages(owners[owner], kind, 500)
    assert told
    assert [key_of(event) for event in told] == sorted({key_of(event) for event in told})
    assert await all_pages(owners[owner], kind, 3) == told
    some = [key_of(event) for event in told[:5]]
    asked = await owners[owner].current(kind, [*some, (1, 2**62)])
    assert sorted(asked, key=key_of) == told[:5]


@pytest.mark.parametrize(
    ("owner", "kind", "key"), [("catalog", "courses", "course"), ("catalog", "sessions", "session")]
)
async def test_a_row_is_told_with_the_very_bytes_of_its_last_event(
    served: Stack, organisation: int, owner: str, kind: str, key: str
) -> None:
    client = served.client(organisation)
    about = {"description": "Grüße\n", "cost_per_participant": 249.5, "provider_name": "Meridian"}
    course_id = await new_course(client, provider="external", pass_score=70, **about)
    await new_session(client, course_id, facilitator={"id": 5, "full_name": "Ada Okafor"})
    async with connection_pool(served.database_urls[owner], name="test", size=1) as pool, connected(pool) as connection:
        body = await connection.fetchval(LAST_EVENT, organisation, f"{key}.saved")
    catalog = served.direct(owner, EVERY_ORGANISATION, [STATES])
    answer = await catalog.get(f"/internal/states/{kind}", after_organisation=organisation - 1, limit=1)
    told, published = answer.text.partition('"data": ')[2], body.partition('"data": ')[2]
    assert told.removesuffix("}]}") == published.removesuffix("}")


async def test_a_deleted_row_is_told_as_its_last_event_told_it(
    served: Stack, owners: dict[str, SnapshotClient], organisation: int
) -> None:
    client = served.client(organisation)
    gone = await new_course(client, title="Gone")
    [saved] = await owners["catalog"].current("courses", [(organisation, gone)])
    assert (await client.delete(f"{COURSES}/{gone}")).status == 200
    [removed] = await owners["catalog"].current("courses", [(organisation, gone)])
    assert (type(saved), type(removed)) == (CourseSaved, CourseRemoved)
    assert removed.data == saved.data.model_copy(update={"version": 2, "removed": True})


async def test_rows_deleted_right_before_the_catalog_began_to_remember_them_are_told(tmp_path: Path) -> None:
    for migration in sorted(MIGRATIONS.glob("000[1-3]_*.sql")):
        (tmp_path / migration.name).write_text(migration.read_text())
    removed = CourseRemoved(7, course(7, 3, 2, removed=True).data)
    async with fresh_database("catalog") as url:
        await migrate(url, tmp_path)
        async with connection_pool(url, name="test", size=2) as pool, connected(pool) as connection:
            await connection.execute(PUBLISHED, *encoded(removed, "catalog"), removed.type)
        await migrate(url, MIGRATIONS)
        async with connection_pool(url, name="test", size=2) as pool, connected(pool) as connection:
            assert await SNAPSHOTS_OF_CATALOG["courses"].page(connection, FIRST, 10) == [removed]
