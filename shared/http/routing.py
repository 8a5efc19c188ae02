"""One declaration for each route: from it come validation, the permission check and the parsed call, and in time
the API's documentation."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from shared.deadline import HEADER as DEADLINE_HEADER
from shared.deadline import LONGEST, current_deadline, read_deadline, time_left
from shared.errors import ApiError, DeadlinePassed, NotFound, ValidationFailed
from shared.http.answers import Answer, invalid
from shared.http.body import read_json
from shared.http.conditional import UNCONDITIONAL, Conditions, read_conditions
from shared.http.fields import MAX_ID, Body, Query
from shared.http.targets import checked_host
from shared.idempotency import Claim, digest, read_key
from shared.identity import API_ACCESS, Caller, InternalTokenVerifier, bearer_token

VERIFIER = web.AppKey("verifier", InternalTokenVerifier)

Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body)

_ID = re.compile(r"[1-9][0-9]{0,18}\Z")


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
    claim: Claim | None = None
    """The request's `Idempotency-Key`, where it is a POST and brought one."""

    @property
    def organisation_id(self) -> int:
        return self.caller.organisation_id


@dataclass(frozen=True)
class Route(Generic[Q, B]):
    """`permissions`: the caller needs any one of them, beside `api.access`."""

    method: str
    path: str
    handler: Callable[[Call[Q, B]], Awaitable[Answer]]
    answers: Mapping[int, type[BaseModel]]
    """What comes back when all is well, by status; 304 and errors are the same for all routes."""
    permissions: Sequence[str] = ()
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    body_optional: bool = False
    malformed_id: Callable[[], ApiError] = NotFound
    """What is raised for a path id that is no positive 64-bit integer."""
    authorize: Callable[[Caller], None] | None = None
    """What a route asks of its caller beyond permissions; raises `ApiError`."""


def numeric_id() -> ApiError:
    """The histories' answer to a path id that is not a number (contract, section 5)."""
    return ValidationFailed({"id": ["The id must be numeric."]})


def add_routes(app: web.Application, routes: Iterable[Route[Any, Any]]) -> None:
    for route in routes:
        app.router.add_route(route.method, route.path, _endpoint(route))


def _endpoint(route: Route[Any, Any]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def endpoint(request: web.Request) -> web.StreamResponse:
        current_deadline.set(read_deadline(request.headers.getall(DEADLINE_HEADER, [])))
        caller = _authenticate(request)
        caller.require(API_ACCESS)
        if route.permissions:
            caller.require(*route.permissions)
        if route.authorize is not None:
            route.authorize(caller)
        path_id, query = _path_id(request, route), _query(request, route.query)
        body = await _body(request, route)
        call: Call[Any, Any] = Call(
            app=request.app,
            caller=caller,
            id=path_id,
            query=query,
            body=body,
            url=_client_url(request),
            conditions=_conditions(request),
            claim=_claim(request, route, caller, body),
        )
        return (await _in_time(route, call)).response()

    return endpoint


async def _in_time(route: Route[Any, Any], call: Call[Any, Any]) -> Answer:
    """A read ends with the request's deadline; a change that has begun is finished. Raises `DeadlinePassed`."""
    left = time_left(LONGEST)
    if route.method != "GET":
        return await route.handler(call)
    try:
        async with asyncio.timeout(left) as reading:
            return await route.handler(call)
    except TimeoutError:
        if reading.expired():
            raise DeadlinePassed from None
        raise


def _authenticate(request: web.Request) -> Caller:
    return request.app[VERIFIER].verify(bearer_token(request.headers.getall("Authorization", [])))


def _path_id(request: web.Request, route: Route[Any, Any]) -> int:
    text = request.match_info.get("id")
    if text is None:
        return 0
    if not _ID.match(text) or int(text) > MAX_ID:
        raise NotFound() if text.isascii() and text.isdigit() else route.malformed_id()
    return int(text)


def _query(request: web.Request, model: type[Query]) -> Query:
    values = dict(request.query)
    twice = {name for name in values if len(request.query.getall(name)) > 1}
    if twice:
        raise ValidationFailed({name: ["This parameter stands twice."] for name in sorted(twice)})
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None


async def _body(request: web.Request, route: Route[Any, Any]) -> BaseModel:
    """A route without fields takes no body, or an empty object: a field in it is one that nobody knows."""
    model = route.body or Body
    optional = route.body is None or route.body_optional
    if optional and (request.method == "GET" or not request.can_read_body):
        return model()
    value = await read_json(request)
    if not isinstance(value, dict):
        raise ValidationFailed({"body": ["The body must be a JSON object."]})
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def _conditions(request: web.Request) -> Conditions:
    headers = request.headers
    if "If-Match" not in headers and "If-None-Match" not in headers:
        return UNCONDITIONAL
    return read_conditions(headers.getall("If-Match", []), headers.getall("If-None-Match", []))


def _claim(request: web.Request, route: Route[Any, Any], caller: Caller, body: BaseModel) -> Claim | None:
    key = read_key(request.headers.getall("Idempotency-Key", [])) if route.method == "POST" else None
    if key is None:
        return None
    return Claim(caller.organisation_id, caller.subject, route.path, key, digest(body.model_dump()))


def _client_url(request: web.Request) -> str:
    """The gateway says where the client reached it; only verified callers get this far."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    host = request.headers.get("X-Forwarded-Host") or checked_host(request.headers.getall("Host", []))
    return f"{scheme}://{host}{request.path}"
