"""Routes by which services read each other's snapshots; no client reaches them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.auth.trust import STATES
from shared.http.models import Body, Query
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.projections.keys import MAX_PAGE
from shared.projections.snapshot import Snapshot, SnapshotSource, encode_snapshot
from shared.service.chassis import POOL
from shared.validation.fields import DIGITS, MAX_ID, Id

AfterId = Annotated[int, Field(le=MAX_ID), DIGITS]


class SnapshotQuery(Query):
    """The page after a row, in the order of organisation and id."""

    after_organisation: AfterId = 0
    after_id: AfterId = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE), DIGITS] = MAX_PAGE


class RowKey(Body):
    organisation_id: Id
    id: Id


class RowKeys(Body):
    keys: list[RowKey] = Field(max_length=MAX_PAGE)


def snapshot_routes(sources: Mapping[str, SnapshotSource]) -> list[Route[Any, Any]]:
    """For each kind of row its pages, and the rows of given keys; one query each."""
    return [route for name, source in sources.items() for route in _routes(name, source)]


def _routes(name: str, source: SnapshotSource) -> list[Route[Any, Any]]:
    async def page(call: Call[SnapshotQuery, Body]) -> Answer:
        after = call.query.after_organisation, call.query.after_id
        async with transaction(call.app[POOL], EVERY_ORGANISATION) as connection:
            return Answer(encode_snapshot(await source.page(connection, after, call.query.limit)))

    async def current(call: Call[Query, RowKeys]) -> Answer:
        keys = [(key.organisation_id, key.id) for key in call.body.keys]
        async with transaction(call.app[POOL], EVERY_ORGANISATION) as connection:
            return Answer(encode_snapshot(await source.current(connection, keys)))

    path = f"/internal/states/{name}"
    return [
        Route(
            "GET",
            path,
            page,
            {200: Snapshot},
            permissions=[STATES],
            query=SnapshotQuery,
            summary=f"Read a page of {name} as they are",
        ),
        Route(
            "POST",
            path,
            current,
            {200: Snapshot},
            permissions=[STATES],
            body=RowKeys,
            summary=f"Read some {name} as they are",
        ),
    ]
