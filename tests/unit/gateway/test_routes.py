"""Which service answers which path."""

from typing import Any

import pytest

from gateway.routes import Router
from shared.http.routing import Route
from tests.support.services import DECLARED

ROUTER = Router()
PUBLIC = [
    (name, route) for name, service in DECLARED.items() for route in service.routes if route.path.startswith("/api/")
]


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/api/v1/training/courses", "catalog"),
        ("/api/v1/training/courses/5", "catalog"),
        ("/api/v1/training/sessions/5", "catalog"),
        ("/api/v1/training/enrollments", "enrollment"),
        ("/api/v1/training/enrollments/5/complete", "enrollment"),
        ("/api/v1/training/compliance", "enrollment"),
        ("/api/v1/employees", "enrollment"),
        ("/api/v1/employees/5", "enrollment"),
        ("/api/v1/employees/5/training", "history"),
        ("/api/v1/employees/five/training", "history"),
        ("/api/v1/staff/5/training", "history"),
        ("/api/v1/staff/5", "enrollment"),
    ],
)
def test_a_path_has_its_service(path: str, upstream: str) -> None:
    assert ROUTER.upstream_of(path) == upstream


@pytest.mark.parametrize(("service", "route"), PUBLIC, ids=[f"{route.method} {route.path}" for _, route in PUBLIC])
def test_a_route_that_a_service_declares_is_routed_to_it(service: str, route: Route[Any, Any]) -> None:
    assert ROUTER.upstream_of(route.path.replace("{id}", "5")) == service


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health/ready",
        "/internal/sessions/5",
        "/api/v1/internal/sessions/5",
        "/api/v1/training",
        "/api/v1/training/coursesx",
        "/api/v1/training/courses/",
        "/api/v1/training/c%6Furses",
        "/api/v1/training/courses\n",
        "/API/v1/training/courses",
        "/x/api/v1/training/courses",
        "/api/v1/staff/",
    ],
)
def test_no_other_path_has_one(path: str) -> None:
    assert ROUTER.upstream_of(path) is None
