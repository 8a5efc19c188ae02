"""A walk through a list sees each row that stays exactly once, whatever comes, moves and goes meanwhile (contract,
section 1)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from services.enrollment.schemas import ComplianceQuery
from shared.http import cursor as cursors
from shared.service import resource_routes
from tests.support.client import Answer, Client, new_organisation
from tests.support.routes import NO_ROWS, PUBLIC, Declared
from tests.support.stack import Stack
from tests.support.walked import PATHS, SCENES
from tests.support.walked_lists import Walked
from tests.support.world import COURSES, EMPLOYEES, ENROLLMENTS, SESSIONS, enroll, new_course, new_employee, new_session

PER_STEP = 2
OF_HISTORY = {declared.route.path for declared in PUBLIC if declared.service == "history"}
PLACE = cursors.Place(b"x" * 9, 7)


def test_every_list_is_walked() -> None:
    assert sorted(SCENES) == sorted(PATHS)


async def steps(walked: Walked) -> AsyncIterator[list[int]]:
    cursor: str | None = ""
    while cursor is not None:
        keys, meta = await walked.ask(cursor=cursor, per_page=PER_STEP)
        yield keys
        cursor = meta["next_cursor"]
        assert len(keys) == PER_STEP or cursor is None


async def by_pages(walked: Walked) -> AsyncIterator[list[int]]:
    keys, number = [0], 0
    while keys:
        number += 1
        keys, _ = await walked.ask(page=number, per_page=PER_STEP)
        yield keys


async def gone_through(walked: Walked, parts: AsyncIterator[list[int]]) -> tuple[list[int], set[int]]:
    """What is seen of a list that changes meanwhile, in its order; and those that were in it throughout."""
    staying = [await walked.add() for _ in range(7)]
    gone: set[int] = set()
    seen: list[int] = []
    async for keys in parts:
        assert gone.isdisjoint(keys)
        seen += keys
        if 0 < len(seen) <= 2 * PER_STEP:
            await meanwhile(walked, staying, gone, seen)
    return seen, set(staying)


async def meanwhile(walked: Walked, staying: list[int], gone: set[int], shown: list[int]) -> None:
    """A row comes. Of those that were shown one moves and one goes, and so of the others."""
    await walked.add()
    for were_shown in (True, False):
        part = [row for row in staying if (row in shown) is were_shown]
        if walked.move is not None:
            await walked.move(part[0])
        if walked.leave is not None and len(part) > 1:
            await walked.leave(part[-1])
            staying.remove(part[-1])
            gone.add(part[-1])


@pytest.mark.parametrize("path", PATHS)
async def test_a_walk_sees_each_row_that_stays_once(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    seen, staying = await gone_through(walked, steps(walked))
    assert len(seen) == len(set(seen))
    assert staying <= set(seen)


@pytest.mark.parametrize("path", [COURSES, SESSIONS, f"{EMPLOYEES}/{{id}}/training"])
async def test_control_by_pages_rows_are_missed_or_seen_again(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    seen, staying = await gone_through(walked, by_pages(walked))
    assert not (len(seen) == len(set(seen)) and staying <= set(seen))


async def worked_off(walked: Walked, parts: AsyncIterator[list[int]]) -> list[int]:
    """Each enrollment is completed as soon as it is seen: it is in the list no more."""
    assert walked.leave is not None
    done: list[int] = []
    async for keys in parts:
        for row in keys:
            await walked.leave(row)
        done += keys
    return done


async def test_a_walk_works_off_a_list(admin: Client) -> None:
    walked = await SCENES[ENROLLMENTS](admin)
    rows = [await walked.add() for _ in range(5)]
    assert await worked_off(walked, steps(walked)) == rows[::-1]
    assert (await walked.ask())[0] == []


async def test_control_pages_leave_rows_on_it(admin: Client) -> None:
    walked = await SCENES[ENROLLMENTS](admin)
    rows = [await walked.add() for _ in range(5)]
    assert len(await worked_off(walked, by_pages(walked))) < len(rows)


@pytest.mark.parametrize("path", PATHS)
async def test_a_walk_tells_how_many_there_are_if_it_is_asked_to(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    for _ in range(3):
        await walked.add()
    _, page = await walked.ask()
    for total in ({}, {"total": "false"}):
        _, meta = await walked.ask(cursor="", per_page=1, **total)
        assert sorted(meta) == ["next_cursor", "per_page"]
    for cursor in ("", meta["next_cursor"]):
        _, meta = await walked.ask(cursor=cursor, per_page=1, total="true")
        assert (meta["per_page"], meta["total"]) == (1, page["total"])


@pytest.mark.parametrize("path", PATHS)
async def test_the_length_of_a_step_may_change(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    for _ in range(4):
        await walked.add()
    whole, meta = await walked.ask(cursor="", per_page=100)
    assert meta == {"per_page": 100, "next_cursor": None}
    first, meta = await walked.ask(cursor="", per_page=1)
    others, meta = await walked.ask(cursor=meta["next_cursor"], per_page=len(whole) - 1)
    assert (first + others, meta["next_cursor"]) == (whole, None)


@pytest.mark.parametrize("path", PATHS)
async def test_the_next_step_is_linked(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    for _ in range(2):
        await walked.add()
    answer = await step(walked, cursor="", per_page=1)
    link, following = answer.json["links"]["next"], answer.json["meta"]["next_cursor"]
    assert link.partition("?")[0].endswith(walked.path)
    asked = {name: str(value) for name, value in walked.filters.items()}
    assert dict(parse_qsl(urlsplit(link).query)) == {**asked, "per_page": "1", "cursor": following}
    assert answer.headers.get("Link") == (f'<{link}>; rel="next"' if path in OF_HISTORY else None)
    last = await step(walked, cursor="", per_page=100)
    assert (last.json["links"], last.headers.get("Link")) == ({"next": None}, None)


async def step(walked: Walked, **query: Any) -> Answer:
    return await walked.client.get(walked.path, **walked.filters, **query)


def refused(answer: Answer) -> bool:
    return answer.status == 422 and list(answer.json["errors"]) == ["cursor"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_cursor_of_another_walk_is_refused(stack: Stack, admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    for _ in range(2):
        await walked.add()
    cursor = (await walked.ask(cursor="", per_page=1))[1]["next_cursor"]
    other = COURSES if walked.path != COURSES else SESSIONS
    assert refused(await admin.get(other, cursor=cursor))
    stranger = stack.client(new_organisation())
    assert refused(await stranger.get(walked.path, **walked.filters, cursor=cursor))
    assert refused(await step(walked, cursor=cursor, page=1))
    assert not refused(await step(walked, cursor=cursor))


async def test_a_cursor_is_of_its_filters(admin: Client) -> None:
    walked = await SCENES[ENROLLMENTS](admin)
    for _ in range(2):
        await walked.add()
    cursor = (await walked.ask(cursor="", per_page=1))[1]["next_cursor"]
    for filters in ({}, {"status": "failed"}, {**walked.filters, "year": 2026}):
        assert refused(await admin.get(ENROLLMENTS, **filters, cursor=cursor))


async def test_control_without_the_check_a_cursor_leads_into_another_list(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource_routes, "require_own_cursor", lambda _: None)
    walked = await SCENES[COURSES](admin)
    for _ in range(2):
        await walked.add()
    cursor = (await walked.ask(cursor="", per_page=1))[1]["next_cursor"]
    assert not refused(await admin.get(SESSIONS, cursor=cursor))


async def test_a_walk_of_somebody_who_sees_few_shows_those(stack: Stack, admin: Client, organisation: int) -> None:
    session = await new_session(admin, await new_course(admin))
    people = [await new_employee(admin, company={"id": 1 + place % 3, "name": "C"}) for place in range(9)]
    enrolled = await enroll(admin, session, *people)
    seen = [place for place in range(9) if place % 3 != 1 or place == 4]
    claims = {"company_ids": [1, 3], "employee_id": people[4]}
    permissions = ["api.access", "training.view.company", "training.view.self"]
    both = stack.client(organisation, permissions=permissions, **claims)
    for path, expected in (
        (ENROLLMENTS, [enrolled[place] for place in reversed(seen)]),
        (EMPLOYEES, sorted(people[place] for place in seen)),
        ("/api/v1/companies", [1, 3]),
    ):
        for filters in ({}, {"search": "o"}) if path == EMPLOYEES else ({},):
            walked = Walked(both, path, lambda: new_course(admin), filters=filters)
            assert [key async for keys in steps(walked) for key in keys] == expected, path
            assert (await walked.ask(cursor="", total="true"))[1]["total"] == len(expected)


@pytest.mark.parametrize("declared", [each for each in PUBLIC if each.route.path in PATHS], ids=str)
async def test_a_cursor_that_nobody_was_given_is_refused(admin: Client, declared: Declared) -> None:
    others = {"course_id": "1"} if declared.route.query is ComplianceQuery else {}
    good = cursors.encode(PLACE)
    altered = [f"{good[:place]}{'A' if good[place] != 'A' else 'B'}{good[place + 1 :]}" for place in (0, 9, 20, 35)]
    for cursor in (good, *altered, good[:-1], good + "A", f"{good}%3D", "x", "é" * 36, "A" * 5000):
        answer = await declared.ask(admin, NO_ROWS, params={**others, "cursor": cursor})
        assert refused(answer), cursor
