"""Every route of every service, walked from the tables that declare them: a new one is tested unasked."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from services.accounts.schemas_clients import ClientFields
from services.accounts.schemas_organisations import OrganisationFields
from services.accounts.schemas_users import UserFields
from services.delivery.schemas_webhooks import WebhookFields
from services.enrollment.schemas_calendars import CalendarFields
from shared.http.routing import Route
from tests.support.client import ADMIN_PERMISSIONS, Answer, Client
from tests.support.external_records import submitted
from tests.support.importing import FILES, begun_import
from tests.support.requirements import new_requirement
from tests.support.services import DECLARED
from tests.support.stack import Stack
from tests.support.world import (
    CALENDARS,
    CLIENTS,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    IMPORTS,
    ORGANISATIONS,
    RECORDS,
    REQUIREMENTS,
    SESSIONS,
    STAFF,
    USERS,
    WEBHOOK_MESSAGES,
    WEBHOOKS,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

_VALUES: Mapping[str, Any] = {
    "start_date": "2030-05-15T09:00:00Z",
    "end_date": "2030-05-15T17:00:00Z",
    "title": "Leadership Essentials",
    "training_name": "First Aid",
    "attendance": [{"employee_id": 1, "outcome": "checked_in"}],
    "permissions": ["training.view"],
    "url": "https://hooks.invalid/",
    "since": "2026-01-01T00:00:00Z",
    "as_of": "2026-01-01T00:00:00Z",
    "completed_at": "2025-03-03T08:00:00Z",
    "applies_to": {"all": True},
    "needs": {"course_id": 1},
}
"""For members whose type alone does not say what a good value is."""


@dataclass(frozen=True)
class Declared:
    """One line of a service's table."""

    service: str
    route: Route[Any, Any]

    def __str__(self) -> str:
        return f"{self.route.method} {self.route.path}"

    @property
    def is_public(self) -> bool:
        """Whether clients ask it with their tokens."""
        return self.route.path.startswith("/api/") and not self.route.is_public

    @property
    def has_id(self) -> bool:
        return "{" in self.route.path

    @property
    def permissions(self) -> Sequence[str]:
        """All that a caller of the route has: of an internal one a service, for this call alone."""
        return ADMIN_PERMISSIONS if self.is_public else self.route.permissions

    @property
    def needed_query(self) -> Mapping[str, str]:
        schema = schema_of(self.route.query)
        return {name: schema["properties"][name].get("enum", ["1"])[0] for name in schema.get("required", ())}

    def path(self, ids: Mapping[str, int]) -> str:
        """The path with the id of the row it is about, out of `rows_of_each_kind`."""
        return re.sub(r"\{\w+\}", lambda _: str(ids[self.route.path.partition("/{")[0]]), self.route.path)

    async def ask(self, client: Client, ids: Mapping[str, int], **options: Any) -> Answer:
        """A request that is right in everything; `options` change it."""
        if self.route.body is not None:
            options = {"data" if self.route.form else "json": example_body(self.route.body), **options}
        return await client.request(self.route.method, self.path(ids), **options)


def declared_routes() -> list[Declared]:
    return [Declared(name, route) for name, service in DECLARED.items() for route in service.routes]


ALL = declared_routes()
PUBLIC = [declared for declared in ALL if declared.is_public]

NO_ROWS = dict.fromkeys(
    (
        COURSES,
        SESSIONS,
        ENROLLMENTS,
        RECORDS,
        REQUIREMENTS,
        EMPLOYEES,
        STAFF,
        *(f"{IMPORTS}/{kind}" for kind in FILES),
        "/internal/sessions",
        USERS,
        CLIENTS,
        ORGANISATIONS,
        WEBHOOKS,
        WEBHOOK_MESSAGES,
        CALENDARS,
    ),
    1,
)
"""Ids for requests that are refused before anybody looks for the row."""


async def rows_of_each_kind(client: Client) -> dict[str, int]:
    """The id of one new row for each collection's path; a new collection needs a line here."""
    course_id = await new_course(client)
    session_id = await new_session(client, course_id)
    employee_id = await new_employee(client)
    webhook_id = (await client.post(WEBHOOKS, example_body(WebhookFields))).data["id"]
    [enrollment_id] = await enroll(client, session_id, employee_id)
    return {
        COURSES: course_id,
        SESSIONS: session_id,
        "/internal/sessions": session_id,
        ENROLLMENTS: enrollment_id,
        RECORDS: await submitted(client, employee_id),
        REQUIREMENTS: await new_requirement(client),
        EMPLOYEES: employee_id,
        STAFF: await new_staff(client),
        **{f"{IMPORTS}/{kind}": await begun_import(client, file, kind=kind) for kind, file in FILES.items()},
        USERS: (await client.post(USERS, example_body(UserFields))).data["id"],
        CLIENTS: (await client.post(CLIENTS, example_body(ClientFields))).data["id"],
        ORGANISATIONS: (await client.post(ORGANISATIONS, example_body(OrganisationFields))).data["id"],
        CALENDARS: (await client.post(CALENDARS, example_body(CalendarFields))).data["id"],
        WEBHOOKS: webhook_id,
        WEBHOOK_MESSAGES: (await client.post(f"{WEBHOOKS}/{webhook_id}/test", None)).data["id"],
    }


@dataclass(frozen=True)
class Kept:
    """An organisation with one row of each kind, for tests that change none of them: they read, or are refused."""

    stack: Stack
    organisation: int
    ids: Mapping[str, int]

    @property
    def admin(self) -> Client:
        return self.stack.client(self.organisation)

    def direct(self, declared: Declared) -> Client:
        """Around the gateway, with all that a caller of the route has."""
        return self.stack.direct(declared.service, self.organisation, declared.permissions)

    async def ask(self, declared: Declared, **options: Any) -> Answer:
        """What the administrator is answered."""
        return await declared.ask(self.admin, self.ids, **options)


def new_address() -> str:
    """An email address of nobody: no two users have the same."""
    return f"{secrets.token_hex(6)}@example.com"


def renewed(example: dict[str, Any]) -> dict[str, Any]:
    """The same body with the addresses of other people."""
    admin = {"admin": {**example["admin"], "email": new_address()}} if "admin" in example else {}
    return {**example, **({"email": new_address()} if "email" in example else {}), **admin}


def example_body(model: type[BaseModel]) -> dict[str, Any]:
    """A body with every required member of the model, each with a value of its type.

    Of several ways to fill a body the model names the usual one first.
    """
    schema = schema_of(model)
    properties: Mapping[str, Any] = schema.get("properties", {})
    usual: Mapping[str, Any] = next(iter(schema.get("anyOf", schema.get("oneOf", ()))), {})
    required = (*schema.get("required", ()), *usual.get("required", ()))
    return {name: _example(name, properties[name]) for name in required}


@cache
def schema_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """Making it takes longer than many a request."""
    return model.model_json_schema()


def _example(name: str, schema: Mapping[str, Any]) -> Any:
    if name == "email":
        return new_address()
    if name == "admin":
        return {"name": "x", "email": new_address()}
    return _VALUES.get(name, _value(schema))


def _value(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return list(_items(schema))
    return 1 if schema.get("type") in ("integer", "number", None) else "x"


def _items(schema: Mapping[str, Any]) -> Iterator[Any]:
    for _ in range(schema.get("minItems", 0)):
        yield _value(schema["items"])
