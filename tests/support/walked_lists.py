"""A list that a walk goes through, and how its rows come, move and go."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.client import Client
from tests.support.routes import renewed

Change = Callable[[int], Awaitable[Any]]


@dataclass
class Walked:
    """One list. `add` makes a row that is in it, and says its key; `leave` takes one out of it, by deleting or by
    changing it; `move` changes one so that a page has it elsewhere."""

    client: Client
    path: str
    add: Callable[[], Awaitable[int]]
    leave: Change | None = None
    move: Change | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    key: Callable[[dict[str, Any]], int] = lambda item: int(item["id"])

    async def ask(self, **query: Any) -> tuple[list[int], dict[str, Any]]:
        """The keys and the meta of a page or a step."""
        answer = await self.client.get(self.path, **self.filters, **query)
        assert answer.status == 200, answer.text
        return [self.key(item) for item in answer.data], answer.json["meta"]


Scene = Callable[[Client], Awaitable[Walked]]


async def posted(client: Client, path: str, body: dict[str, Any]) -> Walked:
    async def add() -> int:
        answer = await client.post(path, renewed(body))
        assert answer.status == 201, answer.text
        return int(answer.data["id"])

    return Walked(client, path, add, leave=deleted(client, path))


def deleted(client: Client, path: str) -> Change:
    async def delete(row: int) -> None:
        answer = await client.delete(f"{path}/{row}")
        assert answer.status == 200, answer.text

    return delete
