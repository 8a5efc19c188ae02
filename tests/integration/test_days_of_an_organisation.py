"""Days are those of the organisation's time zone in every service, and move with it (contract, section 1)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.history_client import Attendee
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS, SETTINGS, enroll, new_course, new_employee, new_session

MORNING = {"start_date": "2027-01-15T08:00:00+11:00", "end_date": "2027-01-15T16:00:00+11:00"}
"""In Sydney; in UTC it begins on the day before."""


async def set_zone(client: Client, zone: str) -> None:
    answer = await client.put(SETTINGS, {"time_zone": zone})
    assert (answer.status, answer.data["time_zone"]) == (200, zone)


async def day_in_enrollment(client: Client, enrollment_id: int) -> set[str]:
    """As the list has it and as the enrollment itself."""
    listed = (await client.get(ENROLLMENTS)).data
    [one] = [each for each in listed if each["id"] == enrollment_id]
    detail = (await client.get(f"{ENROLLMENTS}/{enrollment_id}")).data
    return {one["session"]["start_date"], detail["session"]["start_date"]}


async def days_in_catalog(client: Client, course_id: int) -> list[tuple[str, str]]:
    course = (await client.get(f"{COURSES}/{course_id}")).data
    return [(session["start_date"], session["end_date"]) for session in course["upcoming_sessions"]]


async def sessions_on(client: Client, day: str, day_after: str) -> int:
    answer = await client.get(SESSIONS, date_from=day, date_to=day_after)
    assert len(answer.data) == answer.json["meta"]["total"]
    return len(answer.data)


async def test_a_morning_in_sydney_is_shown_as_and_found_under_its_day(admin: Client) -> None:
    await set_zone(admin, "Australia/Sydney")
    course_id = await new_course(admin)
    session_id = await new_session(admin, course_id, **MORNING)
    attendee = Attendee(admin, await new_employee(admin))
    [enrollment_id] = await enroll(admin, session_id, attendee.id)
    await attendee.records(1)

    async def followed() -> bool:
        return await days_in_catalog(admin, course_id) == [("2027-01-15", "2027-01-15")]

    await eventually(followed)
    assert await day_in_enrollment(admin, enrollment_id) == {"2027-01-15"}
    assert await sessions_on(admin, "2027-01-15", "2027-01-16") == 1
    assert await sessions_on(admin, "2027-01-14", "2027-01-15") == 0

    async def found() -> bool:
        return await attendee.found(date_from="2027-01-15", date_to="2027-01-15") == [enrollment_id]

    await eventually(found)
    assert await attendee.found(date_from="2027-01-14", date_to="2027-01-14") == []
    assert (await admin.get(f"{SESSIONS}/{session_id}")).data["start_date"] == "2027-01-14T21:00:00.000000Z"


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("UTC", "2027-01-14", "2027-01-15"),
        ("Australia/Sydney", "2027-01-15", "2027-01-15"),
        ("America/Los_Angeles", "2027-01-14", "2027-01-14"),
        ("Asia/Kathmandu", "2027-01-15", "2027-01-15"),
        ("Pacific/Kiritimati", "2027-01-15", "2027-01-15"),
    ],
)
async def test_a_session_over_midnight_has_the_days_of_its_ends(admin: Client, zone: str, start: str, end: str) -> None:
    await set_zone(admin, zone)
    course_id = await new_course(admin)
    await new_session(admin, course_id, start_date="2027-01-14T21:00:00Z", end_date="2027-01-15T05:00:00Z")

    async def followed() -> bool:
        return await days_in_catalog(admin, course_id) == [(start, end)]

    await eventually(followed)


async def test_another_zone_moves_the_days_of_what_is_recorded(admin: Client) -> None:
    course_id = await new_course(admin)
    session_id = await new_session(admin, course_id, **MORNING)
    attendee = Attendee(admin, await new_employee(admin))
    [enrollment_id] = await enroll(admin, session_id, attendee.id)
    await attendee.records(1)
    tags = {}
    for zone, day in (("UTC", "2027-01-14"), ("Australia/Sydney", "2027-01-15"), ("America/New_York", "2027-01-14")):
        await set_zone(admin, zone)
        assert await day_in_enrollment(admin, enrollment_id) == {day}

        async def moved(day: str = day) -> bool:
            in_history = await attendee.found(date_from=day, date_to=day)
            return in_history == [enrollment_id] and (await days_in_catalog(admin, course_id))[0][0] == day

        await eventually(moved)
        tags[day] = (await admin.get(f"{COURSES}/{course_id}")).headers["ETag"]
    assert len(set(tags.values())) == 2


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"])
async def test_what_begins_today_is_to_come_whatever_its_hour(admin: Client, zone: str) -> None:
    await set_zone(admin, zone)
    course_id, clock = await new_course(admin), ZoneInfo(zone)
    today = datetime.now(clock).date()
    midnight = datetime(today.year, today.month, today.day, tzinfo=clock)
    for start in (midnight, midnight - timedelta(microseconds=1)):
        times = {"start_date": start.isoformat(), "end_date": (start + timedelta(days=3)).isoformat()}
        await new_session(admin, course_id, **times)

    async def shown() -> bool:
        return [start for start, _ in await days_in_catalog(admin, course_id)] == [str(today)]

    await eventually(shown)
