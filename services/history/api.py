"""History's routes (contract, section 5)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from services.history.errors import WorkerNotFound, numeric_id
from services.history.owners import OWNERS
from services.history.representations import HistoryListed, Training, TrainingRecord
from services.history.schemas import EmployeeHistoryQuery, RecordQuery, StaffHistoryQuery, TrainingQuery
from services.history.store import pages, record_lists, trainings
from services.history.store.known_then import Known
from shared.auth.internal_token import VIEW, Caller
from shared.auth.sight import VIEWS, Sight, sight_of
from shared.errors import PermissionDenied, ValidationFailed
from shared.http.models import Body
from shared.http.pagination import PagedQuery, last_page, link_header, next_link
from shared.http.responses import Answer, Caching
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor, step_links, step_meta
from shared.postgres.batched_reads import PageRead, Row
from shared.postgres.pool import Connection, connected
from shared.service.chassis import POOL, READER
from shared.service.event_cursor import cursor_of_walk
from shared.service.exports import Handler, Listing, exports_of, of_read

Read = Callable[[PageRead], Awaitable[Row]]


def sight_of_histories(caller: Caller) -> Sight:
    """With `training.view` staff and programs see everybody's, and contractors what they see without it: their own."""
    sight = sight_of(caller)
    if not sight.everybody or caller.user_type != "contractor":
        return sight
    return replace(sight_of(replace(caller, permissions=caller.permissions - {VIEW})), person=caller.employee_id)


async def employee_history(call: Call[EmployeeHistoryQuery, Body]) -> Answer:
    return await _history(call, "employee")


async def staff_history(call: Call[StaffHistoryQuery, Body]) -> Answer:
    return await _history(call, "staff")


async def _history(call: Call[Any, Body], person_type: str) -> Answer:
    require_own_cursor(call)
    cursor = await cursor_of_walk(call)
    found, total, items, *last = await _page(call, person_type, call.query, call.app[READER].read)
    if not found:
        async with connected(call.app[POOL]) as connection:
            raise await _not_found(connection, call)
    return _listed(call, cursor, total, items, *last)


def _records(call: Call[Any, Body], query: RecordQuery) -> PageRead:
    return record_lists.records_page(call.organisation_id, query, sight_of_histories(call.caller))


def _trainings(call: Call[Any, Body], query: TrainingQuery) -> PageRead:
    return trainings.trainings_page(call.organisation_id, query, sight_of_histories(call.caller))


async def all_records(call: Call[RecordQuery, Body]) -> Answer:
    return await _list(call, _records(call, call.query))


async def all_trainings(call: Call[TrainingQuery, Body]) -> Answer:
    return await _list(call, _trainings(call, call.query))


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


async def _page(call: Call[Any, Body], person_type: str, query: StaffHistoryQuery, read: Read) -> Row:
    """Whether there is such a person in sight, and the page; raises `PermissionDenied`.

    Of a moment also what `Owners.known` raises, and `ValidationFailed` where it is to come. Nobody is asked about a
    person who is not in sight.
    """
    sight = sight_of_histories(call.caller)
    if call.caller.may(VIEW) and not (sight.everybody or sight.companies or call.id == sight.person):
        raise PermissionDenied("User is Staff")
    company_id = query.company_id if isinstance(query, EmployeeHistoryQuery) else None
    known = None
    if query.as_of is not None:
        found, is_past = await read(pages.look(call.organisation_id, call.id, person_type, query.as_of, sight))
        if not is_past:
            raise ValidationFailed({"as_of": ["Must not be in the future."]})
        if found:
            known = await call.app[OWNERS].known(call.organisation_id, call.id, query.as_of)
        else:
            known = Known(query.as_of, [])
    return await read(pages.history_page(call.organisation_id, call.id, person_type, query, company_id, sight, known))


async def _not_found(connection: Connection, call: Call[Any, Body]) -> WorkerNotFound:
    """Who may see everybody learns whom somebody turned out to be."""
    if not sight_of_histories(call.caller).everybody:
        return WorkerNotFound()
    return WorkerNotFound(await pages.merged_into(connection, call.organisation_id, call.id))


def _exports(person_type: str) -> Mapping[str, Handler]:
    async def step(connection: Connection, call: Call[Any, Body], query: StaffHistoryQuery) -> Row:
        async def read(page: PageRead) -> Row:
            return await page.alone(connection)

        found, *row = await _page(call, person_type, query, read)
        if not found:
            raise await _not_found(connection, call)
        return tuple(row)

    return exports_of(Listing(TrainingRecord, step))


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
        exports=_exports("employee"),
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
        query=StaffHistoryQuery,
        exports=_exports("staff"),
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
        exports=exports_of(Listing(TrainingRecord, of_read(_records))),
        summary="List training records",
    ),
    Route(
        "GET",
        "/api/v1/training",
        all_trainings,
        {200: HistoryListed[Training]},
        permissions=VIEWS,
        query=TrainingQuery,
        exports=exports_of(Listing(Training, of_read(_trainings))),
        summary="List trainings",
    ),
]
