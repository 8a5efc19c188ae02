"""Enrollment's route of the compliance matrix (contract, section 4)."""

import json
from collections.abc import Sequence
from typing import Any

from services.enrollment import matrix as rules
from services.enrollment.clearance import Requirement
from services.enrollment.matrix import Group
from services.enrollment.representations_matrix import ComplianceMatrix
from services.enrollment.schemas_matrix import MatrixQuery
from services.enrollment.store import matrix as store
from services.enrollment.store.standings import requirements_now
from shared.auth.internal_token import VIEW, VIEW_COMPANY
from shared.auth.sight import sight_of
from shared.http.models import Body
from shared.http.representation import Success
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import Connection, slow_transaction
from shared.service.chassis import POOL


async def get_matrix(call: Call[MatrixQuery, Body]) -> Answer:
    query, organisation_id = call.query, call.organisation_id
    companies = store.companies_of(query.company_id, sight_of(call.caller))
    async with slow_transaction(call.app[POOL], [organisation_id]) as connection:
        requirements = await requirements_now(connection, organisation_id)
        groups = await _groups(connection, organisation_id, requirements, companies, query)
        people = await store.people(connection, organisation_id, companies, requirements)
        standings = await store.standings(connection, organisation_id, companies, by_company=query.by == "company")
    here = groups[: store.GROUPS]
    rows = rules.shown(here, query.by, people, standings)
    following = here[-1].id if len(groups) > store.GROUPS else None
    return success(json.dumps({"rows": rows, "next": following}, ensure_ascii=False))


async def _groups(
    connection: Connection,
    organisation_id: int,
    requirements: Sequence[Requirement],
    companies: Sequence[int] | None,
    query: MatrixQuery,
) -> list[Group]:
    after = query.after or 0
    match query.by:
        case "company":
            named = await store.companies_after(connection, organisation_id, companies, after)
            return rules.of_companies(requirements, named)
        case "project":
            projects = await store.projects_after(connection, organisation_id, requirements, after)
            return rules.of_projects(requirements, projects)
        case "label":
            return rules.of_labels(requirements, *await store.labels_after(connection, organisation_id, after))
        case None:
            return rules.of_everything(requirements)


MATRIX_ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        "/api/v1/training/compliance/matrix",
        get_matrix,
        {200: Success[ComplianceMatrix]},
        permissions=[VIEW, VIEW_COMPANY],
        query=MatrixQuery,
        summary="Get compliance matrix",
        description="How many people meet each requirement, and how many lack it, by company, project or label.",
    )
]
