"""Which service answers which path. Whatever stands in no line here does not exist for a client."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

UpstreamName = Literal["catalog", "enrollment", "history"]


@dataclass(frozen=True, slots=True)
class Route:
    """`{id}` in the pattern stands for one segment, `/**` at its end for any further ones or none."""

    pattern: str
    upstream: UpstreamName


ROUTES: Sequence[Route] = (
    Route("/api/v1/training/courses/**", "catalog"),
    Route("/api/v1/training/sessions/{id}/attendance", "enrollment"),
    Route("/api/v1/training/sessions/**", "catalog"),
    Route("/api/v1/training/enrollments/**", "enrollment"),
    Route("/api/v1/training/compliance", "enrollment"),
    Route("/api/v1/training/settings/**", "enrollment"),
    Route("/api/v1/employees/{id}/training", "history"),
    Route("/api/v1/staff/{id}/training", "history"),
    Route("/api/v1/employees/**", "enrollment"),
    Route("/api/v1/staff/**", "enrollment"),
)
"""The first that matches decides."""


_REMEMBERED_PATHS: Final = 2000
_REMEMBERED_LENGTH: Final = 256


class Router:
    """Finds the service for a path as the client sent it, still encoded."""

    def __init__(self, routes: Sequence[Route] = ROUTES) -> None:
        self._patterns = [(_compiled(route.pattern), route.upstream) for route in routes]
        self._remembered = lru_cache(_REMEMBERED_PATHS)(self._find)

    def upstream_of(self, path: str) -> UpstreamName | None:
        return self._remembered(path) if len(path) <= _REMEMBERED_LENGTH else self._find(path)

    def _find(self, path: str) -> UpstreamName | None:
        return next((upstream for pattern, upstream in self._patterns if pattern.fullmatch(path)), None)


def _compiled(pattern: str) -> re.Pattern[str]:
    prefix = pattern.removesuffix("/**")
    segments = "[^/]+".join(map(re.escape, prefix.split("{id}")))
    return re.compile(segments + ("(?:/[^/]+)*" if prefix != pattern else ""))
