"""What the gateways ask: which tokens are refused before they expire."""

import json
from typing import Annotated, Any

from pydantic import Field

from services.accounts.representations import Revocations
from services.accounts.store import revocations
from shared.auth.trust import REVOCATIONS
from shared.http.models import Body, Query
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import POOL
from shared.validation.fields import DIGITS, MAX_ID

MAX_PAGE = 1000


class RevocationsQuery(Query):
    after: Annotated[int, Field(ge=0, le=MAX_ID), DIGITS] = 0


async def list_revocations(call: Call[RevocationsQuery, Body]) -> Answer:
    async with transaction(call.app[POOL], EVERY_ORGANISATION) as connection:
        listed = await revocations.page(connection, call.query.after, MAX_PAGE)
        given = await revocations.last_number(connection)
    newest = listed[-1]["seq"] if listed else min(call.query.after, given)
    return Answer(json.dumps({"revocations": listed, "newest": newest}))


ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        "/internal/revocations",
        list_revocations,
        {200: Revocations},
        permissions=[REVOCATIONS],
        query=RevocationsQuery,
        summary="List revocations",
    )
]
