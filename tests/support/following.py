"""A client that copies a list and keeps its copy up to date: it walks, then follows the feed (contract, section 8)."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.client import Answer, Client
from tests.support.eventually import eventually

EVENTS = "/api/v1/events"
CURSOR = "X-Event-Cursor"

Rows = dict[int, dict[str, Any]]


async def first_step(client: Client, path: str, **filters: Any) -> Answer:
    """The first step of a walk, once it has a cursor of the feed."""

    async def with_cursor() -> Answer:
        answer = await client.get(path, cursor="", **filters)
        assert answer.status == 200, answer.text
        assert CURSOR in answer.headers
        return answer

    return await eventually(with_cursor)


async def walk(client: Client, path: str, **filters: Any) -> tuple[Rows, str]:
    """All rows by id, and the cursor that leads on."""
    answer = await first_step(client, path, **filters)
    cursor, rows = answer.headers[CURSOR], {row["id"]: row for row in answer.data}
    while following := answer.json["meta"]["next_cursor"]:
        answer = await client.get(path, cursor=following, **filters)
        rows |= {row["id"]: row for row in answer.data}
    return rows, cursor


async def events_after(client: Client, cursor: str, types: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while True:
        answer = await client.get(EVENTS, after=cursor, types=types, limit=100)
        assert answer.status == 200, answer.text
        events, cursor = events + answer.json["data"], answer.json["next"]
        if not answer.json["has_more"]:
            return events


def folded(rows: Rows, events: list[dict[str, Any]], field: str) -> dict[int, Any]:
    """The field of each row: of its event with the highest version, or else as the walk showed it."""
    values = {row_id: row[field] for row_id, row in rows.items()}
    for event in sorted(events, key=lambda event: event["data"]["version"]):
        values[event["data"]["id"]] = event["data"][field]
    return values


@dataclass
class Copy:
    """What such a client has: one field of each row, by id. It follows the feed from `cursor` on."""

    client: Client
    shown: str
    cursor: str
    rows: dict[int, Any] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    """Of the newest event of each row."""
    corrected: int = 0
    """How often an event said something else than what was known of a row."""

    def add(self, step: Answer) -> None:
        """A step of the walk; what events have said of a row already is newer."""
        self.rows |= {row["id"]: row[self.shown] for row in step.data if row["id"] not in self.versions}

    async def follow(self, types: str, limit: int = 100) -> None:
        """All that there is by now."""
        has_more = True
        while has_more:
            answer = await self.client.get(EVENTS, after=self.cursor, types=types, limit=limit)
            assert answer.status == 200, answer.text
            for event in answer.json["data"]:
                self._take(event["data"])
            self.cursor, has_more = answer.json["next"], answer.json["has_more"]

    def _take(self, state: dict[str, Any]) -> None:
        row_id = state["id"]
        if state["version"] <= self.versions.get(row_id, 0):
            return
        self.versions[row_id] = state["version"]
        before = self.rows.pop(row_id, None)
        if not state.get("removed"):
            self.rows[row_id] = state[self.shown]
        self.corrected += before is not None and before != self.rows.get(row_id)
