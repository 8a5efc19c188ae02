"""Every route, asked by every role, about rows of its own organisation and of another one (contract, section 2)."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.auth.users import ROLES as ISSUED
from services.enrollment import rules
from shared.auth.internal_token import Caller
from tests.contract.permissions import LINES, ROLES, Line, Role
from tests.support.client import INTERNAL_PERMISSIONS, Answer, Client, new_organisation
from tests.support.eventually import eventually
from tests.support.lifecycle import shown, transfer
from tests.support.routes import PUBLIC
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    STAFF,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

Rows = Mapping[str, int]
_NAME = re.compile(r"\{([a-z ]+)\}")


async def rows_of(admin: Client) -> Rows:
    """One of each kind that the table names, all about one person."""
    course, empty_course = await new_course(admin), await new_course(admin)
    session, other_session, empty_session = [await new_session(admin, course) for _ in range(3)]
    person = await new_employee(admin)
    [enrollment] = await enroll(admin, session, person)
    return {
        "course": course,
        "empty course": empty_course,
        "session": session,
        "other session": other_session,
        "empty session": empty_session,
        "enrollment": enrollment,
        "person": person,
        "own person": person,
        "staff": await new_staff(admin),
    }


async def settled_rows_of(admin: Client) -> Rows:
    """Rows that the histories and the catalog's counts have heard of too."""
    rows = await rows_of(admin)

    async def known() -> bool:
        histories = (f"{EMPLOYEES}/{rows['person']}/training", f"{STAFF}/{rows['staff']}/training")
        counted = (await admin.get(f"{COURSES}/{rows['course']}")).data["total_enrollments"] == 1
        return counted and [(await admin.get(path)).status for path in histories] == [200, 200]

    await eventually(known)
    return rows


def client_with(stack: Stack, organisation: int, role: Role, person: int) -> Client:
    """A token as the built-in issuer gives it for the role."""
    permissions = ISSUED["Admin"] - {"api.access"} if role == "without api.access" else ISSUED[role]
    return stack.client(organisation, permissions=sorted(permissions), employee_id=person)


async def ask(client: Client, line: Line, rows: Rows) -> Answer:
    method, path = _NAME.sub(lambda name: str(rows[name[1]]), line.request).split(" ")
    options = {} if line.body is None else {"json": _filled(line.body, rows)}
    return await client.request(method, path, **options)


def _filled(value: Any, rows: Rows) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, rows) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, rows) for inner in value]
    name = _NAME.fullmatch(value) if isinstance(value, str) else None
    return rows[name[1]] if name else value


def is_read(line: Line) -> bool:
    return line.request.startswith("GET ")


def test_the_table_names_every_route() -> None:
    named = {re.sub(r"\{[a-z ]+\}", "{id}", line.request).partition("?")[0] for line in LINES}
    assert named == set(map(str, PUBLIC))


@pytest.mark.parametrize("role", ROLES)
async def test_in_the_own_organisation_a_role_may_what_the_table_says(
    stack: Stack, admin: Client, organisation: int, role: Role
) -> None:
    expected = {line.request: line.own if line.right in ROLES[role] else 403 for line in LINES}
    shared, found = await settled_rows_of(admin), {}
    for line in LINES:
        # What is refused changes nothing: only what may succeed needs rows of its own.
        rows = shared if is_read(line) or expected[line.request] == 403 else await rows_of(admin)
        answer = await ask(client_with(stack, organisation, role, rows["own person"]), line, rows)
        found[line.request] = answer.status
    assert found == expected


@pytest.mark.parametrize("role", ROLES)
async def test_rows_of_another_organisation_do_not_exist_for_any_role(stack: Stack, admin: Client, role: Role) -> None:
    expected = {line.request: line.elsewhere if line.right in ROLES[role] else 403 for line in LINES}
    theirs, found = await settled_rows_of(admin), {}
    before = await everything(admin, theirs)
    for line in LINES:
        elsewhere = new_organisation()  # in which the line before has made nothing
        mine = {**theirs, "own person": await new_employee(stack.client(elsewhere))}
        answer = await ask(client_with(stack, elsewhere, role, mine["own person"]), line, mine)
        found[line.request] = answer.status
        assert not names_any(answer, theirs, line), line.request
    assert found == expected
    assert await everything(admin, theirs) == before


async def everything(admin: Client, rows: Rows) -> list[str]:
    """All that can be read of the rows, by those who may."""
    return [(await ask(admin, line, rows)).text for line in LINES if is_read(line)]


def names_any(answer: Answer, rows: Rows, line: Line) -> bool:
    """Whether a list shows a row of the other organisation's."""
    if not is_read(line) or answer.status != 200 or not isinstance(answer.data, list):
        return False
    return any(item.get("id") in rows.values() for item in answer.data)


async def test_control_without_the_look_at_permissions_the_walk_notices(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Caller, "may", lambda *_: True)
    rows = await rows_of(admin)
    trainer = client_with(stack, organisation, "Trainer", rows["own person"])
    managing = [line for line in LINES if line.right == "manage" and line.body is not None]
    assert 403 not in {(await ask(trainer, line, rows)).status for line in managing}


@pytest.mark.parametrize("user_type", ["contractor", "service"])
async def test_histories_are_for_staff_alone(stack: Stack, admin: Client, organisation: int, user_type: str) -> None:
    rows = await rows_of(admin)
    client = stack.client(organisation, user_type=user_type)
    for path in (f"{EMPLOYEES}/{rows['person']}/training", f"{STAFF}/{rows['staff']}/training"):
        answer = await client.get(path)
        assert (answer.status, answer.json["code"]) == (403, "permission_denied")
        assert "Staff" in answer.json["message"]


async def as_employee(stack: Stack, admin: Client, organisation: int, *, own: bool) -> tuple[dict[str, int], Rows]:
    """What an employee is answered who enrolls, transfers and cancels their own person or another."""
    rows = await rows_of(admin)
    other = await new_employee(admin)
    employee = client_with(stack, organisation, "Employee", rows["own person"] if own else other)
    answers = {
        "enroll": await ask_to_enroll(employee, rows["empty session"], rows["own person"]),
        "transfer": await transfer(employee, rows["enrollment"], rows["other session"]),
        "cancel": await employee.patch(f"{ENROLLMENTS}/{rows['enrollment']}/cancel"),
    }
    return {name: answer.status for name, answer in answers.items()}, rows


async def test_an_employee_enrolls_transfers_and_cancels_their_own_person(
    stack: Stack, admin: Client, organisation: int
) -> None:
    answers, rows = await as_employee(stack, admin, organisation, own=True)
    assert answers == {"enroll": 201, "transfer": 200, "cancel": 200}
    assert (await shown(admin, rows["enrollment"]))["status"] == "cancelled"


async def test_an_employee_does_none_of_it_for_another(stack: Stack, admin: Client, organisation: int) -> None:
    answers, rows = await as_employee(stack, admin, organisation, own=False)
    assert answers == {"enroll": 403, "transfer": 403, "cancel": 403}
    enrollment = await shown(admin, rows["enrollment"])
    assert (enrollment["status"], enrollment["session"]["id"]) == ("enrolled", rows["session"])


async def test_control_without_the_look_at_the_person_an_employee_does_it_for_anyone(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "check_may_enroll", lambda *_: None)
    answers, _ = await as_employee(stack, admin, organisation, own=False)
    assert answers == {"enroll": 201, "transfer": 200, "cancel": 200}


async def test_who_is_no_person_enrolls_nobody(stack: Stack, admin: Client, organisation: int) -> None:
    rows = await rows_of(admin)
    nobody = stack.client(organisation, permissions=["api.access", "training.enroll.self"])
    assert (await ask_to_enroll(nobody, rows["empty session"], rows["own person"])).status == 403
    assert (await transfer(nobody, rows["enrollment"], rows["other session"])).status == 403


async def test_what_services_ask_each_other_is_not_there_for_any_client(
    stack: Stack, organisation: int, admin: Client
) -> None:
    rows = await rows_of(admin)
    client = stack.client(organisation, permissions=["api.access", *INTERNAL_PERMISSIONS, "training.view"])
    for method, path in (
        ("GET", f"/internal/sessions/{rows['session']}"),
        ("POST", f"/internal/sessions/{rows['session']}/capacity"),
        ("POST", "/internal/sessions/close"),
        ("POST", "/internal/changes"),
    ):
        assert (await client.request(method, path)).status == 404
