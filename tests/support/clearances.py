"""What organisations ask of people, and the answers about who is cleared, as tests write and read them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.client import Client
from tests.support.lifecycle import changed
from tests.support.requirements import new_requirement
from tests.support.world import BEGUN, enroll, new_session

CLEARANCE = "/api/v1/training/clearance"
FIRST_AID = {"id": 5, "name": "First aid"}


async def required(client: Client, needs: Mapping[str, Any], **fields: Any) -> int:
    """The id of a new requirement, which applies to all unless `fields` say otherwise."""
    return await new_requirement(client, needs=needs, **fields)


async def clearance(client: Client, person: int, **query: Any) -> dict[str, Any]:
    """The answer about one employee."""
    answer = await client.get(f"/api/v1/employees/{person}/clearance", **query)
    assert answer.status == 200, answer.text
    return dict(answer.data)


async def asked(client: Client, people: Sequence[int], **fields: Any) -> list[dict[str, Any]]:
    """The results about many."""
    answer = await client.post(CLEARANCE, {"employee_ids": list(people), **fields})
    assert answer.status == 200, answer.text
    return list(answer.data["results"])


async def roster(client: Client, **query: Any) -> list[dict[str, Any]]:
    """All of it, walked."""
    items = list[dict[str, Any]]()
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(CLEARANCE, cursor=cursor, **query)
        assert answer.status == 200, answer.text
        items += answer.data
        cursor = answer.json["meta"]["next_cursor"]
    return items


async def is_cleared(client: Client, person: int, **query: Any) -> bool:
    return bool((await clearance(client, person, **query))["cleared"])


async def trained(client: Client, course: int, person: int) -> int:
    """The enrollment by which a person has completed a course."""
    [enrollment] = await enroll(client, await new_session(client, course, **BEGUN), person)
    await changed(client, enrollment, "complete", {})
    return enrollment


def days_from_now(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def statuses(answer: dict[str, Any]) -> dict[int, str]:
    return {each["requirement"]["id"]: each["status"] for each in answer["requirements"]}


def missing(item: dict[str, Any]) -> dict[int, str]:
    return {each["requirement"]["id"]: each["status"] for each in item["missing"]}
