"""Enrollment's routes of what an organisation asks of its people (contract, section 4)."""

import json
from typing import Any

from services.enrollment.clearance_preview import Preview
from services.enrollment.errors import NamedByRequirement, RequirementNotFound, TooManyRequirements
from services.enrollment.representations_requirements import (
    ChangedRequirement,
    RemovedRequirement,
    RequirementItem,
    RequirementPreview,
)
from services.enrollment.schemas_requirements import DryRun, RequirementFields, RequirementPatch, RequirementQuery
from services.enrollment.store import requirements as store
from services.enrollment.use_cases import previews
from services.enrollment.use_cases import requirements as use_cases
from shared.auth.internal_token import MANAGE
from shared.errors import PreconditionFailed
from shared.http.models import Body
from shared.http.representation import Success
from shared.http.resource_responses import changed, created
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import Connection, slow_transaction, transaction
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY, run_once
from shared.service.resource_routes import audit_route, detail_route, list_route

REQUIREMENTS = "/api/v1/training/requirements"
_ONE = REQUIREMENTS + "/{id}"


async def create_requirement(call: Call[DryRun, RequirementFields]) -> Answer:
    if call.query.dry_run:
        async with slow_transaction(call.app[POOL], [call.organisation_id]) as connection:
            return _previewed(await previews.of_new(connection, call.organisation_id, call.body))

    async def work(connection: Connection) -> Answer:
        row_id, row = await use_cases.create(connection, call.organisation_id, call.body, call.actor)
        return created(row, f"{REQUIREMENTS}/{row_id}", "Requirement created")

    return await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work)


async def change_requirement(call: Call[DryRun, RequirementPatch]) -> Answer:
    place, patch = (call.organisation_id, call.id), call.body.members
    if call.query.dry_run:
        async with slow_transaction(call.app[POOL], [call.organisation_id]) as connection:
            preview, row = await previews.of_change(connection, *place, patch, call.conditions)
        return _previewed(preview, ETag=row.etag)
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        requirement = await use_cases.change(connection, *place, patch, call.actor, call.conditions)
    return changed(requirement, "Requirement updated")


async def delete_requirement(call: Call[DryRun, Body]) -> Answer:
    place = (call.organisation_id, call.id)
    if call.query.dry_run:
        async with slow_transaction(call.app[POOL], [call.organisation_id]) as connection:
            return _previewed(await previews.of_removal(connection, *place, call.conditions))
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        await use_cases.remove(connection, *place, call.actor, call.conditions)
    return success(None, message="Requirement deleted")


def _previewed(preview: Preview, **headers: str) -> Answer:
    return success(json.dumps(preview.shown()), message="Nothing was changed", headers=headers)


REQUIREMENT_ROUTES: list[Route[Any, Any]] = [
    list_route(REQUIREMENTS, store.page, RequirementQuery, RequirementItem, summary="List requirements"),
    detail_route(_ONE, store.detail, RequirementNotFound, RequirementItem, summary="Get requirement"),
    Route(
        "POST",
        REQUIREMENTS,
        create_requirement,
        {200: Success[RequirementPreview], 201: Success[RequirementItem]},
        permissions=[MANAGE],
        query=DryRun,
        body=RequirementFields,
        summary="Create requirement",
        description="What is asked of people, in some projects or everywhere. 200 answers a dry run.",
        refusals=[TooManyRequirements, NamedByRequirement, *OF_IDEMPOTENCY],
        tagged=True,
    ),
    Route(
        "PATCH",
        _ONE,
        change_requirement,
        {200: ChangedRequirement},
        permissions=[MANAGE],
        query=DryRun,
        body=RequirementPatch,
        summary="Change requirement",
        refusals=[RequirementNotFound, PreconditionFailed, NamedByRequirement],
        tagged=True,
    ),
    Route(
        "DELETE",
        _ONE,
        delete_requirement,
        {200: RemovedRequirement},
        permissions=[MANAGE],
        query=DryRun,
        summary="Delete requirement",
        description="It is asked of nobody any more. Its audit trail stays.",
        refusals=[RequirementNotFound, PreconditionFailed],
    ),
    audit_route(_ONE, store.TRAIL, RequirementNotFound, summary="Get audit trail of requirement"),
]
