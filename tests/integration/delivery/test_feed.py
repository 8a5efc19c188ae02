"""The feed of events (contract, section 8)."""

from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.world import ENROLLMENTS, new_course, new_employee, new_session

EVENTS = "/api/v1/events"


async def all_events(client: Client, **query: Any) -> list[dict[str, Any]]:
    """From the oldest on, page by page."""
    events: list[dict[str, Any]] = []
    path = EVENTS
    while True:
        answer = await client.get(path, **query)
        assert answer.status == 200, answer.text
        events += answer.json["data"]
        if not answer.json["has_more"]:
            return events
        query["after"] = answer.json["next"]


async def test_an_enrollment_reaches_the_feed(admin: Client) -> None:
    person = await new_employee(admin)
    session = await new_session(admin, await new_course(admin))
    enrolled = await admin.post(ENROLLMENTS, {"session_id": session, "employee_ids": [person]})
    assert enrolled.status == 201, enrolled.text

    async def found() -> list[dict[str, Any]]:
        created = "training.enrollment.created.v1"
        return [each for each in await all_events(admin, limit=2) if each["type"] == created]

    events = await eventually(found)
    assert [each["data"]["employee_id"] for each in events] == [person]
