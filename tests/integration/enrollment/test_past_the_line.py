"""Nobody passes those who wait, also after the start; a coordinator promotes whom they choose (contract, section 4)."""

import asyncio
from typing import Any

import pytest

from services.enrollment.rules import Seats
from services.enrollment.store import prerequisites
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases.sessions import settle_waitlists
from shared.postgres.pool import connection_pool
from tests.support.client import Answer, Client
from tests.support.guards import without
from tests.support.lifecycle import (
    catalog_counts,
    change,
    changed,
    full_session_with_line,
    line_up,
    move_session,
    places_of,
    shown,
    somebody_is_passed_over,
    statuses_of,
    transfer,
)
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    enroll,
    new_employee,
    new_employees,
    new_session,
)

OVER = {"over_capacity": True}


async def free_seat_with_line(client: Client, waiting: int = 2) -> tuple[int, int, list[int]]:
    """A session that has begun, the enrollment that gave its only seat back, and those that wait."""
    session_id, seated, line = await full_session_with_line(client, waiting)
    await move_session(client, session_id, seated, **BEGUN)
    await changed(client, seated, "cancel")
    return session_id, seated, line


def is_behind(answer: Answer, waiting: int) -> bool:
    return (answer.status, answer.json.get("code"), answer.json.get("waiting")) == (422, "waitlist_ahead", waiting)


async def test_a_newcomer_does_not_get_a_seat_that_others_wait_for(admin: Client) -> None:
    session_id, _, line = await free_seat_with_line(admin)
    answer = await ask_to_enroll(admin, session_id, *await new_employees(admin, 2))
    assert is_behind(answer, 2)
    reason = "The session has a waitlist of 2 employees, which comes first."
    assert (answer.json["message"], answer.json["errors"]) == (reason, {"session_id": [reason]})
    [last] = await line_up(admin, session_id, await new_employee(admin))
    assert await places_of(admin, *line, last) == [1, 2, 3]
    body = {"session_id": session_id, "employee_ids": [await new_employee(admin)], "partial": True}
    assert is_behind(await admin.post(ENROLLMENTS, body), 3)


async def test_control_without_the_line_a_newcomer_gets_the_seat(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, _, line = await free_seat_with_line(admin)
    monkeypatch.setattr(Seats, "has_line", False)
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).status == 201
    assert await statuses_of(admin, *line) == ["waitlisted", "waitlisted"]


async def test_nobody_is_moved_in_or_reopened_past_those_who_wait(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin, waiting=1)
    course_id = (await shown(admin, seated))["session"]["course"]["id"]
    other = await new_session(admin, course_id, max_participants=2)
    moving, absent = await enroll(admin, other, *await new_employees(admin, 2))
    await changed(admin, absent, "absent")
    await enroll(admin, other, await new_employee(admin))
    [behind] = await line_up(admin, other, await new_employee(admin))
    await move_session(admin, session_id, seated, **BEGUN)
    await move_session(admin, other, moving, **BEGUN)
    await changed(admin, seated, "cancel")
    assert is_behind(await transfer(admin, moving, session_id), 1)
    await changed(admin, moving, "cancel")
    assert is_behind(await change(admin, absent, "reopen", {"reason": "A mistake"}), 1)
    assert await statuses_of(admin, *line, behind) == ["waitlisted", "waitlisted"]


async def test_the_last_of_the_line_can_be_chosen(admin: Client) -> None:
    session_id, _, line = await free_seat_with_line(admin)
    assert (await change(admin, line[1], "promote")).json["message"] == "Enrollment promoted"
    assert await statuses_of(admin, *line) == ["waitlisted", "enrolled"]
    entries = (await admin.get(f"{ENROLLMENTS}/{line[1]}/audit")).data
    assert [entry["action"] for entry in entries] == ["enrollment.waitlisted", "enrollment.promoted"]
    await changed(admin, line[1], "promote")
    assert (await admin.get(f"{ENROLLMENTS}/{line[1]}/audit")).json["meta"]["total"] == 2
    await catalog_counts(admin, session_id, 1)


@pytest.mark.parametrize("body", [None, {}, {"over_capacity": False}])
async def test_a_seat_has_to_be_free_unless_the_capacity_may_be_passed(admin: Client, body: Any) -> None:
    _, _, line = await full_session_with_line(admin)
    answer = await change(admin, line[1], "promote", body)
    assert (answer.status, answer.json["code"], answer.json["available_spots"]) == (422, "session_full", 0)
    assert await statuses_of(admin, *line) == ["waitlisted", "waitlisted"]


async def test_seats_over_the_capacity_are_given_back_before_anybody_is_promoted(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin, waiting=3)
    assert (await changed(admin, line[2], "promote", OVER))["status"] == "enrolled"
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).json["code"] == "session_full"
    await catalog_counts(admin, session_id, 2)
    session = (await admin.get(f"{SESSIONS}/{session_id}")).data
    assert (session["max_participants"], session["available_spots"]) == (1, 0)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"session_name": "Another"})).status == 200
    await changed(admin, seated, "cancel")
    assert await statuses_of(admin, *line) == ["waitlisted", "waitlisted", "enrolled"]
    await changed(admin, line[2], "cancel")
    assert await statuses_of(admin, *line) == ["enrolled", "waitlisted", "cancelled"]


async def test_a_session_with_more_people_than_places_can_be_changed_and_closed(admin: Client) -> None:
    session_id, _, line = await full_session_with_line(admin)
    for waiting in line:
        await changed(admin, waiting, "promote", OVER)
    await catalog_counts(admin, session_id, 3)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 4})).status == 200
    refused = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})
    assert (refused.status, refused.json["code"]) == (422, "capacity_below_enrolled")
    session_id, _, line = await full_session_with_line(admin, waiting=1)
    await changed(admin, line[0], "promote", OVER)
    for status in ("in_progress", "completed"):
        assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": status})).status == 200
    assert await statuses_of(admin, *line) == ["enrolled"]


async def test_many_chosen_at_once_for_one_seat(admin: Client) -> None:
    session_id, _, line = await free_seat_with_line(admin, waiting=4)
    answers = await asyncio.gather(*(change(admin, waiting, "promote") for waiting in line))
    assert sorted(answer.status for answer in answers) == [200, 422, 422, 422]
    await catalog_counts(admin, session_id, 1)


async def test_control_no_other_statement_passes_the_capacity(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, line = await full_session_with_line(admin, waiting=1)
    monkeypatch.setattr(Seats, "available", 1)
    assert (await change(admin, line[0], "promote")).status == 500
    without(monkeypatch, seat_store, "_TAKE_SEATS", "greatest(s.seats_max, s.seats_taken + least(asked.seats, 0))", "9")
    assert (await change(admin, line[0], "promote")).status == 200


async def test_whoever_lacks_a_prerequisite_by_now_is_passed_over_and_told_once(admin: Client) -> None:
    lapsed, following = await somebody_is_passed_over(admin)
    assert await statuses_of(admin, lapsed, following) == ["waitlisted", "enrolled"]
    await changed(admin, following, "cancel")
    entries = (await admin.get(f"{ENROLLMENTS}/{lapsed}/audit")).data
    assert [entry["action"] for entry in entries] == ["enrollment.waitlisted", "enrollment.passed_over"]
    assert entries[1]["changes"] == {"reason": {"from": None, "to": "The employee has not completed: Basics."}}
    answer = await change(admin, lapsed, "promote")
    assert (answer.status, answer.json["code"]) == (422, "prerequisite_missing")


async def test_a_seat_that_stayed_free_is_theirs_once_they_have_the_prerequisite_again(
    stack: Stack, admin: Client
) -> None:
    lapsed, following = await somebody_is_passed_over(admin)
    await changed(admin, following, "cancel")
    async with connection_pool(stack.enrollment_database_url, name="test", size=1) as pool:
        await settle_waitlists(pool, 1000)
        assert await statuses_of(admin, lapsed) == ["waitlisted"]
        person = (await shown(admin, lapsed))["employee"]["id"]
        reopened = (await admin.get(ENROLLMENTS, employee_id=person, status="enrolled")).data[0]["id"]
        await changed(admin, reopened, "complete")
        await settle_waitlists(pool, 1000)
    assert await statuses_of(admin, lapsed) == ["enrolled"]


async def test_control_without_the_look_at_prerequisites_whoever_lacks_them_is_promoted(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "CROSS JOIN LATERAL (SELECT " + prerequisites.missing("e", "c")
    without(monkeypatch, seat_store, "_FIRST_IN_LINE", guard, "CROSS JOIN LATERAL (SELECT '{}'::text[]")
    lapsed, following = await somebody_is_passed_over(admin)
    assert await statuses_of(admin, lapsed, following) == ["enrolled", "waitlisted"]


async def test_who_adds_places_after_the_start_is_told_how_many_wait(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    await move_session(admin, session_id, seated, **BEGUN)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})
    assert (answer.status, answer.data["waiting"]) == (200, 2)
    assert await statuses_of(admin, *line) == ["waitlisted", "waitlisted"]
    for fields in ({"location": "Elsewhere"}, {"max_participants": 2}):
        assert "waiting" not in (await admin.patch(f"{SESSIONS}/{session_id}", fields)).data
    assert "waiting" not in (await admin.get(f"{SESSIONS}/{session_id}")).data
