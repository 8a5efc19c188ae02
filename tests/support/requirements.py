"""What an organisation asks of its people, as tests write it."""

from typing import Any

from tests.support.client import Answer, Client
from tests.support.external_records import known_course
from tests.support.world import REQUIREMENTS

FIELDS = {"name": "White card", "applies_to": {"all": True}}


async def ask_for_requirement(client: Client, query: str = "", **fields: Any) -> Answer:
    """The answer, whatever it is. It applies to everybody unless the fields say otherwise."""
    return await client.post(f"{REQUIREMENTS}{query}", {**FIELDS, **fields})


async def new_requirement(client: Client, **fields: Any) -> int:
    """The id of a new requirement, which needs a new course unless the fields say otherwise."""
    needs = fields.get("needs") or {"course_id": await known_course(client)}
    answer = await ask_for_requirement(client, **{**fields, "needs": needs})
    assert answer.status == 201, answer.text
    return int(answer.data["id"])
