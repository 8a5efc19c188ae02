"""A session of several dates, from the catalog over check-ins to the history (contract, sections 3 to 5)."""

from typing import Any

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.lifecycle import change, changed, shown, transfer
from tests.support.world import (
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_enrollment,
    new_session,
)

FIRST = {"id": 1, "start_date": "2030-05-15T09:00:00Z", "end_date": "2030-05-15T12:00:00Z", "location": "Hall A"}
SECOND = {"id": 2, "start_date": "2030-05-22T09:00:00Z", "end_date": "2030-05-22T12:00:00Z", "location": None}


async def session_of(client: Client, *meetings: dict[str, Any], **fields: Any) -> int:
    """Its start and end follow from the meetings."""
    body = {
        "course_id": fields.pop("course_id", None) or await new_course(client),
        "session_name": "May Cohort",
        "max_participants": 20,
        "meetings": list(meetings),
    }
    answer = await client.post(SESSIONS, body | fields)
    assert answer.status == 201, answer.text
    return int(answer.data["id"])


async def history(client: Client, person: int) -> Any:
    [record] = (await client.get(f"{EMPLOYEES}/{person}/training")).json["data"]
    return record["session"]


async def test_attendance_is_told_for_each_meeting(admin: Client) -> None:
    session = await session_of(admin, SECOND, FIRST)
    detail = (await admin.get(f"{SESSIONS}/{session}")).data
    assert (detail["start_date"], detail["end_date"]) == ("2030-05-15T09:00:00.000000Z", "2030-05-22T12:00:00.000000Z")
    assert [meeting["id"] for meeting in detail["meetings"]] == [1, 2]
    person = await new_employee(admin)
    [enrollment] = await enroll(admin, session, person)
    at = "2030-05-22T08:55:00Z"
    await changed(admin, enrollment, "check-in", {"method": "kiosk", "meeting_id": 2, "checked_in_at": at})
    at = "2030-05-15T08:50:00Z"
    await changed(admin, enrollment, "check-in", {"method": "manual", "meeting_id": 1, "checked_in_at": at})
    told = await shown(admin, enrollment)
    assert (told["checked_in_at"], told["check_in_method"]) == ("2030-05-15T08:50:00.000000Z", "manual")
    assert [(each["meeting_id"], each["checked_in_at"], each["check_in_method"]) for each in told["attendance"]] == [
        (1, "2030-05-15T08:50:00.000000Z", "manual"),
        (2, "2030-05-22T08:55:00.000000Z", "kiosk"),
    ]

    async def arrived() -> bool:
        recorded = await history(admin, person)
        assert recorded["checked_in_at"] == "2030-05-15T08:50:00+00:00"
        assert recorded["attendance"] == [
            {
                "meeting_id": 1,
                "start_date": "2030-05-15T09:00:00+00:00",
                "end_date": "2030-05-15T12:00:00+00:00",
                "venue": "Hall A",
                "checked_in_at": "2030-05-15T08:50:00+00:00",
                "check_in_method": "manual",
            },
            {
                "meeting_id": 2,
                "start_date": "2030-05-22T09:00:00+00:00",
                "end_date": "2030-05-22T12:00:00+00:00",
                "venue": None,
                "checked_in_at": "2030-05-22T08:55:00+00:00",
                "check_in_method": "kiosk",
            },
        ]
        return True

    await eventually(arrived)


async def check_in(client: Client, enrollment: int, meeting: int | None = None, at: str | None = None) -> Answer:
    body = {"method": "manual", "meeting_id": meeting, "checked_in_at": at}
    return await change(client, enrollment, "check-in", {name: value for name, value in body.items() if value})


async def enrolled_in_meetings(client: Client, **fields: Any) -> int:
    [enrollment] = await enroll(client, await session_of(client, FIRST, SECOND, **fields), await new_employee(client))
    return enrollment


async def test_a_session_without_meetings_is_as_it_was(admin: Client) -> None:
    enrollment = await new_enrollment(admin)
    assert "attendance" not in await shown(admin, enrollment)
    [session] = (await admin.get(SESSIONS)).data
    assert "meetings" not in (await admin.get(f"{SESSIONS}/{session['id']}")).data
    refused = await check_in(admin, enrollment, 1)
    assert (refused.status, refused.json["errors"]) == (422, {"meeting_id": ["The session has no such meeting."]})
    assert (await check_in(admin, enrollment)).status == 200
    assert "attendance" not in await shown(admin, enrollment)


async def test_a_check_in_names_its_meeting(admin: Client) -> None:
    enrollment = await enrolled_in_meetings(admin)
    before = await shown(admin, enrollment)
    which = "The session has meetings: specify one by its meeting_id."
    for meeting, reason in ((None, which), (3, "The session has no such meeting.")):
        refused = await check_in(admin, enrollment, meeting)
        assert (refused.status, refused.json["errors"]) == (422, {"meeting_id": [reason]})
    assert await shown(admin, enrollment) == before
    assert [(each["meeting_id"], each["checked_in_at"]) for each in before["attendance"]] == [(1, None), (2, None)]


async def test_the_check_in_of_one_meeting_is_taken_back_or_all(admin: Client) -> None:
    enrollment = await enrolled_in_meetings(admin)
    await check_in(admin, enrollment, 1, "2030-05-15T08:55:00Z")
    await check_in(admin, enrollment, 2, "2030-05-22T08:55:00Z")
    address = f"{ENROLLMENTS}/{enrollment}/check-in"
    one_less = (await admin.delete(f"{address}?meeting_id=1")).data
    assert one_less["checked_in_at"] == "2030-05-22T08:55:00.000000Z"
    assert [each["checked_in_at"] for each in one_less["attendance"]] == [None, "2030-05-22T08:55:00.000000Z"]
    assert (await admin.delete(f"{address}?meeting_id=3")).json["errors"].keys() == {"meeting_id"}
    await check_in(admin, enrollment, 1)
    none = (await admin.delete(address)).data
    assert [none["checked_in_at"], *(each["checked_in_at"] for each in none["attendance"])] == [None] * 3
    *_, entry = (await admin.get(f"{ENROLLMENTS}/{enrollment}/audit")).data
    assert [each["meeting_id"] for each in entry["changes"]["attendance"]["from"]] == [1, 2]
    assert entry["changes"]["attendance"]["from"][1]["checked_in_at"] == "2030-05-22T08:55:00Z"
    assert entry["changes"]["attendance"]["to"] == []


async def test_attendance_stays_behind_when_the_enrollment_is_transferred(admin: Client) -> None:
    course = await new_course(admin)
    enrollment = await enrolled_in_meetings(admin, course_id=course)
    await check_in(admin, enrollment, 1)
    moved = await transfer(admin, enrollment, await session_of(admin, FIRST, course_id=course))
    assert (moved.data["checked_in_at"], moved.data["attendance"][0]["checked_in_at"]) == (None, None)


async def test_a_closed_record_keeps_the_meetings_that_there_were(admin: Client) -> None:
    session, person = await session_of(admin, FIRST, SECOND), await new_employee(admin)
    [enrollment] = await enroll(admin, session, person)
    await check_in(admin, enrollment, 2, "2030-05-22T08:55:00Z")
    assert (await change(admin, enrollment, "complete")).status == 200
    moved = {**SECOND, "start_date": "2030-06-01T09:00:00Z", "end_date": "2030-06-01T12:00:00Z"}
    changed_session = await admin.patch(f"{SESSIONS}/{session}", {"meetings": [moved]})
    assert changed_session.data["start_date"] == "2030-06-01T09:00:00.000000Z"
    [told] = (await shown(admin, enrollment))["attendance"]
    assert (told["start_date"], told["checked_in_at"]) == ("2030-06-01T09:00:00.000000Z", "2030-05-22T08:55:00.000000Z")

    async def remembered() -> bool:
        recorded = await history(admin, person)
        assert [(each["meeting_id"], each["start_date"], each["checked_in_at"]) for each in recorded["attendance"]] == [
            (1, "2030-05-15T09:00:00+00:00", None),
            (2, "2030-05-22T09:00:00+00:00", "2030-05-22T08:55:00+00:00"),
        ]
        return True

    await eventually(remembered)


async def test_bookings_clash_at_meetings_and_not_between_them(admin: Client) -> None:
    person = await new_employee(admin)
    busy = await session_of(admin, FIRST, SECOND)
    await enroll(admin, busy, person)
    course = await new_course(admin)
    between = {"start_date": "2030-05-16T09:00:00Z", "end_date": "2030-05-22T09:00:00Z"}
    free = await ask_to_enroll(admin, await new_session(admin, course, **between), person)
    assert "warnings" not in free.data
    at_the_second = {"start_date": "2030-05-22T11:00:00Z", "end_date": "2030-05-22T13:00:00Z"}
    late = {"id": 7, "start_date": "2030-07-01T09:00:00Z", "end_date": "2030-07-01T12:00:00Z"}
    for session in (
        await new_session(admin, course, **at_the_second),
        await session_of(admin, {"id": 7, **at_the_second}, {**late, "id": 8}),
    ):
        clash = await ask_to_enroll(admin, session, await new_employee(admin), person)
        assert busy in [each["session_id"] for each in clash.data["warnings"]]


async def test_attendance_recorded_for_many_names_the_meeting_of_each_row(admin: Client) -> None:
    session, person = await session_of(admin, FIRST, SECOND), await new_employee(admin)
    [enrollment] = await enroll(admin, session, person)
    row = {"employee_id": person, "outcome": "checked_in"}
    body = {"attendance": [{**row, "meeting_id": 1}, {**row, "meeting_id": 2}, {**row, "meeting_id": 3}, row]}
    answer = await admin.post(f"{SESSIONS}/{session}/attendance", body)
    assert [(each["result"], each.get("message")) for each in answer.data["results"]] == [
        ("ok", None),
        ("ok", None),
        ("refused", "The session has no such meeting."),
        ("refused", "The session has meetings: specify one by its meeting_id."),
    ]
    assert all(each["checked_in_at"] for each in (await shown(admin, enrollment))["attendance"])
    twice = await admin.post(f"{SESSIONS}/{session}/attendance", {"attendance": [{**row, "meeting_id": 1}] * 2})
    assert [each["result"] for each in twice.data["results"]] == ["ok", "refused"]
    absent = {"employee_id": person, "outcome": "absent", "meeting_id": 1}
    assert (await admin.post(f"{SESSIONS}/{session}/attendance", {"attendance": [absent]})).status == 422
