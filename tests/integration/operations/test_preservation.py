"""An installation of the release before comes to remember by itself; then copies and owners agree byte for byte."""

import pytest

from services.enrollment.projection import PROJECTION
from services.enrollment.use_cases import preservation
from services.enrollment.use_cases.preservation import complete_copies, preserve_batch
from shared.postgres.pool import connection_pool
from shared.service.projection_commands import connected_owners
from tests.support.copies import COPIES, copies_of, everything_is_followed, execute, rebuild, verify
from tests.support.stack import Stack

_AS_BEFORE = {
    "enrollment": """
        UPDATE enrollments SET remembered = NULL;
        UPDATE courses SET delivery_mode = NULL, labels = NULL, details_version = 0;
        UPDATE sessions SET session_name = NULL, projects = NULL, details_version = 0, times_version = 0,
            facilitator_id = NULL, facilitator_name = NULL, facilitator_version = 0
    """,
    "history": """
        UPDATE records SET remembered = false, remembered_title = NULL, remembered_online = NULL,
            remembered_label_ids = '{}', remembered_label_names = NULL, remembered_session_name = NULL,
            remembered_location = NULL, remembered_project_ids = '{}', remembered_project_names = NULL,
            remembered_company_id = NULL, remembered_company_name = NULL
        WHERE session_id IS NOT NULL
    """,
}


@pytest.mark.usefixtures("enrollments")
async def test_what_was_closed_before_is_remembered_everywhere(served: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preservation, "PAUSE", 0.0)
    replica = (await copies_of(served, "enrollment"))["courses"]
    for service, statement in _AS_BEFORE.items():
        await execute(served, service, statement)
    assert (await verify(served, "enrollment")).status == 1
    async with (
        connection_pool(served.settings["enrollment"].database_url.get_secret_value(), name="test", size=2) as pool,
        connected_owners(served.settings["enrollment"], "enrollment", PROJECTION) as owners,
    ):
        await complete_copies(pool, owners["catalog"])
        while await preserve_batch(pool):
            pass
        await everything_is_followed(served)
        closed = "status IN ('completed', 'failed', 'absent', 'cancelled')"
        wrong = await pool.fetchval(f"SELECT count(*) FROM enrollments WHERE {closed} <> (remembered IS NOT NULL)")
    assert wrong == 0
    assert (await copies_of(served, "enrollment"))["courses"] == replica
    for service in COPIES:
        verified = await verify(served, service)
        assert verified.status == 0, verified.output
    records = await copies_of(served, "history")
    await execute(served, "history", f"TRUNCATE {', '.join(COPIES['history'])}")
    assert (await rebuild(served, "history")).status == 0
    assert await copies_of(served, "history") == records
