"""One declaration for each route: from it come validation, the permission check, the parsed call, and the API's
documentation."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel

from shared.auth.internal_token import API_ACCESS, Caller, InternalTokenVerifier, bearer_token
from shared.auth.trust import PUBLIC, is_internal
from shared.concurrency.deadline import MAX_SECONDS, current_deadline, read_deadline, time_left
from shared.concurrency.fairness import current_organisation
from shared.errors import ApiError, DeadlinePassed, NotFound, PermissionDenied, TokenInvalid, TokenMissing
from shared.http.accept import export_type
from shared.http.body import accept_patch, read_model
from shared.http.conditional import UNCONDITIONAL, Conditions, read_conditions
from shared.http.deprecation import deprecation_lines
from shared.http.errors import MethodNotAllowed
from shared.http.form import read_form
from shared.http.idempotency_key import IdempotencyKey, digest, read_key
from shared.http.input import QueryReader
from shared.http.models import JSON_TYPE, USUAL_LIMITS, Body, BodyLimits, Query, media_types
from shared.http.request import Headers, Request, client_origin
from shared.http.responses import Answer
from shared.http.server.responder import RESPONDER
from shared.http.stream_slots import until_cut
from shared.http.streaming import Streamed
from shared.observability import current_trace
from shared.postgres.audit import Actor
from shared.security_log import SecurityEvent, record
from shared.tracing.spans import hop
from shared.validation.fields import MAX_ID

TIMER_NEEDED_BELOW = 5.0
"""Seconds; a deadline that far off comes after the bounds of every wait that a read has, and needs no timer."""
VERIFIER = web.AppKey("verifier", InternalTokenVerifier)

Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body)

_ID = re.compile(r"[1-9][0-9]{0,18}\Z")
_ID_SEGMENT = re.compile(r"/([1-9][0-9]{0,18})(?=/|\Z)")


@dataclass(slots=True)
class Call(Generic[Q, B]):
    """One request, parsed and permitted. `id` is the path's, 0 where the path has none."""

    app: web.Application
    caller: Caller
    id: int
    query: Q
    body: B
    request: Request
    """As it came, for the few routes that need more of it."""
    url: str
    """The address the client asked, without its query: links are built on it."""
    conditions: Conditions = UNCONDITIONAL
    idempotency_key: IdempotencyKey | None = None
    """The request's `Idempotency-Key`, where it is a POST and brought one."""

    @property
    def organisation_id(self) -> int:
        return self.caller.organisation_id

    @property
    def client_address(self) -> str:
        """The client's network address, where the gateway says it."""
        return self.request.headers.get("X-Client-Address", "")

    @property
    def authorization(self) -> str:
        """What the client itself sent as `Authorization`, where the gateway says it."""
        return self.request.headers.get("X-Client-Authorization", "")

    @property
    def actor(self) -> Actor:
        """Who asks, for the audit trail of what comes of it."""
        return Actor(self.caller.subject, self.caller.name, current_trace.get())


@dataclass(frozen=True)
class Route(Generic[Q, B]):
    """`permissions`: the caller needs any one of them; beside `api.access`, unless they are those of services."""

    method: str
    path: str
    handler: Callable[[Call[Q, B]], Awaitable[Answer | Streamed]]
    answers: Mapping[int, type[BaseModel]]
    """What comes back when all is well, by status; 304 and errors are the same for all routes."""
    permissions: Sequence[str] = ()
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    body_optional: bool = False
    streamed: bool = False
    """It may answer with a `shared.http.streaming.Streamed`, or wait as long as one lives: it has a slot for a stream,
    and the gateway sends it over the lane (`gateway.routes.STREAMED`)."""
    body_streamed: int = 0
    """The most bytes of a body that its handler reads by itself, as it comes: `call.request.chunks()`. Such a route is
    `streamed`, its handler reads the body before it answers, and its deadline is that of each piece."""
    body_types: Sequence[str] = ()
    """The media types that such a body can have."""
    events: type[BaseModel] | None = None
    """Who asks receives server-sent events with this as their data, and stays connected. Clients receive them from the
    gateway; what the service answers it says where they begin (decision 26)."""
    media_type: str = JSON_TYPE
    """Of its good answers."""
    also: Sequence[str] = ()
    """Media types that they have as well, where `Accept` prefers one of these: its handler looks."""
    pages: Sequence[int] = ()
    """The statuses of refusals that are of its `media_type` too, for people."""
    form: bool = False
    """The body is a form, and not JSON; its fields are texts."""
    own_errors: Callable[[ApiError], ApiError] | None = None
    """Turns an error into the one that is answered, where another specification than the contract gives its form."""
    limits: BodyLimits = USUAL_LIMITS
    """What a body may hold, where that is more or less than usual."""
    malformed_id: Callable[[], ApiError] = NotFound
    """What is raised for a path id that is no positive 64-bit integer."""
    summary: str = ""
    """What it does, as a short imperative: "List courses". The name of the operation is made from it."""
    description: str = ""
    """What its users need to know beside that, in CommonMark."""
    refusals: Sequence[type[ApiError]] = ()
    """How it can refuse a request, beside what is common to all routes (`shared.http.refusals`).

    A route with `PreconditionFailed` among them reads `If-Match`, one with `IdempotencyKeyReused` an `Idempotency-Key`.
    """
    exports: Mapping[str, Callable[[Call[Q, B]], Awaitable[Streamed]]] = field(default_factory=dict)
    """What answers a GET in place of the handler, by the media type that `Accept` prefers to JSON. Such a request alone
    has a slot for a stream, and the gateway sends it over the lane (`gateway.routes.EXPORTED`)."""
    tagged: bool = False
    """Its answers have the `ETag` of a row. A GET with it reads `If-None-Match`, and may answer 304."""
    elsewhere: Sequence[str] = ()
    """The methods of the same path that another service answers (`gateway.routes.READS`), for `Allow`."""
    deprecated: date | None = None
    """Since when it should not be used any more (RFC 9745)."""
    sunset: date | None = None
    """From when on it may be gone (RFC 8594)."""

    def tags(self, status: int) -> bool:
        """Whether its good answer with this status has the `ETag` of a row. A POST that makes a row tags that alone."""
        return self.tagged and (status == 201 or self.method != "POST" or 201 not in self.answers)

    @cached_property
    def is_internal(self) -> bool:
        """Whether services alone may ask it: their calls have its permission and nothing else."""
        return bool(self.permissions) and all(map(is_internal, self.permissions))

    @cached_property
    def is_public(self) -> bool:
        """Whether anybody may ask it, without a token: the gateway alone passes such requests on."""
        return PUBLIC in self.permissions


def add_routes(app: web.Application, routes: Iterable[Route[Any, Any]]) -> None:
    """The only routes of the application, beside those of its health."""
    app[RESPONDER].handler = RouteTable([endpoint(app, route) for route in routes]).handle


def endpoint(app: web.Application, route: Route[Any, Any]) -> "Endpoint":
    return Endpoint(app, route) if route.own_errors is None else _WithOwnErrors(app, route)


Methods = dict[str, "Endpoint"]


class RouteTable:
    """Finds the endpoint of a request by its method and path."""

    def __init__(self, endpoints: Iterable["Endpoint"]) -> None:
        self._methods: dict[str, Methods] = {}
        """By path, in which `{id}` stands for an id."""
        for endpoint in endpoints:
            self._methods.setdefault(endpoint.route.path, {})[endpoint.route.method] = endpoint
        self._patterns = [(_pattern(path), methods) for path, methods in self._methods.items()]

    def handle(self, request: Request) -> Awaitable[Answer | Streamed] | ApiError:
        found = self.find(request)
        return found.answer(request) if isinstance(found, Endpoint) else found

    def find(self, request: Request) -> "Endpoint | ApiError":
        """The endpoint, or why there is none; notes the id in the path."""
        path = request.target.path
        methods = self._methods.get(path)
        if methods is None:
            found = _ID_SEGMENT.search(path)
            if found is not None:
                request.path_id = found[1]
                methods = self._methods.get(f"{path[: found.start()]}/{{id}}{path[found.end() :]}")
        endpoint = None if methods is None else methods.get(request.method)
        return endpoint or self._find_in_any(request)

    def _find_in_any(self, request: Request) -> "Endpoint | ApiError":
        """The same for any path: one with escapes, or with what is no id in the place of one."""
        path, others = unquote(request.target.path), Methods()
        for pattern, methods in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None and request.method in methods:
                request.path_id = found.groupdict().get("id")
                return methods[request.method]
            others |= methods if found is not None else {}
        return _method_not_allowed(others) if others else NotFound()


def _method_not_allowed(endpoints: Methods) -> MethodNotAllowed:
    """`Accept-Patch` says how such a resource is patched (RFC 5789, section 3.1)."""
    elsewhere = [method for endpoint in endpoints.values() for method in endpoint.route.elsewhere]
    refusal = MethodNotAllowed([*endpoints, *elsewhere])
    if "PATCH" in endpoints:
        refusal.headers |= accept_patch(media_types(endpoints["PATCH"].route.body or Body))
    return refusal


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("(?P<id>[^{}/]+)".join(map(re.escape, path.split("{id}"))))


class Endpoint:
    """Asks a request what its route declares, then the route's handler."""

    def __init__(self, app: web.Application, route: Route[Any, Any]) -> None:
        self.route = route
        self._app = app
        self._queries = QueryReader(route.query)
        self._export_types = tuple(route.exports)
        self._use_case = route.summary or f"{route.method} {route.path}"
        self._deprecation = deprecation_lines(route.deprecated, route.sunset)

    async def answer(self, request: Request) -> Answer | Streamed:
        route = self.route
        request.route = route.path
        request.answer_lines += self._deprecation
        current_deadline.set(None if route.body_streamed else read_deadline(request.own.deadlines))
        caller = self._permitted(request)
        sender: _Sender = request.head.derived
        current_organisation.set(caller.organisation_id)
        path_id, query = self._path_id(request.path_id), self._queries.read(request.target.query)
        export = export_type(request.headers, self._export_types) if self._export_types else None
        if route.streamed or export is not None:
            self._take_slot(request, caller)
        body = await self._body(request)
        call: Call[Any, Any] = Call(
            app=self._app,
            caller=caller,
            id=path_id,
            query=query,
            body=body,
            request=request,
            url=f"{sender.origin}{unquote(request.target.path)}",
            conditions=sender.conditions,
            idempotency_key=self._idempotency_key(request.headers, caller, path_id, body)
            if route.method == "POST" and not route.body_streamed
            else None,
        )
        handler = route.handler if export is None else route.exports[export]
        try:
            with hop(self._use_case):
                if request.slot is not None and route.method == "GET":
                    return await until_cut(request.slot, _in_time(route, handler, call))
                return await _in_time(route, handler, call)
        except PermissionDenied as error:  # a rule's, about what is asked for
            _record_denied(caller, error, route)
            raise

    def _take_slot(self, request: Request, caller: Caller) -> None:
        """One of our own processes asks for many users. Raises `Overloaded` or `TooManyStreams`."""
        if self.route.is_internal:
            self._app[RESPONDER].begin_stream(request)
        else:
            self._app[RESPONDER].begin_stream(request, caller.organisation_id, caller.subject)

    def _permitted(self, request: Request) -> Caller:
        """The caller, who may ask this; raises `TokenMissing`, `TokenInvalid` or `PermissionDenied`."""
        caller = self._caller(request)
        try:
            self._require_permission(caller)
        except PermissionDenied as error:
            _record_denied(caller, error, self.route)
            raise
        return caller

    def _caller(self, request: Request) -> Caller:
        """Raises `TokenMissing` or `TokenInvalid`."""
        try:
            sender: _Sender = request.head.derived or _read_sender(request)
            return self._app[VERIFIER].verify(sender.token)
        except (TokenMissing, TokenInvalid) as error:
            record(SecurityEvent.INTERNAL_TOKEN_REFUSED, reason=error.reason)
            raise

    def _require_permission(self, caller: Caller) -> None:
        """Raises `PermissionDenied`."""
        route = self.route
        if not route.is_internal:
            caller.require(API_ACCESS)
        if route.permissions:
            caller.require(*route.permissions)

    def _path_id(self, text: str | None) -> int:
        if text is None:
            return 0
        if not _ID.match(text) or int(text) > MAX_ID:
            raise NotFound() if text.isascii() and text.isdigit() else self.route.malformed_id()
        return int(text)

    async def _body(self, request: Request) -> BaseModel:
        """A route without fields takes no body, or an empty object: any field in it is unknown. A streamed one is left
        to the handler.

        No route reads a body before it knows who asks, and that they may.
        """
        route = self.route
        model = route.body or Body
        if route.body_streamed:
            request.most_bytes = route.body_streamed
            return model()
        if (route.body is None or route.body_optional) and (route.method == "GET" or not request.has_body):
            return model()
        request.caller = request.headers.get("Authorization", "")
        read = read_form if route.form else read_model
        return await read(request, model, route.limits)

    def _idempotency_key(
        self, headers: Headers, caller: Caller, path_id: int, body: BaseModel
    ) -> IdempotencyKey | None:
        """Of the row that the path names, where it names one."""
        key = read_key(headers.getall("Idempotency-Key", []))
        if key is None:
            return None
        path = self.route.path.replace("{id}", str(path_id))
        return IdempotencyKey(caller.organisation_id, caller.subject, path, key, digest(body.model_dump()))


class _WithOwnErrors(Endpoint):
    """An endpoint whose errors have the form of another specification."""

    async def answer(self, request: Request) -> Answer | Streamed:
        try:
            return await super().answer(request)
        except ApiError as error:
            raise self.route.own_errors(error) from error  # type: ignore[misc]  # only such routes get here


@dataclass(slots=True)
class _Sender:
    """What the headers say that are the same in all requests of a client."""

    token: str
    origin: str
    conditions: Conditions


def _read_sender(request: Request) -> _Sender:
    """Raises `TokenMissing`, or `TokenInvalid` for more than one token."""
    headers = request.headers
    conditions = read_conditions(headers.getall("If-Match", []), headers.getall("If-None-Match", []))
    sender = _Sender(bearer_token(headers.getall("Authorization", [])), client_origin(request), conditions)
    request.head.derived = sender
    return sender


def _record_denied(caller: Caller, error: PermissionDenied, route: Route[Any, Any]) -> None:
    record(
        SecurityEvent.PERMISSION_DENIED,
        subject=caller.subject,
        organisation_id=caller.organisation_id,
        permission=error.permission,
        route=f"{route.method} {route.path}",
    )


Handling = Callable[[Call[Any, Any]], Awaitable[Answer | Streamed]]


async def _in_time(route: Route[Any, Any], handler: Handling, call: Call[Any, Any]) -> Answer | Streamed:
    """A read ends with the request's deadline; a change that has begun is finished. Raises `DeadlinePassed`."""
    left = time_left(MAX_SECONDS)
    if route.method != "GET" or left > TIMER_NEEDED_BELOW:
        return await handler(call)
    try:
        async with asyncio.timeout(left) as reading:
            return await handler(call)
    except TimeoutError:
        if reading.expired():
            raise DeadlinePassed from None
        raise
