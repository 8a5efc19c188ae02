"""Enrollment's routes of the people who can be enrolled (contract, section 4)."""

from typing import Any

from services.enrollment.errors import PersonNotFound
from services.enrollment.representations import PersonItem
from services.enrollment.schemas import EmployeeFields, EmployeeQuery, PersonQuery, StaffFields
from services.enrollment.store import pages
from services.enrollment.use_cases import people
from shared.auth.internal_token import MANAGE, VIEW
from shared.http.models import Body, Query
from shared.http.representation import Done, Page, Success
from shared.http.resource_responses import changed, created, document, page
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import connected
from shared.service.audit_routes import audit_route
from shared.service.chassis import POOL, READER


def _routes(path: str, type_: str, list_query: type[PersonQuery], fields: type[StaffFields]) -> list[Route[Any, Any]]:
    """The routes of one type of people; the two differ in what may be asked for and what a person has."""

    async def list_people(call: Call[Any, Body]) -> Answer:
        company_id = call.query.company_id if isinstance(call.query, EmployeeQuery) else None
        read = pages.person_page(call.organisation_id, type_, call.query, company_id)
        total, items = await call.app[READER].read(read)
        return page(call, total, items)

    async def get_person(call: Call[Query, Body]) -> Answer:
        async with connected(call.app[POOL]) as connection:
            person = await pages.person_detail(connection, call.organisation_id, type_, call.id)
        if person is None:
            raise PersonNotFound
        return document(person, call.conditions)

    async def put_person(call: Call[Query, Any]) -> Answer:
        fields = EmployeeFields(**dict(call.body))
        new, person = await people.save_person(
            call.app[POOL], call.organisation_id, type_, call.id, fields, call.actor, call.conditions
        )
        return created(person, f"{path}/{call.id}") if new else changed(person)

    async def delete_person(call: Call[Query, Body]) -> Answer:
        await people.remove_person(call.app[POOL], call.organisation_id, type_, call.id, call.actor, call.conditions)
        return success(None, message="Removed from the organisation")

    one = path + "/{id}"
    either = {200: Success[PersonItem], 201: Success[PersonItem]}
    return [
        Route("GET", path, list_people, {200: Page[PersonItem]}, permissions=[VIEW], query=list_query),
        Route("GET", one, get_person, {200: Success[PersonItem]}, permissions=[VIEW]),
        Route("PUT", one, put_person, either, permissions=[MANAGE], body=fields),
        Route("DELETE", one, delete_person, {200: Done}, permissions=[MANAGE]),
        audit_route(one, pages.PERSON_TRAILS[type_], PersonNotFound),
    ]


PEOPLE_ROUTES: list[Route[Any, Any]] = [
    *_routes("/api/v1/employees", "employee", EmployeeQuery, EmployeeFields),
    *_routes("/api/v1/staff", "staff", PersonQuery, StaffFields),
]
