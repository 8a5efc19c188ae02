"""An export is what was there at one moment; with the feed from its cursor on it is all there is, whatever changes
meanwhile (contract, sections 1 and 8)."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.concurrency.tasks import background
from shared.http.accept import NDJSON_TYPE
from shared.service import exports
from shared.service.exports import Export
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.following import CURSOR, events_after, first_step, walk
from tests.support.world import COURSES, new_course

State = dict[int, str]
LONGEST = 30.0


class Writer:
    """Changes courses one after the other, and knows what was there after each change."""

    def __init__(self, client: Client, seed: int) -> None:
        self._client = client
        self._random = random.Random(seed)
        self.states: list[State] = [{}]
        self._changed = asyncio.Condition()

    async def begin(self, rows: int) -> None:
        for _ in range(rows):
            await self._do(self._add)

    async def go_on(self) -> None:
        while True:
            change = self._random.choice([self._add, self._rename, self._rename, self._rename, self._remove])
            await self._do(change if len(self.states[-1]) > 4 else self._add)

    async def changed(self, times: int) -> None:
        """Returns once there were so many more changes."""
        wanted = len(self.states) + times
        async with asyncio.timeout(LONGEST), self._changed:
            await self._changed.wait_for(lambda: len(self.states) >= wanted)

    async def _do(self, change: Callable[[State], Awaitable[None]]) -> None:
        state = dict(self.states[-1])
        await change(state)
        async with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    async def _add(self, state: State) -> None:
        title = self._title()
        state[await new_course(self._client, title=title)] = title

    async def _rename(self, state: State) -> None:
        row, title = self._random.choice(sorted(state)), self._title()
        assert (await self._client.patch(f"{COURSES}/{row}", {"title": title})).status == 200
        state[row] = title

    async def _remove(self, state: State) -> None:
        row = self._random.choice(sorted(state))
        assert (await self._client.delete(f"{COURSES}/{row}")).status == 200
        del state[row]

    def _title(self) -> str:
        return f"Title {len(self.states)}"


def with_changes_between_steps(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    more = Export.more

    async def later(export: Export) -> str:
        lines = await more(export)
        await writer.changed(2)
        return lines

    monkeypatch.setattr(exports, "ROWS_OF_STEP", 2)
    monkeypatch.setattr(Export, "more", later)


async def exported(client: Client) -> tuple[State, str]:
    """What an export shows, and its cursor."""
    answer = await client.request("GET", COURSES, headers={"Accept": NDJSON_TYPE})
    assert answer.status == 200, answer.text
    rows = [json.loads(line) for line in answer.text.split("\n")[:-1]]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row["title"] for row in rows}, answer.headers[CURSOR]


def followed(state: State, events: list[dict[str, Any]]) -> State:
    """What becomes of it by these events, each of which has all of its row."""
    newest: dict[int, tuple[int, str | None]] = {}
    for event in events:
        data = event["data"]
        title = None if event["type"] == "training.course.removed.v1" else data["title"]
        newest[data["id"]] = max(newest.get(data["id"], (0, None)), (data["version"], title), key=lambda each: each[0])
    changed = {row: title for row, (_, title) in newest.items() if title is not None}
    return {row: title for row, title in state.items() if row not in newest} | changed


@pytest.mark.parametrize("seed", range(5))
async def test_an_export_is_one_moment_and_leads_into_the_feed(
    admin: Client, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    writer = Writer(admin, seed)
    await writer.begin(7)
    await first_step(admin, COURSES)  # until there are cursors
    with_changes_between_steps(writer, monkeypatch)
    async with background(writer.go_on(), name="writer"):
        shown, cursor = await exported(admin)
        await writer.changed(3)
    assert shown in writer.states

    async def agree() -> bool:
        there, _ = await walk(admin, COURSES, per_page=100)
        events = await events_after(admin, cursor, "training.course.*")
        return followed(shown, events) == {row_id: row["title"] for row_id, row in there.items()}

    await eventually(agree)


async def test_control_where_each_step_sees_its_own_moment_it_is_none(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.postgres.snapshot_reads._BEGIN", "BEGIN READ ONLY")
    writer = Writer(admin, 0)
    await writer.begin(5)
    first, *_, last = sorted(writer.states[-1])
    more = Export.more

    async def later(export: Export) -> str:
        lines = await more(export)
        if export.after == first:
            for row in (first, last):
                state = dict(writer.states[-1])
                state[row] = f"New {row}"
                assert (await admin.patch(f"{COURSES}/{row}", {"title": state[row]})).status == 200
                writer.states.append(state)
        return lines

    monkeypatch.setattr(exports, "ROWS_OF_STEP", 1)
    monkeypatch.setattr(Export, "more", later)
    shown, _ = await exported(admin)
    assert shown not in writer.states
