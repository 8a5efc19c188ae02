"""Somebody enrolled in two sessions at the same time: told, refused or allowed, as the organisation has set."""

from typing import Any

import pytest

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.lifecycle import change, enroll_or_wait, line_up, transfer
from tests.support.world import (
    BEGUN,
    ENROLLMENTS,
    SESSIONS,
    SETTINGS,
    UNNAMED,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)

MORNING = {"start_date": "2030-05-15T08:00:00Z", "end_date": "2030-05-15T12:00:00Z"}
NOON = {"start_date": "2030-05-15T11:00:00Z", "end_date": "2030-05-15T13:00:00Z"}
AFTERNOON = {"start_date": "2030-05-15T12:00:00Z", "end_date": "2030-05-15T16:00:00Z"}
REFUSED = "The employee is enrolled in another session at that time: session {}."


async def session_at(client: Client, times: dict[str, str], **fields: Any) -> int:
    """Of a course of its own."""
    return await new_session(client, await new_course(client), **times, **fields)


async def set_clash(client: Client, what: str) -> None:
    answer = await client.put(SETTINGS, {"time_zone": "UTC", "booking_clash": what})
    assert (answer.status, answer.data) == (200, {"time_zone": "UTC", "booking_clash": what} | UNNAMED), answer.text


def warnings(answer: Answer) -> list[tuple[int, int]]:
    assert answer.status == 201, answer.text
    return warned(answer.data)


def warned(data: dict[str, Any]) -> list[tuple[int, int]]:
    """Person and session of each."""
    found = data.get("warnings", [])
    assert all(each["code"] == "booking_clash" for each in found)
    return [(each["employee_id"], each["session_id"]) for each in found]


async def test_a_clash_is_told_unless_the_organisation_says_otherwise(admin: Client) -> None:
    assert (await admin.get(SETTINGS)).data["booking_clash"] == "warn"
    busy, free = await new_employees(admin, 2)
    morning, noon = await session_at(admin, MORNING), await session_at(admin, NOON)
    assert "warnings" not in (await ask_to_enroll(admin, morning, busy)).data
    answer = await ask_to_enroll(admin, noon, free, busy)
    assert answer.data["warnings"] == [
        {
            "code": "booking_clash",
            "employee_id": busy,
            "session_id": morning,
            "message": REFUSED.format(morning),
        }
    ]


async def test_what_may_clash_is_told_nowhere(admin: Client) -> None:
    await set_clash(admin, "allow")
    person = await new_employee(admin)
    await enroll(admin, await session_at(admin, MORNING), person)
    assert warnings(await ask_to_enroll(admin, await session_at(admin, NOON), person)) == []


async def test_what_may_not_clash_is_refused_by_position(admin: Client) -> None:
    await set_clash(admin, "refuse")
    busy, free = await new_employees(admin, 2)
    morning, noon = await session_at(admin, MORNING), await session_at(admin, NOON)
    await enroll(admin, morning, busy)
    answer = await ask_to_enroll(admin, noon, free, busy)
    assert (answer.status, answer.json["code"]) == (422, "booking_clash")
    assert answer.json["errors"] == {"employee_ids.1": [REFUSED.format(morning)]}
    assert (await admin.get(ENROLLMENTS, session_id=noon)).data == []


async def test_one_session_may_begin_when_the_other_ends(admin: Client) -> None:
    person = await new_employee(admin)
    await enroll(admin, await session_at(admin, MORNING), person)
    assert warnings(await ask_to_enroll(admin, await session_at(admin, AFTERNOON), person)) == []


async def test_neither_standing_sessions_nor_those_that_are_over_or_closed_clash(admin: Client) -> None:
    person = await new_employee(admin)
    standing = await new_course(admin, delivery_mode="self_paced")
    for_ever = await new_session(admin, standing, **BEGUN)
    cancelled, left = await session_at(admin, MORNING), await session_at(admin, MORNING)
    over = await session_at(admin, {"start_date": "2020-05-15T08:00:00Z", "end_date": "2020-05-15T12:00:00Z"})
    for session in (for_ever, cancelled, over):
        await enroll(admin, session, person)
    [enrollment] = await enroll(admin, left, person)
    await change(admin, enrollment, "cancel")
    assert (await admin.patch(f"{SESSIONS}/{cancelled}", {"status": "cancelled"})).status == 200
    assert warnings(await ask_to_enroll(admin, await session_at(admin, NOON), person)) == []
    also_standing = await new_session(admin, standing, **BEGUN)
    assert warnings(await ask_to_enroll(admin, also_standing, person)) == []
    also_over = await session_at(admin, {"start_date": "2020-05-15T08:00:00Z", "end_date": "2020-05-15T12:00:00Z"})
    assert warnings(await ask_to_enroll(admin, also_over, person)) == []


async def test_who_waits_is_told_and_clashes_with_nothing(admin: Client) -> None:
    person, other = await new_employees(admin, 2)
    full = await session_at(admin, MORNING, max_participants=1)
    await enroll(admin, full, other)
    assert warned(await enroll_or_wait(admin, full, person)) == []
    noon = await session_at(admin, NOON)
    assert warnings(await ask_to_enroll(admin, noon, person)) == []
    again = await session_at(admin, MORNING, max_participants=1)
    await enroll(admin, again, other)
    assert warned(await enroll_or_wait(admin, again, person)) == [(person, noon)]


async def test_a_transfer_is_held_to_it_but_not_by_the_session_that_is_left(admin: Client) -> None:
    await set_clash(admin, "refuse")
    person, course = await new_employee(admin), await new_course(admin)
    morning, noon, afternoon = [await new_session(admin, course, **times) for times in (MORNING, NOON, AFTERNOON)]
    [enrollment] = await enroll(admin, morning, person)
    await enroll(admin, await session_at(admin, AFTERNOON), person)
    refused = await transfer(admin, enrollment, afternoon)
    assert (refused.status, refused.json["code"]) == (422, "booking_clash")
    assert list(refused.json["errors"]) == ["session_id"]
    assert (await transfer(admin, enrollment, noon)).status == 422
    at_the_same_time = await new_session(admin, course, **MORNING)
    assert (await transfer(admin, enrollment, at_the_same_time)).status == 200


async def test_a_promotion_is_not_held_to_it(admin: Client) -> None:
    await set_clash(admin, "refuse")
    person, other = await new_employees(admin, 2)
    full = await session_at(admin, MORNING, max_participants=1)
    [seated] = await enroll(admin, full, other)
    [waiting] = await line_up(admin, full, person)
    await enroll(admin, await session_at(admin, NOON), person)
    await change(admin, seated, "cancel")
    assert (await admin.get(f"{ENROLLMENTS}/{waiting}")).data["status"] == "enrolled"


@pytest.mark.parametrize("what", ["", "WARN", None, True, "never"])
async def test_another_word_is_refused(admin: Client, what: Any) -> None:
    answer = await admin.put(SETTINGS, {"time_zone": "UTC", "booking_clash": what})
    assert (answer.status, list(answer.json["errors"])) == (422, ["booking_clash"])


async def test_settings_put_without_it_warn(admin: Client) -> None:
    await set_clash(admin, "refuse")
    assert (await admin.put(SETTINGS, {"time_zone": "UTC"})).data["booking_clash"] == "warn"
    trail = (await admin.get(f"{SETTINGS}/audit")).data
    assert [entry["changes"] for entry in trail] == [
        {"booking_clash": {"from": "warn", "to": "refuse"}},
        {"booking_clash": {"from": "refuse", "to": "warn"}},
    ]


async def move(client: Client, session_id: int, times: dict[str, str]) -> None:
    assert (await client.patch(f"{SESSIONS}/{session_id}", times)).status == 200


async def test_a_session_that_was_moved_clashes_at_its_new_time_alone(admin: Client) -> None:
    person = await new_employee(admin)
    moved = await session_at(admin, MORNING)
    await enroll(admin, moved, person)
    evening = {"start_date": "2030-05-15T18:00:00Z", "end_date": "2030-05-15T20:00:00Z"}
    await move(admin, moved, evening)
    assert await until_warned(admin, evening, person) == [moved]
    assert warnings(await ask_to_enroll(admin, await session_at(admin, NOON), person)) == []


async def test_whoever_was_transferred_clashes_at_the_time_of_the_new_session_alone(admin: Client) -> None:
    person, course = await new_employee(admin), await new_course(admin)
    left, entered = [await new_session(admin, course, **times) for times in (MORNING, AFTERNOON)]
    [enrollment] = await enroll(admin, left, person)
    assert (await transfer(admin, enrollment, entered)).status == 200
    assert warnings(await ask_to_enroll(admin, await session_at(admin, AFTERNOON), person)) == [(person, entered)]
    assert warnings(await ask_to_enroll(admin, await session_at(admin, MORNING), person)) == []


async def until_warned(client: Client, times: dict[str, str], person: int) -> list[int]:
    """The sessions that somebody clashes with at that time, once a moved one has arrived; they are enrolled nowhere."""

    async def warned_of() -> list[int]:
        answer = await ask_to_enroll(client, await session_at(client, times), person)
        await change(client, answer.data["enrollments"][0]["id"], "cancel")
        return [session for _, session in warnings(answer)]

    return await eventually(warned_of)
