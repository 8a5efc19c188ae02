"""Enrollment's routes of the people who can be enrolled (contract, section 4)."""

from typing import Any

from services.enrollment.errors import (
    ChangedMeanwhile,
    EmployeeIdTaken,
    MergedIntoThemselves,
    PersonErased,
    PersonNotFound,
    PersonNotSelectable,
)
from services.enrollment.representations import PersonItem
from services.enrollment.schemas import EmployeeFields, EmployeeQuery, Merging, PersonQuery, StaffFields
from services.enrollment.store import people_pages
from services.enrollment.store.people import merged_into
from services.enrollment.use_cases import merging, people
from services.enrollment.use_cases.change_set import again_if_changed
from shared.auth.internal_token import MANAGE, VIEW, VIEW_COMPANY
from shared.auth.sight import Sight
from shared.errors import PreconditionFailed, PreconditionRequired
from shared.http.conditional import Document
from shared.http.models import Body, Query
from shared.http.representation import Done, Success
from shared.http.resource_responses import changed, created
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import Connection
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY, run_once
from shared.service.named_lists import companies_route
from shared.service.resource_routes import audit_route, detail_in_sight_route, list_in_sight_route

_OF_A_CHANGE = (PersonNotFound, PreconditionFailed, ChangedMeanwhile)


def _routes(
    path: str, type_: str, names: tuple[str, str], list_query: type[PersonQuery], fields: type[StaffFields]
) -> list[Route[Any, Any]]:
    """The routes of one type of people; the two differ in what may be asked for and what a person has."""

    def page_of_type(organisation_id: int, query: PersonQuery, sight: Sight) -> PageRead:
        company_id = query.company_id if isinstance(query, EmployeeQuery) else None
        return people_pages.person_page(organisation_id, type_, query, company_id, sight)

    async def detail_of_type(
        connection: Connection, organisation_id: int, person_id: int, sight: Sight
    ) -> Document | None:
        person = await people_pages.person_detail(connection, organisation_id, type_, person_id, sight)
        if person is None and sight.everybody:
            raise PersonNotFound(await merged_into(connection, organisation_id, person_id))
        return person

    async def put_person(call: Call[Query, Any]) -> Answer:
        fields = EmployeeFields(**dict(call.body))
        new, person = await people.save_person(
            call.app[POOL], call.organisation_id, type_, call.id, fields, call.actor, call.conditions
        )
        return created(person, f"{path}/{call.id}") if new else changed(person)

    async def delete_person(call: Call[Query, Body]) -> Answer:
        await people.remove_person(call.app[POOL], call.organisation_id, type_, call.id, call.actor, call.conditions)
        return success(None, message="Removed from the organisation")

    async def merge_person(call: Call[Query, Merging]) -> Answer:
        async def work(connection: Connection) -> Answer:
            person = await merging.merge(
                connection, call.organisation_id, type_, call.id, call.body.into, call.actor, call.conditions
            )
            return changed(person, "Merged")

        async def attempt() -> Answer:
            return await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work)

        return await again_if_changed(attempt)

    single, several = names
    one = path + "/{id}"
    either = {200: Success[PersonItem], 201: Success[PersonItem]}
    return [
        list_in_sight_route(path, page_of_type, list_query, PersonItem, summary=f"List {several}"),
        detail_in_sight_route(one, detail_of_type, PersonNotFound, PersonItem, summary=f"Get {single}"),
        Route(
            "PUT",
            one,
            put_person,
            either,
            permissions=[MANAGE],
            body=fields,
            summary=f"Create or replace {single}",
            description=(
                "Ids of people come from your own system. With `If-None-Match: *` it creates and never replaces."
            ),
            refusals=[*_OF_A_CHANGE, EmployeeIdTaken, PersonErased],
            tagged=True,
        ),
        Route(
            "DELETE",
            one,
            delete_person,
            {200: Done},
            permissions=[MANAGE],
            summary=f"Remove {single}",
            description="Their records stay. Enrollments in sessions that have not begun are cancelled.",
            refusals=_OF_A_CHANGE,
        ),
        Route(
            "POST",
            f"{one}/merge",
            merge_person,
            {200: Success[PersonItem]},
            permissions=[MANAGE],
            body=Merging,
            summary=f"Merge {single}",
            description=(
                "All that the person has goes to `into`, and the person is removed. It cannot be undone, so it"
                " needs `If-Match`."
            ),
            refusals=[*_OF_A_CHANGE, PreconditionRequired, PersonNotSelectable, MergedIntoThemselves, *OF_IDEMPOTENCY],
            tagged=True,
        ),
        audit_route(one, people_pages.PERSON_TRAILS[type_], PersonNotFound, summary=f"Get audit trail of {single}"),
    ]


PEOPLE_ROUTES: list[Route[Any, Any]] = [
    *_routes("/api/v1/employees", "employee", ("employee", "employees"), EmployeeQuery, EmployeeFields),
    *_routes("/api/v1/staff", "staff", ("staff member", "staff"), PersonQuery, StaffFields),
    companies_route("/api/v1/companies", [VIEW, VIEW_COMPANY], summary="List companies"),
]
