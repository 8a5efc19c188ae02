"""Enrollment's routes of training that was done elsewhere (contract, section 4)."""

from typing import Any

from services.enrollment.errors import (
    ChangedMeanwhile,
    CompletedAtNotPossible,
    CourseNotSelectable,
    EmployeeLeft,
    EmployeeNotThere,
    OwnRecord,
    PersonErased,
    RecordNotFound,
    RecordRejectedBefore,
)
from services.enrollment.external_records import MAY_SUBMIT
from services.enrollment.representations_records import RecordItem
from services.enrollment.schemas_records import RecordFields, RecordQuery, Rejection
from services.enrollment.store import record_pages
from services.enrollment.use_cases import external_records
from shared.auth.internal_token import RECORD
from shared.auth.sight import ENROLLS
from shared.errors import PreconditionFailed
from shared.http.models import Body, Query
from shared.http.representation import Success
from shared.http.resource_responses import changed, created
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.postgres.pool import Connection
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY, run_once
from shared.service.resource_routes import audit_route, detail_in_sight_route, list_in_sight_route

RECORDS = "/api/v1/training/records"
_ONE = RECORDS + "/{id}"
_OF_A_DECISION = (RecordNotFound, PreconditionFailed, ChangedMeanwhile)


async def submit_record(call: Call[Query, RecordFields]) -> Answer:
    async def work(connection: Connection) -> Answer:
        record_id, record = await external_records.submit(connection, call.caller, call.body, call.actor)
        return created(record, f"{RECORDS}/{record_id}", "Record submitted")

    return await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work)


async def accept_record(call: Call[Query, Body]) -> Answer:
    record = await external_records.accept(call.app[POOL], call.caller, call.id, call.actor, call.conditions)
    return changed(record, "Record accepted")


async def reject_record(call: Call[Query, Rejection]) -> Answer:
    record = await external_records.reject(
        call.app[POOL], call.caller, call.id, call.body.reason, call.actor, call.conditions
    )
    return changed(record, "Record rejected")


RECORD_ROUTES: list[Route[Any, Any]] = [
    list_in_sight_route(
        "/api/v1/training/record-submissions",
        record_pages.record_page,
        RecordQuery,
        RecordItem,
        summary="List submitted records",
    ),
    detail_in_sight_route(_ONE, record_pages.record_detail, RecordNotFound, RecordItem, summary="Get submitted record"),
    Route(
        "POST",
        RECORDS,
        submit_record,
        {201: Success[RecordItem]},
        permissions=[*MAY_SUBMIT, *ENROLLS],
        body=RecordFields,
        summary="Submit record",
        description="Training that somebody did elsewhere. It counts once somebody else has accepted it.",
        refusals=[EmployeeNotThere, CourseNotSelectable, CompletedAtNotPossible, *OF_IDEMPOTENCY],
        tagged=True,
        elsewhere=("GET",),
    ),
    Route(
        "POST",
        f"{_ONE}/accept",
        accept_record,
        {200: Success[RecordItem]},
        permissions=[RECORD],
        summary="Accept record",
        description="Whoever submitted the record, or is trained by it, cannot accept it.",
        refusals=[*_OF_A_DECISION, OwnRecord, RecordRejectedBefore, EmployeeLeft],
        tagged=True,
    ),
    Route(
        "POST",
        f"{_ONE}/reject",
        reject_record,
        {200: Success[RecordItem]},
        permissions=[RECORD],
        body=Rejection,
        summary="Reject record",
        description="Also one that was accepted: it counts no more, and what it certified is revoked.",
        refusals=[*_OF_A_DECISION, PersonErased],
        tagged=True,
    ),
    audit_route(_ONE, record_pages.TRAIL, RecordNotFound, summary="Get audit trail of submitted record"),
]
