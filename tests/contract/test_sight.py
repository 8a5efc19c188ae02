"""Whose rows a caller sees (contract, section 2): their own, those of their companies' people, or everybody's."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import (
    EMPLOYEES,
    ENROLLMENTS,
    RECORDS,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_session,
)

COMPANY, OTHER_COMPANY = 7, 8


@dataclass(frozen=True)
class Scene:
    """Three people with an enrollment each: one of a company, one of another company, one of none."""

    people: tuple[int, int, int]
    enrollments: tuple[int, int, int]
    session: int
    course: int


@pytest.fixture
async def scene(admin: Client) -> Scene:
    course = await new_course(admin)
    session = await new_session(admin, course)
    companies = ({"id": COMPANY, "name": "ABC"}, {"id": OTHER_COMPANY, "name": "XYZ"}, None)
    people = [await new_employee(admin, company=company) for company in companies]
    enrollments = await enroll(admin, session, *people)
    first, second, third = people
    return Scene((first, second, third), (enrollments[0], enrollments[1], enrollments[2]), session, course)


def caller(stack: Stack, organisation: int, *permissions: str, **claims: object) -> Client:
    return stack.client(organisation, permissions=["api.access", *permissions], **claims)


async def ids(client: Client, path: str = ENROLLMENTS, **query: Any) -> set[int]:
    """Of the rows listed, whose number is their total."""
    answer = await client.get(path, **query)
    assert answer.status == 200, answer.text
    assert answer.json["meta"]["total"] == len(answer.data)
    return {item["id"] for item in answer.data}


async def history(client: Client, person: int) -> Answer:
    return await client.get(f"{EMPLOYEES}/{person}/training")


async def known_to_history(admin: Client, people: tuple[int, ...]) -> None:
    async def all_known() -> bool:
        answers = [await history(admin, person) for person in people]
        return all(answer.status == 200 and len(answer.data) == 1 for answer in answers)

    await eventually(all_known)


async def test_one_sees_the_own_enrollments(stack: Stack, organisation: int, scene: Scene) -> None:
    own = caller(stack, organisation, "training.view.self", employee_id=scene.people[0])
    mine, *others = scene.enrollments
    assert await ids(own) == {mine}
    assert await ids(own, session_id=scene.session) == {mine}
    assert await ids(own, employee_id=scene.people[1]) == set()
    assert (await own.get(f"{ENROLLMENTS}/{mine}")).status == 200
    assert {(await own.get(f"{ENROLLMENTS}/{other}")).status for other in others} == {404}


async def test_one_sees_the_own_history(stack: Stack, admin: Client, organisation: int, scene: Scene) -> None:
    await known_to_history(admin, scene.people)
    for user_type in ("staff", "contractor", "service"):
        claims = {"employee_id": scene.people[0], "user_type": user_type}
        own = caller(stack, organisation, "training.view.self", **claims)
        assert [(await history(own, person)).status for person in scene.people] == [200, 404, 404]


async def test_a_program_reads_histories(stack: Stack, admin: Client, organisation: int, scene: Scene) -> None:
    await known_to_history(admin, scene.people)
    program = stack.client(organisation, user_type="service")
    assert {(await history(program, person)).status for person in scene.people} == {200}


@pytest.mark.parametrize(("extra", "statuses"), [((), [200, 403, 403]), (("training.view.company",), [200, 200, 404])])
async def test_a_contractor_who_sees_everything_else_reads_the_own_history(
    stack: Stack, admin: Client, organisation: int, scene: Scene, extra: tuple[str, ...], statuses: list[int]
) -> None:
    await known_to_history(admin, scene.people)
    claims = {"user_type": "contractor", "employee_id": scene.people[0], "company_ids": [OTHER_COMPANY]}
    contractor = caller(stack, organisation, "training.view", *extra, **claims)
    answers = [await history(contractor, person) for person in scene.people]
    assert [answer.status for answer in answers] == statuses
    assert all("User is Staff" in answer.json["message"] for answer in answers if answer.status == 403)


LISTS: list[dict[str, Any]] = [
    {},
    {"session_id": "session"},
    {"course_id": "course"},
    {"status": "enrolled"},
    {"year": datetime.now(UTC).year},
    {"year": datetime.now(UTC).year, "session_id": "session", "status": "enrolled"},
]


@pytest.mark.parametrize("query", LISTS, ids=lambda query: " ".join(query) or "all")
@pytest.mark.parametrize(
    ("permissions", "seen"),
    [
        (["training.view"], {0, 1, 2}),
        (["training.view.self"], {2}),
        (["training.view.company"], {0}),
        (["training.view.company", "training.view.self"], {0, 2}),
    ],
    ids=["all", "own", "company", "company and own"],
)
async def test_each_filter_leaves_out_what_the_caller_may_not_see(
    stack: Stack, organisation: int, scene: Scene, permissions: list[str], seen: set[int], query: dict[str, Any]
) -> None:
    client = caller(stack, organisation, *permissions, employee_id=scene.people[2], company_ids=[COMPANY, COMPANY])
    asked = {name: getattr(scene, str(value), value) for name, value in query.items()}
    assert await ids(client, **asked) == {scene.enrollments[place] for place in seen}


async def test_pages_and_totals_are_of_what_is_seen(stack: Stack, admin: Client, organisation: int) -> None:
    session = await new_session(admin, await new_course(admin))
    people = [await new_employee(admin, company={"id": 1 + place % 3, "name": "C"}) for place in range(9)]
    enrollments = await enroll(admin, session, *people)
    both = caller(stack, organisation, "training.view.company", company_ids=[1, 3])
    seen = [each for place, each in enumerate(enrollments) if place % 3 != 1]
    answer = await both.get(ENROLLMENTS, page=2, per_page=4)
    assert ([item["id"] for item in answer.data], answer.json["meta"]["total"]) == (seen[::-1][4:], 6)
    answer = await both.get(EMPLOYEES, page=2, per_page=4)
    listed = sorted(person for place, person in enumerate(people) if place % 3 != 1)
    assert ([item["id"] for item in answer.data], answer.json["meta"]["total"]) == (listed[4:], 6)


async def test_people_are_listed_and_found_in_sight_alone(stack: Stack, organisation: int, scene: Scene) -> None:
    first, _, third = scene.people
    claims = {"employee_id": third, "company_ids": [COMPANY]}
    both = caller(stack, organisation, "training.view.company", "training.view.self", **claims)
    assert await ids(both, EMPLOYEES) == {first, third}
    assert await ids(both, EMPLOYEES, search="john") == {first, third}
    assert await ids(both, EMPLOYEES, company_id=COMPANY) == {first}
    assert await ids(both, EMPLOYEES, company_id=OTHER_COMPANY) == set()
    assert await ids(both, EMPLOYEES, company_id=OTHER_COMPANY, search="john") == set()
    assert [(await both.get(f"{EMPLOYEES}/{person}")).status for person in scene.people] == [200, 404, 200]
    nobody = caller(stack, organisation, "training.view.self", "training.view.company")
    assert await ids(nobody, EMPLOYEES) == set()
    assert await ids(nobody) == set()


@pytest.mark.parametrize(
    ("permissions", "claims", "seen"),
    [
        (["training.view"], {}, {0, 1, 2}),
        (["training.view"], {"user_type": "service"}, {0, 1, 2}),
        (["training.view"], {"user_type": "contractor"}, {2}),
        (["training.view", "training.view.company"], {"user_type": "contractor"}, {0, 2}),
        (["training.view.self"], {}, {2}),
        (["training.view.company"], {}, {0}),
        (["training.view.company", "training.view.self"], {}, {0, 2}),
    ],
    ids=lambda value: None if isinstance(value, set) else " ".join(value) or "-",
)
@pytest.mark.parametrize(
    "query", [{}, {"type": "offline"}, {"status": "confirmed"}, {"entity_type": "employee"}], ids=str
)
async def test_the_records_of_those_in_sight_are_listed(
    stack: Stack,
    admin: Client,
    organisation: int,
    scene: Scene,
    permissions: list[str],
    claims: dict[str, Any],
    seen: set[int],
    query: dict[str, Any],
) -> None:
    await known_to_history(admin, scene.people)
    person = {"employee_id": scene.people[2], "company_ids": [COMPANY]}
    client = caller(stack, organisation, *permissions, **person, **claims)
    expected = {scene.enrollments[place] for place in seen}
    assert await ids(client, RECORDS, **query) == expected
    walk = await client.get(RECORDS, cursor="", total="true", **query)
    assert ({item["id"] for item in walk.data}, walk.json["meta"]["total"]) == (expected, len(expected))


@pytest.mark.parametrize("claims", [{"employee_id": 7}, {"company_ids": [COMPANY]}, {}], ids=str)
async def test_a_page_far_past_the_end_of_what_is_seen_is_empty(
    stack: Stack, organisation: int, claims: dict[str, Any]
) -> None:
    client = caller(stack, organisation, "training.view.self", "training.view.company", **claims)
    for path in (ENROLLMENTS, EMPLOYEES, RECORDS):
        answer = await client.get(path, page=10_000, per_page=100)
        assert (answer.status, answer.data) == (200, [])


async def test_nobody_in_sight_has_no_records(stack: Stack, admin: Client, organisation: int, scene: Scene) -> None:
    await known_to_history(admin, scene.people)
    for user_type, permission in (("contractor", "training.view"), ("staff", "training.view.self")):
        assert await ids(caller(stack, organisation, permission, user_type=user_type), RECORDS) == set()


async def test_who_moves_to_another_company_is_seen_there_and_no_more_here(
    stack: Stack, admin: Client, organisation: int, scene: Scene
) -> None:
    moved, enrollment = scene.people[0], scene.enrollments[0]
    here = caller(stack, organisation, "training.view.company", company_ids=[COMPANY])
    there = caller(stack, organisation, "training.view.company", company_ids=[OTHER_COMPANY])
    await known_to_history(admin, scene.people)
    company = {"id": OTHER_COMPANY, "name": "XYZ"}
    await admin.put(f"{EMPLOYEES}/{moved}", {"employee_id": "E", "full_name": "John Doe", "company": company})
    assert (await ids(here), enrollment in await ids(there)) == (set(), True)
    await eventually(lambda: seen_by(there, here, moved))
    assert (await ids(here, RECORDS), enrollment in await ids(there, RECORDS)) == (set(), True)
    await admin.delete(f"{EMPLOYEES}/{moved}")
    assert enrollment not in await ids(there)
    assert (await there.get(f"{ENROLLMENTS}/{enrollment}")).status == 404
    await eventually(lambda: is_gone(there, enrollment))
    assert enrollment in await ids(admin, RECORDS)


async def is_gone(client: Client, record: int) -> bool:
    return record not in await ids(client, RECORDS)


async def seen_by(sees: Client, does_not: Client, person: int) -> bool:
    return [(await history(client, person)).status for client in (sees, does_not)] == [200, 404]


async def test_compliance_is_of_the_companies_people(stack: Stack, organisation: int, scene: Scene) -> None:
    claims = {"employee_id": scene.people[2], "company_ids": [COMPANY]}
    both = caller(stack, organisation, "training.view.company", "training.view.self", **claims)

    async def listed(**query: object) -> list[int]:
        answer = await both.get("/api/v1/training/compliance", course_id=scene.course, **query)
        assert answer.json["meta"]["total"] == len(answer.data)
        return [item["employee"]["id"] for item in answer.data]

    for query in ({}, {"status": "missing"}, {"company_id": COMPANY}):
        assert await listed(**query) == [scene.people[0]]
    for query in ({"company_id": OTHER_COMPANY}, {"status": "valid"}, {"status": "expiring"}):
        assert await listed(**query) == []


async def test_of_the_companies_their_own_are_listed(stack: Stack, organisation: int, scene: Scene) -> None:
    path = "/api/v1/companies"
    assert await ids(caller(stack, organisation, "training.view"), path) == {COMPANY, OTHER_COMPANY}
    coordinator = caller(stack, organisation, "training.view.company", company_ids=[COMPANY, 99])
    assert await ids(coordinator, path) == await ids(coordinator, path, search="abc") == {COMPANY}
    assert await ids(coordinator, path, search="xyz") == set()
    assert (await caller(stack, organisation, "training.view.self").get(path)).status == 403


async def test_a_row_out_of_sight_is_404_whatever_its_version(stack: Stack, organisation: int, scene: Scene) -> None:
    own = caller(stack, organisation, "training.view.self", "training.enroll.self", employee_id=scene.people[0])
    for enrollment in (scene.enrollments[1], 2**50):
        for headers in ({"If-Match": "*"}, {"If-Match": '"x"'}, {"If-None-Match": "*"}):
            answer = await own.patch(f"{ENROLLMENTS}/{enrollment}/cancel", **headers)
            assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_one_enrolls_the_companies_people_alone(
    stack: Stack, admin: Client, organisation: int, scene: Scene
) -> None:
    mine, others, _ = scene.people
    session = await new_session(admin, scene.course)
    coordinator = caller(stack, organisation, "training.enroll.company", company_ids=[COMPANY])
    refused = await ask_to_enroll(coordinator, session, mine, others, 2**50)
    assert refused.status == 422
    assert refused.json["errors"] == {
        f"employee_ids.{place}": ["The selected employee does not exist."] for place in (1, 2)
    }
    body = {"session_id": session, "employee_ids": [mine, others], "partial": True}
    partial = await coordinator.post(ENROLLMENTS, body)
    assert (partial.status, [each["employee_id"] for each in partial.data["refused"]]) == (201, [others])


async def test_a_token_of_the_version_before_opens_what_it_opened(
    stack: Stack, admin: Client, organisation: int, scene: Scene
) -> None:
    """That of an employee, who saw everything."""
    before = caller(stack, organisation, "training.view", "training.enroll.self", employee_id=scene.people[0])
    await known_to_history(admin, scene.people)
    assert await ids(before) == set(scene.enrollments)
    assert await ids(before, EMPLOYEES) == set(scene.people)
    assert [(await history(before, person)).status for person in scene.people] == [200, 200, 200]
    statuses = [(await before.patch(f"{ENROLLMENTS}/{each}/cancel")).status for each in scene.enrollments]
    assert statuses == [200, 403, 403]
