"""Routes of imports, the same in each service that has kinds of them (contract, section 11)."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from shared.auth.internal_token import MANAGE
from shared.errors import ValidationFailed
from shared.exports.formats import Csv
from shared.http.accept import CSV_TYPE
from shared.http.conditional import Document
from shared.http.models import Body, Query
from shared.http.pagination import PagedQuery
from shared.http.representation import Listed, Success
from shared.http.resource_responses import page
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.http.streaming import Streamed
from shared.http.walks import require_own_cursor
from shared.imports import store
from shared.imports.errors import ImportEnded, ImportNotFound, TooManyImports
from shared.imports.kind import ImportKind
from shared.imports.models import MAX_BYTES, PATH, ImportItem, ImportListQuery, ImportQuery, RefusalItem
from shared.imports.readers import CSV, NDJSON
from shared.imports.repair import repair_file
from shared.imports.upload import receive
from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import Connection, connected, transaction
from shared.service.chassis import POOL
from shared.service.event_cursor import cursor_of_walk
from shared.service.exports import Listing, exports_of, of_read, require_no_part
from shared.service.resource_routes import detail_route, list_route

WAKE = web.AppKey("imports_wake", asyncio.Event)
"""Set when there may be an import to work on, in a process that does both."""


def import_routes(kinds: Sequence[ImportKind[Any]]) -> list[Route[Any, Any]]:
    """The routes of the kinds of one service. Two services have the first one, and clients see one route: the gateway
    chooses by `kind`."""
    return [_upload_route(kinds), *(route for kind in kinds for route in _routes_of(kind))]


def _upload_route(kinds: Sequence[ImportKind[Any]]) -> Route[Any, Any]:
    by_name = {kind.name: kind for kind in kinds}

    async def create_import(call: Call[ImportQuery, Body]) -> Answer:
        kind = by_name.get(call.query.kind)
        if kind is None:
            raise ValidationFailed({"kind": [f"must be one of {', '.join(by_name)}"]})
        if kind.needs is not None:
            call.caller.require(kind.needs)
        if call.query.mode == "complete" and kind.end is None:
            raise ValidationFailed({"mode": [f"must be changes for {kind.name}"]})
        row_id, text = await receive(call, kind)
        if WAKE in call.app:
            call.app[WAKE].set()
        headers = {"Location": f"{PATH}/{kind.name}/{row_id}"}
        return success(text, message="Import accepted", status=202, headers=headers)

    return Route(
        "POST",
        PATH,
        create_import,
        {202: Success[ImportItem]},
        permissions=[MANAGE],
        query=ImportQuery,
        streamed=True,
        body_streamed=MAX_BYTES,
        body_types=(CSV, NDJSON[0]),
        summary="Import file",
        description=(
            "The body is a file, `text/csv` with a header or `application/x-ndjson`, of at most 64 MiB, and as long"
            " unpacked with `Content-Encoding: gzip`. It is applied by line once it is stored: the import at `Location`"
            " tells how far it is."
        ),
        refusals=[TooManyImports, ImportEnded],
    )


def _routes_of(kind: ImportKind[Any]) -> list[Route[Any, Any]]:
    name, path = kind.name, f"{PATH}/{kind.name}"
    one = path + "/{id}"

    def page_of_kind(organisation_id: int, query: ImportListQuery) -> PageRead:
        return store.page(organisation_id, name, query)

    async def detail_of_kind(connection: Connection, organisation_id: int, row_id: int) -> Document | None:
        return await store.detail(connection, organisation_id, row_id, name)

    def refusals_of(call: Call[Any, Body], query: PagedQuery) -> PageRead:
        return store.refusals_page(call.organisation_id, call.id, name, query)

    async def list_refusals(call: Call[PagedQuery, Body]) -> Answer:
        require_own_cursor(call)
        headers = await cursor_of_walk(call)
        async with connected(call.app[POOL]) as connection:
            found, *rows = await refusals_of(call, call.query).alone_scoped(connection)
        if not found:
            raise ImportNotFound
        return page(call, *rows, headers=headers)

    async def file_to_repair(call: Call[PagedQuery, Body]) -> Streamed:
        return await _repair_file(call, name)

    async def cancel_import(call: Call[Query, Body]) -> Answer:
        place = call.organisation_id, call.id
        async with transaction(call.app[POOL], [call.organisation_id]) as connection:
            cancelled = await store.cancel(connection, place, name)
            if cancelled is None:
                raise ImportEnded if await store.exists(connection, place, name) else ImportNotFound
        return success(cancelled, message="Import cancelled")

    as_rows = Listing(RefusalItem, of_read(refusals_of, ImportNotFound))
    files = {**exports_of(as_rows), CSV_TYPE: file_to_repair}
    return [
        list_route(path, page_of_kind, ImportListQuery, ImportItem, [MANAGE], summary=f"List imports of {name}"),
        detail_route(one, detail_of_kind, ImportNotFound, ImportItem, [MANAGE], summary=f"Get import of {name}"),
        Route(
            "GET",
            f"{one}/refusals",
            list_refusals,
            {200: Listed[RefusalItem]},
            permissions=[MANAGE],
            query=PagedQuery,
            exports=files,
            summary=f"List refusals of import of {name}",
            description=(
                "The first 10,000 are kept, for 30 days. With `Accept: text/csv` they come as the lines that were"
                " refused, with the columns `#line`, `#field` and `#reason` in front, which an import leaves out: such"
                " a file can be repaired and sent again."
            ),
            refusals=[ImportNotFound],
        ),
        Route(
            "POST",
            f"{one}/cancel",
            cancel_import,
            {200: Success[ImportItem]},
            permissions=[MANAGE],
            summary=f"Cancel import of {name}",
            description="What is done by then stays done.",
            refusals=[ImportNotFound, ImportEnded],
        ),
    ]


async def _repair_file(call: Call[PagedQuery, Body], kind: str) -> Streamed:
    """All of them in one stream. Raises `ImportNotFound`, and `ValidationFailed` for a page of it."""
    require_no_part(call)
    place = call.organisation_id, call.id
    async with connected(call.app[POOL]) as connection:
        layout = await store.layout(connection, place, kind)
    if layout is None:
        raise ImportNotFound
    headers = {"Content-Disposition": f'attachment; filename="refusals-{call.id}.csv"'}
    return Streamed(repair_file(call.app[POOL], place, layout), Csv.content_type, headers=headers)
