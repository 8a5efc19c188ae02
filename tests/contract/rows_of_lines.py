"""The rows that lines of the table of permissions name."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from services.accounts.schemas_clients import ClientFields
from services.accounts.schemas_organisations import OrganisationFields
from services.accounts.schemas_users import UserFields
from services.delivery.schemas_webhooks import WebhookFields
from tests.contract.permissions import Whose
from tests.support.client import Client
from tests.support.external_records import submitted
from tests.support.importing import FILES, ended_import
from tests.support.requirements import new_requirement
from tests.support.routes import example_body
from tests.support.world import (
    CALENDARS,
    CLIENTS,
    ORGANISATIONS,
    USERS,
    WEBHOOKS,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

Rows = Mapping[str, Any]
COMPANY, OTHER_COMPANY = {"id": 7, "name": "ABC"}, {"id": 8, "name": "XYZ"}
COMPANY_OF: Mapping[Whose, dict[str, Any] | None] = {"own": None, "company": COMPANY, "other": OTHER_COMPANY}
NO_COMPANY = {"id": 0}


async def rows_of(admin: Client, whose: Whose = "own", *, named: Collection[str] | None = None) -> Rows:
    """One of each kind that the table names, all about one person, but for the one of staff; or of those named alone,
    beside a person who is enrolled."""
    course = await new_course(admin)
    session = await new_session(admin, course)
    person = await new_employee(admin, company=COMPANY_OF[whose])
    [enrollment] = await enroll(admin, session, person)
    rows = {
        "course": course,
        "session": session,
        "enrollment": enrollment,
        "person": person,
        "own person": person,
        "company": (COMPANY_OF[whose] or NO_COMPANY)["id"],
        "new address": example_body(UserFields)["email"],
    }
    for name, make in MAKERS.items():
        if named is None or name in named:
            rows[name] = await make(admin, rows)
    return rows


async def _message(admin: Client, rows: Rows) -> Any:
    webhook = rows["webhook"] if "webhook" in rows else await _made(admin, WEBHOOKS, example_body(WebhookFields))
    return await _made(admin, f"{WEBHOOKS}/{webhook}/test", None)


async def _made(admin: Client, path: str, body: Any) -> Any:
    """The new row's id."""
    return (await admin.post(path, body)).data["id"]


def _import_of(kind: str) -> Callable[[Client, Rows], Awaitable[Any]]:
    return lambda admin, _: ended_import(admin, FILES[kind], kind=kind)


async def _record_of_another(admin: Client, _: Rows) -> Any:
    return await submitted(admin, await new_employee(admin))


MAKERS: Mapping[str, Callable[[Client, Rows], Awaitable[Any]]] = {
    "empty course": lambda admin, _: new_course(admin),
    "other session": lambda admin, rows: new_session(admin, rows["course"]),
    "empty session": lambda admin, rows: new_session(admin, rows["course"]),
    "record": lambda admin, rows: submitted(admin, rows["person"]),
    "record of another": _record_of_another,
    "requirement": lambda admin, _: new_requirement(admin),
    "staff": lambda admin, _: new_staff(admin),
    "user": lambda admin, _: _made(admin, USERS, example_body(UserFields)),
    "organisation": lambda admin, _: _made(admin, ORGANISATIONS, example_body(OrganisationFields)),
    "client": lambda admin, _: _made(admin, CLIENTS, example_body(ClientFields)),
    **{f"import of {kind}": _import_of(kind) for kind in FILES},
    "calendar": lambda admin, rows: _made(admin, CALENDARS, {"kind": "person", "id": rows["person"]}),
    "webhook": lambda admin, _: _made(admin, WEBHOOKS, example_body(WebhookFields)),
    "webhook message": _message,
}
"""By its name in the table, how a row is made beside those that are there."""
