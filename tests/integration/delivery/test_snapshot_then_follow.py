"""A list, then its changes (contract, section 8): rows come, change and go while a client walks through the list and
follows the feed, and in the end its copy is the list."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from shared.concurrency.tasks import background
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.following import CURSOR, Copy, events_after, first_step, walk
from tests.support.lifecycle import change
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    enroll,
    new_course,
    new_employee,
    new_session,
)

BEGINNING = 12
"""Rows that are there before."""
ROUNDS = 6
"""In which the feed is followed while rows go on changing."""
TEXTS = ("one", "two", "three", "four")


@dataclass(frozen=True)
class Kind:
    """What a list has, and how its rows come, change and go; a change may be refused, as is what has gone."""

    path: str
    types: str
    shown: str
    new: Callable[[Client], Awaitable[object]]
    change: Callable[[Client, int, random.Random], Awaitable[Answer]]
    remove: Callable[[Client, int], Awaitable[Answer]]


async def new_session_of_one(client: Client) -> int:
    return await new_session(client, await new_course(client))


async def new_enrollment(client: Client) -> None:
    session = await new_session(client, await new_course(client), **BEGUN)
    await enroll(client, session, await new_employee(client))


async def retitle(client: Client, row_id: int, chance: random.Random) -> Answer:
    return await client.patch(f"{COURSES}/{row_id}", {"title": chance.choice(TEXTS)})


async def move(client: Client, row_id: int, chance: random.Random) -> Answer:
    return await client.patch(f"{SESSIONS}/{row_id}", {"location": chance.choice(TEXTS)})


async def rename(client: Client, row_id: int, chance: random.Random) -> Answer:
    body = {"employee_id": f"EMP-{row_id}", "full_name": chance.choice(TEXTS)}
    return await client.put(f"{EMPLOYEES}/{row_id}", body)


async def go_on(client: Client, row_id: int, chance: random.Random) -> Answer:
    what = chance.choice(["complete", "reopen", "absent"])
    return await change(client, row_id, what, {"reason": "A mistake"} if what == "reopen" else None)


async def delete_course(client: Client, row_id: int) -> Answer:
    return await client.delete(f"{COURSES}/{row_id}")


async def delete_session(client: Client, row_id: int) -> Answer:
    return await client.delete(f"{SESSIONS}/{row_id}")


async def delete_person(client: Client, row_id: int) -> Answer:
    return await client.delete(f"{EMPLOYEES}/{row_id}")


async def cancel(client: Client, row_id: int) -> Answer:
    return await change(client, row_id, "cancel")


KINDS = [
    Kind(COURSES, "training.course.*", "title", new_course, retitle, delete_course),
    Kind(SESSIONS, "training.session.*", "location", new_session_of_one, move, delete_session),
    Kind(EMPLOYEES, "training.employee.*", "full_name", new_employee, rename, delete_person),
    Kind(ENROLLMENTS, "training.enrollment.*", "status", new_enrollment, go_on, cancel),
]


@dataclass
class Changing:
    """Changes rows as chance has it: those that are there, whoever made them."""

    client: Client
    kind: Kind
    chance: random.Random
    ids: list[int]
    done: int = 0

    async def once(self) -> None:
        what, row_id = self.chance.random(), self.chance.choice(self.ids)
        if what < 0.2:
            await self.kind.new(self.client)
        elif what < 0.35:
            await self._accepted(await self.kind.remove(self.client, row_id))
        else:
            await self._accepted(await self.kind.change(self.client, row_id, self.chance))

    async def _accepted(self, answer: Answer) -> None:
        """What is gone, or is in a state that forbids the change, stays as it is."""
        assert answer.status in (200, 201, 204, 404, 409), answer.text
        self.done += answer.status < 300

    async def forever(self) -> None:
        while True:
            await self.once()


async def rows_of(client: Client, kind: Kind) -> dict[int, object]:
    there, _ = await walk(client, kind.path, per_page=100)
    return {row_id: row[kind.shown] for row_id, row in there.items()}


async def copied_under_changes(client: Client, kind: Kind, changing: Changing) -> Copy:
    """Between its steps as well as beside them rows change."""
    step = await first_step(client, kind.path, per_page=3)
    copy = Copy(client, kind.shown, step.headers[CURSOR])
    copy.add(step)
    while following := step.json["meta"]["next_cursor"]:
        for _ in range(changing.chance.randint(0, 3)):
            await changing.once()
        if changing.chance.random() < 0.5:
            await copy.follow(kind.types, limit=changing.chance.randint(1, 5))
        step = await client.get(kind.path, per_page=3, cursor=following)
        copy.add(step)
    return copy


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.shown)
@pytest.mark.parametrize("seed", range(2))
async def test_a_copy_is_the_list_in_the_end(admin: Client, kind: Kind, seed: int) -> None:
    for _ in range(BEGINNING):
        await kind.new(admin)

    async def are_there() -> bool:
        return len(await rows_of(admin, kind)) == BEGINNING

    await eventually(are_there)
    ids = sorted(await rows_of(admin, kind))
    between, beside = [Changing(admin, kind, random.Random(seed + more), ids) for more in (0, 1000)]
    async with background(beside.forever(), name="changes") as changes:
        copy = await copied_under_changes(admin, kind, between)
        for _ in range(ROUNDS):
            await between.once()
            await copy.follow(kind.types, limit=between.chance.randint(1, 5))
        assert not changes.done()

    async def agree() -> bool:
        await copy.follow(kind.types)
        return copy.rows == await rows_of(admin, kind)

    await eventually(agree)
    assert between.done + beside.done > 0
    assert copy.corrected > 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.shown)
async def test_control_a_cursor_from_after_the_walk_misses_changes(admin: Client, kind: Kind) -> None:
    for _ in range(4):
        await kind.new(admin)

    async def are_there() -> bool:
        return len(await rows_of(admin, kind)) == 4

    await eventually(are_there)
    step = await first_step(admin, kind.path, per_page=2)
    early, rows = step.headers[CURSOR], {row["id"]: row[kind.shown] for row in step.data}
    changed = step.data[0]["id"]
    assert (await kind.remove(admin, changed)).status == 200
    while following := step.json["meta"]["next_cursor"]:
        step = await admin.get(kind.path, per_page=2, cursor=following)
        rows |= {row["id"]: row[kind.shown] for row in step.data}

    async def is_after(cursor: str) -> bool:
        return any(event["data"]["id"] == changed for event in await events_after(admin, cursor, kind.types))

    async def late_cursor() -> str:
        cursor = (await first_step(admin, kind.path)).headers[CURSOR]
        return "" if await is_after(cursor) else cursor

    there = await rows_of(admin, kind)
    right, wrong = Copy(admin, kind.shown, early, dict(rows)), Copy(admin, kind.shown, "", dict(rows))

    async def agree() -> bool:
        await right.follow(kind.types)
        return right.rows == there

    await eventually(agree)
    wrong.cursor = await eventually(late_cursor)
    await wrong.follow(kind.types)
    assert wrong.rows != there
