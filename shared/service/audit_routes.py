"""The routes of audit trails: who changed a row, when and how."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from shared.auth.internal_token import VIEW
from shared.errors import NotFound
from shared.http.models import Body
from shared.http.pagination import PagedQuery
from shared.http.representation import AuditItem, Page
from shared.http.resource_responses import page
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.postgres import audit_trail
from shared.postgres.pool import connected
from shared.service.chassis import POOL


def audit_route(
    path: str, trail: str, not_found: type[NotFound], row_id: Callable[[Call[Any, Any]], int] = attrgetter("id")
) -> Route[PagedQuery, Body]:
    """`GET {path}/audit`: the changes of one row in their order, `trail` being made by `audit_trail.page_sql`.

    `row_id` is the path's `{id}` unless it says otherwise; the route raises `not_found` where there is no such row.
    """

    async def list_changes(call: Call[PagedQuery, Body]) -> Answer:
        limit, offset = call.query.per_page, call.query.offset
        async with connected(call.app[POOL]) as connection:
            found, total, items = await audit_trail.page(
                connection, trail, call.organisation_id, row_id(call), limit, offset
            )
        if not found:
            raise not_found
        return page(call, total, items)

    return Route("GET", f"{path}/audit", list_changes, {200: Page[AuditItem]}, permissions=[VIEW], query=PagedQuery)
