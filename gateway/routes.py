"""Which service answers which path. Whatever stands in no line here does not exist for a client."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

UpstreamName = Literal["catalog", "enrollment", "history", "accounts"]

ROUTES: Final[Mapping[str, UpstreamName]] = {
    "/api/v1/training/courses/**": "catalog",
    "/api/v1/training/sessions/{id}/attendance": "enrollment",
    "/api/v1/training/sessions/**": "catalog",
    "/api/v1/training/labels": "catalog",
    "/api/v1/training/projects": "catalog",
    "/api/v1/training/enrollments/**": "enrollment",
    "/api/v1/training/compliance": "enrollment",
    "/api/v1/training/settings/**": "enrollment",
    "/api/v1/employees/{id}/training": "history",
    "/api/v1/staff/{id}/training": "history",
    "/api/v1/employees/**": "enrollment",
    "/api/v1/staff/**": "enrollment",
    "/api/v1/companies": "enrollment",
}
"""The first that matches decides. `{id}` stands for one segment, `/**` at the end for any further ones or none."""


_REMEMBERED_PATHS: Final = 2000
_REMEMBERED_LENGTH: Final = 256


class Router:
    """Finds the service for a path as the client sent it, still encoded."""

    def __init__(self) -> None:
        self._patterns = [(_compiled(pattern), upstream) for pattern, upstream in ROUTES.items()]
        self._remembered = lru_cache(_REMEMBERED_PATHS)(self._find)

    def upstream_of(self, path: str) -> UpstreamName | None:
        return self._remembered(path) if len(path) <= _REMEMBERED_LENGTH else self._find(path)

    def _find(self, path: str) -> UpstreamName | None:
        return next((upstream for pattern, upstream in self._patterns if pattern.fullmatch(path)), None)


def _compiled(pattern: str) -> re.Pattern[str]:
    prefix = pattern.removesuffix("/**")
    segments = "[^/]+".join(map(re.escape, prefix.split("{id}")))
    return re.compile(segments + ("(?:/[^/]+)*" if prefix != pattern else ""))
