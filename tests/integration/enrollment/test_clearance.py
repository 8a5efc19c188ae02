"""Who is cleared: what meets each requirement, or is missing, and which sessions would give it."""

from typing import Any

import pytest

from tests.support.clearances import (
    FIRST_AID,
    asked,
    clearance,
    days_from_now,
    is_cleared,
    missing,
    required,
    roster,
    statuses,
    trained,
)
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.external_records import accepted, known_course
from tests.support.lifecycle import changed, ends_at, in_enrollment
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    SESSIONS,
    STAFF,
    enroll,
    new_employee,
    new_employees,
    new_session,
    new_staff,
)

METRO, HARBOUR = 31, 32


@pytest.fixture
def judge(stack: Stack, organisation: int) -> Client:
    return stack.client(organisation, sub="judge-1", name="Judy Judge")


async def test_what_meets_a_requirement_is_named(stack: Stack, admin: Client, judge: Client) -> None:
    course, other, endless = [await known_course(admin) for _ in range(3)]
    person = await new_employee(admin, company={"id": 7, "name": "ABC"})
    any_of = {"any_of": [{"course_id": course}, {"course_id": other}]}
    either, always = await required(admin, any_of, name="Either"), await required(admin, {"course_id": endless})
    enrollment, longer, record = [await trained(admin, each, person) for each in (course, other)] + [
        await accepted(admin, judge, person, course_id=endless)
    ]
    ends = [days_from_now(days) for days in (10, 20)]
    for done, end in zip((enrollment, longer), ends, strict=True):
        await ends_at(stack, done, end)
    answer = await clearance(admin, person)
    assert answer["employee"]["company"] == {"id": 7, "name": "ABC"}
    assert (answer["cleared"], answer["project_id"]) == (True, None)
    nothing: dict[str, Any] = {"grace_until": None, "sessions": []}
    assert answer["requirements"] == [
        {
            "requirement": {"id": either, "name": "Either"},
            "status": "met",
            "course_id": other,
            "enrollment_id": longer,
            "record_id": None,
            "valid_until": f"{ends[1]:%Y-%m-%dT%H:%M:%S.%fZ}",
            **nothing,
        },
        {
            "requirement": {"id": always, "name": "White card"},
            "status": "met",
            "course_id": endless,
            "enrollment_id": None,
            "record_id": record,
            "valid_until": None,
            **nothing,
        },
    ]
    await ends_at(stack, longer, days_from_now(-1))
    assert (await clearance(admin, person))["requirements"][0]["enrollment_id"] == enrollment
    await ends_at(stack, enrollment, days_from_now(-1))
    answer = await clearance(admin, person)
    assert (answer["cleared"], statuses(answer)) == (False, {either: "lacking", always: "met"})
    assert {answer["requirements"][0][name] for name in ("course_id", "enrollment_id", "valid_until")} == {None}


async def test_without_requirements_everybody_is_cleared(admin: Client) -> None:
    person = await new_employee(admin)
    answer = await clearance(admin, person)
    assert (answer["cleared"], answer["requirements"]) == (True, [])
    [result] = await asked(admin, [person])
    assert (result["cleared"], result["missing"]) == (True, [])


async def test_a_label_is_met_by_any_course_that_carries_it_and_is_there(admin: Client) -> None:
    carrying, bare = await known_course(admin, labels=[FIRST_AID]), await known_course(admin)
    people = await new_employees(admin, 2)
    requirement = await required(admin, {"label_id": FIRST_AID["id"]})
    for course, person in zip((carrying, bare), people, strict=True):
        await trained(admin, course, person)
    results = await asked(admin, people)
    assert [each["cleared"] for each in results] == [True, False]
    assert missing(results[1]) == {requirement: "lacking"}
    assert [(await clearance(admin, each))["cleared"] for each in people] == [True, False]
    assert (await admin.patch(f"{COURSES}/{bare}", {"labels": [FIRST_AID]})).status == 200
    await eventually(lambda: is_cleared(admin, people[1]))
    assert [each["cleared"] for each in await asked(admin, people)] == [True, True]


async def test_what_a_project_requires_counts_there_alone(admin: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course}, applies_to={"project_ids": [METRO]})
    for project, cleared in ((METRO, False), (HARBOUR, True), (None, True)):
        query = {} if project is None else {"project_id": project}
        assert await is_cleared(admin, person, **query) is cleared
        assert [each["cleared"] for each in await asked(admin, [person], **query)] == [cleared]
        assert [each["cleared"] for each in await roster(admin, **query)] == [cleared]


async def test_it_applies_to_those_it_names(admin: Client) -> None:
    course = await known_course(admin)
    worker, own = await new_employee(admin, company={"id": 7, "name": "ABC"}), await new_employee(admin)
    staff = await new_staff(admin)
    of = {
        "company": await required(admin, {"course_id": course}, applies_to={"company_ids": [7, 8]}),
        "type": await required(admin, {"course_id": course}, applies_to={"person_types": ["staff"]}),
        "person": await required(admin, {"course_id": course}, applies_to={"employee_ids": [own, staff]}),
        "nobody": await required(
            admin, {"course_id": course}, applies_to={"company_ids": [7], "person_types": ["staff"]}
        ),
    }
    expected = [{of["company"]}, {of["person"]}, {of["type"], of["person"]}]
    results = await asked(admin, [worker, own, staff])
    assert [set(missing(each)) for each in results] == expected
    answer = await admin.get(f"{STAFF}/{staff}/clearance")
    assert list(statuses(answer.data)) == [of["type"], of["person"]]


async def test_grace_does_not_keep_from_being_cleared_until_it_ends(stack: Stack, admin: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    requirement = await required(admin, {"course_id": course}, grace_days=10)
    [shown] = (await clearance(admin, person))["requirements"]
    assert shown["status"] == "grace"
    [result] = await asked(admin, [person])
    assert (result["cleared"], missing(result)) == (True, {requirement: "grace"})
    assert result["missing"][0]["grace_until"] == shown["grace_until"] is not None
    later = f"{days_from_now(12):%Y-%m-%d}"
    assert [each["cleared"] for each in await asked(admin, [person], on=later)] == [False]
    assert not await is_cleared(admin, person, on=later)
    long_ago = "UPDATE {} SET created_at = created_at - interval '11 days' WHERE id = $1"
    await in_enrollment(stack, long_ago.format("requirements"), requirement)
    assert await is_cleared(admin, person)  # who came later has the time from then on
    await in_enrollment(stack, long_ago.format("people"), person)
    [shown] = (await clearance(admin, person))["requirements"]
    assert (shown["status"], shown["grace_until"]) == ("lacking", None)


async def test_the_next_sessions_would_give_what_is_missing(stack: Stack, admin: Client) -> None:
    course, labelled = await known_course(admin, title="Heights"), await known_course(admin, labels=[FIRST_AID])
    person = await new_employee(admin)
    await required(admin, {"course_id": course})
    await required(admin, {"label_id": FIRST_AID["id"]})

    def in_year(year: int) -> dict[str, str]:
        return {"start_date": f"{year}-05-15T09:00:00Z", "end_date": f"{year}-05-15T17:00:00Z"}

    full = await new_session(admin, course, **in_year(2030), max_participants=1)
    await enroll(admin, full, await new_employee(admin))
    closed = await new_session(admin, course, **in_year(2031), enrollment_closes_at="2020-01-01T00:00:00Z")
    early = await new_session(admin, course, **in_year(2031), enrollment_opens_at="2031-01-01T00:00:00Z")
    later = [await new_session(admin, course, **in_year(year)) for year in (2036, 2035, 2034, 2033)]
    of_label = await new_session(admin, labelled, **in_year(2032))
    gone = await new_session(admin, labelled, **in_year(2031))
    for session in (*later, of_label, gone, closed, early):  # enrollment knows each from then on
        [booked] = await enroll(admin, session, await new_employee(admin))
        await changed(admin, booked, "cancel")
    assert (await admin.patch(f"{SESSIONS}/{gone}", {"status": "cancelled"})).status == 200
    first, second = (await clearance(admin, person))["requirements"]
    assert [each["id"] for each in first["sessions"]] == later[:0:-1]
    assert first["sessions"][0] == {
        "id": later[3],
        "course": {"id": course, "title": "Heights"},
        "start_date": "2033-05-15T09:00:00.000000Z",
        "available_spots": 20,
    }
    assert [each["id"] for each in second["sessions"]] == [of_label]
    first, second = (await clearance(admin, person, on="2034-05-15"))["requirements"]
    assert [each["id"] for each in first["sessions"]] == [later[3], later[2]]
