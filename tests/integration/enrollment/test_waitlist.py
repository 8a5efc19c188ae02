"""The waitlist, through the API: who does not fit waits, and every freed seat goes to the first in line."""

import asyncio
from typing import Any

import pytest

from services.enrollment.use_cases import change_set
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.lifecycle import (
    catalog_counts,
    change,
    changed,
    enroll_or_wait,
    full_session_with_line,
    line_up,
    move_session,
    places_of,
    shown,
    statuses_of,
    transfer,
)
from tests.support.world import (
    BEGUN,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    course_with_prerequisite,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)

LATER = {"start_date": "2031-05-15T09:00:00Z", "end_date": "2031-05-15T17:00:00Z"}


async def test_those_who_do_not_fit_are_told_their_place(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=2)
    people = await new_employees(admin, 4)
    data = await enroll_or_wait(admin, session_id, *people)
    assert (data["enrolled_count"], data["waitlisted_count"], data["session_available_spots"]) == (2, 2, 0)
    assert [enrollment["status"] for enrollment in data["enrollments"]] == ["enrolled"] * 2 + ["waitlisted"] * 2
    assert [enrollment.get("waitlist_position") for enrollment in data["enrollments"]] == [None, None, 1, 2]
    assert await places_of(admin, *(enrollment["id"] for enrollment in data["enrollments"])) == [None, None, 1, 2]


async def test_the_history_of_who_waits_says_proposed(admin: Client) -> None:
    session_id, _, _ = await full_session_with_line(admin, waiting=0)
    person = await new_employee(admin)
    await line_up(admin, session_id, person)

    async def history_shows_proposed() -> bool:
        answer = await admin.get(f"{EMPLOYEES}/{person}/training", status="proposed")
        assert answer.status == 200
        return [record["status"] for record in answer.data] == ["proposed"]

    await eventually(history_shows_proposed)


async def test_those_who_wait_are_listed_with_their_places(admin: Client) -> None:
    session_id, _, line = await full_session_with_line(admin)
    listed = (await admin.get(ENROLLMENTS, session_id=session_id, status="waitlisted")).data
    assert [(item["id"], item["waitlist_position"]) for item in listed] == [(line[1], 2), (line[0], 1)]


async def test_with_room_for_all_nobody_waits(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=2)
    data = await enroll_or_wait(admin, session_id, *await new_employees(admin, 2))
    assert (data["enrolled_count"], data["session_available_spots"]) == (2, 0)
    assert "waitlisted_count" not in data


async def test_without_the_flag_all_or_nobody_still_holds(admin: Client) -> None:
    session_id, _, line = await full_session_with_line(admin)
    answer = await ask_to_enroll(admin, session_id, await new_employee(admin))
    assert (answer.status, answer.json["code"], answer.json["available_spots"]) == (422, "session_full", 0)
    assert await places_of(admin, *line) == [1, 2]


@pytest.mark.parametrize("fields", [BEGUN, {"status": "in_progress"}])
async def test_one_can_wait_for_a_session_that_has_begun(admin: Client, fields: dict[str, str]) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", fields)).status == 200
    line = await line_up(admin, session_id, *await new_employees(admin, 3))
    assert await places_of(admin, *line) == [None, 1, 2]


async def test_who_waits_is_not_enrolled_a_second_time(admin: Client) -> None:
    session_id, _, _ = await full_session_with_line(admin, waiting=0)
    person = await new_employee(admin)
    await line_up(admin, session_id, person)
    body = {"session_id": session_id, "employee_ids": [person], "waitlist": True}
    answer = await admin.post(ENROLLMENTS, body)
    assert (answer.status, answer.json["code"]) == (422, "already_enrolled")


async def test_who_lacks_a_prerequisite_cannot_wait(admin: Client) -> None:
    _, advanced = await course_with_prerequisite(admin)
    body = {"session_id": advanced, "employee_ids": [await new_employee(admin)], "waitlist": True}
    answer = await admin.post(ENROLLMENTS, body)
    assert (answer.status, answer.json["code"]) == (422, "prerequisite_missing")


@pytest.mark.parametrize("what", ["complete", "absent", "check-in"])
async def test_who_waits_can_only_leave_or_be_promoted(admin: Client, what: str) -> None:
    _, _, [waiting] = await full_session_with_line(admin, waiting=1)
    answer = await change(admin, waiting, what, {"method": "manual"} if what == "check-in" else None)
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert await statuses_of(admin, waiting) == ["waitlisted"]


async def test_cancelling_gives_the_seat_to_the_first_in_line_once(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    for _ in range(2):
        await changed(admin, seated, "cancel")
    assert await statuses_of(admin, *line) == ["enrolled", "waitlisted"]
    await catalog_counts(admin, session_id, 1)


async def test_cancelling_many_times_at_once_promotes_one(admin: Client) -> None:
    _, seated, line = await full_session_with_line(admin, waiting=4)
    answers = await asyncio.gather(*(change(admin, seated, "cancel") for _ in range(6)))
    assert {answer.status for answer in answers} == {200}
    assert await statuses_of(admin, *line) == ["enrolled", *["waitlisted"] * 3]


async def test_nobody_in_line_is_overtaken(admin: Client) -> None:
    _, seated, line = await full_session_with_line(admin, waiting=4)
    for leaving, *behind in ([seated, *line][start:] for start in range(4)):
        await changed(admin, leaving, "cancel")
        assert await statuses_of(admin, *behind) == ["enrolled", *["waitlisted"] * (len(behind) - 1)]


async def test_who_leaves_the_line_and_comes_back_stands_at_its_end(admin: Client) -> None:
    session_id, _, [other] = await full_session_with_line(admin, waiting=1)
    person = await new_employee(admin)
    [first] = await line_up(admin, session_id, person)
    last = (await line_up(admin, session_id, await new_employee(admin)))[0]
    await changed(admin, first, "cancel")
    [again] = await line_up(admin, session_id, person)
    assert await places_of(admin, other, last, again) == [1, 2, 3]


async def test_leaving_the_line_frees_no_seat(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    for _ in range(2):
        await changed(admin, line[0], "cancel")
    assert await statuses_of(admin, seated, *line) == ["enrolled", "cancelled", "waitlisted"]
    assert await places_of(admin, line[1]) == [1]
    await catalog_counts(admin, session_id, 1)


async def test_who_comes_while_a_seat_is_passed_on_does_not_get_it(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin, waiting=3)
    for leaving, promoted in zip([seated, *line[:2]], line, strict=True):
        newcomers = await new_employees(admin, 4)
        answers = await asyncio.gather(
            change(admin, leaving, "cancel"), *(ask_to_enroll(admin, session_id, person) for person in newcomers)
        )
        assert [answer.status for answer in answers] == [200, 422, 422, 422, 422]
        assert await statuses_of(admin, promoted) == ["enrolled"]


async def test_control_without_passing_it_on_at_once_a_newcomer_gets_the_seat(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_is_promoted(*_: Any) -> None:
        pass

    monkeypatch.setattr(change_set, "promote", nobody_is_promoted)
    session_id, seated, line = await full_session_with_line(admin)
    await changed(admin, seated, "cancel")
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).status == 201
    assert await statuses_of(admin, *line) == ["waitlisted", "waitlisted"]


async def test_an_absence_known_before_the_start_gives_the_seat_on(admin: Client) -> None:
    _, seated, line = await full_session_with_line(admin)
    assert (await changed(admin, seated, "absent"))["status"] == "absent"
    assert await statuses_of(admin, *line) == ["enrolled", "waitlisted"]


async def test_more_places_are_given_to_those_who_wait(admin: Client) -> None:
    session_id, _, line = await full_session_with_line(admin, waiting=3)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 3})).status == 200

    async def two_were_promoted() -> bool:
        return await statuses_of(admin, *line) == ["enrolled", "enrolled", "waitlisted"]

    await eventually(two_were_promoted)
    await catalog_counts(admin, session_id, 3)


async def test_a_removed_person_gives_the_seat_on(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    leaving, person = await new_employees(admin, 2)
    seated, waiting = await line_up(admin, session_id, leaving, person)
    assert (await admin.delete(f"{EMPLOYEES}/{leaving}")).status == 200
    assert await statuses_of(admin, seated, waiting) == ["cancelled", "enrolled"]


async def test_a_removed_person_leaves_the_line(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    people = await new_employees(admin, 3)
    seated, leaving, behind = await line_up(admin, session_id, *people)
    assert (await admin.delete(f"{EMPLOYEES}/{people[1]}")).status == 200
    assert await statuses_of(admin, seated, leaving, behind) == ["enrolled", "cancelled", "waitlisted"]
    await changed(admin, seated, "cancel")
    assert await statuses_of(admin, leaving, behind) == ["cancelled", "enrolled"]


async def test_a_transfer_gives_the_seat_on(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    course_id = (await shown(admin, seated))["session"]["course"]["id"]
    assert (await transfer(admin, seated, await new_session(admin, course_id))).status == 200
    assert await statuses_of(admin, *line) == ["enrolled", "waitlisted"]
    await catalog_counts(admin, session_id, 1)


async def test_a_transfer_out_of_the_line_frees_no_seat(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    course_id = (await shown(admin, seated))["session"]["course"]["id"]
    other = await new_session(admin, course_id)
    answer = await transfer(admin, line[0], other)
    assert (answer.status, answer.data["status"], answer.data["session"]["id"]) == (200, "enrolled", other)
    assert "waitlist_position" not in answer.data
    assert await statuses_of(admin, seated, line[1]) == ["enrolled", "waitlisted"]
    assert await places_of(admin, line[1]) == [1]
    await catalog_counts(admin, session_id, 1)
    await catalog_counts(admin, other, 1)


async def test_who_waits_in_two_sessions_stands_in_each_line(admin: Client) -> None:
    first, seated, _ = await full_session_with_line(admin, waiting=0)
    second, seated_too, _ = await full_session_with_line(admin, waiting=0)
    person = await new_employee(admin)
    waiting = [(await line_up(admin, session_id, person))[0] for session_id in (first, second)]
    await changed(admin, seated, "cancel")
    assert await statuses_of(admin, *waiting) == ["enrolled", "waitlisted"]
    await changed(admin, seated_too, "cancel")
    assert await statuses_of(admin, *waiting) == ["enrolled", "enrolled"]


async def test_nobody_is_promoted_once_the_session_has_begun(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    await move_session(admin, session_id, seated, **BEGUN)
    await changed(admin, seated, "cancel")
    assert await statuses_of(admin, *line) == ["waitlisted", "waitlisted"]


async def test_a_session_that_is_put_off_again_gives_its_free_seats_to_those_who_wait(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    await move_session(admin, session_id, seated, **BEGUN)
    await changed(admin, seated, "cancel")
    await move_session(admin, session_id, seated, **LATER)
    assert await statuses_of(admin, *line) == ["enrolled", "waitlisted"]


async def test_cancelling_a_session_cancels_its_enrollments_and_promotes_nobody(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})).status == 200

    async def all_are_cancelled() -> bool:
        return set(await statuses_of(admin, seated, *line)) == {"cancelled"}

    await eventually(all_are_cancelled)
    await catalog_counts(admin, session_id, 0)
    for enrollment_id in line:
        entries = (await admin.get(f"{ENROLLMENTS}/{enrollment_id}/audit")).data
        assert [entry["action"] for entry in entries] == ["enrollment.waitlisted", "enrollment.cancelled"]


async def test_completing_a_session_cancels_who_waits_and_nobody_else(admin: Client) -> None:
    session_id, seated, line = await full_session_with_line(admin)
    for status in ("in_progress", "completed"):
        assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": status})).status == 200
    assert await statuses_of(admin, seated, *line) == ["enrolled", "cancelled", "cancelled"]
    entries = (await admin.get(f"{ENROLLMENTS}/{line[0]}/audit")).data
    assert [(entry["action"], entry["changed_by"]["name"]) for entry in entries][1:] == [
        ("enrollment.cancelled", "Catalog")
    ]


async def test_a_running_session_of_a_self_paced_course_gives_freed_seats_on(admin: Client) -> None:
    course_id = await new_course(admin, delivery_mode="self_paced")
    session_id = await new_session(admin, course_id, max_participants=1, **BEGUN)
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": "in_progress"})).status == 200
    seated, leaving, *line = await line_up(admin, session_id, *(people := await new_employees(admin, 4)))
    assert (await admin.delete(f"{EMPLOYEES}/{people[1]}")).status == 200
    await changed(admin, seated, "cancel")
    assert await statuses_of(admin, seated, leaving, *line) == ["cancelled", "cancelled", "enrolled", "waitlisted"]
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})).status == 200
    assert await statuses_of(admin, *line) == ["enrolled", "enrolled"]


async def test_a_session_of_a_self_paced_course_gives_no_seat_on_after_its_end(admin: Client) -> None:
    course_id = await new_course(admin, delivery_mode="self_paced")
    over = {"start_date": "2020-05-15T09:00:00Z", "end_date": "2020-05-15T17:00:00Z"}
    session_id = await new_session(admin, course_id, max_participants=1, **over)
    seated, *line = await line_up(admin, session_id, *await new_employees(admin, 2))
    await changed(admin, seated, "cancel")
    assert await statuses_of(admin, *line) == ["waitlisted"]


async def test_what_was_completed_in_a_cancelled_session_stays(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), **BEGUN)
    done, attending = await enroll(admin, session_id, *await new_employees(admin, 2))
    await changed(admin, done, "complete")
    assert (await admin.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})).status == 200

    async def the_other_is_cancelled() -> bool:
        return await statuses_of(admin, done, attending) == ["completed", "cancelled"]

    await eventually(the_other_is_cancelled)
