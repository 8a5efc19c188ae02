"""What a route is asked: the same of a request of aiohttp's and of a plain one, read by the same steps."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from yarl import URL

from shared.errors import ValidationFailed
from shared.http.body import json_of, read_json
from shared.http.body_budget import CALLER
from shared.http.conditional import UNCONDITIONAL, Conditions, read_conditions
from shared.http.models import USUAL_LIMITS, BodyLimits, MergePatch, Query
from shared.http.request_target import checked_host, own_address
from shared.http.server.simple_request import Headers, PlainRequest
from shared.validation.known_members import Unknown, invalid, known_members

Model = TypeVar("Model", bound=BaseModel)

_REMEMBERED_QUERIES: Final = 1000
_REMEMBERED_LENGTH: Final = 256


@dataclass(slots=True)
class Asked:
    """`path` is decoded, `query` is not; `id` is the text that stands in the path where the route has an id."""

    headers: Headers
    path: str
    query: str
    id: str | None
    scheme: str
    has_body: bool
    json: Callable[[BodyLimits], Awaitable[Any]]
    """The body as Python values, fractions as `Decimal`; raises what `read_json` raises."""
    own_address: str = ""
    """The address of this process, where the client named no host."""


def asked_by(request: web.Request) -> Asked:
    return Asked(
        request.headers,
        request.path,
        request.rel_url.raw_query_string,
        request.match_info.get("id"),
        request.scheme,
        request.can_read_body,
        partial(_json_of_caller, request),
        _own_address(request),
    )


async def _json_of_caller(request: web.Request, limits: BodyLimits) -> Any:
    """A route reads no body before it knows who asks, and that they may."""
    request[CALLER] = request.headers.get("Authorization", "")
    return await read_json(request, limits)


def _own_address(request: web.Request) -> str:
    """Where the client reached this process, if it did not say: HTTP/1.0 has no `Host`."""
    if "Host" in request.headers or request.transport is None:
        return ""
    return own_address(request.transport)


def asked_plainly(request: PlainRequest, path_id: str | None) -> Asked:
    async def json(limits: BodyLimits) -> Any:
        return json_of(request.headers, request.body, limits)

    target = request.target
    return Asked(request.headers, target.path, target.query, path_id, "http", bool(request.body), json)


class QueryReader:
    """Reads the queries of one route, and remembers those that were good: pages are asked for again and again."""

    def __init__(self, model: type[Query]) -> None:
        self._model = model
        self._remembered = lru_cache(_REMEMBERED_QUERIES)(self._read)

    def read(self, query: str) -> Query:
        """Raises `ValidationFailed`."""
        return self._remembered(query) if len(query) <= _REMEMBERED_LENGTH else self._read(query)

    def _read(self, query: str) -> Query:
        parameters = URL.build(path="/", query_string=query, encoded=True).query
        values = dict(parameters)
        if len(values) < len(parameters):
            twice = sorted(name for name, times in Counter(name for name, _ in parameters.items()).items() if times > 1)
            raise ValidationFailed({name: ["This parameter stands twice."] for name in twice})
        return validated(self._model, values)


def validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    """An instance of the model, which sees no member that it does not know; raises `ValidationFailed`."""
    unknown = Unknown()
    known = known_members(model, values, unknown)
    try:
        instance = model.model_validate(known)
    except ValidationError as error:
        raise invalid(error, unknown) from None
    if unknown.count:
        raise ValidationFailed(unknown.errors(), omitted=unknown.omitted)
    return instance


async def read_members(asked: Asked, model: type[BaseModel], limits: BodyLimits = USUAL_LIMITS) -> BaseModel:
    """The JSON object of the body; raises `ValidationFailed` and what `Asked.json` raises."""
    return body_of(model, await asked.json(limits))


def body_of(model: type[Model], value: Any) -> Model:
    """The model of a JSON object; raises `ValidationFailed`."""
    if not isinstance(value, dict):
        raise ValidationFailed({"body": ["The body must be a JSON object."]})
    if issubclass(model, MergePatch):
        check_members_known(model.document, value)
    return validated(model, value)


def check_members_known(document: type[BaseModel], patch: Mapping[str, Any]) -> None:
    """A member of a patch is one of the document, even where `null` would remove it; raises `ValidationFailed`."""
    unknown = Unknown()
    known_members(document, patch, unknown)
    if unknown.count:
        raise ValidationFailed(unknown.errors(), omitted=unknown.omitted)


def conditions(headers: Headers) -> Conditions:
    if "If-Match" not in headers and "If-None-Match" not in headers:
        return UNCONDITIONAL
    return read_conditions(headers.getall("If-Match", []), headers.getall("If-None-Match", []))


def client_url(asked: Asked) -> str:
    """The gateway says where the client reached it; only verified callers get this far."""
    scheme = asked.headers.get("X-Forwarded-Proto", asked.scheme)
    host = asked.headers.get("X-Forwarded-Host") or asked.own_address
    if not host:
        host = checked_host(asked.headers.getall("Host", []))
    return f"{scheme}://{host}{asked.path}"
