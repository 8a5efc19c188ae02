"""Who is cleared: what meets each requirement, or is missing, for one person and for many."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.use_cases import clearance as use_case
from shared.http.accept import CSV_TYPE, NDJSON_TYPE
from tests.support.clearances import CLEARANCE, asked, clearance, required, roster
from tests.support.client import Client, new_organisation
from tests.support.erasing import erase
from tests.support.eventually import eventually
from tests.support.external_records import accepted, decided, known_course
from tests.support.lifecycle import changed, ends_at, in_enrollment
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    SESSIONS,
    SETTINGS,
    STAFF,
    enroll,
    new_employee,
    new_employees,
    new_session,
    new_staff,
)

METRO, HARBOUR = 31, 32
FIRST_AID = {"id": 5, "name": "First aid"}


@pytest.fixture
def judge(stack: Stack, organisation: int) -> Client:
    return stack.client(organisation, sub="judge-1", name="Judy Judge")


async def trained(client: Client, course: int, person: int) -> int:
    """The enrollment by which a person has completed a course."""
    [enrollment] = await enroll(client, await new_session(client, course, **BEGUN), person)
    await changed(client, enrollment, "complete", {})
    return enrollment


def days_from_now(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def statuses(answer: dict[str, Any]) -> dict[int, str]:
    return {each["requirement"]["id"]: each["status"] for each in answer["requirements"]}


def missing(item: dict[str, Any]) -> dict[int, str]:
    return {each["requirement"]["id"]: each["status"] for each in item["missing"]}


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


async def is_cleared(client: Client, person: int, **query: Any) -> bool:
    return bool((await clearance(client, person, **query))["cleared"])


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


async def test_a_day_to_come_counts_to_its_end(stack: Stack, admin: Client) -> None:
    """In Sydney, whose days are not those of UTC."""
    assert (await admin.put(SETTINGS, {"time_zone": "Australia/Sydney"})).status == 200
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course})
    enrollment = await trained(admin, course, person)
    await ends_at(stack, enrollment, datetime(2088, 6, 15, 14, tzinfo=UTC))  # midnight: the day after has begun
    for day, cleared in (("2088-06-14", True), ("2088-06-15", True), ("2088-06-16", False)):
        answer = await clearance(admin, person, on=day)
        assert (answer["on"], answer["cleared"]) == (day, cleared)
        assert [each["cleared"] for each in await asked(admin, [person], on=day)] == [cleared]
        assert [each["cleared"] for each in await roster(admin, on=day)] == [cleared]
    await ends_at(stack, enrollment, datetime(2088, 6, 15, 13, 59, 59, tzinfo=UTC))
    assert not await is_cleared(admin, person, on="2088-06-15")


async def test_a_requirement_is_in_force_on_its_days(admin: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course}, **{"from": "2088-06-14", "until": "2088-06-15"})
    for day, cleared in (("2088-06-13", True), ("2088-06-14", False), ("2088-06-15", False), ("2088-06-16", True)):
        assert await is_cleared(admin, person, on=day) is cleared
        assert [each["cleared"] for each in await asked(admin, [person], on=day)] == [cleared]
    assert await is_cleared(admin, person)


async def recorded_days_ago(stack: Stack, record: int, days: int) -> None:
    """As if all that is recorded of it so far had been so many days ago."""
    ago = f"- interval '{days} days'"
    await in_enrollment(stack, f"UPDATE external_records SET submitted_at = submitted_at {ago} WHERE id = $1", record)
    await in_enrollment(
        stack, f"UPDATE audit_trail SET changed_at = changed_at {ago} WHERE kind = 'record' AND id = $1", record
    )


async def test_of_a_day_that_is_past_what_is_known_now_and_was_then_are_said_apart(
    stack: Stack, admin: Client, judge: Client
) -> None:
    course, labelled = await known_course(admin), await known_course(admin, labels=[FIRST_AID])
    person = await new_employee(admin)
    first, second = await required(admin, {"course_id": course}), await required(admin, {"label_id": FIRST_AID["id"]})
    completed_at = f"{days_from_now(-30):%Y-%m-%dT%H:%M:%SZ}"
    late = await accepted(admin, judge, person, course_id=course, completed_at=completed_at)
    mistake = await accepted(admin, judge, person, course_id=labelled, completed_at=completed_at)
    for record in (late, mistake):
        await recorded_days_ago(stack, record, 20)
    await decided(judge, mistake, "reject")
    for days, now, then in (
        (-40, {first: "lacking", second: "lacking"}, {first: "lacking", second: "lacking"}),
        (-25, {first: "met", second: "lacking"}, {first: "lacking", second: "lacking"}),
        (-10, {first: "met", second: "lacking"}, {first: "met", second: "met"}),
    ):
        answer = await clearance(admin, person, on=f"{days_from_now(days):%Y-%m-%d}")
        assert (statuses(answer), answer["cleared"]) == (now, False)
        assert statuses(answer["known_then"]) == then
        assert answer["known_then"]["cleared"] is (set(then.values()) == {"met"})
    shown = [each["record_id"] for each in answer["known_then"]["requirements"]]
    assert shown == [late, mistake]
    assert "known_then" not in await clearance(admin, person)
    assert "known_then" not in await clearance(admin, person, on=f"{days_from_now(10):%Y-%m-%d}")


async def test_of_a_day_that_is_past_what_was_valid_then_counts(stack: Stack, admin: Client, judge: Client) -> None:
    """Whatever counts most by now."""
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course})
    ends = {"completed_at": f"{days_from_now(-90):%Y-%m-%dT%H:%M:%SZ}", "valid_until": days_from_now(-60).isoformat()}
    old = await accepted(admin, judge, person, course_id=course, **ends)
    await accepted(admin, judge, person, course_id=course, completed_at=f"{days_from_now(-9):%Y-%m-%dT%H:%M:%SZ}")
    for days, cleared in ((-95, False), (-70, True), (-30, False), (-5, True)):
        answer = await clearance(admin, person, on=f"{days_from_now(days):%Y-%m-%d}")
        assert answer["cleared"] is cleared
        assert (answer["requirements"][0]["record_id"] == old) is (days == -70)


async def test_a_day_that_is_past_is_refused_of_many(admin: Client) -> None:
    person, yesterday = await new_employee(admin), f"{days_from_now(-2):%Y-%m-%d}"
    for answer in (
        await admin.get(CLEARANCE, on=yesterday),
        await admin.post(CLEARANCE, {"employee_ids": [person], "on": yesterday}),
    ):
        assert (answer.status, answer.json["errors"]) == (422, {"on": ["Must not be in the past."]})


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


async def test_many_are_answered_in_their_order_whoever_they_are(
    stack: Stack, admin: Client, organisation: int
) -> None:
    there, removed, merged, erased = await new_employees(admin, 4)
    stranger = await new_employee(stack.client(new_organisation()))
    assert (await admin.delete(f"{EMPLOYEES}/{removed}")).status == 200
    answer = await admin.request("POST", f"{EMPLOYEES}/{merged}/merge", json={"into": there}, headers={"If-Match": "*"})
    assert answer.status == 200, answer.text
    assert (await erase(admin, erased)).status == 200
    order = [2**60, merged, there, erased, removed, stranger]
    results = await asked(admin, order)
    assert [each["employee_id"] for each in results] == order
    assert [each["cleared"] for each in results] == [False, False, True, False, False, False]
    message = "Worker not found or not in your organisation"
    nobody = {"code": "not_found", "message": message}
    assert results[0] == {"employee_id": 2**60, "cleared": False, "error": nobody}
    assert results[1]["error"] == {**nobody, "merged_into": there}
    for person in order:
        alone = await admin.get(f"{EMPLOYEES}/{person}/clearance")
        assert alone.status == (200 if person == there else 404)
        assert alone.json.get("merged_into") == (there if person == merged else None)
    assert (await admin.get(f"{STAFF}/{there}/clearance")).status == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"employee_ids": []}, "employee_ids"),
        ({"employee_ids": list(range(1, 502))}, "employee_ids"),
        ({"employee_ids": [1, 1]}, "employee_ids"),
        ({"employee_ids": [0]}, "employee_ids.0"),
        ({"employee_ids": [1], "on": "tomorrow"}, "on"),
        ({"employee_ids": [1], "project_id": "1"}, "project_id"),
        ({"employee_ids": [1], "company_id": 1}, "company_id"),
        ({}, "employee_ids"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(admin: Client, body: dict[str, Any], field: str) -> None:
    answer = await admin.post(CLEARANCE, body)
    assert (answer.status, list(answer.json["errors"])) == (422, [field])


async def crew(client: Client, count: int) -> tuple[list[int], set[int]]:
    """People of two companies, every third of whom is cleared, and who."""
    course = await known_course(client)
    await required(client, {"course_id": course})
    people = [await new_employee(client, company={"id": 1 + place % 2, "name": "C"}) for place in range(count)]
    cleared = sorted(people)[::3]
    for person in cleared:
        await trained(client, course, person)
    return sorted(people), set(cleared)


async def test_the_roster_is_of_all_people_in_pages(admin: Client) -> None:
    people, cleared = await crew(admin, 7)
    answer = await admin.get(CLEARANCE, per_page=5, page=2)
    assert [each["employee"]["id"] for each in answer.data] == people[5:]
    assert [each["cleared"] for each in answer.data] == [each in cleared for each in people[5:]]
    assert answer.json["meta"]["total"] == 7
    of_company = [each["employee"]["id"] for each in await roster(admin, company_id=1, per_page=2)]
    counted = await admin.get(CLEARANCE, company_id=1)
    assert counted.json["meta"]["total"] == len(of_company) == 4
    assert of_company == [each["employee"]["id"] for each in counted.data]
    assert {each["employee"]["company"]["id"] for each in counted.data} == {1}
    assert (await admin.get(CLEARANCE, company_id=9)).data == []


@pytest.mark.parametrize(("at_once", "looked_at"), [(500, 2000), (2, 4), (3, 3), (100, 100)])
async def test_a_walk_finds_those_who_are_cleared_or_are_not(
    admin: Client, monkeypatch: pytest.MonkeyPatch, at_once: int, looked_at: int
) -> None:
    monkeypatch.setattr(use_case, "_AT_ONCE", at_once)
    monkeypatch.setattr(use_case, "LOOKED_AT", looked_at)
    people, cleared = await crew(admin, 8)
    for sought, expected in (("true", cleared), ("false", set(people) - cleared)):
        for per_page in (1, 2, 100):
            found = await roster(admin, cleared=sought, per_page=per_page)
            assert [each["employee"]["id"] for each in found] == sorted(expected)
    assert await roster(admin, cleared="true", company_id=9) == []
    for query in ({}, {"page": 1}, {"cursor": "", "total": "true"}):
        answer = await admin.get(CLEARANCE, cleared="true", **query)
        assert (answer.status, list(answer.json["errors"])) == (422, ["cleared"])


async def test_it_is_exported(admin: Client) -> None:
    people, cleared = await crew(admin, 4)
    for query, expected in (({}, set(people)), ({"cleared": "false"}, set(people) - cleared)):
        lines = await admin.request("GET", CLEARANCE, params=query, headers={"Accept": NDJSON_TYPE})
        csv = await admin.request("GET", CLEARANCE, params=query, headers={"Accept": CSV_TYPE})
        assert (lines.status, csv.status) == (200, 200)
        assert len(lines.text.strip().splitlines()) == len(expected)
        head, *rows = csv.text.strip().splitlines()
        assert head.removeprefix("\ufeff").split(",")[:2] == ["employee.id", "employee.type"]
        assert {int(row.partition(",")[0]) for row in rows} == expected


async def test_one_sees_whom_one_may_see(stack: Stack, admin: Client, organisation: int) -> None:
    mine, others, own = [await new_employee(admin, company={"id": each, "name": "C"}) for each in (7, 8, 9)]

    def caller(*permissions: str, **claims: Any) -> Client:
        return stack.client(organisation, permissions=["api.access", *permissions], **claims)

    coordinator = caller("training.view.company", company_ids=[7])
    worker = caller("training.view.self", employee_id=own)
    nobody = caller("training.view.company", company_ids=[])
    for client, seen in ((coordinator, {mine}), (worker, {own}), (nobody, set())):
        for person in (mine, others, own):
            answer = await client.get(f"{EMPLOYEES}/{person}/clearance")
            assert (answer.status == 200) is (person in seen)
    results = await asked(coordinator, [mine, others, own])
    assert ["error" not in each for each in results] == [True, False, False]
    assert [each["employee"]["id"] for each in await roster(coordinator)] == [mine]
    counted = await coordinator.get(CLEARANCE)
    assert (counted.json["meta"]["total"], len(counted.data)) == (1, 1)
    assert await roster(coordinator, company_id=8) == await roster(nobody) == []
    assert (await worker.get(CLEARANCE)).status == 403
    assert (await worker.post(CLEARANCE, {"employee_ids": [own]})).status == 403


async def test_what_was_merged_learns_nobody_who_may_not_see_everybody(
    stack: Stack, admin: Client, organisation: int
) -> None:
    into, merged = await new_employees(admin, 2)
    await admin.request("POST", f"{EMPLOYEES}/{merged}/merge", json={"into": into}, headers={"If-Match": "*"})
    permissions = ["api.access", "training.view.company"]
    coordinator = stack.client(organisation, permissions=permissions, company_ids=[7])
    [result] = await asked(coordinator, [merged])
    assert "merged_into" not in result["error"]
    assert "merged_into" not in (await coordinator.get(f"{EMPLOYEES}/{merged}/clearance")).json
