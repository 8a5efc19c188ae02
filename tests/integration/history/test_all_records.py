"""The list of all people's records: those of the histories, in their form, found by their filters (contract,
section 5)."""

from typing import Any

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.history_client import Attendee, history_of
from tests.support.world import EMPLOYEES, ENROLLMENTS, RECORDS, STAFF, new_employee, new_staff

PAST: dict[str, Any] = {"start_date": "2025-07-01T00:00:00Z", "end_date": "2025-07-01T08:00:00Z"}


@pytest.fixture
async def member(admin: Client) -> Attendee:
    return Attendee(admin, await new_staff(admin), STAFF)


async def listed(admin: Client, count: int, **query: Any) -> list[dict[str, Any]]:
    """Once there are so many."""

    async def come() -> list[dict[str, Any]]:
        answer = await admin.get(RECORDS, **query)
        assert (answer.status, answer.json["meta"]["total"]) == (200, count), answer.text
        return list(answer.data)

    return await eventually(come)


async def ids(admin: Client, **query: Any) -> list[int]:
    answer = await admin.get(RECORDS, **query)
    assert answer.status == 200, answer.text
    assert answer.json["meta"]["total"] == len(answer.data)
    return [record["id"] for record in answer.data]


async def walked(admin: Client, **query: Any) -> list[int]:
    cursor, seen = "", []
    while cursor is not None:
        answer = await admin.get(RECORDS, cursor=cursor, per_page=1, **query)
        seen += [record["id"] for record in answer.data]
        cursor = answer.json["meta"]["next_cursor"]
    return seen


async def test_its_records_are_those_of_the_histories(admin: Client, attendee: Attendee, member: Attendee) -> None:
    meetings = [
        {"id": 1, "start_date": "2030-05-15T09:00:00Z", "end_date": "2030-05-15T12:00:00Z"},
        {"id": 2, "start_date": "2030-05-16T09:00:00Z", "end_date": "2030-05-16T12:00:00Z"},
    ]
    days = {"start_date": meetings[0]["start_date"], "end_date": meetings[1]["end_date"]}
    await attendee.attends({"delivery_mode": "online"}, projects=[{"id": 5, "name": "Metro"}])
    await member.attends({"labels": [{"id": 3, "name": "Plant"}]}, meetings=meetings, **days)
    done = await attendee.attends()
    await admin.patch(f"{ENROLLMENTS}/{done}/complete", {"score": 90})
    await attendee.record(done, status="completed")
    records = await listed(admin, 3)
    histories = [
        await admin.get(history_of(path, person)) for path, person in ((EMPLOYEES, attendee.id), (STAFF, member.id))
    ]
    assert sorted(records, key=str) == sorted((record for each in histories for record in each.data), key=str)
    assert set((await admin.get(RECORDS)).json) == {"data", "meta"}


async def test_every_filter_of_a_history_finds_among_all_people(admin: Client, member: Attendee) -> None:
    worker = Attendee(admin, await new_employee(admin, company={"id": 77, "name": "ABC"}))
    online = await worker.attends({"delivery_mode": "online", "labels": [{"id": 2, "name": "b"}]})
    begun = await member.attends(projects=[{"id": 9, "name": "y"}], **PAST)
    done, cancelled = await member.attends(), await worker.attends()
    await admin.patch(f"{ENROLLMENTS}/{done}/complete", {})
    await admin.patch(f"{ENROLLMENTS}/{cancelled}/cancel")
    await member.record(done, status="completed")
    await worker.record(cancelled, status="cancelled")
    await listed(admin, 4)
    for query, expected in (
        ({"type": "online"}, {online}),
        ({"type": "offline"}, {begun, done, cancelled}),
        ({"status": "confirmed"}, {online, begun}),
        ({"status": "upcoming"}, {online}),
        ({"status": "completed"}, {done}),
        ({"status": "cancelled"}, {cancelled}),
        ({"status": "proposed"}, set()),
        ({"label_id": 2}, {online}),
        ({"project_id": 9}, {begun}),
        ({"project_id": 9, "label_id": 2}, set()),
        ({"company_id": 77}, {online, cancelled}),
        ({"company_id": 78}, set()),
        ({"entity_type": "staff"}, {begun, done}),
        ({"entity_type": "employee", "status": "cancelled"}, {cancelled}),
        ({"date_from": "2025-07-01", "date_to": "2025-07-01"}, {begun}),
        ({"date_to": "2025-06-30"}, set()),
    ):
        assert set(await ids(admin, **query)) == expected, query
        assert set(await walked(admin, **query)) == expected, query


async def test_the_newest_come_first_whoever_they_are_of(admin: Client, attendee: Attendee, member: Attendee) -> None:
    """The day of a completion is that of today, between the sessions of the past and those to come."""
    people = [attendee, member, attendee, member, attendee]
    days = ["2090-01-01", "2091-01-01", "2090-01-01", "2019-01-01", "2019-01-02"]
    made = [
        await person.attends(start_date=f"{day}T09:00:00Z", end_date=f"{day}T17:00:00Z")
        for person, day in zip(people, days, strict=True)
    ]
    done = await member.attends(**PAST)
    await admin.patch(f"{ENROLLMENTS}/{done}/complete", {})
    await member.record(done, status="completed")
    await listed(admin, 6)
    expected = [made[1], made[0], made[2], done, made[4], made[3]]
    assert await ids(admin) == await ids(admin, type="offline") == expected
    for page, record in enumerate(expected, 1):
        for filters in ({}, {"type": "offline"}):
            answer = await admin.get(RECORDS, page=page, per_page=1, **filters)
            assert [each["id"] for each in answer.data] == [record]
            meta = {"current_page": page, "per_page": 1, "total": 6, "total_pages": 6}
            assert (answer.json["meta"], "Link" in answer.headers) == (meta, page < 6)
    assert await walked(admin) == sorted(expected, reverse=True)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"type": "hybrid"}, "type"),
        ({"status": "enrolled"}, "status"),
        ({"entity_type": "contractor"}, "entity_type"),
        ({"date_from": "2025-07-02", "date_to": "2025-07-01"}, "date_to"),
        ({"company_id": "x"}, "company_id"),
        ({"per_page": "101"}, "per_page"),
        ({"person_type": "staff"}, "person_type"),
    ],
)
async def test_a_filter_with_a_wrong_value_is_refused(admin: Client, query: dict[str, str], named: str) -> None:
    answer = await admin.get(RECORDS, **query)
    assert (answer.status, answer.json["code"], list(answer.json["errors"])) == (422, "validation_failed", [named])
