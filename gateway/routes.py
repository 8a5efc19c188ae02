"""Which service answers which path. Whatever stands in no line here does not exist for a client."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qs, quote

UpstreamName = Literal["catalog", "enrollment", "history", "accounts", "delivery"]

ROUTES: Final[Mapping[str, UpstreamName]] = {
    "/api/v1/training/courses/**": "catalog",
    "/api/v1/training/sessions/{id}/attendance": "enrollment",
    "/api/v1/training/sessions/{id}/live": "enrollment",
    "/api/v1/training/sessions/live": "enrollment",
    "/api/v1/training/sessions/**": "catalog",
    "/api/v1/training/labels": "catalog",
    "/api/v1/training/projects": "catalog",
    "/api/v1/training/enrollments/**": "enrollment",
    "/api/v1/training/records/**": "enrollment",
    "/api/v1/training/record-submissions": "enrollment",
    "/api/v1/training/compliance": "enrollment",
    "/api/v1/training/clearance": "enrollment",
    "/api/v1/training/requirements/**": "enrollment",
    "/api/v1/training/compliance/matrix": "enrollment",
    "/api/v1/training": "history",
    "/api/v1/training/settings/**": "enrollment",
    "/api/v1/employees/{id}/training": "history",
    "/api/v1/staff/{id}/training": "history",
    "/api/v1/employees/**": "enrollment",
    "/api/v1/staff/**": "enrollment",
    "/api/v1/companies": "enrollment",
    "/api/v1/imports": "enrollment",
    "/api/v1/imports/people/**": "enrollment",
    "/api/v1/imports/completions/**": "enrollment",
    "/api/v1/imports/courses/**": "catalog",
    "/api/v1/imports/sessions/**": "catalog",
    "/api/v1/calendars/**": "enrollment",
    "/api/v1/events": "delivery",
    "/api/v1/webhooks/**": "delivery",
    "/api/v1/webhook-messages/**": "delivery",
    "/api/v1/auth/login": "accounts",
    "/api/v1/auth/invitation": "accounts",
    "/api/v1/auth/me": "accounts",
    "/api/v1/auth/logout": "accounts",
    "/api/v1/auth/sign-out": "accounts",
    "/api/v1/auth/password": "accounts",
    "/api/v1/users/**": "accounts",
    "/api/v1/clients/**": "accounts",
    "/api/v1/organisations/**": "accounts",
    "/oauth/token": "accounts",
    "/.well-known/jwks.json": "accounts",
    "/.well-known/oauth-authorization-server": "accounts",
    "/.well-known/oauth-protected-resource": "accounts",
}
"""The first that matches decides. `{id}` stands for one segment, `/**` at the end for any further ones or none."""

READS: Final[Mapping[str, UpstreamName]] = {
    "/api/v1/training/records": "history",
}
"""Paths whose GETs have a service of their own: what is written is its owner's, and what is read a projection."""

PUBLIC: Final[Mapping[str, str]] = {
    "/api/v1/auth/login": "POST",
    "/api/v1/auth/invitation": "POST",
    "/oauth/token": "POST",
    "/.well-known/jwks.json": "GET",
    "/.well-known/oauth-authorization-server": "GET",
    "/.well-known/oauth-protected-resource": "GET",
}
"""Paths that need no token, those by which one gets one, each with its method. Nobody counts them here, since accounts
does."""
LOGOUT: Final = "/api/v1/auth/logout"
IMPORTS: Final = "/api/v1/imports"
"""Files for any service: the `kind` in the query says which, by the path of imports of that kind."""
MAX_IMPORT_BYTES: Final = 64 * 1024 * 1024
CALENDARS: Final = "/calendars/"
"""What the paths of calendars begin with, which need no token. Each has a secret in it: no router remembers them."""
VERIFY: Final = "/verify/"
"""The same of credentials' pages, which have a code in them."""
CREDENTIALS: Final = "/credentials/"
"""The same of what others verify credentials by."""
OPEN: Final = (CALENDARS, VERIFY, CREDENTIALS)


STREAMED: Final[Mapping[str, Mapping[str, int]]] = {
    "/api/v1/events": {"GET": 0},
    IMPORTS: {"POST": MAX_IMPORT_BYTES},
    "/api/v1/employees/{id}/data": {"GET": 0},
    "/api/v1/staff/{id}/data": {"GET": 0},
}
"""Paths whose requests go over the lane (decision 23), with their methods, and the most bytes of a body that is sent on
as it comes: 0 without one, or for an ordinary one. Services declare the same (`Route.streamed`, `body_streamed`)."""
LIVE: Final = ("/api/v1/training/sessions/{id}/live", "/api/v1/training/sessions/live")
"""Paths whose GETs are answered with events of the gateway's own (decision 26). Services declare the same
(`Route.events`)."""
EXPORTED: Final = (
    "/api/v1/training/courses",
    "/api/v1/training/courses/{id}/audit",
    "/api/v1/training/sessions",
    "/api/v1/training/sessions/{id}/audit",
    "/api/v1/training/labels",
    "/api/v1/training/projects",
    "/api/v1/training/enrollments",
    "/api/v1/training/enrollments/{id}/audit",
    "/api/v1/training",
    "/api/v1/training/records",
    "/api/v1/training/records/{id}/audit",
    "/api/v1/training/record-submissions",
    "/api/v1/training/compliance",
    "/api/v1/training/clearance",
    "/api/v1/training/requirements",
    "/api/v1/training/requirements/{id}/audit",
    "/api/v1/training/settings/audit",
    "/api/v1/employees",
    "/api/v1/employees/{id}/audit",
    "/api/v1/employees/{id}/training",
    "/api/v1/staff",
    "/api/v1/staff/{id}/audit",
    "/api/v1/staff/{id}/training",
    "/api/v1/companies",
    "/api/v1/calendars",
    "/api/v1/imports/people",
    "/api/v1/imports/people/{id}/refusals",
    "/api/v1/imports/completions",
    "/api/v1/imports/completions/{id}/refusals",
    "/api/v1/imports/courses",
    "/api/v1/imports/courses/{id}/refusals",
    "/api/v1/imports/sessions",
    "/api/v1/imports/sessions/{id}/refusals",
    "/api/v1/webhooks",
    "/api/v1/webhooks/{id}/audit",
    "/api/v1/webhooks/{id}/messages",
    "/api/v1/webhooks/{id}/attempts",
    "/api/v1/users",
    "/api/v1/users/{id}/audit",
    "/api/v1/clients",
    "/api/v1/clients/{id}/audit",
    "/api/v1/organisations",
    "/api/v1/organisations/{id}/audit",
)
"""Lists: their GETs go over the lane where `Accept` prefers one of `shared.http.accept.EXPORT_TYPES` (decision 29).
Services declare the same (`Route.exports`)."""
_NOT_STREAMED: Final[Mapping[str, int]] = {}

_NUMBER: Final = re.compile(r"/[0-9]+(?=/|\Z)")
_REMEMBERED_PATHS: Final = 2000
_REMEMBERED_LENGTH: Final = 256


class Destination(NamedTuple):
    """`reading` is the service for a GET, `upstream` that for all else. `streamed` are the methods that go over the
    lane, as `STREAMED` has them; `is_exported` as `EXPORTED` has it. By `template` metrics and logs name the path."""

    upstream: UpstreamName
    reading: UpstreamName
    template: str
    streamed: Mapping[str, int]
    is_live: bool = False
    is_exported: bool = False

    def service_for(self, method: str) -> UpstreamName:
        return self.reading if method == "GET" else self.upstream


class Router:
    """Finds the service for a path as the client sent it, still encoded.

    Without accounts, because another provider issues all tokens, none of its public paths exists. `templates` are the
    paths that clients may ask; one that is no such path has the line of `ROUTES` that sends it to its service.
    """

    def __init__(self, *, with_accounts: bool = True, templates: Iterable[str] = ()) -> None:
        routes = {path: upstream for path, upstream in ROUTES.items() if with_accounts or path not in PUBLIC}
        self._patterns = [(_compiled(pattern), pattern, upstream) for pattern, upstream in routes.items()]
        self._streamed = [(_compiled(pattern), methods) for pattern, methods in STREAMED.items()]
        self._live = [_compiled(pattern) for pattern in LIVE]
        self._exported = re.compile("|".join(_compiled(pattern).pattern for pattern in EXPORTED))
        self._templates = [(_compiled(template), template) for template in templates]
        self._of_templates = {template: self._found(template, template) for _, template in self._templates}
        self._remembered = lru_cache(_REMEMBERED_PATHS)(self._find)

    def destination_of(self, path: str) -> Destination | None:
        return self._remembered(path) if len(path) <= _REMEMBERED_LENGTH else self._find(path)

    def upstream_of(self, path: str, method: str = "GET") -> UpstreamName | None:
        destination = self.destination_of(path)
        return None if destination is None else destination.service_for(method)

    def upstream_of_import(self, query: str) -> UpstreamName:
        """The service for a file. One of them refuses a kind that nobody knows."""
        kinds = parse_qs(query).get("kind", [""])
        return self.upstream_of(f"{IMPORTS}/{quote(kinds[0], safe='')}") or ROUTES[IMPORTS]

    def _find(self, path: str) -> Destination | None:
        """Nearly every path has numbers for ids: then its template, which leads to the same place, is known."""
        numbered = _NUMBER.sub("/{id}", path)
        if numbered in self._of_templates:
            return self._of_templates[numbered]
        return self._found(path, next((named for pattern, named in self._templates if pattern.fullmatch(path)), None))

    def _found(self, path: str, template: str | None) -> Destination | None:
        found = next((found for found in self._patterns if found[0].fullmatch(path)), None)
        if found is None:
            return None
        _, line, upstream = found
        streamed = next((methods for pattern, methods in self._streamed if pattern.fullmatch(path)), _NOT_STREAMED)
        is_live = any(pattern.fullmatch(path) for pattern in self._live)
        reading = READS.get(path, upstream)
        is_exported = self._exported.fullmatch(path) is not None
        return Destination(upstream, reading, template or line, streamed, is_live, is_exported)


def _compiled(pattern: str) -> re.Pattern[str]:
    prefix = pattern.removesuffix("/**")
    segments = "[^/]+".join(map(re.escape, prefix.split("{id}")))
    return re.compile(segments + ("(?:/[^/]+)*" if prefix != pattern else ""))
