"""What organisations ask of people, and the answers about who is cleared, as tests write and read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.client import Client
from tests.support.requirements import new_requirement

CLEARANCE = "/api/v1/training/clearance"


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
