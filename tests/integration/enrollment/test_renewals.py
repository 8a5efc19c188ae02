"""Renewing a certificate before it ends: within the course's window nothing of it is lost (contract, section 4)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.app import MIGRATIONS
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.validity import add_months
from shared.postgres.migrations import migrate
from shared.postgres.pool import connection_pool
from tests.support.client import Client
from tests.support.earlier_schema import database_before
from tests.support.enrollment_rows import execute
from tests.support.guards import without
from tests.support.lifecycle import changed, ends_at
from tests.support.stack import Stack
from tests.support.world import BEGUN, COURSES, ENROLLMENTS, enroll, new_course, new_employee, new_session

WINDOW = {"delivery_mode": "self_paced", "pass_score": 50, "validity_months": 12, "renewal_window_days": 30}
PASSED = {"score": 80}
_BEFORE = """
INSERT INTO courses (organisation_id, id, version, title, prerequisites, label_ids)
VALUES (7, 1, 1, 'Course', '{}', '{}');
INSERT INTO sessions (organisation_id, id, version, course_id, start_date, status, seats_max, seats_taken, project_ids)
VALUES (7, 1, 1, 1, now(), 'scheduled', 20, 3, '{}');
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
SELECT 7, id, 'employee', 'E-' || id, 'John Doe', now() FROM generate_series(1, 3) AS id;
INSERT INTO enrollments (organisation_id, session_id, course_id, employee_id, status, holds_seat, enrolled_at,
    completed_at, judged_time_zone, judged_validity_months)
VALUES (7, 1, 1, 1, 'enrolled', true, now(), NULL, NULL, NULL),
    (7, 1, 1, 2, 'completed', true, now(), now(), 'UTC', 12),
    (7, 1, 1, 3, 'cancelled', false, now(), NULL, NULL, NULL)
"""


class Holder:
    """The one person of an organisation, and a session of a course with a window."""

    def __init__(self, stack: Stack, admin: Client) -> None:
        self.stack, self.admin = stack, admin
        self.course = self.session = self.person = 0

    async def begin(self, **course: Any) -> None:
        self.course = await new_course(self.admin, **WINDOW | course)
        self.session = await new_session(self.admin, self.course, **BEGUN)
        self.person = await new_employee(self.admin)

    async def passes(self, body: dict[str, Any] = PASSED) -> int:
        [enrollment_id] = await enroll(self.admin, self.session, self.person)
        await changed(self.admin, enrollment_id, "complete", body)
        return enrollment_id

    async def holds_until(self, moment: datetime) -> None:
        await ends_at(self.stack, await self.passes(), moment)

    async def end(self) -> datetime | None:
        """Of what compliance shows."""
        [found] = (await self.admin.get("/api/v1/training/compliance", course_id=self.course)).data
        return found["valid_until"] and datetime.fromisoformat(found["valid_until"])

    async def judged(self, enrollment_id: int) -> Any:
        entries = (await self.admin.get(f"{ENROLLMENTS}/{enrollment_id}/audit")).data
        return entries[-1]["changes"].get("judged_by", {}).get("to")


@pytest.fixture
async def holder(stack: Stack, admin: Client) -> Holder:
    return Holder(stack, admin)


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


async def test_a_renewal_within_the_window_keeps_the_day_of_the_year(holder: Holder) -> None:
    await holder.begin()
    held = in_days(20)
    await holder.holds_until(held)
    renewal = await holder.passes()
    assert await holder.end() == add_months(held, 12)
    judged = await holder.judged(renewal)
    assert (judged["renewal_window_days"], datetime.fromisoformat(judged["held_until"])) == (30, held)


@pytest.mark.parametrize(
    ("days", "course"),
    [(40, {}), (-1, {}), (20, {"renewal_window_days": None})],
    ids=["too early", "too late", "no window"],
)
async def test_any_other_renewal_counts_from_its_completion(holder: Holder, days: int, course: dict[str, Any]) -> None:
    await holder.begin(**course)
    await holder.holds_until(in_days(days))
    before = datetime.now(UTC)
    await holder.passes()
    end = await holder.end()
    assert end is not None
    assert add_months(before, 12) <= end <= add_months(datetime.now(UTC), 12)


async def test_a_correction_keeps_the_judgement_whatever_has_changed_since(holder: Holder) -> None:
    await holder.begin()
    held = in_days(20)
    await holder.holds_until(held)
    renewal = await holder.passes()
    await holder.admin.patch(f"{COURSES}/{holder.course}", {"renewal_window_days": None, "validity_months": 24})
    await changed(holder.admin, renewal, "complete", {"score": 90, "completed_at": in_days(-5).isoformat()})
    assert await holder.end() == add_months(held, 12)
    outside = in_days(-15)
    await changed(holder.admin, renewal, "complete", {"completed_at": outside.isoformat()})
    assert await holder.end() == add_months(outside, 12)


async def test_what_another_person_or_course_holds_does_not_count(holder: Holder) -> None:
    await holder.begin()
    other = Holder(holder.stack, holder.admin)
    await other.begin()
    other.person = holder.person
    await other.holds_until(in_days(20))
    colleague, other.course, other.session = await new_employee(holder.admin), holder.course, holder.session
    other.person = colleague
    await other.holds_until(in_days(20))
    assert (await holder.judged(await holder.passes()))["held_until"] is None


async def test_a_failed_record_is_no_certificate(holder: Holder) -> None:
    await holder.begin()
    await holder.passes({"score": 10})
    assert (await holder.judged(await holder.passes()))["held_until"] is None


async def test_control_a_record_that_counts_its_own_end_would_renew_itself(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await holder.begin()
    enrollment_id = await holder.passes()
    await ends_at(holder.stack, enrollment_id, in_days(20))

    async def unjudged() -> Any:
        """What a record that an earlier version completed, and nobody judged, is judged by when it is corrected."""
        async with connection_pool(holder.stack.enrollment_database_url, name="test") as pool:
            await execute(pool, "UPDATE enrollments SET judged_time_zone = NULL WHERE id = $1", enrollment_id)
        await changed(holder.admin, enrollment_id, "complete", {"score": (await scores())})
        return (await holder.judged(enrollment_id))["held_until"]

    async def scores() -> int:
        shown = (await holder.admin.get(f"{ENROLLMENTS}/{enrollment_id}")).data
        return int(shown["score"]) + 1

    assert await unjudged() is None
    await ends_at(holder.stack, enrollment_id, in_days(20))
    without(monkeypatch, enrollment_store, "_LOCK", "AND held.id <> e.id")
    assert await unjudged() is not None


async def test_the_course_shows_its_window_and_takes_null_for_none(admin: Client) -> None:
    course_id = await new_course(admin, **WINDOW)
    path = f"{COURSES}/{course_id}"
    assert (await admin.get(path)).data["renewal_window_days"] == 30
    assert (await admin.patch(path, {"renewal_window_days": None})).data["renewal_window_days"] is None
    refused = await admin.patch(path, {"renewal_window_days": 3661})
    assert (refused.status, list(refused.json["errors"])) == (422, ["renewal_window_days"])


async def test_records_of_the_version_before_stay_as_they_are_and_are_still_open_once() -> None:
    async with database_before("0018_renewals.sql", MIGRATIONS) as url:
        async with connection_pool(url, name="before", size=1) as pool:
            await execute(pool, _BEFORE)
        await migrate(url, MIGRATIONS)
        async with connection_pool(url, name="test", size=1) as pool, pool.acquire() as connection:
            [state] = [each.state for each in await enrollment_store.lock(connection, [(7, 2)])]
            assert state.judged_by is not None
            assert (state.judged_by.renewal_window_days, state.judged_by.held_until) == (None, None)
            again = """
                INSERT INTO enrollments (organisation_id, session_id, course_id, employee_id, status, holds_seat,
                    enrolled_at) VALUES (7, 1, 1, $1, $2, true, now()) ON CONFLICT DO NOTHING
            """
            new = [(1, "waitlisted"), (1, "failed"), (2, "enrolled"), (2, "enrolled"), (3, "enrolled")]
            outcomes = [await connection.execute(again, *each) for each in new]
    assert outcomes == ["INSERT 0 0", "INSERT 0 1", "INSERT 0 1", "INSERT 0 0", "INSERT 0 1"]
