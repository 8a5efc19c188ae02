"""Enrollment's routes of who is cleared (contract, section 4)."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.enrollment.errors import DayIsPast, PersonNotFound
from services.enrollment.representations_clearance import Clearance, ClearanceOfMany, RosterItem
from services.enrollment.schemas_clearance import ClearanceQuery, ClearanceQuestion, RosterQuery
from services.enrollment.use_cases import clearance
from services.enrollment.use_cases.clearance import Who
from shared.auth.internal_token import VIEW, VIEW_COMPANY
from shared.auth.sight import VIEWS, sight_of
from shared.errors import ValidationFailed
from shared.http.models import Body, Query
from shared.http.representation import Listed, Success
from shared.http.resource_responses import page
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor
from shared.postgres.batched_reads import DEEP, Row
from shared.postgres.pool import Connection, connected, slow_transaction, transaction
from shared.service.chassis import POOL
from shared.service.event_cursor import cursor_of_walk
from shared.service.exports import Listing, exports_of

CLEARANCE = "/api/v1/training/clearance"
_ONLY_IN_A_WALK = "Goes with a cursor or for an export, and not with total."


def _of(type_: str) -> Callable[[Call[ClearanceQuery, Body]], Awaitable[Answer]]:
    async def get_clearance(call: Call[ClearanceQuery, Body]) -> Answer:
        who, pool = Who(call.organisation_id, type_, call.id), call.app[POOL]
        reading = connected(pool) if call.query.on is None else transaction(pool, [call.organisation_id])
        async with reading as connection:
            return success(await clearance.clearance(connection, who, call.query, sight_of(call.caller)))

    return get_clearance


async def post_clearance(call: Call[Query, ClearanceQuestion]) -> Answer:
    async with connected(call.app[POOL]) as connection:
        return success(
            await clearance.clearance_of_many(connection, call.organisation_id, call.body, sight_of(call.caller))
        )


async def list_roster(call: Call[RosterQuery, Body]) -> Answer:
    require_own_cursor(call)
    query = call.query
    if query.cleared is not None and (query.total or not query.is_step):
        raise ValidationFailed({"cleared": [_ONLY_IN_A_WALK]})
    headers = await cursor_of_walk(call)
    if query.cleared is not None or query.window.is_since or query.offset > DEEP:
        async with slow_transaction(call.app[POOL], [call.organisation_id]) as connection:
            rows = await _roster(connection, call, query)
    else:
        async with connected(call.app[POOL]) as connection:
            rows = await _roster(connection, call, query)
    return page(call, *rows, headers=headers)


async def _roster(connection: Connection, call: Call[Any, Body], query: RosterQuery) -> Row:
    return await clearance.roster(connection, call.organisation_id, query, sight_of(call.caller))


def _one(path: str, type_: str, name: str) -> Route[Any, Any]:
    return Route(
        "GET",
        f"{path}/{{id}}/clearance",
        _of(type_),
        {200: Success[Clearance]},
        permissions=VIEWS,
        query=ClearanceQuery,
        summary=f"Get clearance of {name}",
        description=(
            "Whether the person may work, and what meets each requirement or is missing. Of a day that is past, by what"
            " is known now and by what was known then."
        ),
        refusals=[PersonNotFound],
    )


CLEARANCE_ROUTES: list[Route[Any, Any]] = [
    _one("/api/v1/employees", "employee", "employee"),
    _one("/api/v1/staff", "staff", "staff member"),
    Route(
        "POST",
        CLEARANCE,
        post_clearance,
        {200: Success[ClearanceOfMany]},
        permissions=[VIEW, VIEW_COMPANY],
        body=ClearanceQuestion,
        summary="Check clearance",
        description="Of up to 500 people at once, such as a gate's list. It changes nothing.",
        refusals=[DayIsPast],
    ),
    Route(
        "GET",
        CLEARANCE,
        list_roster,
        {200: Listed[RosterItem]},
        permissions=[VIEW, VIEW_COMPANY],
        query=RosterQuery,
        exports=exports_of(Listing(RosterItem, _roster)),
        summary="List clearance",
        description="All people, and what each is missing.",
        refusals=[DayIsPast],
    ),
]
