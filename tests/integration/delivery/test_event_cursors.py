"""`X-Event-Cursor`: a walk, and the feed from its cursor on, are all there is (contract, section 8; decision 27)."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.auth.trust import POSITION
from shared.concurrency.tasks import background
from shared.http import feed_cursor
from shared.http.feed_cursor import FeedPlace
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.following import CURSOR, events_after, first_step, folded, walk
from tests.support.history_client import history_of
from tests.support.lifecycle import changed
from tests.support.stack import Stack
from tests.support.world import BEGUN, COURSES, EMPLOYEES, ENROLLMENTS, SESSIONS, USERS, enroll, new_course, new_session
from tests.support.world import new_employee as new_person

CREATED = "training.enrollment.created.v1"


async def busy(client: Client) -> None:
    """Everything changes until the test has what it needs."""
    while True:
        course, person = await new_course(client), await new_person(client)
        session = await new_session(client, course, **BEGUN)
        [enrollment] = await enroll(client, session, person)
        await changed(client, enrollment, "complete")


@pytest.mark.parametrize(
    ("path", "types", "field"),
    [
        (COURSES, "training.course.*", "title"),
        (SESSIONS, "training.session.*", "location"),
        (ENROLLMENTS, "training.enrollment.*", "status"),
        (EMPLOYEES, "training.employee.*", "full_name"),
    ],
)
async def test_a_walk_and_the_feed_after_it_are_what_is_there_in_the_end(
    admin: Client, path: str, types: str, field: str
) -> None:
    async with background(busy(admin), name="busy"):
        rows, cursor = await walk(admin, path, per_page=3)

        async def gone_on() -> bool:
            return len(await events_after(admin, cursor, types)) > 4

        await eventually(gone_on)

    async def agree() -> bool:
        there, _ = await walk(admin, path, per_page=100)
        return folded(rows, await events_after(admin, cursor, types), field) == {
            row_id: row[field] for row_id, row in there.items()
        }

    await eventually(agree)


@asynccontextmanager
async def history_held_up(stack: Stack) -> AsyncIterator[None]:
    """It answers, and applies no event."""
    connection = await asyncpg.connect(stack.history_database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE records, people, sessions, courses IN SHARE MODE")
            yield
    finally:
        await connection.close()


async def created_after(client: Client, cursor: str) -> list[Any]:
    return [event["data"]["employee_id"] for event in await events_after(client, cursor, CREATED)]


async def test_what_history_has_not_applied_yet_comes_after_its_cursor(
    stack: Stack, admin: Client, organisation: int
) -> None:
    person, other = await new_person(admin), await new_person(admin)
    session = await new_session(admin, await new_course(admin))
    await enroll(admin, session, other)
    path = history_of(EMPLOYEES, person)
    await eventually(lambda: _is_known(admin, path))
    beginning = (await first_step(admin, path)).headers[CURSOR]
    async with history_held_up(stack):
        await enroll(admin, session, person)

        async def in_the_feed() -> bool:
            return person in await created_after(admin, beginning)

        await eventually(in_the_feed)
        now = await position_of_now(stack, organisation)
        # Longer than the rounds of its consumers take.
        await eventually(lambda: _differs(stack, organisation, admin, now))
        step = await first_step(admin, path)
        assert step.data == []
        assert person in await created_after(admin, step.headers[CURSOR])
        # The control: with the place where the feed is, the record would be in neither.
        assert person not in await created_after(admin, now)


async def _is_known(client: Client, path: str) -> bool:
    return (await client.get(path)).status == 200


async def position_of_now(stack: Stack, organisation: int) -> str:
    services = stack.direct("delivery", 0, [POSITION])
    answer = await services.get("/internal/position")
    assert answer.status == 200, answer.text
    return feed_cursor.encode(organisation, FeedPlace(answer.json["position"], 0))


async def _differs(stack: Stack, organisation: int, client: Client, cursor: str) -> bool:
    """Whether delivery is at another place by now."""
    await new_course(client)
    return await position_of_now(stack, organisation) != cursor


async def test_an_enrollment_is_confirmed_while_others_go_on(admin: Client) -> None:
    """The position moves on under way too: it needs no moment in which nothing is to do."""
    async with background(busy(admin), name="busy"):
        first = feed_cursor.decode((await first_step(admin, ENROLLMENTS)).headers[CURSOR])[1]

        async def moved() -> bool:
            return feed_cursor.decode((await first_step(admin, ENROLLMENTS)).headers[CURSOR])[1] > first

        await eventually(moved)


async def test_only_the_first_step_of_a_walk_has_a_cursor(admin: Client) -> None:
    for _ in range(2):
        await new_course(admin)
    first = await first_step(admin, COURSES, per_page=1)
    second = await admin.get(COURSES, per_page=1, cursor=first.json["meta"]["next_cursor"])
    page = await admin.get(COURSES)
    assert (second.status, page.status) == (200, 200)
    assert CURSOR not in {*second.headers, *page.headers}


async def test_lists_of_which_no_event_tells_have_none(admin: Client) -> None:
    answer = await admin.get(USERS, cursor="")
    assert answer.status == 200
    assert CURSOR not in answer.headers


async def test_the_cursor_of_a_list_is_one_of_the_feed_of_its_organisation(stack: Stack, admin: Client) -> None:
    cursor = (await first_step(admin, COURSES)).headers[CURSOR]
    await asyncio.gather(*(new_course(admin) for _ in range(2)))

    async def both() -> bool:
        return len(await events_after(admin, cursor, "training.course.*")) == 2

    await eventually(both)


async def test_the_program_of_the_page_about_it_has_all_rows(stack: Stack, admin: Client) -> None:
    """docs/how-to/follow-events.md, as it is written there."""
    person = await new_person(admin)
    [enrollment] = await enroll(admin, await new_session(admin, await new_course(admin)), person)
    await first_step(admin, ENROLLMENTS)
    text = (Path(__file__).parents[3] / "docs/how-to/follow-events.md").read_text(encoding="utf-8")
    program = text.partition("```python\n")[2].partition("```")[0]
    environment = {**os.environ, "API": stack.gateway_url, "TOKEN": str(admin.token), "ONCE": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert (process.returncode, output.decode().strip()) == (0, str({enrollment: "enrolled"}))
