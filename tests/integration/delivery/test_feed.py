"""The feed of events, as clients read it through the gateway (contract, section 8)."""

import asyncio
from typing import Any

import pytest

from shared.http import feed_cursor
from shared.http.feed_cursor import FeedPlace
from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import COURSES, ENROLLMENTS, new_course, new_employee, new_session

EVENTS = "/api/v1/events"
SAVED = "training.course.saved.v1"


async def all_events(client: Client, **query: Any) -> list[dict[str, Any]]:
    """From the oldest on, page by page."""
    events: list[dict[str, Any]] = []
    while True:
        answer = await client.get(EVENTS, **query)
        assert answer.status == 200, answer.text
        events += answer.json["data"]
        query["after"] = answer.json["next"]
        if not answer.json["has_more"]:
            return events


async def end_of(client: Client) -> str:
    """The cursor behind all that is there."""
    answer = await client.get(EVENTS, limit=1000)
    assert not answer.json["has_more"]
    following: str = answer.json["next"]
    return following


async def test_an_enrollment_reaches_the_feed(admin: Client) -> None:
    person = await new_employee(admin)
    session = await new_session(admin, await new_course(admin))
    enrolled = await admin.post(ENROLLMENTS, {"session_id": session, "employee_ids": [person]})
    assert enrolled.status == 201, enrolled.text

    async def found() -> list[dict[str, Any]]:
        created = "training.enrollment.created.v1"
        return [each for each in await all_events(admin, limit=2) if each["type"] == created]

    events = await eventually(found)
    assert [each["data"]["employee_id"] for each in events] == [person]


async def test_who_waits_is_answered_as_soon_as_there_is_an_event(admin: Client) -> None:
    waiting = asyncio.create_task(admin.get(EVENTS, after=await end_of(admin), wait=20))
    course = await new_course(admin)
    answer = await waiting
    assert [each["data"]["id"] for each in answer.json["data"]] == [course]


async def test_who_follows_sees_every_change_in_turn(admin: Client) -> None:
    seen, following = list[str](), await end_of(admin)
    course = await new_course(admin)
    for number in range(5):
        assert (await admin.patch(f"{COURSES}/{course}", {"title": f"Title {number}"})).status == 200
    while len(seen) < 6:
        answer = await admin.get(EVENTS, after=following, wait=10, types="training.course.*")
        seen += [each["data"]["title"] for each in answer.json["data"]]
        following = answer.json["next"]
    assert seen[1:] == [f"Title {number}" for number in range(5)]


async def test_an_event_that_is_not_wanted_leads_on_all_the_same(admin: Client) -> None:
    before = await end_of(admin)
    await new_course(admin)
    answer = await admin.get(EVENTS, after=before, types="training.enrollment.*", wait=1)
    assert answer.json["data"] == []
    place = feed_cursor.decode(answer.json["next"])[1]
    assert place > feed_cursor.decode(before)[1]


async def test_an_organisation_s_feed_has_its_own_events(stack: Stack, admin: Client, organisation: int) -> None:
    await new_course(stack.client(new_organisation()))
    await new_course(admin)

    async def found() -> list[dict[str, Any]]:
        return await all_events(admin)

    assert {each["organisationid"] for each in await eventually(found)} == {str(organisation)}


@pytest.mark.parametrize(
    "query",
    [
        {"types": "training.nothing.saved.v1"},
        {"types": "training.nothing.*"},
        {"types": "*"},
        {"types": f"{SAVED},"},
        {"types": f"{SAVED},training.course.saved.v9"},
        {"types": ",".join([SAVED] * 51)},
        {"types": "training.cour*"},
        {"limit": "0"},
        {"limit": "1001"},
        {"wait": "21"},
        {"wait": "-1"},
        {"wait": "1.5"},
        {"after": "x"},
        {"after": "A" * feed_cursor.LENGTH},
        {"after": feed_cursor.encode(1, FeedPlace(0, 0))},
    ],
    ids=str,
)
async def test_what_cannot_be_meant_is_refused(admin: Client, query: dict[str, str]) -> None:
    answer = await admin.get(EVENTS, **query)
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert list(answer.json["errors"]) == list(query)


@pytest.mark.parametrize("types", [SAVED, "training.*", "training.course.saved.*", f"training.enrollment.*,{SAVED}"])
async def test_types_that_are_meant_are_found(admin: Client, types: str) -> None:
    await new_course(admin)

    async def found() -> list[dict[str, Any]]:
        return await all_events(admin, types=types)

    assert {each["type"] for each in await eventually(found)} == {SAVED}


async def test_a_cursor_of_another_database_has_expired(admin: Client, organisation: int) -> None:
    """It is ahead of all that has happened: what it has seen is no more."""
    answer = await admin.get(EVENTS, after=feed_cursor.encode(organisation, FeedPlace(1 << 50, 0)))
    assert (answer.status, answer.json["code"]) == (410, "cursor_expired")


async def test_many_wait_at_once_and_others_are_served_beside_them(stack: Stack, admin: Client) -> None:
    """Their requests go over the lane."""
    after = await end_of(admin)
    waiting = [asyncio.create_task(admin.get(EVENTS, after=after, wait=20)) for _ in range(60)]
    assert [(await admin.get(COURSES)).status for _ in range(10)] == [200] * 10
    await new_course(admin)
    answers = await asyncio.gather(*waiting)
    assert {(answer.status, len(answer.json["data"])) for answer in answers} == {(200, 1)}
