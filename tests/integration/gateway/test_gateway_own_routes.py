"""What the gateway declares of its own routes is what it answers."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.edge.own_routes import OPEN_PATHS, OWN_ROUTES, Ready
from shared.http.routing import Route
from shared.http.server.app import HEALTH_PATHS
from tests.integration.gateway.edge import NOWHERE, Edge, StartGateway

HEALTH = [route for route in OWN_ROUTES if route.path not in OPEN_PATHS]
"""What enrollment answers has tests of its own."""


@pytest.fixture(params=HEALTH, ids=lambda route: route.path)
def route(request: pytest.FixtureRequest) -> Route[Any, Any]:
    found: Route[Any, Any] = request.param
    return found


def test_health_is_declared() -> None:
    assert set(HEALTH_PATHS) <= {route.path for route in OWN_ROUTES}


def test_a_route_says_what_it_is_for_and_needs_no_token(route: Route[Any, Any]) -> None:
    assert route.summary
    assert route.is_public


async def test_a_route_is_answered_as_it_is_declared(edge: Edge, route: Route[Any, Any]) -> None:
    answer = await edge.client().request(route.method, route.path)
    assert answer.status == 200
    route.answers[200].model_validate(answer.json)
    other = await edge.client().request("POST" if route.method == "GET" else "GET", route.path)
    assert (other.status, other.headers["Allow"]) == (405, "GET, HEAD" if route.method == "GET" else route.method)


async def test_a_gateway_that_is_not_ready_answers_as_it_is_declared(start_gateway: StartGateway) -> None:
    edge = await start_gateway(accounts_url=NOWHERE)
    [ready] = [route for route in OWN_ROUTES if 503 in route.answers]
    answer = await edge.client().request("GET", ready.path)
    assert answer.status == 503
    assert not all(ready.answers[503].model_validate(answer.json).model_dump()["checks"].values())


def test_control_an_answer_that_differs_is_noticed() -> None:
    with pytest.raises(ValidationError):
        Ready.model_validate({"status": "ready", "checks": {}, "secret": 1})
