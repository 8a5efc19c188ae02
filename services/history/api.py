"""History's routes (contract, section 5)."""

import json
from typing import Any

from services.history.errors import WorkerNotFound, numeric_id
from services.history.representations import HistoryPage, TrainingRecord
from services.history.schemas import EmployeeHistoryQuery, HistoryQuery
from services.history.store import pages
from shared.auth.internal_token import VIEW, Caller
from shared.errors import PermissionDenied
from shared.http.models import Body
from shared.http.pagination import PagedQuery, last_page
from shared.http.responses import Answer, Caching
from shared.http.routing import Call, Route
from shared.postgres.pool import connected
from shared.service.chassis import POOL, READER


def require_staff(caller: Caller) -> None:
    """Histories are for staff alone; raises `PermissionDenied`."""
    if caller.user_type != "staff":
        raise PermissionDenied("User is Staff")


async def employee_history(call: Call[EmployeeHistoryQuery, Body]) -> Answer:
    return await _history(call, "employee", call.query.company_id)


async def staff_history(call: Call[HistoryQuery, Body]) -> Answer:
    return await _history(call, "staff", None)


async def _history(call: Call[Any, Body], person_type: str, company_id: int | None) -> Answer:
    query: HistoryQuery = call.query
    read = pages.history_page(call.organisation_id, call.id, person_type, query, company_id)
    found, total, items = await call.app[READER].read(read)
    if not found:
        async with connected(call.app[POOL]) as connection:
            raise WorkerNotFound(await pages.merged_into(connection, call.organisation_id, call.id))
    text = f'{{"data": {items}, "meta": {json.dumps(history_meta(query, total))}}}'
    return Answer(text, caching=Caching.REVALIDATED)


def history_meta(query: PagedQuery, total: int) -> dict[str, Any]:
    return {
        "current_page": query.page,
        "per_page": query.per_page,
        "total": total,
        "total_pages": last_page(total, query.per_page),
    }


ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        "/api/v1/employees/{id}/training",
        employee_history,
        {200: HistoryPage[TrainingRecord]},
        permissions=[VIEW],
        query=EmployeeHistoryQuery,
        malformed_id=numeric_id,
        authorize=require_staff,
    ),
    Route(
        "GET",
        "/api/v1/staff/{id}/training",
        staff_history,
        {200: HistoryPage[TrainingRecord]},
        permissions=[VIEW],
        query=HistoryQuery,
        malformed_id=numeric_id,
        authorize=require_staff,
    ),
]
