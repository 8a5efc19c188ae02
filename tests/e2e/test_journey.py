"""The main job from end to end: gateway → service → database → broker → projection."""

from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS, new_course, new_employees, new_session


async def test_three_people_are_enrolled_and_one_completion_reaches_the_history(admin: Client) -> None:
    course_id = await new_course(admin, pass_score=70, validity_months=24, labels=[{"id": 3, "name": "Leading"}])
    session_id = await new_session(admin, course_id, max_participants=5, projects=[{"id": 9, "name": "Metro"}])
    people = await new_employees(admin, 3)

    found = await admin.get(COURSES, search="essentials")
    assert [course["id"] for course in found.data] == [course_id]
    assert [session["id"] for session in (await admin.get(SESSIONS, course_id=course_id)).data] == [session_id]

    enrolled = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": people})
    assert enrolled.status == 201, enrolled.text
    assert enrolled.json["message"] == "3 employees enrolled successfully"
    assert enrolled.data["session_available_spots"] == 2
    first = enrolled.data["enrollments"][0]["id"]

    completed = await admin.patch(f"{ENROLLMENTS}/{first}/complete", {"score": 82, "feedback": "Well done."})
    assert completed.status == 200, completed.text
    assert completed.data["passed"] is True

    async def record_of_the_completion() -> dict[str, Any]:
        answer = await admin.get(f"/api/v1/employees/{people[0]}/training", status="completed")
        assert answer.status == 200, answer.text
        assert len(answer.data) == 1
        return dict(answer.data[0])

    record = await eventually(record_of_the_completion)
    assert record["id"] == first
    assert record["result"] == "passed"
    assert record["projects"] == ["Metro"]
    assert record["labels"] == ["Leading"]

    async def counts_agree() -> bool:
        session = (await admin.get(f"{SESSIONS}/{session_id}")).data
        course = (await admin.get(f"{COURSES}/{course_id}")).data
        assert (session["enrolled_count"], session["available_spots"]) == (3, 2)
        assert (course["total_enrollments"], course["completion_rate"], course["average_score"]) == (3, 33.3, 82.0)
        return True

    await eventually(counts_agree)
