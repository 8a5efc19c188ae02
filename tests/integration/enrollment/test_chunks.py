"""Changes that concern very many enrollments of one session."""

import pytest

from services.enrollment.use_cases import change_set, sessions
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.lifecycle import full_session_with_line, statuses_of
from tests.support.world import SESSIONS


async def test_many_changes_of_one_session_are_made_in_chunks(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_set, "CHUNK", 2)
    monkeypatch.setattr(sessions, "CHUNK", 2)
    session_id, seated, line = await full_session_with_line(admin, waiting=6)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 6})).status == 200

    async def five_were_promoted() -> bool:
        assert await statuses_of(admin, *line) == ["enrolled"] * 5 + ["waitlisted"]
        return True

    await eventually(five_were_promoted)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})).status == 200

    async def all_are_cancelled() -> bool:
        assert set(await statuses_of(admin, seated, *line)) == {"cancelled"}
        return True

    await eventually(all_are_cancelled)
