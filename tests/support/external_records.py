"""Training done elsewhere, as tests submit it and have it accepted."""

from typing import Any

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.world import RECORDS, new_course

AT = "2025-03-03T08:00:00Z"
"""When such training was completed, unless a test says otherwise."""
FIELDS = {"training_name": "First Aid", "provider": "Red Cross", "completed_at": AT}


async def known_course(client: Client, **fields: Any) -> int:
    """The id of a new course that enrollment has heard of."""
    course_id = await new_course(client, **fields)

    async def known() -> bool:
        return (await client.get("/api/v1/training/compliance", course_id=course_id)).status == 200

    await eventually(known)
    return course_id


async def ask_to_submit(client: Client, employee_id: int, **fields: Any) -> Answer:
    """With `course_id` it is about that course, and else about what it is called; the answer, whatever it is."""
    body = {"employee_id": employee_id, **FIELDS, **fields}
    if "course_id" in fields and "training_name" not in fields:
        del body["training_name"]
    return await client.post(RECORDS, body)


async def submitted(client: Client, employee_id: int, **fields: Any) -> int:
    """The id of a new record, which is pending."""
    answer = await ask_to_submit(client, employee_id, **fields)
    assert answer.status == 201, answer.text
    return int(answer.data["id"])


async def decide(client: Client, record_id: int, decision: str, **headers: str) -> Answer:
    """The answer, whatever it is."""
    body = {"reason": "The card is of somebody else"} if decision == "reject" else {}
    return await client.post(f"{RECORDS}/{record_id}/{decision}", body, **headers)


async def decided(client: Client, record_id: int, decision: str = "accept") -> dict[str, Any]:
    """The record after a decision that is allowed."""
    answer = await decide(client, record_id, decision)
    assert answer.status == 200, answer.text
    return dict(answer.data)


async def accepted(client: Client, other: Client, employee_id: int, **fields: Any) -> int:
    """The id of a record that one has submitted and the other accepted."""
    record_id = await submitted(client, employee_id, **fields)
    await decided(other, record_id)
    return record_id
