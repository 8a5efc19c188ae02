"""The compliance matrix: how many people meet what is asked of them, and how many lack it."""

from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.lifecycle import changed, in_enrollment
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, enroll, new_course, new_employee, new_employees, new_session, new_staff

MATRIX = "/api/v1/training/compliance/matrix"
METRO = {"id": 31, "name": "Sydney Metro West"}
HEIGHTS = {"id": 5, "name": "Heights"}


async def asks(stack: Stack, organisation: int, requirement: int, **columns: Any) -> int:
    """A requirement of an id of its own."""
    requirement += organisation * 1000
    given = {"organisation_id": organisation, "id": requirement, "name": "White card"}
    given |= {"course_ids": [], "label_ids": []} | columns
    places = ", ".join(f"${place}" for place in range(1, len(given) + 1))
    await in_enrollment(
        stack,
        f"INSERT INTO requirements ({', '.join(given)}) VALUES ({places})",
        *given.values(),
    )
    return requirement


async def counts(client: Client, **query: Any) -> dict[int | None, dict[int, tuple[int, int, int, int]]]:
    """By row and requirement: to how many it applies, and how many meet it, are in grace, or lack it."""
    answer = await client.get(MATRIX, **query)
    assert answer.status == 200, answer.text
    return {
        row["id"]: {
            cell["requirement"]["id"]: (cell["applies"], cell["met"], cell["grace"], cell["lacking"])
            for cell in row["requirements"]
        }
        for row in answer.data["rows"]
    }


async def settled(client: Client, expected: Any, **query: Any) -> None:
    """Returns once a worker has looked at everybody."""

    async def as_expected() -> bool:
        found = await counts(client, **query)
        return bool(found == expected)

    await eventually(as_expected)


async def completed(client: Client, course: int, *people: int) -> list[int]:
    session = await new_session(client, course, projects=[METRO], max_participants=10)
    enrollments = await enroll(client, session, *people)
    for each in enrollments:
        await changed(client, each, "complete", {})
    return enrollments


async def test_people_are_counted_by_company_project_and_label(stack: Stack, admin: Client, organisation: int) -> None:
    course = await new_course(admin, labels=[HEIGHTS], validity_months=12)
    people = await new_employees(admin, 4)
    await new_staff(admin)
    for person, company in zip(people, (7, 7, 8, None), strict=True):
        named = company and {"id": company, "name": f"Company {company}"}
        fields = {"employee_id": f"E-{person}", "full_name": "John Doe", "company": named}
        assert (await admin.put(f"{EMPLOYEES}/{person}", fields)).status == 200
    await completed(admin, course, people[0], people[2])
    everywhere = await asks(stack, organisation, 1, course_ids=[course], person_types=["employee"])
    there = await asks(stack, organisation, 2, label_ids=[5], project_ids=[31], company_ids=[7])
    some = {"company_ids": [8], "employee_ids": people}
    for_a_while = await asks(stack, organisation, 3, course_ids=[course], grace_days=9, **some)
    await asks(stack, organisation, 4, course_ids=[course], removed=True)
    every = {everywhere: (4, 2, 0, 2), there: (2, 1, 0, 1), for_a_while: (1, 1, 0, 0)}
    await settled(admin, {None: every})
    await settled(
        admin,
        {
            7: {everywhere: (2, 1, 0, 1), there: (2, 1, 0, 1)},
            8: {everywhere: (1, 1, 0, 0), for_a_while: (1, 1, 0, 0)},
        },
        by="company",
    )
    await settled(admin, {31: every}, by="project")
    await settled(admin, {5: every}, by="label")
    await settled(admin, {7: {everywhere: (2, 1, 0, 1), there: (2, 1, 0, 1)}}, by="company", company_id=7)
    await settled(admin, {None: {everywhere: (1, 1, 0, 0), for_a_while: (1, 1, 0, 0)}}, company_id=8)
    names = {
        by: [row["name"] for row in (await admin.get(MATRIX, by=by)).data["rows"]]
        for by in ("company", "project", "label")
    }
    assert names == {"company": ["Company 7", "Company 8"], "project": [METRO["name"]], "label": [HEIGHTS["name"]]}
    assert await counts(admin, by="company", after=7) == {8: {everywhere: (1, 1, 0, 0), for_a_while: (1, 1, 0, 0)}}
    assert (await admin.get(MATRIX, by="company")).data["next"] is None


async def test_what_ends_soon_is_counted(stack: Stack, admin: Client, organisation: int) -> None:
    course = await new_course(admin, validity_months=12)
    people = await new_employees(admin, 4)
    enrollments = await completed(admin, course, *people)
    await asks(stack, organisation, 1, course_ids=[course])
    for enrollment, days in zip(enrollments, (10, 50, 80, 100), strict=True):
        await in_enrollment(
            stack,
            "UPDATE certifications SET valid_until = now() + make_interval(days => $2) WHERE enrollment_id = $1",
            enrollment,
            days,
        )

    async def ends() -> tuple[int, ...]:
        [row] = (await admin.get(MATRIX)).data["rows"]
        [cell] = row["requirements"]
        return tuple(cell[name] for name in ("met", "ends_in_30_days", "ends_in_60_days", "ends_in_90_days"))

    async def as_expected() -> bool:
        return await ends() == (4, 1, 2, 3)

    await eventually(as_expected)


async def test_after_goes_with_by(admin: Client) -> None:
    refused = await admin.get(MATRIX, after=7)
    assert refused.status == 422, refused.text


async def test_who_sees_one_company_counts_its_people_alone(stack: Stack, admin: Client, organisation: int) -> None:
    person = await new_employee(admin, company={"id": 7, "name": "Northwind"})
    await new_employee(admin, company={"id": 8, "name": "Southwind"})
    requirement = await asks(stack, organisation, 1, course_ids=[1])
    await settled(admin, {7: {requirement: (1, 0, 0, 1)}, 8: {requirement: (1, 0, 0, 1)}}, by="company")
    viewer = stack.client(organisation, permissions=["api.access", "training.view.company"], company_ids=[7])
    assert await counts(viewer) == {None: {requirement: (1, 0, 0, 1)}}
    assert await counts(viewer, by="company") == {7: {requirement: (1, 0, 0, 1)}}
    assert await counts(viewer, by="company", company_id=8) == {}
    assert person
