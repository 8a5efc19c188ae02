"""Which service answers which path."""

from typing import Any, get_args

import pytest

from gateway.edge.templates import templates
from gateway.routes import EXPORTED, IMPORTS, LIVE, STREAMED, Router
from shared.http.routing import Route
from shared.imports.models import KindName
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
        ("/api/v1/training/clearance", "enrollment"),
        ("/api/v1/employees/7/clearance", "enrollment"),
        ("/api/v1/employees", "enrollment"),
        ("/api/v1/employees/5", "enrollment"),
        ("/api/v1/employees/5/training", "history"),
        ("/api/v1/employees/five/training", "history"),
        ("/api/v1/staff/5/training", "history"),
        ("/api/v1/training/records", "history"),
        ("/api/v1/training", "history"),
        ("/api/v1/staff/5", "enrollment"),
    ],
)
def test_a_path_has_its_service(path: str, upstream: str) -> None:
    assert ROUTER.upstream_of(path) == upstream


def test_what_is_written_to_a_path_may_have_another_service() -> None:
    assert ROUTER.upstream_of("/api/v1/training/records", "POST") == "enrollment"
    assert ROUTER.upstream_of("/api/v1/training/records", "GET") == "history"


@pytest.mark.parametrize(("service", "route"), PUBLIC, ids=[f"{route.method} {route.path}" for _, route in PUBLIC])
def test_a_route_that_a_service_declares_is_routed_to_it(service: str, route: Route[Any, Any]) -> None:
    if route.path == IMPORTS:  # two services have it
        assert service in {ROUTER.upstream_of_import(f"kind={kind}") for kind in get_args(KindName)}
        return
    assert ROUTER.upstream_of(route.path.replace("{id}", "5"), route.method) == service


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health/ready",
        "/internal/sessions/5",
        "/api/v1/internal/sessions/5",
        "/api/v1/training/",
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


@pytest.mark.parametrize(
    ("query", "upstream"),
    [
        ("kind=people&mode=changes", "enrollment"),
        ("mode=changes&kind=p%65ople", "enrollment"),
        ("mode=changes&kind=co%75rses", "catalog"),
        ("kind=sessions", "catalog"),
        ("kind=completions", "enrollment"),
        ("", "enrollment"),
        ("kind=", "enrollment"),
        ("kind=shoes", "enrollment"),
        ("kind=../training/courses", "enrollment"),
        ("kind=people/7", "enrollment"),
    ],
)
def test_a_file_goes_to_the_service_of_its_kind(query: str, upstream: str) -> None:
    assert ROUTER.upstream_of_import(query) == upstream


def test_what_services_declare_as_streamed_goes_over_the_lane() -> None:
    declared = {
        (route.path, route.method): route.body_streamed
        for service in DECLARED.values()
        for route in service.routes
        if route.streamed and not route.is_internal
    }
    for (path, method), most_bytes in declared.items():
        destination = ROUTER.destination_of(path.replace("{id}", "5"))
        assert destination is not None
        assert destination.streamed.get(method) == most_bytes, f"{method} {path}"
    routed = {(path, method): most for path, methods in STREAMED.items() for method, most in methods.items()}
    assert routed == declared


def test_what_services_declare_as_events_is_what_the_gateway_sends_itself() -> None:
    every = [route for service in DECLARED.values() for route in service.routes]
    declared = {route.path for route in every if route.events is not None and not route.is_internal}
    assert set(LIVE) == declared
    for path in declared:
        destination = ROUTER.destination_of(path.replace("{id}", "5"))
        assert destination is not None
        assert destination.is_live, path
    ordinary = ROUTER.destination_of("/api/v1/training/sessions/5")
    assert ordinary is not None
    assert not ordinary.is_live


def test_what_services_declare_as_exports_may_go_over_the_lane() -> None:
    declared = {route.path for service in DECLARED.values() for route in service.routes if route.exports}
    assert set(EXPORTED) == declared
    for path in declared:
        destination = ROUTER.destination_of(path.replace("{id}", "5"))
        assert destination is not None
        assert destination.is_exported, path
    ordinary = ROUTER.destination_of("/api/v1/training/courses/5")
    assert ordinary is not None
    assert not ordinary.is_exported


def test_a_body_that_is_streamed_belongs_to_a_route_that_is() -> None:
    every = [route for service in DECLARED.values() for route in service.routes]
    assert [route.path for route in every if route.body_streamed and not route.streamed] == []


TEMPLATES = ("/api/v1/training/sessions", "/api/v1/training/sessions/{id}", "/api/v1/training/sessions/live")
WITH_TEMPLATES = Router(templates=TEMPLATES)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/api/v1/training/sessions", "/api/v1/training/sessions"),
        ("/api/v1/training/sessions/live", "/api/v1/training/sessions/live"),
        ("/api/v1/training/sessions/5", "/api/v1/training/sessions/{id}"),
        ("/api/v1/training/sessions/five", "/api/v1/training/sessions/{id}"),
        ("/api/v1/training/sessions/%35", "/api/v1/training/sessions/{id}"),
        ("/api/v1/training/sessions/{id}", "/api/v1/training/sessions/{id}"),
        ("/api/v1/training/sessions/5/secret", "/api/v1/training/sessions/**"),
        ("/api/v1/training/sessions/5/5", "/api/v1/training/sessions/**"),
        ("/api/v1/employees/5", "/api/v1/employees/**"),
    ],
)
def test_a_path_has_the_template_that_metrics_and_logs_name_it_by(path: str, template: str) -> None:
    destination = WITH_TEMPLATES.destination_of(path)
    assert destination is not None
    assert destination.template == template


@pytest.mark.parametrize(("service", "route"), PUBLIC, ids=[f"{route.method} {route.path}" for _, route in PUBLIC])
def test_a_path_with_a_number_leads_where_its_route_does(service: str, route: Route[Any, Any]) -> None:
    known = Router(templates=templates())
    numbered = known.destination_of(route.path.replace("{id}", "5"))
    other = known.destination_of(route.path.replace("{id}", "five"))
    assert numbered == other
    assert numbered is not None
    without = ROUTER.destination_of(route.path.replace("{id}", "5"))
    assert without is not None
    assert numbered == without._replace(template=route.path)


@pytest.mark.parametrize(("service", "route"), PUBLIC, ids=[f"{route.method} {route.path}" for _, route in PUBLIC])
def test_a_route_that_a_service_declares_is_a_template(service: str, route: Route[Any, Any]) -> None:
    destination = Router(templates=templates()).destination_of(route.path.replace("{id}", "5"))
    assert destination is not None
    assert destination.template == route.path
