"""Who is cleared on a day to come, and who was on one that is past: what is known now and was then."""

from datetime import UTC, datetime

import pytest

from tests.support.clearances import (
    CLEARANCE,
    FIRST_AID,
    asked,
    clearance,
    days_from_now,
    is_cleared,
    required,
    roster,
    statuses,
    trained,
)
from tests.support.client import Client
from tests.support.external_records import accepted, decided, known_course
from tests.support.lifecycle import ends_at, in_enrollment
from tests.support.stack import Stack
from tests.support.world import (
    SETTINGS,
    new_employee,
)


@pytest.fixture
def judge(stack: Stack, organisation: int) -> Client:
    return stack.client(organisation, sub="judge-1", name="Judy Judge")


async def test_a_day_to_come_counts_to_its_end(stack: Stack, admin: Client) -> None:
    """In Sydney, whose days are not those of UTC."""
    assert (await admin.put(SETTINGS, {"time_zone": "Australia/Sydney"})).status == 200
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course})
    enrollment = await trained(admin, course, person)
    await ends_at(stack, enrollment, datetime(2088, 6, 15, 14, tzinfo=UTC))  # midnight: the day after has begun
    for day, cleared in (("2088-06-14", True), ("2088-06-15", True), ("2088-06-16", False)):
        answer = await clearance(admin, person, on=day)
        assert (answer["on"], answer["cleared"]) == (day, cleared)
        assert [each["cleared"] for each in await asked(admin, [person], on=day)] == [cleared]
        assert [each["cleared"] for each in await roster(admin, on=day)] == [cleared]
    await ends_at(stack, enrollment, datetime(2088, 6, 15, 13, 59, 59, tzinfo=UTC))
    assert not await is_cleared(admin, person, on="2088-06-15")


async def test_a_requirement_is_in_force_on_its_days(admin: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course}, **{"from": "2088-06-14", "until": "2088-06-15"})
    for day, cleared in (("2088-06-13", True), ("2088-06-14", False), ("2088-06-15", False), ("2088-06-16", True)):
        assert await is_cleared(admin, person, on=day) is cleared
        assert [each["cleared"] for each in await asked(admin, [person], on=day)] == [cleared]
    assert await is_cleared(admin, person)


async def recorded_days_ago(stack: Stack, record: int, days: int) -> None:
    """As if all that is recorded of it so far had been so many days ago."""
    ago = f"- interval '{days} days'"
    await in_enrollment(stack, f"UPDATE external_records SET submitted_at = submitted_at {ago} WHERE id = $1", record)
    await in_enrollment(
        stack, f"UPDATE audit_trail SET changed_at = changed_at {ago} WHERE kind = 'record' AND id = $1", record
    )


async def test_of_a_day_that_is_past_what_is_known_now_and_was_then_are_said_apart(
    stack: Stack, admin: Client, judge: Client
) -> None:
    course, labelled = await known_course(admin), await known_course(admin, labels=[FIRST_AID])
    person = await new_employee(admin)
    first, second = await required(admin, {"course_id": course}), await required(admin, {"label_id": FIRST_AID["id"]})
    completed_at = f"{days_from_now(-30):%Y-%m-%dT%H:%M:%SZ}"
    late = await accepted(admin, judge, person, course_id=course, completed_at=completed_at)
    mistake = await accepted(admin, judge, person, course_id=labelled, completed_at=completed_at)
    for record in (late, mistake):
        await recorded_days_ago(stack, record, 20)
    await decided(judge, mistake, "reject")
    for days, now, then in (
        (-40, {first: "lacking", second: "lacking"}, {first: "lacking", second: "lacking"}),
        (-25, {first: "met", second: "lacking"}, {first: "lacking", second: "lacking"}),
        (-10, {first: "met", second: "lacking"}, {first: "met", second: "met"}),
    ):
        answer = await clearance(admin, person, on=f"{days_from_now(days):%Y-%m-%d}")
        assert (statuses(answer), answer["cleared"]) == (now, False)
        assert statuses(answer["known_then"]) == then
        assert answer["known_then"]["cleared"] is (set(then.values()) == {"met"})
    shown = [each["record_id"] for each in answer["known_then"]["requirements"]]
    assert shown == [late, mistake]
    assert "known_then" not in await clearance(admin, person)
    assert "known_then" not in await clearance(admin, person, on=f"{days_from_now(10):%Y-%m-%d}")


async def test_of_a_day_that_is_past_what_was_valid_then_counts(stack: Stack, admin: Client, judge: Client) -> None:
    """Whatever counts most by now."""
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course})
    ends = {"completed_at": f"{days_from_now(-90):%Y-%m-%dT%H:%M:%SZ}", "valid_until": days_from_now(-60).isoformat()}
    old = await accepted(admin, judge, person, course_id=course, **ends)
    await accepted(admin, judge, person, course_id=course, completed_at=f"{days_from_now(-9):%Y-%m-%dT%H:%M:%SZ}")
    for days, cleared in ((-95, False), (-70, True), (-30, False), (-5, True)):
        answer = await clearance(admin, person, on=f"{days_from_now(days):%Y-%m-%d}")
        assert answer["cleared"] is cleared
        assert (answer["requirements"][0]["record_id"] == old) is (days == -70)


async def test_a_day_that_is_past_is_refused_of_many(admin: Client) -> None:
    person, yesterday = await new_employee(admin), f"{days_from_now(-2):%Y-%m-%d}"
    for answer in (
        await admin.get(CLEARANCE, on=yesterday),
        await admin.post(CLEARANCE, {"employee_ids": [person], "on": yesterday}),
    ):
        assert (answer.status, answer.json["errors"]) == (422, {"on": ["Must not be in the past."]})
