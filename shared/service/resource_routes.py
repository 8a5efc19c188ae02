"""The routes that resources have in common: a list, one row, a new row, and the audit trail."""

from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.auth.internal_token import MANAGE, VIEW
from shared.auth.sight import VIEWS, Sight, sight_of
from shared.errors import ApiError, NotFound
from shared.http.conditional import Document
from shared.http.models import Body, Query
from shared.http.pagination import MAX_PER_PAGE, PagedQuery
from shared.http.representation import AuditItem, Listed, Success
from shared.http.resource_responses import created, document, page
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor
from shared.postgres.audit import Actor
from shared.postgres.audit_trail import Trail
from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import Connection, connected
from shared.service.chassis import POOL, READER
from shared.service.event_cursor import cursor_of_walk
from shared.service.exports import Listing, exports_of, of_read
from shared.service.idempotency import OF_IDEMPOTENCY, run_once

Q = TypeVar("Q", bound=PagedQuery)
B = TypeVar("B", bound=Body)


def list_route(
    path: str,
    read: Callable[[int, Q], PageRead],
    query: type[Q],
    item: type[BaseModel],
    permissions: Sequence[str] = (VIEW,),
    *,
    summary: str,
) -> Route[Q, Body]:
    """`GET {path}`: the organisation's rows, `item` each, the same for all who have a permission."""

    def read_for_all(organisation_id: int, query: Q, _: Sight) -> PageRead:
        return read(organisation_id, query)

    return list_in_sight_route(path, read_for_all, query, item, permissions, summary=summary)


def list_in_sight_route(
    path: str,
    read: Callable[[int, Q, Sight], PageRead],
    query: type[Q],
    item: type[BaseModel],
    permissions: Sequence[str] = VIEWS,
    *,
    summary: str,
) -> Route[Q, Body]:
    """`GET {path}`: those of the organisation's rows, `item` each, that the caller may see: a page, a step, or all."""

    async def list_rows(call: Call[Q, Body]) -> Answer:
        require_own_cursor(call)
        headers = await cursor_of_walk(call)
        rows = await call.app[READER].read(read(call.organisation_id, call.query, sight_of(call.caller)))
        return page(call, *rows, headers=headers)

    def read_step(call: Call[Q, Body], query: Q) -> PageRead:
        return read(call.organisation_id, query, sight_of(call.caller))

    return Route(
        "GET",
        path,
        list_rows,
        {200: Listed[item]},  # type: ignore[valid-type]
        permissions=permissions,
        query=query,
        exports=exports_of(Listing(item, of_read(read_step))),
        summary=summary,
    )


def detail_route(
    path: str,
    read: Callable[[Connection, int, int], Awaitable[Document | None]],
    not_found: type[NotFound],
    detail: type[BaseModel],
    permissions: Sequence[str] = (VIEW,),
    *,
    summary: str,
) -> Route[Query, Body]:
    """`GET {path}`: one row, `detail`, the same for all who have a permission; otherwise as `detail_in_sight_route`."""

    async def read_for_all(connection: Connection, organisation_id: int, row_id: int, _: Sight) -> Document | None:
        return await read(connection, organisation_id, row_id)

    return detail_in_sight_route(path, read_for_all, not_found, detail, permissions, summary=summary)


def detail_in_sight_route(
    path: str,
    read: Callable[[Connection, int, int, Sight], Awaitable[Document | None]],
    not_found: type[NotFound],
    detail: type[BaseModel],
    permissions: Sequence[str] = VIEWS,
    *,
    summary: str,
) -> Route[Query, Body]:
    """`GET {path}`: one row, `detail`, or 304 where the client has it.

    The route raises `not_found` where there is none, or none that the caller may see.
    """

    async def get_row(call: Call[Query, Body]) -> Answer:
        async with connected(call.app[POOL]) as connection:
            row = await read(connection, call.organisation_id, call.id, sight_of(call.caller))
        if row is None:
            raise not_found
        return document(row, call.conditions)

    return Route(
        "GET",
        path,
        get_row,
        {200: Success[detail]},  # type: ignore[valid-type]
        permissions=permissions,
        summary=summary,
        refusals=[not_found],
        tagged=True,
    )


def create_route(
    path: str,
    create: Callable[[Connection, int, B, Actor], Awaitable[tuple[int, Document]]],
    fields: type[B],
    detail: type[BaseModel],
    message: str,
    *,
    summary: str,
    refusals: Sequence[type[ApiError]] = (),
) -> Route[Query, B]:
    """`POST {path}`: a new row with `fields`, made once for an `Idempotency-Key`."""

    async def create_row(call: Call[Query, B]) -> Answer:
        async def work(connection: Connection) -> Answer:
            row_id, row = await create(connection, call.organisation_id, call.body, call.actor)
            return created(row, f"{path}/{row_id}", message)

        return await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work)

    return Route(
        "POST",
        path,
        create_row,
        {201: Success[detail]},  # type: ignore[valid-type]
        permissions=[MANAGE],
        body=fields,
        summary=summary,
        refusals=[*OF_IDEMPOTENCY, *refusals],
        tagged=True,
    )


def audit_route(
    path: str,
    trail: Trail,
    not_found: type[NotFound],
    row_id: Callable[[Call[Any, Any]], int] = attrgetter("id"),
    permissions: Sequence[str] = (VIEW,),
    organisation_id: Callable[[Call[Any, Any]], int] = attrgetter("organisation_id"),
    *,
    summary: str,
) -> Route[PagedQuery, Body]:
    """`GET {path}/audit`: the changes of one row in their order, of its `trail`.

    `row_id` is the path's `{id}` and `organisation_id` the caller's unless they say otherwise; the route raises
    `not_found` where there is no such row.
    """

    def read(call: Call[PagedQuery, Body], query: PagedQuery) -> PageRead:
        return trail.page(organisation_id(call), row_id(call), query.window, query.place, MAX_PER_PAGE)

    async def list_changes(call: Call[PagedQuery, Body]) -> Answer:
        require_own_cursor(call)
        headers = await cursor_of_walk(call)
        async with connected(call.app[POOL]) as connection:
            found, *rows = await read(call, call.query).alone_scoped(connection)
        if not found:
            raise not_found
        return page(call, *rows, headers=headers)

    return Route(
        "GET",
        f"{path}/audit",
        list_changes,
        {200: Listed[AuditItem]},
        permissions=permissions,
        query=PagedQuery,
        exports=exports_of(Listing(AuditItem, of_read(read, not_found), lambda call: [organisation_id(call)])),
        summary=summary,
        refusals=[not_found] if "{id}" in path else [],  # what an organisation has once is always there
    )
