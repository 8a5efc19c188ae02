"""The waitlist, through the API: who does not fit waits, and every freed seat goes to the first in line."""

from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.world import ENROLLMENTS, SESSIONS, enroll, new_course, new_employee, new_employees, new_session


async def waitlisted(admin: Client, session_id: int, *employee_ids: int) -> Any:
    body = {"session_id": session_id, "employee_ids": list(employee_ids), "waitlist": True}
    answer = await admin.post(ENROLLMENTS, body)
    assert answer.status == 201, answer.text
    return answer.data


async def status_of(admin: Client, enrollment_id: int) -> str:
    answer = await admin.get(f"{ENROLLMENTS}/{enrollment_id}")
    assert answer.status == 200, answer.text
    return str(answer.data["status"])


async def full_session_with_line(admin: Client, waiting: int = 2) -> tuple[int, int, list[int]]:
    """A session of one seat: its id, the enrollment that has the seat, and those that wait."""
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    [seated] = await enroll(admin, session_id, await new_employee(admin))
    line = []
    for employee_id in await new_employees(admin, waiting):
        line.append((await waitlisted(admin, session_id, employee_id))["enrollments"][0]["id"])
    return session_id, seated, line


async def test_those_who_do_not_fit_are_told_their_place(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=2)
    people = await new_employees(admin, 4)
    data = await waitlisted(admin, session_id, *people)
    assert data["enrolled_count"] == 2
    assert data["waitlisted_count"] == 2
    assert data["session_available_spots"] == 0
    assert [enrollment["status"] for enrollment in data["enrollments"]] == ["enrolled"] * 2 + ["waitlisted"] * 2
    assert [enrollment.get("waitlist_position") for enrollment in data["enrollments"]] == [None, None, 1, 2]
    shown = await admin.get(f"{ENROLLMENTS}/{data['enrollments'][3]['id']}")
    assert shown.data["waitlist_position"] == 2

    async def history_shows_proposed() -> bool:
        answer = await admin.get(f"/api/v1/employees/{people[3]}/training", status="proposed")
        assert [record["status"] for record in answer.data] == ["proposed"]
        return True

    await eventually(history_shows_proposed)


async def test_cancelling_gives_the_seat_to_the_first_in_line_once(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    for _ in range(2):
        answer = await admin.patch(f"{ENROLLMENTS}/{seated}/cancel")
        assert answer.status == 200, answer.text
    assert [await status_of(admin, each) for each in line] == ["enrolled", "waitlisted"]

    async def catalog_agrees() -> bool:
        session = (await admin.get(f"{SESSIONS}/{session_id}")).data
        assert (session["enrolled_count"], session["available_spots"]) == (1, 0)
        return True

    await eventually(catalog_agrees)


async def test_leaving_the_line_frees_no_seat(admin: Client) -> None:
    _, seated, line = await full_session_with_line(admin)
    await admin.patch(f"{ENROLLMENTS}/{line[0]}/cancel")
    assert [await status_of(admin, each) for each in (seated, *line)] == ["enrolled", "cancelled", "waitlisted"]
    shown = await admin.get(f"{ENROLLMENTS}/{line[1]}")
    assert shown.data["waitlist_position"] == 1


async def test_an_absence_known_before_the_start_gives_the_seat_on(admin: Client) -> None:
    _, seated, line = await full_session_with_line(admin)
    answer = await admin.patch(f"{ENROLLMENTS}/{seated}/absent")
    assert answer.data["status"] == "absent"
    assert await status_of(admin, line[0]) == "enrolled"


async def test_more_places_are_given_to_those_who_wait(admin: Client) -> None:
    session_id, _, line = await full_session_with_line(admin, waiting=3)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 3})).status == 200

    async def two_were_promoted() -> bool:
        assert [await status_of(admin, each) for each in line] == ["enrolled", "enrolled", "waitlisted"]
        return True

    await eventually(two_were_promoted)


async def test_a_removed_person_gives_the_seat_on(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    leaving = await new_employee(admin)
    [seated] = await enroll(admin, session_id, leaving)
    waiting = (await waitlisted(admin, session_id, await new_employee(admin)))["enrollments"][0]["id"]
    assert (await admin.delete(f"/api/v1/employees/{leaving}")).status == 200
    assert [await status_of(admin, each) for each in (seated, waiting)] == ["cancelled", "enrolled"]


async def test_a_transfer_gives_the_seat_on(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    course_id = (await admin.get(f"{SESSIONS}/{session_id}")).data["course"]["id"]
    other = await new_session(admin, course_id, max_participants=1)
    answer = await admin.patch(f"{ENROLLMENTS}/{seated}/transfer", {"session_id": other})
    assert answer.status == 200, answer.text
    assert answer.data["session"]["id"] == other
    assert await status_of(admin, line[0]) == "enrolled"


async def test_nobody_is_promoted_once_the_session_has_begun(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    begun = {"start_date": "2020-01-01T09:00:00Z", "end_date": "2030-01-01T09:00:00Z"}
    assert (await admin.patch(f"{SESSIONS}/{session_id}", begun)).status == 200

    async def start_has_arrived() -> bool:
        answer = await admin.get(f"{ENROLLMENTS}/{seated}")
        assert answer.data["session"]["start_date"] == "2020-01-01"
        return True

    await eventually(start_has_arrived)
    assert (await admin.patch(f"{ENROLLMENTS}/{seated}/cancel")).status == 200
    assert await status_of(admin, line[0]) == "waitlisted"


async def test_cancelling_a_session_cancels_its_enrollments_and_promotes_nobody(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})).status == 200

    async def all_are_cancelled() -> bool:
        assert {await status_of(admin, each) for each in (seated, *line)} == {"cancelled"}
        session = (await admin.get(f"{SESSIONS}/{session_id}")).data
        assert session["enrolled_count"] == 0
        return True

    await eventually(all_are_cancelled)


async def test_fewer_places_than_are_taken_are_refused_and_nothing_changes(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    await enroll(admin, session_id, *await new_employees(admin, 3))
    refused = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})
    assert (refused.status, refused.json["code"]) == (422, "capacity_below_enrolled")
    lowered = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 3})
    assert lowered.status == 200, lowered.text
    full = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": [await new_employee(admin)]})
    assert full.json["code"] == "session_full"


async def test_a_session_is_deleted_only_if_nobody_was_ever_enrolled(admin: Client) -> None:
    course_id = await new_course(admin)
    used, unused = await new_session(admin, course_id), await new_session(admin, course_id)
    [seated] = await enroll(admin, used, await new_employee(admin))
    await admin.patch(f"{ENROLLMENTS}/{seated}/cancel")
    assert (await admin.delete(f"{SESSIONS}/{used}")).status == 409
    assert (await admin.delete(f"{SESSIONS}/{unused}")).status == 200
    assert (await admin.get(f"{SESSIONS}/{unused}")).status == 404
    refused = await admin.post(ENROLLMENTS, {"session_id": unused, "employee_ids": [await new_employee(admin)]})
    assert refused.json["errors"] == {"session_id": ["The selected session does not exist."]}


async def test_the_same_key_gets_the_first_answer_and_enrolls_once(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    body = {"session_id": session_id, "employee_ids": [await new_employee(admin)]}
    first = await admin.post(ENROLLMENTS, body, **{"Idempotency-Key": "k-1"})
    again = await admin.post(ENROLLMENTS, body, **{"Idempotency-Key": "k-1"})
    assert (first.status, again.status) == (201, 201)
    assert first.text == again.text
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await admin.post(ENROLLMENTS, body | {"waitlist": True}, **{"Idempotency-Key": "k-1"})
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")


async def test_the_audit_trail_tells_who_changed_what(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin, pass_score=70))
    [enrollment_id] = await enroll(admin, session_id, await new_employee(admin))
    await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {"score": 82})
    answer = await admin.get(f"{ENROLLMENTS}/{enrollment_id}/audit")
    assert [entry["action"] for entry in answer.data] == ["enrollment.created", "enrollment.completed"]
    assert answer.data[1]["changes"]["status"] == {"from": "enrolled", "to": "completed"}
    assert answer.data[1]["changes"]["score"] == {"from": None, "to": 82}
    assert answer.data[1]["changed_by"]["name"] == "Test Admin"


async def test_a_change_from_an_old_version_is_refused(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin))
    read = await admin.get(f"{SESSIONS}/{session_id}")
    tag = read.headers["ETag"]
    unchanged = await admin.request("GET", f"{SESSIONS}/{session_id}", headers={"If-None-Match": tag})
    assert unchanged.status == 304
    path = f"{SESSIONS}/{session_id}"
    first = await admin.request("PATCH", path, json={"location": "B"}, headers={"If-Match": tag})
    assert first.status == 200, first.text
    second = await admin.request("PATCH", path, json={"location": "C"}, headers={"If-Match": tag})
    assert (second.status, second.json["code"]) == (412, "precondition_failed")
