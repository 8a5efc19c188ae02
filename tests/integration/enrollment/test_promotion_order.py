"""Freed seats under concurrency: those who waited longest get them, and a seat is free as often as it is given back."""

import asyncio

from tests.support.client import Client
from tests.support.lifecycle import changed, enroll_or_wait, statuses_of
from tests.support.world import enroll, new_course, new_employee, new_employees, new_session

SEATS, WAITING, CANCELLED = 20, 30, 10


async def test_ten_seats_that_are_freed_at_once_go_to_the_first_ten_of_thirty(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=SEATS)
    data = await enroll_or_wait(admin, session_id, *await new_employees(admin, SEATS + WAITING))
    ids = [enrollment["id"] for enrollment in data["enrollments"]]
    await asyncio.gather(*(changed(admin, enrollment_id, "cancel") for enrollment_id in ids[:CANCELLED]))
    statuses = await statuses_of(admin, *ids[SEATS:])
    assert statuses == ["enrolled"] * CANCELLED + ["waitlisted"] * (WAITING - CANCELLED)


async def test_a_seat_is_free_again_as_often_as_it_is_given_back(admin: Client) -> None:
    """Also by somebody who got it from the waitlist."""
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    data = await enroll_or_wait(admin, session_id, *await new_employees(admin, 2))
    for enrollment in data["enrollments"]:
        await changed(admin, enrollment["id"], "cancel")
    for _ in range(5):
        [enrollment_id] = await enroll(admin, session_id, await new_employee(admin))
        await changed(admin, enrollment_id, "cancel")
    await enroll(admin, session_id, await new_employee(admin))
