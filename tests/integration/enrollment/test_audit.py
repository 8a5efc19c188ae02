"""The audit trail: one entry for each version of an enrollment, with who changed what, when and in which request."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.observability import Trace
from shared.postgres.pool import connection_pool
from tests.integration.enrollment.seats_world import ORGANISATIONS, PEOPLE, World
from tests.integration.enrollment.seats_world import SESSIONS as SESSIONS_OF_WORLD
from tests.support.client import Answer, Client, new_organisation
from tests.support.enrollment_rows import enrollment_database
from tests.support.eventually import eventually
from tests.support.lifecycle import change, changed, full_session_with_line, transfer
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_enrollment,
    new_session,
)

Entry = dict[str, Any]

REMEMBERED: dict[str, Any] = {
    "training_name": "Leadership Essentials",
    "delivery_mode": "in_person",
    "labels": [],
    "session_name": "May Cohort",
    "location": "Training Room A",
    "projects": [],
    "company": None,
    "meetings": [],
}
"""What becomes of `tests.support.world`'s rows."""

_CAUSED = """
SELECT DISTINCT organisation_id, action, request_id FROM audit WHERE actor_subject = 'catalog' ORDER BY 1, 2, 3
"""


async def trail(client: Client, enrollment_id: int, **query: int) -> Answer:
    return await client.get(f"{ENROLLMENTS}/{enrollment_id}/audit", **query)


async def entries(client: Client, enrollment_id: int) -> list[Entry]:
    answer = await trail(client, enrollment_id)
    assert answer.status == 200, answer.text
    return list(answer.data)


async def last(client: Client, enrollment_id: int) -> Entry:
    return (await entries(client, enrollment_id))[-1]


async def test_a_change_is_told_whole(stack: Stack, admin: Client, organisation: int) -> None:
    enrollment_id = await new_enrollment(admin, {"pass_score": 70})
    trainer = stack.client(organisation, sub="trainer-7", name="Tia Trainer")
    before = datetime.now(UTC)
    path = f"{ENROLLMENTS}/{enrollment_id}/complete"
    await trainer.patch(path, {"score": 82}, **{"X-Request-Id": "request-0007"})
    after = datetime.now(UTC)
    entry = await last(admin, enrollment_id)
    for moment in (entry.pop("changed_at"), entry["changes"].pop("completed_at")["to"]):
        assert before <= datetime.fromisoformat(moment) <= after
    assert entry == {
        "version": 2,
        "action": "enrollment.completed",
        "changed_by": {"subject": "trainer-7", "name": "Tia Trainer"},
        "request_id": "request-0007",
        "changes": {
            "status": {"from": "enrolled", "to": "completed"},
            "score": {"from": None, "to": 82},
            "passed": {"from": None, "to": True},
            "judged_by": {
                "from": None,
                "to": {
                    "pass_score": 70,
                    "validity_months": None,
                    "time_zone": "UTC",
                    "renewal_window_days": None,
                    "held_until": None,
                },
            },
            "certifies": {"from": False, "to": True},
            "remembered": {"from": None, "to": REMEMBERED},
        },
    }


async def test_enrolling_is_the_first_entry(stack: Stack, admin: Client, organisation: int) -> None:
    session_id, person = await new_session(admin, await new_course(admin)), await new_employee(admin)
    body = {"session_id": session_id, "employee_ids": [person]}
    clerk = stack.client(organisation, sub="clerk", name="Cleo Clerk")
    answer = await clerk.post(ENROLLMENTS, body, **{"X-Request-Id": "request-0001"})
    [entry] = await entries(admin, answer.data["enrollments"][0]["id"])
    assert (entry["version"], entry["action"], entry["request_id"]) == (1, "enrollment.created", "request-0001")
    assert entry["changed_by"] == {"subject": "clerk", "name": "Cleo Clerk"}
    assert entry["changes"]["status"] == {"from": None, "to": "enrolled"}
    assert entry["changes"]["employee_id"] == {"from": None, "to": person}


async def test_every_version_has_one_entry(admin: Client) -> None:
    course_id = await new_course(admin, pass_score=50)
    first, second = [await new_session(admin, course_id) for _ in range(2)]
    [enrollment_id] = await enroll(admin, first, await new_employee(admin))
    assert (await transfer(admin, enrollment_id, second)).status == 200
    for what, body in (
        ("check-in", {"method": "kiosk"}),
        ("complete", {"score": 40}),
        ("complete", {"score": 60}),
    ):
        for _ in range(2):  # the second time nothing changes
            await changed(admin, enrollment_id, what, body)
    told = [
        (entry["version"], entry["action"].removeprefix("enrollment.")) for entry in await entries(admin, enrollment_id)
    ]
    assert told == [(1, "created"), (2, "transferred"), (3, "checked_in"), (4, "failed"), (5, "completed")]


@pytest.mark.parametrize(("what", "action"), [("cancel", "enrollment.cancelled"), ("absent", "enrollment.absent")])
async def test_cancelling_and_absence_leave_an_entry(admin: Client, what: str, action: str) -> None:
    enrollment_id = await new_enrollment(admin)
    await changed(admin, enrollment_id, what)
    assert (await last(admin, enrollment_id))["action"] == action


async def test_a_refused_change_leaves_no_entry(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    await changed(admin, enrollment_id, "cancel")
    for what in ("complete", "absent"):
        assert (await change(admin, enrollment_id, what)).status == 409
    assert len(await entries(admin, enrollment_id)) == 2


async def test_a_promotion_names_the_request_that_freed_the_seat(
    stack: Stack, admin: Client, organisation: int
) -> None:
    _, seated, [waiting] = await full_session_with_line(admin, waiting=1)
    leaver = stack.client(organisation, sub="leaver", name="Lee Leaver")
    await leaver.patch(f"{ENROLLMENTS}/{seated}/cancel", **{"X-Request-Id": "request-0042"})
    for enrollment_id, action in ((seated, "enrollment.cancelled"), (waiting, "enrollment.promoted")):
        entry = await last(admin, enrollment_id)
        assert (entry["action"], entry["request_id"]) == (action, "request-0042")
        assert entry["changed_by"] == {"subject": "leaver", "name": "Lee Leaver"}


async def test_a_session_that_is_cancelled_is_named_as_the_reason(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin))
    enrollments = await enroll(admin, session_id, *await new_employees(admin, 2))
    await admin.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"}, **{"X-Request-Id": "request-0099"})

    async def told() -> bool:
        for enrollment_id in enrollments:
            entry = await last(admin, enrollment_id)
            assert (entry["action"], entry["request_id"]) == ("enrollment.cancelled", "request-0099")
            assert entry["changed_by"] == {"subject": "catalog", "name": "Catalog"}
        return True

    await eventually(told)


async def test_news_that_comes_together_gives_each_session_its_own_reason() -> None:
    async with enrollment_database() as url, connection_pool(url, name="test", size=2) as pool:
        world, session = World(pool), SESSIONS_OF_WORLD[0]
        await world.populate()
        for organisation in ORGANISATIONS:
            await world.enroll(organisation, session, PEOPLE[:3], waitlist=True)
        await world.follow_together(
            world.news(1, session, capacity=2, status="cancelled", trace=Trace("request-0001", "")),
            world.news(2, session, capacity=3, trace=Trace("request-0002", "")),
        )
        rows = await pool.fetch(_CAUSED)
    assert [tuple(row) for row in rows] == [
        (1, "enrollment.cancelled", "request-0001"),
        (2, "enrollment.promoted", "request-0002"),
    ]


async def test_removing_a_person_is_told_in_what_it_cancels(stack: Stack, admin: Client, organisation: int) -> None:
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, await new_course(admin)), person)
    manager = stack.client(organisation, sub="manager", name="Mo Manager")
    await manager.delete(f"{EMPLOYEES}/{person}", **{"X-Request-Id": "request-0013"})
    entry = await last(admin, enrollment_id)
    assert (entry["action"], entry["request_id"]) == ("enrollment.cancelled", "request-0013")
    assert entry["changed_by"]["subject"] == "manager"


async def test_the_trail_comes_in_pages_oldest_first(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin, {}, **BEGUN)
    for score in range(6):
        await changed(admin, enrollment_id, "complete", {"score": score})
    answer = await trail(admin, enrollment_id, per_page=3, page=2)
    assert [entry["version"] for entry in answer.data] == [4, 5, 6]
    assert (answer.json["meta"]["total"], answer.json["meta"]["last_page"]) == (7, 3)
    assert (await trail(admin, enrollment_id, page=9)).data == []


async def test_there_is_no_trail_of_what_is_not_there(stack: Stack, admin: Client) -> None:
    theirs = await new_enrollment(stack.client(new_organisation()))
    for enrollment_id in (theirs, 2**62):
        answer = await trail(admin, enrollment_id)
        assert (answer.status, answer.json["code"]) == (404, "not_found")
