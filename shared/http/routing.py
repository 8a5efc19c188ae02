"""One declaration for each route: from it come validation, the permission check and the parsed call, and in time
the API's documentation."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel

from shared.auth.internal_token import API_ACCESS, Caller, InternalTokenVerifier, bearer_token
from shared.auth.trust import is_internal
from shared.concurrency.deadline import HEADER as DEADLINE_HEADER
from shared.concurrency.deadline import MAX_SECONDS, current_deadline, read_deadline, time_left
from shared.concurrency.fairness import current_organisation
from shared.errors import (
    ApiError,
    DeadlinePassed,
    NotFound,
    PermissionDenied,
    TokenInvalid,
    TokenMissing,
)
from shared.http.conditional import UNCONDITIONAL, Conditions
from shared.http.idempotency_key import IdempotencyKey, digest, read_key
from shared.http.models import USUAL_LIMITS, Body, BodyLimits, Query
from shared.http.request import Asked, QueryReader, asked_by, asked_plainly, client_url, conditions, read_members
from shared.http.responses import Answer
from shared.http.server.fast_path import FAST_PATH, FastPath, Handler
from shared.http.server.simple_request import Headers, PlainRequest
from shared.observability import Trace, current_trace
from shared.postgres.audit import Actor
from shared.security_log import SecurityEvent, record
from shared.validation.fields import MAX_ID

FAR = 5.0
"""Seconds; a deadline that far off comes after the bounds of every wait that a read has, and needs no timer."""
VERIFIER = web.AppKey("verifier", InternalTokenVerifier)

Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body)

_ID = re.compile(r"[1-9][0-9]{0,18}\Z")
_ID_SEGMENT = re.compile(r"/([1-9][0-9]{0,18})(?=/|\Z)")


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request, parsed and permitted. `id` is the path's, 0 where the path has none."""

    app: web.Application
    caller: Caller
    id: int
    query: Q
    body: B
    url: str
    """The address the client asked, without its query: links are built on it."""
    conditions: Conditions = UNCONDITIONAL
    idempotency_key: IdempotencyKey | None = None
    """The request's `Idempotency-Key`, where it is a POST and brought one."""

    @property
    def organisation_id(self) -> int:
        return self.caller.organisation_id

    @property
    def actor(self) -> Actor:
        """Who asks, for the audit trail of what comes of it."""
        return Actor(self.caller.subject, self.caller.name, current_trace.get())


@dataclass(frozen=True)
class Route(Generic[Q, B]):
    """`permissions`: the caller needs any one of them; beside `api.access`, unless they are those of services."""

    method: str
    path: str
    handler: Callable[[Call[Q, B]], Awaitable[Answer]]
    answers: Mapping[int, type[BaseModel]]
    """What comes back when all is well, by status; 304 and errors are the same for all routes."""
    permissions: Sequence[str] = ()
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    body_optional: bool = False
    limits: BodyLimits = USUAL_LIMITS
    """What a body may hold, where that is more or less than usual."""
    malformed_id: Callable[[], ApiError] = NotFound
    """What is raised for a path id that is no positive 64-bit integer."""
    authorize: Callable[[Caller], None] | None = None
    """What a route asks of its caller beyond permissions; raises `ApiError`."""
    is_internal: bool = field(init=False)
    """Whether services alone may ask it: their calls have its permission and nothing else."""

    def __post_init__(self) -> None:
        internal = bool(self.permissions) and all(map(is_internal, self.permissions))
        object.__setattr__(self, "is_internal", internal)


def add_routes(app: web.Application, routes: Iterable[Route[Any, Any]]) -> None:
    """The only routes of the application, on aiohttp's way and on the fast path."""
    endpoints = {(route.method, route.path): Endpoint(app, route) for route in routes}
    for (method, path), endpoint in endpoints.items():
        app.router.add_route(method, path, endpoint.respond)
        if method == "GET":
            app.router.add_route("HEAD", path, endpoint.respond)
    fast_path: FastPath = partial(_handler_of, endpoints)
    app[FAST_PATH] = fast_path


def _handler_of(endpoints: Mapping[tuple[str, str], "Endpoint"], request: PlainRequest) -> Handler | None:
    """None for a path without a route, or with an escape or an id that a route has an answer of its own to."""
    path_id, path = None, request.target.path
    found = _ID_SEGMENT.search(path)
    if found is not None:
        path_id, path = found[1], f"{path[: found.start()]}/{{id}}{path[found.end() :]}"
    endpoint = endpoints.get((request.method, path))
    return None if endpoint is None else partial(endpoint.answer_plain, path_id)


class Endpoint:
    """Asks a request what its route declares, then the route's handler."""

    def __init__(self, app: web.Application, route: Route[Any, Any]) -> None:
        self._app = app
        self._route = route
        self._queries = QueryReader(route.query)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        return (await self._answer(asked_by(request))).response()

    async def answer_plain(self, path_id: str | None, request: PlainRequest, _: Trace) -> Answer:
        return await self._answer(asked_plainly(request, path_id))

    async def _answer(self, asked: Asked) -> Answer:
        route, headers = self._route, asked.headers
        current_deadline.set(read_deadline(headers.getall(DEADLINE_HEADER, [])))
        caller = self._permitted(headers)
        current_organisation.set(caller.organisation_id)
        path_id, query = self._path_id(asked.id), self._queries.read(asked.query)
        body = await self._body(asked)
        call: Call[Any, Any] = Call(
            app=self._app,
            caller=caller,
            id=path_id,
            query=query,
            body=body,
            url=client_url(asked),
            conditions=conditions(headers),
            idempotency_key=self._idempotency_key(headers, caller, body),
        )
        try:
            return await _in_time(route, call)
        except PermissionDenied as error:  # a rule's, about what is asked for
            _record_denied(caller, error, route)
            raise

    def _permitted(self, headers: Headers) -> Caller:
        """The caller, who may ask this; raises `TokenMissing`, `TokenInvalid` or `PermissionDenied`."""
        caller = self._caller(headers)
        try:
            self._require_permission(caller)
        except PermissionDenied as error:
            _record_denied(caller, error, self._route)
            raise
        return caller

    def _caller(self, headers: Headers) -> Caller:
        """Raises `TokenMissing` or `TokenInvalid`."""
        try:
            return self._app[VERIFIER].verify(bearer_token(headers.getall("Authorization", [])))
        except (TokenMissing, TokenInvalid) as error:
            record(SecurityEvent.INTERNAL_TOKEN_REFUSED, reason=error.reason)
            raise

    def _require_permission(self, caller: Caller) -> None:
        """Raises `PermissionDenied`, or what the route's `authorize` raises."""
        route = self._route
        if not route.is_internal:
            caller.require(API_ACCESS)
        if route.permissions:
            caller.require(*route.permissions)
        if route.authorize is not None:
            route.authorize(caller)

    def _path_id(self, text: str | None) -> int:
        if text is None:
            return 0
        if not _ID.match(text) or int(text) > MAX_ID:
            raise NotFound() if text.isascii() and text.isdigit() else self._route.malformed_id()
        return int(text)

    async def _body(self, asked: Asked) -> BaseModel:
        """A route without fields takes no body, or an empty object: a field in it is one that nobody knows."""
        route = self._route
        model = route.body or Body
        if (route.body is None or route.body_optional) and (route.method == "GET" or not asked.has_body):
            return model()
        return await read_members(asked, model, route.limits)

    def _idempotency_key(self, headers: Headers, caller: Caller, body: BaseModel) -> IdempotencyKey | None:
        route = self._route
        key = read_key(headers.getall("Idempotency-Key", [])) if route.method == "POST" else None
        if key is None:
            return None
        return IdempotencyKey(caller.organisation_id, caller.subject, route.path, key, digest(body.model_dump()))


def _record_denied(caller: Caller, error: PermissionDenied, route: Route[Any, Any]) -> None:
    record(
        SecurityEvent.PERMISSION_DENIED,
        subject=caller.subject,
        organisation_id=caller.organisation_id,
        permission=error.permission,
        route=f"{route.method} {route.path}",
    )


async def _in_time(route: Route[Any, Any], call: Call[Any, Any]) -> Answer:
    """A read ends with the request's deadline; a change that has begun is finished. Raises `DeadlinePassed`."""
    left = time_left(MAX_SECONDS)
    if route.method != "GET" or left > FAR:
        return await route.handler(call)
    try:
        async with asyncio.timeout(left) as reading:
            return await route.handler(call)
    except TimeoutError:
        if reading.expired():
            raise DeadlinePassed from None
        raise
