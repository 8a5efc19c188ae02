"""Parts of names are found with an index that the owner of the database makes, and without it where they may not."""

from urllib.parse import urlsplit

import asyncpg
import pytest

from services.enrollment.app import MIGRATIONS
from services.enrollment.schemas import PersonQuery
from services.enrollment.store import pages
from shared.postgres.migrations import migrate
from tests.support.databases import service_database

INDEXES = "SELECT count(*) FROM pg_indexes WHERE indexname = 'people_by_part_of_text'"
PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
VALUES (7, 1, 'staff', 'EMP-1', 'ÄNNE Smith', now()), (7, 2, 'staff', 'EMP-2', 'Ben_ 100%', now()),
    (8, 3, 'staff', 'EMP-3', 'Änne Smith', now())
"""


@pytest.mark.parametrize(("may_install", "indexes"), [(True, 1), (False, 0)])
async def test_a_search_finds_the_same_with_and_without_its_index(may_install: bool, indexes: int) -> None:
    async with service_database("enrollment") as database:
        name, owner = urlsplit(database.owner_url).path[1:], urlsplit(database.owner_url).username
        superuser = await asyncpg.connect(database.superuser_url, timeout=10)
        if not may_install:
            await superuser.execute(f"REVOKE CREATE ON DATABASE {name} FROM {owner}")
        await migrate(database.owner_url, MIGRATIONS)
        await superuser.execute(PEOPLE)
        assert await superuser.fetchval(INDEXES) == indexes
        await superuser.close()
        connection = await asyncpg.connect(database.service_url, timeout=10)
        for search, found in {"änne sm": 1, "emp-": 2, "_": 1, "0%": 1, "emp-3": 0, "n": 2}.items():
            read = pages.person_page(7, "staff", PersonQuery(search=search), None)
            assert (search, (await read.alone(connection))[0]) == (search, found)
        await connection.close()
