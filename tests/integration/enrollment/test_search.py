"""People are found by parts of names in any spelling, with an index or, where the owner may not make it, without."""

from urllib.parse import urlsplit

import asyncpg
import pytest

from services.enrollment.app import MIGRATIONS
from services.enrollment.schemas import PersonQuery
from services.enrollment.store import people_pages
from shared.postgres.migrations import migrate
from tests.support.client import Client
from tests.support.databases import service_database
from tests.support.world import EMPLOYEES, new_employee

INDEXES = "SELECT count(*) FROM pg_indexes WHERE indexname = 'people_by_part_of_text'"
PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
VALUES (7, 1, 'staff', 'EMP-1', 'ÄNNE Smith', now()), (7, 2, 'staff', 'EMP-2', 'Ben_ 100%', now()),
    (8, 3, 'staff', 'EMP-3', 'Änne Smith', now())
"""


SPELLINGS = {
    "José Pérez": ["jose", "JOSE PEREZ", "josé pérez", "pérez José", " jose", "jose  perez ", "osé", "Jose\u0301"],
    "Łukasz Wójcik": ["lukasz", "ŁUKASZ", "wojcik lukasz"],
    "Nguyễn Thị Ánh": ["nguyen", "anh thi", "nguyễn"],
    "Straße Weiß": ["strasse", "STRASSE", "STRAẞE", "weiss"],
    "İpek Işık": ["ipek", "isik", "İPEK"],
    "Søren Ærø": ["soren", "aero", "SØREN"],
    "100% _ \\": ["100%", "%", "_", "\\", "% \\ _"],
}


@pytest.mark.parametrize("name", SPELLINGS)
async def test_any_spelling_of_a_name_finds_it(admin: Client, name: str) -> None:
    found = await new_employee(admin, employee_id="X-1", full_name=name)
    await new_employee(admin, employee_id="X-2", full_name="Nobody Else")
    for search in SPELLINGS[name]:
        assert (search, [each["id"] for each in (await admin.get(EMPLOYEES, search=search)).data]) == (search, [found])


async def test_each_word_must_occur(admin: Client) -> None:
    person = await new_employee(admin, employee_id="EMP-7", full_name="Ava Nguyen")
    for search, found in {"ava rossi": [], "ava emp-7": [person], "7 nguyen": [person], "a v a": [person]}.items():
        assert [each["id"] for each in (await admin.get(EMPLOYEES, search=search)).data] == found


async def test_more_words_than_eight_are_refused(admin: Client) -> None:
    answer = await admin.get(EMPLOYEES, search="a " * 9)
    assert (answer.status, answer.json["errors"]) == (422, {"search": ["Must have at most 8 words."]})


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
            read = people_pages.person_page(7, "staff", PersonQuery(search=search), None)
            assert (search, (await read.alone(connection))[0]) == (search, found)
        await connection.close()
