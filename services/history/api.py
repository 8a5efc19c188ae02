"""History's routes (contract, section 5)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.history.errors import WorkerNotFound, numeric_id
from services.history.representations import HistoryListed, Training, TrainingRecord
from services.history.schemas import EmployeeHistoryQuery, HistoryQuery, RecordQuery, TrainingQuery
from services.history.store import pages, record_lists, trainings
from shared.auth.internal_token import VIEW, Caller
from shared.auth.sight import VIEWS, Sight, sight_of
from shared.errors import PermissionDenied
from shared.http.models import Body
from shared.http.pagination import PagedQuery, last_page, link_header, next_link
from shared.http.responses import Answer, Caching
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor, step_links, step_meta
from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import connected
from shared.service.chassis import POOL, READER
from shared.service.event_cursor import cursor_of_walk


def sight_of_histories(caller: Caller) -> Sight:
    """With `training.view` staff and programs see everybody's, and contractors what they see without it: their own."""
    sight = sight_of(caller)
    if not sight.everybody or caller.user_type != "contractor":
        return sight
    return replace(sight_of(replace(caller, permissions=caller.permissions - {VIEW})), person=caller.employee_id)


async def employee_history(call: Call[EmployeeHistoryQuery, Body]) -> Answer:
    return await _history(call, "employee", call.query.company_id)


async def staff_history(call: Call[HistoryQuery, Body]) -> Answer:
    return await _history(call, "staff", None)


async def _history(call: Call[Any, Body], person_type: str, company_id: int | None) -> Answer:
    require_own_cursor(call)
    cursor = await cursor_of_walk(call)
    query: HistoryQuery = call.query
    sight = sight_of_histories(call.caller)
    if call.caller.may(VIEW) and not (sight.everybody or sight.companies or call.id == sight.person):
        raise PermissionDenied("User is Staff")
    read = pages.history_page(call.organisation_id, call.id, person_type, query, company_id, sight)
    found, total, items, *last = await call.app[READER].read(read)
    if not found and sight.everybody:
        async with connected(call.app[POOL]) as connection:
            raise WorkerNotFound(await pages.merged_into(connection, call.organisation_id, call.id))
    if not found:
        raise WorkerNotFound
    return _listed(call, cursor, total, items, *last)


async def all_records(call: Call[RecordQuery, Body]) -> Answer:
    sight = sight_of_histories(call.caller)
    return await _list(call, record_lists.records_page(call.organisation_id, call.query, sight))


async def all_trainings(call: Call[TrainingQuery, Body]) -> Answer:
    sight = sight_of_histories(call.caller)
    return await _list(call, trainings.trainings_page(call.organisation_id, call.query, sight))


async def _list(call: Call[Any, Body], read: PageRead) -> Answer:
    require_own_cursor(call)
    cursor = await cursor_of_walk(call)
    total, items, *last = await call.app[READER].read(read)
    return _listed(call, cursor, total, items, *last)


def _listed(call: Call[Any, Body], cursor: Mapping[str, str], total: Any, items: str, *last: int | None) -> Answer:
    """A page, or a step of which `last` is the key if another follows."""
    query: PagedQuery = call.query
    if query.is_step:
        return _step(call, cursor, total, items, *last)
    text = f'{{"data": {items}, "meta": {json.dumps(history_meta(query, total))}}}'
    return Answer(text, headers=next_link(call.url, query, total), caching=Caching.REVALIDATED)


def _step(call: Call[Any, Body], cursor: Mapping[str, str], total: int | None, items: str, last: int | None) -> Answer:
    meta = step_meta(call, total, last)
    links = step_links(call, meta)
    text = f'{{"data": {items}, "meta": {json.dumps(meta)}, "links": {json.dumps(links)}}}'
    headers = {} if links["next"] is None else link_header(links["next"])
    return Answer(text, headers={**cursor, **headers}, caching=Caching.REVALIDATED)


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
        {200: HistoryListed[TrainingRecord]},
        permissions=VIEWS,
        query=EmployeeHistoryQuery,
        summary="List training of employee",
        refusals=[WorkerNotFound],
        malformed_id=numeric_id,
    ),
    Route(
        "GET",
        "/api/v1/staff/{id}/training",
        staff_history,
        {200: HistoryListed[TrainingRecord]},
        permissions=VIEWS,
        query=HistoryQuery,
        summary="List training of staff member",
        refusals=[WorkerNotFound],
        malformed_id=numeric_id,
    ),
    Route(
        "GET",
        "/api/v1/training/records",
        all_records,
        {200: HistoryListed[TrainingRecord]},
        permissions=VIEWS,
        query=RecordQuery,
        summary="List training records",
    ),
    Route(
        "GET",
        "/api/v1/training",
        all_trainings,
        {200: HistoryListed[Training]},
        permissions=VIEWS,
        query=TrainingQuery,
        summary="List trainings",
    ),
]
