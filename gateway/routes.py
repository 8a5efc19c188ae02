"""Which service answers which path. Whatever stands in no line here does not exist for a client."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

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
    "/api/v1/training/compliance": "enrollment",
    "/api/v1/training/records": "history",
    "/api/v1/training": "history",
    "/api/v1/training/settings/**": "enrollment",
    "/api/v1/employees/{id}/training": "history",
    "/api/v1/staff/{id}/training": "history",
    "/api/v1/employees/**": "enrollment",
    "/api/v1/staff/**": "enrollment",
    "/api/v1/companies": "enrollment",
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


STREAMED: Final[Mapping[str, Mapping[str, int]]] = {
    "/api/v1/events": {"GET": 0},
}
"""Paths whose requests go over the lane (decision 23), with their methods, and the most bytes of a body that is sent on
as it comes: 0 without one, or for an ordinary one. Services declare the same (`Route.streamed`, `body_streamed`)."""
LIVE: Final = ("/api/v1/training/sessions/{id}/live", "/api/v1/training/sessions/live")
"""Paths whose GETs are answered with events of the gateway's own (decision 26). Services declare the same
(`Route.events`)."""
_NOT_STREAMED: Final[Mapping[str, int]] = {}

_REMEMBERED_PATHS: Final = 2000
_REMEMBERED_LENGTH: Final = 256


class Destination(NamedTuple):
    """`streamed` are the methods that go over the lane, as `STREAMED` has them."""

    upstream: UpstreamName
    streamed: Mapping[str, int]
    is_live: bool = False


class Router:
    """Finds the service for a path as the client sent it, still encoded.

    Without accounts, because another provider issues all tokens, none of its public paths exists.
    """

    def __init__(self, *, with_accounts: bool = True) -> None:
        routes = {path: upstream for path, upstream in ROUTES.items() if with_accounts or path not in PUBLIC}
        self._patterns = [(_compiled(pattern), upstream) for pattern, upstream in routes.items()]
        self._streamed = [(_compiled(pattern), methods) for pattern, methods in STREAMED.items()]
        self._live = [_compiled(pattern) for pattern in LIVE]
        self._remembered = lru_cache(_REMEMBERED_PATHS)(self._find)

    def destination_of(self, path: str) -> Destination | None:
        return self._remembered(path) if len(path) <= _REMEMBERED_LENGTH else self._find(path)

    def upstream_of(self, path: str) -> UpstreamName | None:
        destination = self.destination_of(path)
        return None if destination is None else destination.upstream

    def _find(self, path: str) -> Destination | None:
        upstream = next((upstream for pattern, upstream in self._patterns if pattern.fullmatch(path)), None)
        if upstream is None:
            return None
        streamed = next((methods for pattern, methods in self._streamed if pattern.fullmatch(path)), _NOT_STREAMED)
        return Destination(upstream, streamed, any(pattern.fullmatch(path) for pattern in self._live))


def _compiled(pattern: str) -> re.Pattern[str]:
    prefix = pattern.removesuffix("/**")
    segments = "[^/]+".join(map(re.escape, prefix.split("{id}")))
    return re.compile(segments + ("(?:/[^/]+)*" if prefix != pattern else ""))
