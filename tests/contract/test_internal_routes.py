"""What services ask of each other is theirs alone: no client has the permission, and the gateway has no way there."""

from typing import Any

import pytest

from shared.http.routing import Route
from tests.support.client import INTERNAL_PERMISSIONS
from tests.support.services import DECLARED
from tests.support.stack import Stack

INTERNAL_ROUTES = [
    pytest.param(service, route, id=f"{route.method} {route.path}")
    for service, declared in DECLARED.items()
    for route in declared.routes
    if route.path.startswith("/internal/")
]


@pytest.mark.parametrize(("service", "route"), INTERNAL_ROUTES)
async def test_a_client_with_every_permission_is_refused(
    stack: Stack, organisation: int, service: str, route: Route[Any, Any]
) -> None:
    client = stack.direct(service, organisation)
    answer = await client.request(route.method, route.path.replace("{id}", "1"))
    assert (answer.status, answer.json["code"]) == (403, "permission_denied")
    assert route.permissions[0] in answer.json["message"]
    assert route.permissions[0].startswith("internal.")


@pytest.mark.parametrize(("service", "route"), INTERNAL_ROUTES)
async def test_the_gateway_has_no_way_there(
    stack: Stack, organisation: int, service: str, route: Route[Any, Any]
) -> None:
    client = stack.client(organisation, permissions=["api.access", *INTERNAL_PERMISSIONS])
    answer = await client.request(route.method, route.path.replace("{id}", "1"))
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_there_are_internal_routes_to_try() -> None:
    assert len(INTERNAL_ROUTES) == 27
