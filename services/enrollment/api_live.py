"""Enrollment's part of live seats (contract, section 10). The gateway keeps clients connected, and follows each session
that any of them watches by one stream of its own (decision 26)."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from services.enrollment.api_internal import CATALOG
from services.enrollment.errors import SessionNotFound
from services.enrollment.live_seats import LiveSeats
from services.enrollment.representations import LiveSeats as SeatsOfEvent
from services.enrollment.representations import Watched
from services.enrollment.schemas import FollowedQuery, WatchedQuery
from services.enrollment.use_cases import sessions
from shared.auth.sight import VIEWS
from shared.auth.trust import LIVE
from shared.errors import Overloaded
from shared.http.event_stream import EVENT_STREAM
from shared.http.models import Body, Query
from shared.http.representation import Success
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.http.streaming import CUT_BEHIND, Streamed
from shared.service.chassis import POOL

LIVE_SEATS: web.AppKey[LiveSeats] = web.AppKey("live_seats")

_SESSIONS = "/api/v1/training/sessions"


async def watch_session(call: Call[Query, Body]) -> Answer:
    return await _watched(call, [call.id], alone=True)


async def watch_sessions(call: Call[WatchedQuery, Body]) -> Answer:
    return await _watched(call, call.query.ids(), alone=False)


async def _watched(call: Call[Any, Any], session_ids: Sequence[int], *, alone: bool) -> Answer:
    found = await sessions.watched(call.app[POOL], call.app[CATALOG], call.organisation_id, session_ids)
    return success(Watched(alone=alone, sessions=found).model_dump_json())


async def follow_session(call: Call[FollowedQuery, Body]) -> Streamed:
    """For the gateway alone."""
    key = call.query.organisation_id, call.id
    return Streamed(call.app[LIVE_SEATS].changes(key), EVENT_STREAM, cut_behind=CUT_BEHIND)


LIVE_ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        _SESSIONS + "/{id}/live",
        watch_session,
        {200: Success[Watched]},
        permissions=VIEWS,
        events=SeatsOfEvent,
        summary="Watch session",
        description=(
            "Server-sent events: the session's seats now, and whenever they change. `id` is the version; with"
            " `Last-Event-ID` the stream goes on from there."
        ),
        refusals=[SessionNotFound, Overloaded],
    ),
    Route(
        "GET",
        _SESSIONS + "/live",
        watch_sessions,
        {200: Success[Watched]},
        permissions=VIEWS,
        query=WatchedQuery,
        events=SeatsOfEvent,
        summary="Watch sessions",
        description=(
            "Server-sent events of up to 50 sessions. `id` has the version of each; with `Last-Event-ID` the stream"
            " goes on from there. A session that does not exist is an event `removed`."
        ),
        refusals=[SessionNotFound, Overloaded],
    ),
    Route(
        "GET",
        "/internal/sessions/{id}/live",
        follow_session,
        {200: SeatsOfEvent},
        permissions=[LIVE],
        query=FollowedQuery,
        streamed=True,
        events=SeatsOfEvent,
        summary="Follow session",
    ),
]
