"""`updated_since`: each list without what has not changed since a moment (contract, section 1)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.http import pagination
from shared.http.pagination import REACH_BACK
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.external_records import decided, known_course
from tests.support.history_client import Attendee, history_of
from tests.support.past_completions import AT, imported_completions
from tests.support.stack import Stack
from tests.support.walked import PATHS, SCENES
from tests.support.walked_lists import Walked
from tests.support.world import (
    CLIENTS,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    ORGANISATIONS,
    RECORDS,
    SESSIONS,
    SUBMISSIONS,
    USERS,
    WEBHOOKS,
    enroll,
    new_course,
    new_employee,
    new_session,
)

COMPLIANCE, LABELS, COMPANIES = "/api/v1/training/compliance", "/api/v1/training/labels", "/api/v1/companies"
MESSAGES = f"{WEBHOOKS}/{{id}}/messages"
LONG_AGO = "2020-01-01T00:00:00Z"


def from_now_on() -> str:
    """What has changed by now is left out."""
    return (datetime.now(UTC) + REACH_BACK).isoformat()


async def changed(walked: Walked, since: str, **query: Any) -> list[int]:
    """Keys, which a page and a walk agree about, and how many.

    Of messages once they do: an attempt to send one may come between.
    """
    if walked.path.endswith("/messages"):
        return (await eventually(lambda: _changed(walked, since, **query)))[0]
    return (await _changed(walked, since, **query))[0]


async def _changed(walked: Walked, since: str, **query: Any) -> tuple[list[int], int]:
    keys, meta = await walked.ask(updated_since=since, per_page=100, **query)
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        step, of_step = await walked.ask(updated_since=since, cursor=cursor, per_page=1, total="true", **query)
        assert of_step["total"] == meta["total"]
        seen, cursor = seen + step, of_step["next_cursor"]
    assert sorted(seen) == sorted(keys)
    assert meta["total"] == len(keys)
    return sorted(keys), meta["total"]


@pytest.mark.parametrize("path", PATHS)
async def test_what_was_there_before_is_left_out(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    before = await walked.add()
    since = from_now_on()
    after = await walked.add()
    found = await changed(walked, since)
    expected = [] if path.endswith("/refusals") else [after]  # those of an import come with its file
    assert found == expected or (path == MESSAGES and after in found)  # one that is sent again has changed
    assert {before, after} <= set(await changed(walked, LONG_AGO))
    assert await changed(walked, "2900-01-01T00:00:00Z") == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "written", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "", "1700000000", "1899-01-01T00:00:00Z"]
)
async def test_what_is_no_moment_is_refused(admin: Client, path: str, written: str) -> None:
    answer = await admin.get(path.replace("{id}", "1"), updated_since=written)
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert "updated_since" in answer.json["errors"]


async def test_the_next_step_is_linked_with_the_moment(admin: Client) -> None:
    for _ in range(2):
        await new_course(admin)
    answer = await admin.get(COURSES, updated_since="2020-01-01T10:00:00.25+10:00", cursor="", per_page=1)
    url = answer.json["links"]["next"].removeprefix(admin.url)
    following = await admin.request("GET", url)
    assert (following.status, len(following.data)) == (200, 1)
    other = await admin.get(COURSES, updated_since=LONG_AGO, cursor=answer.json["meta"]["next_cursor"])
    assert (other.status, list(other.json["errors"])) == (422, ["cursor"])


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        (COURSES, {"search": "lead"}),
        (COURSES, {"category": "leadership"}),
        (COURSES, {"category": "leadership", "delivery_mode": "in_person"}),
        (SESSIONS, {"date_from": "2030-05-15"}),
        (SESSIONS, {"date_from": "2030-05-15", "date_to": "2030-05-16", "status": "scheduled"}),
        (ENROLLMENTS, {"year": datetime.now(UTC).year}),
        (ENROLLMENTS, {"year": datetime.now(UTC).year, "status": "enrolled"}),
        (EMPLOYEES, {"search": "john"}),
        (LABELS, {"search": "name"}),
        (COMPANIES, {"search": "name"}),
        (USERS, {"search": "x"}),
        (RECORDS, {"type": "offline", "status": "confirmed"}),
    ],
    ids=str,
)
async def test_it_goes_with_each_kind_of_filter(admin: Client, path: str, filters: dict[str, Any]) -> None:
    walked = await SCENES[path](admin)
    walked.filters = filters
    await walked.add()
    since = from_now_on()
    assert await changed(walked, since) == []
    after = await walked.add()
    assert await changed(walked, since) == [after]


async def test_it_goes_with_what_somebody_sees(stack: Stack, admin: Client, organisation: int) -> None:
    session = await new_session(admin, await new_course(admin))
    people = [await new_employee(admin, company={"id": 1 + place % 2, "name": "C"}) for place in range(4)]
    enrolled = await enroll(admin, session, *people[:2])
    await eventually(lambda: _recorded(admin, 2))
    since = from_now_on()
    enrolled += await enroll(admin, session, *people[2:])
    await admin.put(
        f"{EMPLOYEES}/{people[2]}", {"employee_id": "E-2", "full_name": "J", "company": {"id": 1, "name": "C"}}
    )
    await eventually(lambda: _recorded(admin, 4))
    for claims, seen in (
        ({"permissions": ["api.access", "training.view.company"], "company_ids": [1]}, 2),
        ({"permissions": ["api.access", "training.view.self"], "employee_id": people[3]}, 3),
    ):
        client = stack.client(organisation, **claims)
        for path in (ENROLLMENTS, RECORDS):
            assert await changed(Walked(client, path, _nothing), since) == [enrolled[seen]]
            assert await changed(Walked(client, path, _nothing, filters={"status": status_in(path)}), since) == [
                enrolled[seen]
            ]
    company = stack.client(organisation, permissions=["api.access", "training.view.company"], company_ids=[1])
    assert await changed(Walked(company, EMPLOYEES, _nothing), since) == [people[2]]
    assert await changed(Walked(company, COMPLIANCE, _nothing, filters={"course_id": await _course_of(admin, session)},
                                key=lambda item: int(item["employee"]["id"])), since) == [people[2]]  # fmt: skip


def status_in(path: str) -> str:
    return "enrolled" if path == ENROLLMENTS else "confirmed"


async def _nothing() -> int:
    raise AssertionError("this list only shows")


async def _course_of(admin: Client, session: int) -> int:
    return int((await admin.get(f"{SESSIONS}/{session}")).data["course"]["id"])


async def _recorded(admin: Client, count: int) -> bool:
    total: int = (await admin.get(RECORDS)).json["meta"]["total"]
    return total == count


Change = Callable[[Client, int], Awaitable[Any]]
CHANGES: dict[str, Change] = {
    COURSES: lambda client, row: client.patch(f"{COURSES}/{row}", {"title": "Another"}),
    SESSIONS: lambda client, row: client.patch(f"{SESSIONS}/{row}", {"location": "Elsewhere"}),
    ENROLLMENTS: lambda client, row: client.patch(f"{ENROLLMENTS}/{row}/check-in", {"method": "manual"}),
    EMPLOYEES: lambda client, row: client.put(f"{EMPLOYEES}/{row}", {"employee_id": f"E-{row}", "full_name": "Other"}),
    USERS: lambda client, row: client.patch(f"{USERS}/{row}", {"name": "Other"}),
    CLIENTS: lambda client, row: client.patch(f"{CLIENTS}/{row}", {"name": "Other"}),
    ORGANISATIONS: lambda client, row: client.patch(f"{ORGANISATIONS}/{row}", {"suspended": True}),
    WEBHOOKS: lambda client, row: client.patch(f"{WEBHOOKS}/{row}", {"description": "Other"}),
    COMPLIANCE: lambda client, row: client.put(f"{EMPLOYEES}/{row}", {"employee_id": f"E-{row}", "full_name": "Other"}),
}
WITHOUT_STATUS = (ORGANISATIONS, ENROLLMENTS, WEBHOOKS, CLIENTS)
"""Their scenes show what has one status; others are shown here as well."""


@pytest.mark.parametrize("path", CHANGES)
async def test_what_is_changed_comes_again(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    if path in WITHOUT_STATUS:
        walked.filters = {name: value for name, value in walked.filters.items() if name != "status"}
    rows = [await walked.add() for _ in range(3)]
    since = from_now_on()
    assert await changed(walked, since) == []
    answer = await CHANGES[path](admin, rows[1])
    assert answer.status in (200, 201), answer.text
    assert await changed(walked, since) == [rows[1]]


async def test_figures_that_follow_other_rows_are_changes(admin: Client) -> None:
    course, other = await new_course(admin), await new_course(admin)
    session, _ = await new_session(admin, course), await new_session(admin, other)
    since = from_now_on()
    await enroll(admin, session, await new_employee(admin))

    async def noted() -> bool:
        lists = [Walked(admin, path, _nothing) for path in (COURSES, SESSIONS)]
        return [await changed(each, since) for each in lists] == [[course], [session]]

    await eventually(noted)


async def test_a_record_comes_again_once_history_knows_of_the_change(admin: Client) -> None:
    attendee = Attendee(admin, await new_employee(admin))
    first, second = await attendee.attends(), await attendee.attends()
    await attendee.records(2)
    since = from_now_on()
    lists = [Walked(admin, path, _nothing) for path in (RECORDS, history_of(EMPLOYEES, attendee.id))]
    assert [await changed(each, since) for each in lists] == [[], []]
    await admin.patch(f"{ENROLLMENTS}/{second}/complete", {})
    await attendee.record(second, status="completed")
    assert [await changed(each, since) for each in lists] == [[second], [second]]
    assert await changed(lists[0], LONG_AGO) == [first, second]


async def test_a_label_has_changed_when_a_row_begins_or_ceases_to_carry_it(admin: Client) -> None:
    labels = [{"id": number, "name": f"Label {number}"} for number in (1, 2, 3)]
    course, _ = await new_course(admin, labels=labels[:2]), await new_course(admin, labels=labels)
    listed, since = Walked(admin, LABELS, _nothing), from_now_on()
    assert await changed(listed, since) == []
    await admin.patch(f"{COURSES}/{course}", {"labels": [labels[0], labels[2]]})
    assert await changed(listed, since) == await changed(listed, since, search="label") == [2, 3]
    since = from_now_on()
    await admin.patch(f"{COURSES}/{course}", {"labels": [{"id": 1, "name": "Renamed"}, labels[2]]})
    assert await changed(listed, since) == await changed(listed, since, search="renamed") == [1]


async def test_compliance_changes_with_enrollments_in_its_courses(admin: Client) -> None:
    course, other = await new_course(admin), await new_course(admin)
    people = [await new_employee(admin) for _ in range(3)]
    [first, _] = await enroll(admin, await new_session(admin, course), *people[:2])
    [elsewhere] = await enroll(admin, await new_session(admin, other), people[2])
    listed = Walked(
        admin, COMPLIANCE, _nothing, filters={"course_id": course}, key=lambda item: int(item["employee"]["id"])
    )
    since = from_now_on()
    assert await changed(listed, since) == []
    for enrollment in (first, elsewhere):
        assert (await admin.patch(f"{ENROLLMENTS}/{enrollment}/complete", {})).status == 200
    assert await changed(listed, since) == await changed(listed, since, status="valid") == [people[0]]
    since = from_now_on()
    assert (await admin.patch(f"{ENROLLMENTS}/{first}/reopen", {"reason": "A mistake"})).status == 200
    assert await changed(listed, since) == await changed(listed, since, status="missing") == [people[0]]


async def test_compliance_changes_with_records_of_its_courses(admin: Client) -> None:
    course, other = await known_course(admin), await known_course(admin)
    people = [await new_employee(admin) for _ in range(3)]
    listed = Walked(
        admin, COMPLIANCE, _nothing, filters={"course_id": course}, key=lambda item: int(item["employee"]["id"])
    )
    since = from_now_on()
    assert await changed(listed, since) == []
    await imported_completions(admin, ("K-1", people[0], course, AT), ("K-2", people[2], other, AT))
    assert await changed(listed, since) == await changed(listed, since, status="valid") == [people[0]]
    [record] = [each["id"] for each in (await admin.get(SUBMISSIONS)).data if each["key"] == "K-1"]
    since = from_now_on()
    await decided(admin, record, "reject")
    assert await changed(listed, since) == await changed(listed, since, status="missing") == [people[0]]


async def test_compliance_changes_with_time_alone(stack: Stack, admin: Client, organisation: int) -> None:
    """A completion that expired a moment ago, one that begins to expire in thirty days, and one that does neither."""
    course = await new_course(admin, validity_months=12)
    people = [await new_employee(admin) for _ in range(3)]
    for enrollment in await enroll(admin, await new_session(admin, course), *people):
        assert (await admin.patch(f"{ENROLLMENTS}/{enrollment}/complete", {})).status == 200
    connection = await asyncpg.connect(stack.enrollment_database_url)
    try:
        for person, ahead in zip(people, ("0", "30 days", "60 days"), strict=True):
            ends = "UPDATE certifications SET valid_until = now() + $2::text::interval WHERE employee_id = $1"
            await connection.execute(ends, person, ahead)
    finally:
        await connection.close()
    listed = Walked(
        admin, COMPLIANCE, _nothing, filters={"course_id": course}, key=lambda item: int(item["employee"]["id"])
    )
    since = (datetime.now(UTC) + REACH_BACK - timedelta(seconds=30)).isoformat()
    async with unnoted(stack.enrollment_database_url, organisation, "people", "enrollments"):
        assert await changed(listed, since) == sorted(people[:2])


@asynccontextmanager
async def unnoted(url: str, organisation: int, *tables: str) -> AsyncIterator[None]:
    """The organisation's rows look as if they had not changed for long, and no change is noted."""
    connection = await asyncpg.connect(url)
    try:
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER note_update")
            await connection.execute(
                f"UPDATE {table} SET updated_at = '2020-01-01Z', updated_day = '2020-01-01' WHERE organisation_id = $1",
                organisation,
            )
        yield
    finally:
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER note_update")
        await connection.close()


async def test_control_without_the_trigger_a_change_is_missed(stack: Stack, admin: Client, organisation: int) -> None:
    walked = await SCENES[COURSES](admin)
    row = await walked.add()
    since = from_now_on()
    async with unnoted(stack.catalog_database_url, organisation, "courses"):
        assert (await CHANGES[COURSES](admin, row)).status == 200
        assert await changed(walked, since) == []


@asynccontextmanager
async def changing(url: str, course: int) -> AsyncIterator[Awaitable[Any]]:
    """A transaction that has changed the course, and is committed when the result is awaited."""
    connection = await asyncpg.connect(url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE courses SET total_sessions = total_sessions WHERE id = $1", course)
        yield transaction.commit()
    finally:
        await connection.close()


@pytest.mark.parametrize("reach_back", [True, False], ids=["", "control without reaching back"])
async def test_what_is_committed_after_a_pull_is_in_the_next(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch, reach_back: bool
) -> None:
    """The next pull asks for the moment at which this one began."""
    if not reach_back:
        monkeypatch.setattr(pagination, "REACH_BACK", timedelta(0))
    course = await new_course(admin)
    async with unnoted(stack.catalog_database_url, organisation, "courses"):
        pass
    walked = Walked(admin, COURSES, _nothing)
    async with changing(stack.catalog_database_url, course) as commit:
        began = datetime.now(UTC).isoformat()
        assert await changed(walked, began) == []
        await commit
    assert await changed(walked, began) == ([course] if reach_back else [])
