"""An `employee_id` is one person's, in whatever case and with whatever blanks around it."""

import asyncio

import asyncpg
import pytest

from tests.support.client import Client
from tests.support.commands import run
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, STAFF, new_employee, new_staff

TAKEN = (409, "employee_id_taken")


async def put(admin: Client, person: int, employee_id: str, path: str = EMPLOYEES) -> tuple[int, str | None]:
    answer = await admin.put(f"{path}/{person}", {"employee_id": employee_id, "full_name": "John Doe"})
    return answer.status, answer.json.get("code")


@pytest.mark.parametrize("same", ["EMP-7", "emp-7", " EMP-7 ", "\u00a0EMP-7"[1:]])
async def test_another_person_cannot_have_it(admin: Client, same: str) -> None:
    holder = await new_employee(admin, employee_id="EMP-7")
    answer = await admin.put(f"{EMPLOYEES}/{holder + 1}", {"employee_id": same, "full_name": "John Doe"})
    assert (answer.status, answer.json["code"], answer.json["person"]) == (*TAKEN, holder)
    assert await put(admin, holder + 1, same, STAFF) == TAKEN
    assert (await admin.get(EMPLOYEES)).json["meta"]["total"] == 1


async def test_nobody_can_be_given_it_later(admin: Client) -> None:
    await new_employee(admin, employee_id="EMP-7")
    other = await new_staff(admin, employee_id="EMP-8")
    assert await put(admin, other, "emp-7", STAFF) == TAKEN
    assert (await admin.get(f"{STAFF}/{other}")).data["employee_id"] == "EMP-8"


async def test_its_person_may_write_it_otherwise(admin: Client) -> None:
    person = await new_employee(admin, employee_id="EMP-7")
    assert await put(admin, person, "emp-7") == (200, None)


async def test_it_is_free_once_its_person_was_removed(admin: Client) -> None:
    person = await new_employee(admin, employee_id="EMP-7")
    await admin.delete(f"{EMPLOYEES}/{person}")
    assert await put(admin, person + 1, "EMP-7") == (201, None)
    assert await put(admin, person, "EMP-7") == TAKEN


async def test_another_organisation_may_have_the_same(stack: Stack, admin: Client, organisation: int) -> None:
    person = await new_employee(admin, employee_id="EMP-7")
    assert await put(stack.client(organisation + 1), person, "EMP-7") == (201, None)


async def test_of_many_at_once_one_gets_it(admin: Client) -> None:
    for attempt in range(5):
        answers = await asyncio.gather(*(put(admin, person, f"EMP-{attempt}") for person in range(1, 9)))
        assert sum(answer == TAKEN for answer in answers) == 7


async def test_those_who_share_one_already_can_be_changed_in_all_else(stack: Stack, admin: Client) -> None:
    first, second = await new_employee(admin, employee_id="EMP-7"), await new_employee(admin, employee_id="EMP-8")
    owner = await asyncpg.connect(stack.enrollment_database_url, timeout=10)
    await owner.execute("SET muster.organisations = '{NULL}'")
    await owner.execute("UPDATE people SET employee_id = 'EMP-7' WHERE id = $1", second)
    await owner.close()
    changed = await admin.put(f"{EMPLOYEES}/{second}", {"employee_id": "EMP-7", "full_name": "New Name"})
    assert (changed.status, changed.data["full_name"]) == (200, "New Name")
    assert await put(admin, first, "EMP-9") == (200, None)
    assert await put(admin, first, "EMP-7") == TAKEN


async def test_the_command_lists_those_who_share_one(stack: Stack, admin: Client, organisation: int) -> None:
    first, second = await new_employee(admin, employee_id="EMP-7"), await new_employee(admin, employee_id="EMP-8")
    owner = await asyncpg.connect(stack.enrollment_database_url, timeout=10)
    await owner.execute("UPDATE people SET employee_id = ' emp-7' WHERE id = $1", second)
    listed = await run("enrollment", stack.settings["enrollment"], "shared-employee-ids")
    holders = ", ".join(f"{person} {name!r}" for person, name in sorted({first: "EMP-7", second: " emp-7"}.items()))
    assert (listed.status, f"organisation {organisation}: {holders}" in listed.output.splitlines()) == (1, True)
    await owner.execute("UPDATE people SET employee_id = 'EMP-8' WHERE id = $1", second)
    await owner.close()
    listed = await run("enrollment", stack.settings["enrollment"], "shared-employee-ids")
    assert f"organisation {organisation}:" not in listed.output
