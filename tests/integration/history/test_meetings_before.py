"""Records from before sessions had meetings show what they showed (history's migration 0006)."""

import json
from typing import Any

from services.history.app import MIGRATIONS
from services.history.schemas import HistoryQuery
from services.history.store.copies import save_courses, save_people, save_sessions
from services.history.store.pages import history_page
from shared.events.states import Meeting
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.earlier_schema import database_before

ORGANISATION, PERSON = 7, 42
_RECORD = """
INSERT INTO records (organisation_id, id, version, employee_id, session_id, course_id, status, scored, remembered,
    remembered_title, remembered_online, remembered_label_names, remembered_project_names, remembered_session_name)
VALUES ($1, $2, 1, $3, 1, 1, $4, false, $5, 'Course', false, '[]', '[]', 'Session')
"""
_SESSION = """
INSERT INTO sessions (organisation_id, id, version, session_name, start_date, project_ids, project_names)
VALUES ($1, 1, 1, 'Session', '2030-05-15T09:00:00Z', '{}', '[]')
"""
OPEN, CLOSED = 1, 2


async def sessions_shown(pool: Pool) -> dict[int, Any]:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        page = history_page(ORGANISATION, PERSON, "employee", HistoryQuery(), None)
        *_, items = await page.alone(connection)
    return {record["id"]: record["session"] for record in json.loads(items)}


async def test_a_record_shows_attendance_once_its_session_has_meetings_unless_it_was_closed_before() -> None:
    async with (
        database_before("0006_meetings.sql", MIGRATIONS) as url,
        connection_pool(url, name="test", size=2) as pool,
    ):
        await pool.execute(_SESSION, ORGANISATION)
        for number, status, remembered in ((OPEN, "enrolled", False), (CLOSED, "completed", True)):
            await pool.execute(_RECORD, ORGANISATION, number, PERSON, status, remembered)
        await migrate(url, MIGRATIONS)
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await save_people(connection, [events.person(ORGANISATION, PERSON)])
            await save_courses(connection, [events.course(ORGANISATION, 1)])
        assert [session.get("attendance") for session in (await sessions_shown(pool)).values()] == [None, None]
        meeting = Meeting(id=3, start_date=events.MOMENT, end_date=events.MOMENT.replace(hour=12), location=None)
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await save_sessions(connection, [events.session(ORGANISATION, 1, 2, meetings=(meeting,))])
        shown = await sessions_shown(pool)
        assert "attendance" not in shown[CLOSED]
        assert shown[OPEN]["attendance"] == [
            {
                "meeting_id": 3,
                "start_date": "2030-05-15T09:00:00+00:00",
                "end_date": "2030-05-15T12:00:00+00:00",
                "venue": None,
                "checked_in_at": None,
                "check_in_method": None,
            }
        ]
