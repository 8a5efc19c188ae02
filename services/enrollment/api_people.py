"""Enrollment's routes of the people who can be enrolled (contract, section 4)."""

from typing import Any

from services.enrollment.errors import PersonNotFound
from services.enrollment.representations import PersonItem
from services.enrollment.schemas import EmployeeFields, EmployeeQuery, PersonQuery, StaffFields
from services.enrollment.store import pages
from services.enrollment.use_cases import people
from shared.auth.internal_token import MANAGE, VIEW
from shared.http.models import Body, Query
from shared.http.pagination import PagedQuery
from shared.http.representation import AuditItem, Done, Page, Success
from shared.http.resource_responses import changed, created, document, page
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import connected
from shared.service.chassis import POOL, READER

EMPLOYEES = "/api/v1/employees"
STAFF = "/api/v1/staff"


async def list_employees(call: Call[EmployeeQuery, Body]) -> Answer:
    return await _list_people(call, "employee", call.query.company_id)


async def list_staff(call: Call[PersonQuery, Body]) -> Answer:
    return await _list_people(call, "staff", None)


async def _list_people(call: Call[Any, Body], type_: str, company_id: int | None) -> Answer:
    total, items = await call.app[READER].read(pages.person_page(call.organisation_id, type_, call.query, company_id))
    return page(call, total, items)


async def get_employee(call: Call[Query, Body]) -> Answer:
    return await _get_person(call, "employee")


async def get_staff(call: Call[Query, Body]) -> Answer:
    return await _get_person(call, "staff")


async def _get_person(call: Call[Query, Body], type_: str) -> Answer:
    async with connected(call.app[POOL]) as connection:
        person = await pages.person_detail(connection, call.organisation_id, type_, call.id)
    if person is None:
        raise PersonNotFound
    return document(person, call.conditions)


async def put_employee(call: Call[Query, EmployeeFields]) -> Answer:
    return await _put_person(call, "employee", call.body, EMPLOYEES)


async def put_staff(call: Call[Query, StaffFields]) -> Answer:
    fields = EmployeeFields(employee_id=call.body.employee_id, full_name=call.body.full_name)
    return await _put_person(call, "staff", fields, STAFF)


async def _put_person(call: Call[Query, Any], type_: str, fields: EmployeeFields, path: str) -> Answer:
    new, person = await people.save_person(
        call.app[POOL], call.organisation_id, type_, call.id, fields, call.actor, call.conditions
    )
    return created(person, f"{path}/{call.id}") if new else changed(person)


async def delete_employee(call: Call[Query, Body]) -> Answer:
    return await _delete_person(call, "employee")


async def delete_staff(call: Call[Query, Body]) -> Answer:
    return await _delete_person(call, "staff")


async def _delete_person(call: Call[Query, Body], type_: str) -> Answer:
    await people.remove_person(call.app[POOL], call.organisation_id, type_, call.id, call.actor, call.conditions)
    return success(None, message="Removed from the organisation")


async def list_employee_changes(call: Call[PagedQuery, Body]) -> Answer:
    return await _list_changes(call, "employee")


async def list_staff_changes(call: Call[PagedQuery, Body]) -> Answer:
    return await _list_changes(call, "staff")


async def _list_changes(call: Call[PagedQuery, Body], type_: str) -> Answer:
    async with connected(call.app[POOL]) as connection:
        found, total, items = await pages.person_trail(connection, call.organisation_id, type_, call.id, call.query)
    if not found:
        raise PersonNotFound
    return page(call, total, items)


PEOPLE_ROUTES: list[Route[Any, Any]] = [
    Route("GET", EMPLOYEES, list_employees, {200: Page[PersonItem]}, permissions=[VIEW], query=EmployeeQuery),
    Route("GET", EMPLOYEES + "/{id}", get_employee, {200: Success[PersonItem]}, permissions=[VIEW]),
    Route(
        "PUT",
        EMPLOYEES + "/{id}",
        put_employee,
        {200: Success[PersonItem], 201: Success[PersonItem]},
        permissions=[MANAGE],
        body=EmployeeFields,
    ),
    Route("DELETE", EMPLOYEES + "/{id}", delete_employee, {200: Done}, permissions=[MANAGE]),
    Route("GET", STAFF, list_staff, {200: Page[PersonItem]}, permissions=[VIEW], query=PersonQuery),
    Route("GET", STAFF + "/{id}", get_staff, {200: Success[PersonItem]}, permissions=[VIEW]),
    Route(
        "PUT",
        STAFF + "/{id}",
        put_staff,
        {200: Success[PersonItem], 201: Success[PersonItem]},
        permissions=[MANAGE],
        body=StaffFields,
    ),
    Route("DELETE", STAFF + "/{id}", delete_staff, {200: Done}, permissions=[MANAGE]),
    Route(
        "GET",
        EMPLOYEES + "/{id}/audit",
        list_employee_changes,
        {200: Page[AuditItem]},
        permissions=[VIEW],
        query=PagedQuery,
    ),
    Route(
        "GET", STAFF + "/{id}/audit", list_staff_changes, {200: Page[AuditItem]}, permissions=[VIEW], query=PagedQuery
    ),
]
