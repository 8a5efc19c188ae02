"""A session's attendance recorded for many at once (contract, section 4): a result for each row, in order."""

from typing import Any

import pytest

from services.enrollment.store import attendance as attendance_store
from tests.support.client import Answer, Client
from tests.support.guards import without
from tests.support.world import (
    BEGUN,
    ENROLLMENTS,
    SESSIONS,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)

NOBODY = 2**62
NOT_THERE = {"result": "refused", "code": "not_found", "message": "The session has no such enrollment."}


@pytest.fixture
async def course_id(admin: Client) -> int:
    return await new_course(admin, pass_score=70)


@pytest.fixture
async def session_id(admin: Client, course_id: int) -> int:
    return await new_session(admin, course_id, **BEGUN)


async def record(client: Client, session_id: int, *rows: dict[str, Any], key: str | None = None, **more: Any) -> Answer:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post(f"{SESSIONS}/{session_id}/attendance", {"attendance": list(rows), **more}, **headers)


async def detail(client: Client, enrollment_id: int) -> Any:
    return (await client.get(f"{ENROLLMENTS}/{enrollment_id}")).data


async def statuses(client: Client, *enrollment_ids: int) -> list[str]:
    return [(await detail(client, each))["status"] for each in enrollment_ids]


def ok(enrollment_id: int, employee_id: int, status: str) -> dict[str, Any]:
    return {"enrollment_id": enrollment_id, "employee_id": employee_id, "result": "ok", "status": status}


async def test_each_row_is_recorded_and_answered_in_order(admin: Client, session_id: int) -> None:
    people = await new_employees(admin, 4)
    ids = await enroll(admin, session_id, *people)
    answer = await record(
        admin,
        session_id,
        {"employee_id": people[3], "outcome": "completed", "score": 82, "feedback": "Good"},
        {"enrollment_id": ids[0], "outcome": "checked_in", "method": "kiosk"},
        {"employee_id": people[1], "outcome": "absent"},
        {"employee_id": people[2], "outcome": "completed", "score": 12, "completed_at": "2026-01-05T16:00:00Z"},
    )
    assert (answer.status, answer.json["message"]) == (200, "4 rows recorded")
    assert answer.data["results"] == [
        ok(ids[3], people[3], "completed"),
        ok(ids[0], people[0], "enrolled"),
        ok(ids[1], people[1], "absent"),
        ok(ids[2], people[2], "failed"),
    ]
    assert await statuses(admin, *ids) == ["enrolled", "absent", "failed", "completed"]
    assert (await detail(admin, ids[0]))["check_in_method"] == "kiosk"
    assert (await detail(admin, ids[2]))["completed_at"] == "2026-01-05T16:00:00.000000Z"
    completed = await detail(admin, ids[3])
    assert (completed["score"], completed["passed"], completed["feedback"]) == (82, True, "Good")


async def test_a_check_in_is_manual_unless_the_row_says_otherwise(admin: Client, session_id: int) -> None:
    [enrollment_id] = await enroll(admin, session_id, await new_employee(admin))
    await record(admin, session_id, {"enrollment_id": enrollment_id, "outcome": "checked_in"})
    assert (await detail(admin, enrollment_id))["check_in_method"] == "manual"


async def test_a_row_that_cannot_be_recorded_is_told_with_its_code_and_the_others_are_recorded(
    admin: Client, session_id: int
) -> None:
    there, gone, early = await new_employees(admin, 3)
    ids = await enroll(admin, session_id, there, gone, early)
    await admin.patch(f"{ENROLLMENTS}/{ids[1]}/cancel")
    answer = await record(
        admin,
        session_id,
        {"employee_id": NOBODY, "outcome": "absent"},
        {"enrollment_id": ids[1], "outcome": "completed"},
        {"employee_id": gone, "outcome": "completed"},
        {"employee_id": early, "outcome": "completed", "completed_at": "2999-01-01T00:00:00Z"},
        {"employee_id": there, "outcome": "completed"},
    )
    assert (answer.status, answer.json["message"]) == (200, "1 row recorded, 4 refused")
    closed = "An enrollment that is cancelled cannot be completed."
    assert answer.data["results"] == [
        {"enrollment_id": None, "employee_id": NOBODY, **NOT_THERE},
        {"enrollment_id": ids[1], "employee_id": gone, "result": "refused", "code": "conflict", "message": closed},
        {"enrollment_id": None, "employee_id": gone, **NOT_THERE},
        {
            "enrollment_id": ids[2],
            "employee_id": early,
            "result": "refused",
            "code": "validation_failed",
            "message": answer.data["results"][3]["message"],
        },
        ok(ids[0], there, "completed"),
    ]
    assert "completed_at" in answer.data["results"][3]["message"]
    assert await statuses(admin, *ids) == ["completed", "cancelled", "enrolled"]


async def test_an_enrollment_of_another_session_is_none_of_this_one(
    admin: Client, course_id: int, session_id: int
) -> None:
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id, **BEGUN), person)
    rows = [{"enrollment_id": enrollment_id, "outcome": "absent"}, {"employee_id": person, "outcome": "absent"}]
    answer = await record(admin, session_id, *rows)
    assert answer.data["results"] == [
        {"enrollment_id": enrollment_id, "employee_id": None, **NOT_THERE},
        {"enrollment_id": None, "employee_id": person, **NOT_THERE},
    ]
    assert await statuses(admin, enrollment_id) == ["enrolled"]


async def test_control_without_the_condition_on_the_session_it_would_be(
    admin: Client, course_id: int, session_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "e.session_id = $2 AND e.id = asked.enrollment_id"
    without(monkeypatch, attendance_store, "_FIND", guard, "$2::bigint > 0 AND e.id = asked.enrollment_id")
    other = await new_session(admin, course_id, **BEGUN)
    [enrollment_id] = await enroll(admin, other, await new_employee(admin))
    await record(admin, session_id, {"enrollment_id": enrollment_id, "outcome": "absent"})
    assert await statuses(admin, enrollment_id) == ["absent"]


async def test_all_or_none_are_recorded_where_that_is_asked(admin: Client, session_id: int) -> None:
    people = await new_employees(admin, 2)
    ids = await enroll(admin, session_id, *people)
    good = {"employee_id": people[0], "outcome": "completed"}
    answer = await record(admin, session_id, good, {"employee_id": NOBODY, "outcome": "absent"}, atomic=True)
    assert (answer.status, answer.json["code"]) == (422, "attendance_refused")
    assert answer.json["message"] == "Nothing was recorded: 1 row refused."
    assert answer.json["errors"] == {"attendance.1": [NOT_THERE["message"]]}
    assert answer.json["results"] == [
        {"enrollment_id": ids[0], "employee_id": people[0], "result": "not_recorded"},
        {"enrollment_id": None, "employee_id": NOBODY, **NOT_THERE},
    ]
    assert await statuses(admin, *ids) == ["enrolled", "enrolled"]
    again = await record(admin, session_id, good, {"employee_id": people[1], "outcome": "absent"}, atomic=True)
    assert again.status == 200
    assert await statuses(admin, *ids) == ["completed", "absent"]


async def test_rows_of_one_person_follow_each_other(admin: Client, session_id: int) -> None:
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, session_id, person)
    rows = [{"employee_id": person, "outcome": outcome} for outcome in ("checked_in", "completed", "absent")]
    answer = await record(admin, session_id, *rows)
    assert [result["result"] for result in answer.data["results"]] == ["ok", "ok", "refused"]
    found = await detail(admin, enrollment_id)
    assert (found["status"], found["check_in_method"]) == ("completed", "manual")
    trail = (await admin.get(f"{ENROLLMENTS}/{enrollment_id}/audit")).data
    assert [(entry["version"], entry["action"]) for entry in trail] == [
        (1, "enrollment.created"),
        (2, "enrollment.checked_in"),
        (3, "enrollment.completed"),
    ]


async def test_a_row_that_says_the_same_again_is_refused(admin: Client, session_id: int) -> None:
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, session_id, person)
    first = {"employee_id": person, "outcome": "completed", "score": 90}
    answer = await record(
        admin, session_id, first, {"enrollment_id": enrollment_id, "outcome": "completed", "score": 10}
    )
    refused = answer.data["results"][1]
    assert (refused["code"], refused["message"]) == (
        "validation_failed",
        "Row 0 has the same enrollment and outcome.",
    )
    assert (await detail(admin, enrollment_id))["score"] == 90


async def test_of_several_records_the_open_one_is_meant(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin, delivery_mode="self_paced"), **BEGUN)
    person = await new_employee(admin)
    [first] = await enroll(admin, session_id, person)
    await record(admin, session_id, {"employee_id": person, "outcome": "completed"})
    [second] = await enroll(admin, session_id, person)
    answer = await record(admin, session_id, {"employee_id": person, "outcome": "completed"})
    assert answer.data["results"] == [ok(second, person, "completed")]
    assert second != first


async def test_an_absence_before_the_start_gives_the_seat_to_who_waits(admin: Client, course_id: int) -> None:
    session_id = await new_session(admin, course_id, max_participants=2)
    people = await new_employees(admin, 4)
    answer = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": people, "waitlist": True})
    ids = [enrollment["id"] for enrollment in answer.data["enrollments"]]
    await record(admin, session_id, *({"employee_id": each, "outcome": "absent"} for each in people[:2]))
    assert await statuses(admin, *ids) == ["absent", "absent", "enrolled", "enrolled"]


@pytest.mark.parametrize(
    ("row", "place", "reason"),
    [
        ({"outcome": "absent"}, "", "Exactly one of enrollment_id and employee_id is required."),
        (
            {"outcome": "absent", "enrollment_id": 1, "employee_id": 1},
            "",
            "Exactly one of enrollment_id and employee_id is required.",
        ),
        (
            {"outcome": "absent", "employee_id": 1, "score": 5},
            "",
            "Score is not a member of a row with the outcome absent.",
        ),
        (
            {"outcome": "completed", "employee_id": 1, "method": "manual"},
            "",
            "Method is not a member of a row with the outcome completed.",
        ),
        ({"outcome": "completed", "employee_id": 1, "score": 101}, ".score", None),
        ({"outcome": "gone", "employee_id": 1}, ".outcome", None),
        ({"outcome": "absent", "employee_id": 1, "scores": 1}, ".scores", "Unknown field."),
    ],
)
async def test_a_row_with_wrong_values_refuses_the_request(
    admin: Client, session_id: int, row: dict[str, Any], place: str, reason: str | None
) -> None:
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, session_id, person)
    answer = await record(admin, session_id, {"employee_id": person, "outcome": "absent"}, row)
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    [reasons] = [answer.json["errors"][name] for name in answer.json["errors"]]
    assert list(answer.json["errors"]) == [f"attendance.1{place}"]
    assert reason is None or reasons == [reason]
    assert await statuses(admin, enrollment_id) == ["enrolled"]


async def test_from_one_row_to_five_hundred(admin: Client, session_id: int) -> None:
    for count in (0, 501):
        answer = await record(admin, session_id, *[{"employee_id": NOBODY, "outcome": "absent"}] * count)
        assert (answer.status, list(answer.json["errors"])) == (422, ["attendance"])
    answer = await record(admin, session_id, *({"employee_id": each, "outcome": "absent"} for each in range(1, 501)))
    assert (answer.status, len(answer.data["results"])) == (200, 500)


async def test_a_session_that_is_not_there_is_404(admin: Client) -> None:
    answer = await record(admin, NOBODY, {"employee_id": 1, "outcome": "absent"})
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_a_key_repeats_what_was_recorded_in_its_session_and_no_refusal(
    admin: Client, course_id: int, session_id: int
) -> None:
    other = await new_session(admin, course_id, **BEGUN)
    person = await new_employee(admin)
    row = {"employee_id": person, "outcome": "completed", "score": 75}
    refused = await record(admin, session_id, row, key="k")
    assert refused.data["results"] == [{"enrollment_id": None, "employee_id": person, **NOT_THERE}]
    [here], [there] = await enroll(admin, session_id, person), await enroll(admin, other, person)
    first = await record(admin, session_id, row, key="k")
    again = await record(admin, session_id, row, key="k")
    assert first.data["results"] == again.data["results"] == [ok(here, person, "completed")]
    assert ("Idempotency-Replayed" in first.headers, "Idempotency-Replayed" in again.headers) == (False, True)
    elsewhere = await record(admin, other, row, key="k")
    assert elsewhere.data["results"] == [ok(there, person, "completed")]
