"""The list of sessions: filters and order (contract, section 3)."""

import pytest

from tests.support.client import Answer, Client
from tests.support.world import COURSES, SESSIONS, new_course, new_session


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [session["session_name"] for session in answer.data]


async def session_on(client: Client, course_id: int, day: str, hour: str = "09:00:00", name: str | None = None) -> int:
    fields = {"start_date": f"{day}T{hour}Z", "end_date": f"{day}T23:59:59.999999Z"}
    return await new_session(client, course_id, session_name=name or day, **fields)


async def test_sessions_come_by_start_then_id(admin: Client) -> None:
    course_id = await new_course(admin)
    for day, name in (("2030-03-01", "third"), ("2030-01-01", "first"), ("2030-01-01", "second")):
        await session_on(admin, course_id, day, name=name)
    assert names(await admin.get(SESSIONS)) == ["first", "second", "third"]


async def test_sessions_of_one_course_can_be_asked_for(admin: Client) -> None:
    wanted, other = [await new_course(admin) for _ in range(2)]
    await new_session(admin, wanted, session_name="wanted")
    await new_session(admin, other, session_name="other")
    assert names(await admin.get(SESSIONS, course_id=wanted)) == ["wanted"]


@pytest.mark.parametrize(
    ("date_from", "date_to", "found"),
    [
        ("2030-01-02", None, ["2030-01-02", "2030-01-03"]),
        (None, "2030-01-02", ["2030-01-01"]),
        ("2030-01-01", "2030-01-03", ["2030-01-01", "2030-01-02"]),
        ("2030-01-02", "2030-01-02", []),
        ("2030-01-03", "2030-01-01", []),
    ],
)
async def test_date_from_is_included_and_date_to_is_not(
    admin: Client, date_from: str | None, date_to: str | None, found: list[str]
) -> None:
    course_id = await new_course(admin)
    for day in ("2030-01-01", "2030-01-02", "2030-01-03"):
        await session_on(admin, course_id, day, "00:00:00")
    asked = {name: day for name, day in (("date_from", date_from), ("date_to", date_to)) if day}
    assert names(await admin.get(SESSIONS, **asked)) == found


async def test_days_are_those_of_utc(admin: Client) -> None:
    start, end = "2030-01-01T23:30:00-05:00", "2030-01-02T12:00:00-05:00"
    await new_session(admin, await new_course(admin), start_date=start, end_date=end)
    assert len((await admin.get(SESSIONS, date_from="2030-01-02")).data) == 1
    assert (await admin.get(SESSIONS)).data[0]["start_date"] == "2030-01-02T04:30:00.000000Z"


@pytest.mark.parametrize("status", ["scheduled", "in_progress", "completed", "cancelled"])
async def test_every_status_can_be_asked_for(admin: Client, status: str) -> None:
    course_id = await new_course(admin)
    for wanted in ("scheduled", "in_progress", "completed", "cancelled"):
        session_id = await new_session(admin, course_id, session_name=wanted)
        moves = {"completed": ["in_progress", "completed"], "scheduled": []}.get(wanted, [wanted])
        for move in moves:
            assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": move})).status == 200
    assert names(await admin.get(SESSIONS, status=status)) == [status]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("status", "planned"),
        ("date_from", "2030-13-01"),
        ("date_from", "2030-02-30"),
        ("date_from", "01.02.2030"),
        ("date_from", "20300102"),
        ("date_from", "2030-W01-1"),
        ("date_to", "2030-01-02T00:00:00Z"),
        ("date_to", ""),
        ("page", "0"),
        ("per_page", "101"),
    ],
)
async def test_a_filter_with_a_wrong_value_is_refused(admin: Client, parameter: str, value: str) -> None:
    answer = await admin.get(SESSIONS, **{parameter: value})
    assert (answer.status, list(answer.json["errors"])) == (422, [parameter])


@pytest.mark.parametrize("day", ["1900-01-01", "2999-12-31"])
async def test_the_ends_of_the_range_are_days_too(admin: Client, day: str) -> None:
    assert (await admin.get(SESSIONS, date_from=day, date_to=day)).status == 200


async def test_the_course_shows_sessions_to_come_soonest_first(admin: Client) -> None:
    course_id = await new_course(admin)
    past = await session_on(admin, course_id, "2020-01-01")
    late = await session_on(admin, course_id, "2031-01-01")
    soon = await session_on(admin, course_id, "2030-01-01")
    cancelled = await session_on(admin, course_id, "2030-06-01")
    await admin.patch(f"{SESSIONS}/{cancelled}", {"status": "cancelled"})
    course = (await admin.get(f"{COURSES}/{course_id}")).data
    assert [session["id"] for session in course["upcoming_sessions"]] == [soon, late]
    assert past not in course["upcoming_sessions"]
    assert course["total_sessions"] == 4
