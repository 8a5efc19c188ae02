"""Every route, asked by every role, about whose rows there are, also of another organisation (contract, section 2)."""

import json
import re
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from services.accounts.roles import ROLES as ISSUED
from services.enrollment import api as enrollment_api
from services.enrollment import (
    api_calendars,
    api_clearance,
    api_credentials,
    api_erasure,
    api_matrix,
    external_records,
    rules,
)
from services.history import api as history_api
from shared.auth import sight
from shared.auth.internal_token import API_ACCESS, Caller
from shared.service import resource_routes
from tests.contract.permissions import DOCUMENTED, LINES, NOBODY, OPERATOR, ROLES, Line, Whose
from tests.contract.rows_of_lines import COMPANY, Rows, rows_of
from tests.support.client import INTERNAL_PERMISSIONS, Answer, Client, new_organisation
from tests.support.eventually import eventually
from tests.support.lifecycle import shown, transfer
from tests.support.routes import PUBLIC
from tests.support.stack import Stack
from tests.support.world import (
    CALENDARS,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    RECORDS,
    STAFF,
    SUBMISSIONS,
    ask_to_enroll,
    new_employee,
)

pytestmark = pytest.mark.timeout(180)  # a role asks for every route of the table

_NAME = re.compile(r"\{([a-z ]+)\}")
NOT_KNOWN = 2**41
COMPLIANCE, COMPANIES = "/api/v1/training/compliance", "/api/v1/companies"
CLEARANCE = "/api/v1/training/clearance"

WALK: list[tuple[str, Whose]] = [
    (role, whose)
    for role in ROLES
    for whose in get_args(Whose)
    if whose == "other" or any(line.allowed(role).whose == whose for line in LINES)
]


def names_in(line: Line) -> set[str]:
    """The rows that a request needs, and the caller of it."""
    return {*_NAME.findall(line.request), *_NAME.findall(json.dumps(line.body)), *_caller_of(line)}


def _caller_of(line: Line) -> set[str]:
    return {"staff"} if "/staff" in line.request else set()


async def settled_rows_of(admin: Client, whose: Whose = "own") -> Rows:
    """Rows that the histories and the catalog's counts have heard of too, of people who were looked at."""
    rows = await rows_of(admin, whose)
    data = [line for line in LINES if line.documented.endswith("/data")]

    async def known() -> bool:
        histories = (f"{EMPLOYEES}/{rows['person']}/training", f"{STAFF}/{rows['staff']}/training")
        counted = (await admin.get(f"{COURSES}/{rows['course']}")).data["total_enrollments"] == 1
        recorded = rows["enrollment"] in [record["id"] for record in (await admin.get(RECORDS, per_page=100)).data]
        looked_at = all([(await ask(admin, line, rows)).data["clearances"] for line in data])
        followed = [(await admin.get(path)).status for path in histories] == [200, 200]
        return counted and recorded and looked_at and followed

    await eventually(known)
    return rows


def client_with(stack: Stack, organisation: int, role: str, person: int) -> Client:
    """A token as accounts gives it for the role."""
    issued = {str(name): permissions for name, permissions in ISSUED.items()}
    issued[NOBODY] = frozenset().union(*issued.values()) - {"api.access"}
    issued[OPERATOR] = frozenset({"api.access", "platform.manage"})
    permissions = issued[role]
    claims = {"employee_id": person, "company_ids": [COMPANY["id"]]}
    return stack.client(organisation, permissions=sorted(permissions), **claims)


def person_of(line: Line, rows: Rows, whose: Whose) -> int:
    """Who the caller is: the person whom the row is about, or nobody that is known."""
    if whose != "own":
        return NOT_KNOWN
    person: int = rows["staff"] if "/staff" in line.request else rows["person"]
    return person


async def ask(client: Client, line: Line, rows: Rows) -> Answer:
    method, path = _NAME.sub(lambda name: str(rows[name[1]]), line.request).split(" ")
    options: dict[str, Any] = {} if line.body is None else {"json": _filled(line.body, rows)}
    if line.file:
        options = {"data": line.file, "headers": {"Content-Type": "text/csv"}}
    return await client.request(method, path, **options)


def _filled(value: Any, rows: Rows) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, rows) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, rows) for inner in value]
    name = _NAME.fullmatch(value) if isinstance(value, str) else None
    return rows[name[1]] if name else value


def is_read(line: Line) -> bool:
    """Whoever asks who is cleared of many changes nothing by it."""
    return line.request.startswith("GET ") or line.request == f"POST {CLEARANCE}"


def is_of_the_platform(line: Line) -> bool:
    """About organisations themselves: whoever may ask does so about all of them."""
    return line.right == "platform.manage"


def test_the_table_names_every_route() -> None:
    declared = {
        str(each): [permission.removeprefix("training.") for permission in each.route.permissions]
        for each in PUBLIC
        if list(each.route.permissions) != [API_ACCESS]  # about the caller alone
    }
    assert {request: permissions for request, (permissions, _) in DOCUMENTED.items()} == declared
    assert {line.documented: line.right for line in LINES} == {each: names[0] for each, names in declared.items()}


def test_the_table_has_every_role() -> None:
    assert [role for role in ROLES if role not in (NOBODY, OPERATOR)] == list(ISSUED)


async def walk(stack: Stack, admin: Client, organisation: int, role: str, whose: Whose) -> dict[str, object]:
    """By the request, the status, and of a list also whether it shows the row."""
    shared, found = await settled_rows_of(admin, whose), dict[str, object]()
    # Lists are asked for while they have one page.
    for line in sorted(LINES, key=is_read, reverse=True):
        # What is refused changes nothing: only what may succeed needs rows of its own.
        is_refused = line.answered(role, whose) >= 400
        rows = shared if is_read(line) or is_refused else await rows_of(admin, whose, named=names_in(line))
        answer = await ask(client_with(stack, organisation, role, person_of(line, rows, whose)), line, rows)
        found[line.request] = (answer.status, shows(answer, line, rows))
    return found


def expected_of(role: str, whose: Whose) -> dict[str, object]:
    return {line.request: (line.answered(role, whose), is_to_show(line, role, whose)) for line in LINES}


def is_to_show(line: Line, role: str, whose: Whose) -> bool | None:
    if not is_list_about_people(line) or line.answered(role, whose) != 200:
        return None
    seen = line.allowed(role).whose
    return seen == "all" or (seen == whose and not line.is_hidden(whose))


def shows(answer: Answer, line: Line, rows: Rows) -> bool | None:
    """Whether a list about people has a row about the person."""
    if not is_list_about_people(line) or answer.status != 200:
        return None
    about = {rows["enrollment"], rows["person"], rows["staff"]}
    for path, row in ((COMPANIES, "company"), (CALENDARS, "calendar")):
        about = {rows[row]} if path in line.request else about
    items = answer.data["results"] if line.request == f"POST {CLEARANCE}" else answer.data
    return any({item.get("id"), item.get("employee", {}).get("id")} & about for item in items)


def is_list_about_people(line: Line) -> bool:
    lists = (ENROLLMENTS, RECORDS, SUBMISSIONS, COMPLIANCE, CLEARANCE, COMPANIES, EMPLOYEES, STAFF, CALENDARS)
    return line.documented.partition("GET ")[2] in lists or line.request == f"POST {CLEARANCE}"


@pytest.mark.parametrize(("role", "whose"), WALK)
async def test_in_the_own_organisation_a_role_may_what_the_table_says(
    stack: Stack, admin: Client, organisation: int, role: str, whose: Whose
) -> None:
    assert await walk(stack, admin, organisation, role, whose) == expected_of(role, whose)


@pytest.mark.parametrize("role", ROLES)
async def test_rows_of_another_organisation_do_not_exist_for_any_role(stack: Stack, admin: Client, role: str) -> None:
    expected = {line.request: 403 if line.allowed(role).whose == "–" else line.elsewhere for line in LINES}
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
    """All that can be read of the rows, by those who may: the operator of the platform may change organisations.

    Events reach the feed later than their rows, so it is not among this. Nor is what sending changes of webhooks, nor
    how many people meet what is asked of them, which is counted later.
    """
    read = [line for line in LINES if is_read(line) and not is_of_the_platform(line) and not moves_by_itself(line)]
    return [(await ask(admin, line, rows)).text for line in read]


def moves_by_itself(line: Line) -> bool:
    return (
        line.right == "events.view"
        or line.request.endswith("/matrix")
        or (line.right == "webhooks.manage" and not line.request.endswith(("/secret", "/audit")))
    )


def names_any(answer: Answer, rows: Rows, line: Line) -> bool:
    """Whether a list shows a row of the other organisation's."""
    if is_of_the_platform(line) or not is_read(line) or answer.status != 200 or not isinstance(answer.data, list):
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


@pytest.mark.parametrize("seen", ["sight_of", "reach_of", "sight_of_calendars"])
async def test_control_without_the_filter_the_walk_notices(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    of_enrollment = (
        enrollment_api, api_calendars, api_clearance, api_credentials, api_erasure, api_matrix, rules, external_records,
    )  # fmt: skip
    for module in (resource_routes, history_api, *of_enrollment):
        if hasattr(module, seen):
            monkeypatch.setattr(module, seen, lambda _: sight.EVERYBODY)
    for role in ("Employee", "Contractor Coordinator"):
        found, expected = await walk(stack, admin, organisation, role, "other"), expected_of(role, "other")
        different = {request for request in expected if found[request] != expected[request]}
        filtered = [line for line in LINES if line.allowed(role).whose in ("own", "company")]
        of_people = [line for line in filtered if names_people(line)]
        assert different >= {line.request for line in of_people if opened_by(line) == OPENED[seen]}


def names_people(line: Line) -> bool:
    """Counts alone are 200 with other figures (tests/integration/enrollment/test_matrix.py)."""
    return not line.request.endswith("/matrix")


OPENED: Mapping[str, str] = {"sight_of": "view", "reach_of": "enroll", "sight_of_calendars": "manage"}
"""By what says whose rows a caller may see or change, the permission that opens everybody's."""


def opened_by(line: Line) -> str:
    return "enroll" if line.documented == f"POST {RECORDS}" else line.right


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
    assert answers == {"enroll": 403, "transfer": 404, "cancel": 404}
    enrollment = await shown(admin, rows["enrollment"])
    assert (enrollment["status"], enrollment["session"]["id"]) == ("enrolled", rows["session"])


async def test_who_is_no_person_enrolls_nobody(stack: Stack, admin: Client, organisation: int) -> None:
    rows = await rows_of(admin)
    nobody = stack.client(organisation, permissions=["api.access", "training.enroll.self"])
    assert (await ask_to_enroll(nobody, rows["empty session"], rows["own person"])).status == 403
    assert (await transfer(nobody, rows["enrollment"], rows["other session"])).status == 404


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
