"""Enrollment's routes (contract, section 4)."""

import json
from typing import Any

from aiohttp import web

from services.enrollment import rules, store
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.errors import EnrollmentNotFound, PersonNotFound, counted
from services.enrollment.rules import EnrollCommand
from services.enrollment.schemas import (
    CheckIn,
    Completion,
    EmployeeFields,
    EmployeeQuery,
    EnrollmentQuery,
    EnrollmentRequest,
    PersonQuery,
    StaffFields,
)
from services.enrollment.use_cases import change, people
from services.enrollment.use_cases.enroll import EnrollmentDesk, enroll
from shared.database import connected
from shared.http.answers import success
from shared.http.fields import Body, Query
from shared.http.pagination import PagedQuery, training_links, training_meta
from shared.http.routing import Call, Route
from shared.identity import ENROLL, ENROLL_SELF, MANAGE, RECORD, VIEW
from shared.observability import current_trace
from shared.service import POOL

DESK: web.AppKey[EnrollmentDesk] = web.AppKey("desk")
CATALOG = web.AppKey("catalog", CatalogClient)

ENROLLMENTS = "/api/v1/training/enrollments"
EMPLOYEES = "/api/v1/employees"
STAFF = "/api/v1/staff"


async def list_enrollments(call: Call[EnrollmentQuery, Body]) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        total, items = await store.enrollment_page(connection, call.organisation_id, call.query)
    return _page(call, total, items)


async def get_enrollment(call: Call[Query, Body]) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        enrollment = await store.enrollment_detail(connection, call.organisation_id, call.id)
    if enrollment is None:
        raise EnrollmentNotFound
    return success(enrollment)


async def create_enrollments(call: Call[Query, EnrollmentRequest]) -> web.Response:
    rules.check_may_enroll(call.caller, call.body.employee_ids)
    command = EnrollCommand(
        call.organisation_id, call.body.session_id, tuple(call.body.employee_ids), current_trace.get()
    )
    enrolled = await enroll(call.app[DESK], call.app[POOL], call.app[CATALOG], command)
    count = len(enrolled.enrollments)
    data = {
        "enrolled_count": count,
        "enrollments": [
            {"id": state.id, "employee_id": state.employee_id, "status": state.status} for state in enrolled.enrollments
        ],
        "session_available_spots": enrolled.available_spots,
    }
    return success(json.dumps(data), message=f"{counted(count, 'employee')} enrolled successfully", status=201)


async def complete_enrollment(call: Call[Query, Completion]) -> web.Response:
    status, data = await change.complete(call.app[POOL], call.organisation_id, call.id, call.body)
    return success(data, message=f"Enrollment marked as {status}")


async def cancel_enrollment(call: Call[Query, Body]) -> web.Response:
    return success(await change.cancel(call.app[POOL], call.caller, call.id), message="Enrollment cancelled")


async def mark_enrollment_absent(call: Call[Query, Body]) -> web.Response:
    enrollment = await change.mark_absent(call.app[POOL], call.organisation_id, call.id)
    return success(enrollment, message="Enrollment marked as absent")


async def check_in_enrollment(call: Call[Query, CheckIn]) -> web.Response:
    enrollment = await change.check_in(call.app[POOL], call.organisation_id, call.id, call.body)
    return success(enrollment, message="Enrollment checked in")


async def list_employees(call: Call[EmployeeQuery, Body]) -> web.Response:
    return await _list_people(call, "employee", call.query.company_id)


async def list_staff(call: Call[PersonQuery, Body]) -> web.Response:
    return await _list_people(call, "staff", None)


async def _list_people(call: Call[Any, Body], type_: str, company_id: int | None) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        total, items = await store.person_page(connection, call.organisation_id, type_, call.query, company_id)
    return _page(call, total, items)


async def get_employee(call: Call[Query, Body]) -> web.Response:
    return await _get_person(call, "employee")


async def get_staff(call: Call[Query, Body]) -> web.Response:
    return await _get_person(call, "staff")


async def _get_person(call: Call[Query, Body], type_: str) -> web.Response:
    async with connected(call.app[POOL]) as connection:
        person = await store.person_detail(connection, call.organisation_id, type_, call.id)
    if person is None:
        raise PersonNotFound
    return success(person)


async def put_employee(call: Call[Query, EmployeeFields]) -> web.Response:
    return await _put_person(call, "employee", call.body, EMPLOYEES)


async def put_staff(call: Call[Query, StaffFields]) -> web.Response:
    fields = EmployeeFields(employee_id=call.body.employee_id, full_name=call.body.full_name)
    return await _put_person(call, "staff", fields, STAFF)


async def _put_person(call: Call[Query, Any], type_: str, fields: EmployeeFields, path: str) -> web.Response:
    new, person = await people.save_person(call.app[POOL], call.organisation_id, type_, call.id, fields)
    if new:
        return success(person, status=201, headers={"Location": f"{path}/{call.id}"})
    return success(person)


async def delete_employee(call: Call[Query, Body]) -> web.Response:
    return await _delete_person(call, "employee")


async def delete_staff(call: Call[Query, Body]) -> web.Response:
    return await _delete_person(call, "staff")


async def _delete_person(call: Call[Query, Body], type_: str) -> web.Response:
    await people.remove_person(call.app[POOL], call.organisation_id, type_, call.id)
    return success(None, message="Removed from the organisation")


def _page(call: Call[Any, Body], total: int, items: str) -> web.Response:
    query: PagedQuery = call.query
    return success(items, meta=training_meta(query, total), links=training_links(call.url, query, total))


ROUTES: list[Route[Any, Any]] = [
    Route("GET", ENROLLMENTS, list_enrollments, permissions=[VIEW], query=EnrollmentQuery),
    Route("GET", ENROLLMENTS + "/{id}", get_enrollment, permissions=[VIEW]),
    Route("POST", ENROLLMENTS, create_enrollments, permissions=[ENROLL, ENROLL_SELF], body=EnrollmentRequest),
    Route(
        "PATCH",
        ENROLLMENTS + "/{id}/complete",
        complete_enrollment,
        permissions=[RECORD],
        body=Completion,
        body_optional=True,
    ),
    Route("PATCH", ENROLLMENTS + "/{id}/cancel", cancel_enrollment, permissions=[ENROLL, ENROLL_SELF]),
    Route("PATCH", ENROLLMENTS + "/{id}/absent", mark_enrollment_absent, permissions=[RECORD]),
    Route("PATCH", ENROLLMENTS + "/{id}/check-in", check_in_enrollment, permissions=[RECORD], body=CheckIn),
    Route("GET", EMPLOYEES, list_employees, permissions=[VIEW], query=EmployeeQuery),
    Route("GET", EMPLOYEES + "/{id}", get_employee, permissions=[VIEW]),
    Route("PUT", EMPLOYEES + "/{id}", put_employee, permissions=[MANAGE], body=EmployeeFields),
    Route("DELETE", EMPLOYEES + "/{id}", delete_employee, permissions=[MANAGE]),
    Route("GET", STAFF, list_staff, permissions=[VIEW], query=PersonQuery),
    Route("GET", STAFF + "/{id}", get_staff, permissions=[VIEW]),
    Route("PUT", STAFF + "/{id}", put_staff, permissions=[MANAGE], body=StaffFields),
    Route("DELETE", STAFF + "/{id}", delete_staff, permissions=[MANAGE]),
]
