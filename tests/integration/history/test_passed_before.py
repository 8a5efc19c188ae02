"""Records of the release before, to which each score was passed, show what they showed (history's migration 0003)."""

import json

from services.history.app import MIGRATIONS
from services.history.schemas import HistoryQuery
from services.history.store.copies import save_courses, save_people, save_records, save_sessions
from services.history.store.pages import history_page
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.earlier_schema import database_before

ORGANISATION, PERSON = 7, 42
RECORDED = {1: ("completed", True), 2: ("completed", False), 3: ("failed", True), 4: ("absent", False)}
"""Status and whether there is a score."""
_RECORD = """
INSERT INTO records (organisation_id, id, version, employee_id, session_id, course_id, status, scored)
VALUES ($1, $2, 1, $3, 1, 1, $4, $5)
"""


async def results(pool: Pool) -> dict[int, str | None]:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        page = history_page(ORGANISATION, PERSON, "employee", HistoryQuery(), None)
        *_, items = await page.alone(connection)
    return {record["id"]: record["result"] for record in json.loads(items)}


async def test_records_keep_their_result_until_an_event_tells_of_them() -> None:
    async with database_before("0003_passed.sql", MIGRATIONS) as url, connection_pool(url, name="test", size=2) as pool:
        for number, (status, scored) in RECORDED.items():
            await pool.execute(_RECORD, ORGANISATION, number, PERSON, status, scored)
        await migrate(url, MIGRATIONS)
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await save_people(connection, [events.person(ORGANISATION, PERSON)])
            await save_courses(connection, [events.course(ORGANISATION, 1)])
            await save_sessions(connection, [events.session(ORGANISATION, 1)])
        assert await results(pool) == {1: "passed", 2: "attended", 3: "failed", 4: "absent"}
        told = [
            events.enrollment(ORGANISATION, number, 2, "completed", employee_id=PERSON, score=5, passed=passed)
            for number, passed in ((1, None), (2, True))
        ]
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await save_records(connection, told)
        assert await results(pool) == {1: "attended", 2: "passed", 3: "failed", 4: "absent"}
