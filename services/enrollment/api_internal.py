"""Enrollment's routes for other services alone, which the gateway does not route."""

import json
from typing import Any

from aiohttp import web

from services.enrollment.catalog_client import CatalogClient
from services.enrollment.errors import CapacityBelowTaken, SessionHasEnrollments, SessionNotFound
from services.enrollment.handlers import SUBSCRIPTIONS
from services.enrollment.representations import FollowedChanges
from services.enrollment.schemas import CLOSING_LIMITS, CatalogChanges, Closing, KnownPerson, SessionChange
from services.enrollment.store import known_then, seats, snapshots
from services.enrollment.use_cases import sessions
from shared.auth.trust import KNOWN, SEATS
from shared.events.states import State
from shared.events.types import EmployeeSaved, Event
from shared.http.models import Query
from shared.http.representation import Done, Success
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.messaging.subscriptions import apply
from shared.postgres.pool import transaction
from shared.projections.snapshot import KNOWN_PATH, Snapshot, encode_snapshot
from shared.service.chassis import POOL
from shared.service.position_routes import outbox_route
from shared.service.snapshot_routes import snapshot_routes

CATALOG = web.AppKey("catalog", CatalogClient)


async def agree_change(call: Call[Query, SessionChange]) -> Answer:
    """For the catalog alone."""
    key, wanted = (call.organisation_id, call.id), call.body
    await sessions.agree_change(
        call.app[POOL], call.app[CATALOG], key, wanted.max_participants, wanted.version, wanted.status
    )
    return success(None)


async def follow_changes(call: Call[Query, CatalogChanges]) -> Answer:
    """For the catalog alone: does at once what the events of the changes will do."""
    events = call.body.events(call.organisation_id, call.actor.trace)
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        await apply(connection, SUBSCRIPTIONS, events)
        changed = [session.id for session in call.body.sessions]
        waiting = await seats.beside_free_seats(connection, call.organisation_id, changed) if changed else []
    return success(json.dumps({"waiting": waiting}))


async def close_sessions(call: Call[Query, Closing]) -> Answer:
    """For the catalog alone."""
    of_each = call.body.version_of_each()
    versions = {(call.organisation_id, session_id): version for session_id, version in of_each.items()}
    await sessions.close(call.app[POOL], call.app[CATALOG], versions)
    return success(None)


async def known_rows(call: Call[Query, KnownPerson]) -> Answer:
    """For history alone: the person, and a page of their enrollments and records."""
    asked, organisation_id = call.body, call.organisation_id
    async with transaction(call.app[POOL], [organisation_id]) as connection:
        person = await known_then.person_known(connection, organisation_id, asked.employee_id, asked.as_of)
        records = await known_then.records_known(
            connection, organisation_id, asked.employee_id, asked.as_of, asked.after
        )
    people: list[Event[State]] = [] if person is None else [EmployeeSaved(organisation_id, person)]
    return Answer(encode_snapshot([*people, *records]))


INTERNAL_ROUTES: list[Route[Any, Any]] = [
    Route(
        "POST",
        "/internal/sessions/{id}/capacity",
        agree_change,
        {200: Done},
        permissions=[SEATS],
        body=SessionChange,
        summary="Agree to a change of a session",
        refusals=[SessionNotFound, CapacityBelowTaken],
    ),
    Route(
        "POST",
        "/internal/changes",
        follow_changes,
        {200: Success[FollowedChanges]},
        permissions=[SEATS],
        body=CatalogChanges,
        summary="Follow changes of the catalog",
    ),
    Route(
        "POST",
        "/internal/sessions/close",
        close_sessions,
        {200: Done},
        permissions=[SEATS],
        body=Closing,
        summary="Close sessions",
        refusals=[SessionNotFound, SessionHasEnrollments],
        limits=CLOSING_LIMITS,
    ),
    Route(
        "POST",
        KNOWN_PATH,
        known_rows,
        {200: Snapshot},
        permissions=[KNOWN],
        body=KnownPerson,
        summary="Read what was known of a person",
    ),
    *snapshot_routes(snapshots.SNAPSHOTS),
    outbox_route("enrollment"),
]
