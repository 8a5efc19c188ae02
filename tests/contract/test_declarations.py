"""Every route declares what it answers, and the check that holds all answers against it notices a difference."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.http.routing import Route
from tests.support.declared import check_against_declaration
from tests.support.services import ROUTES

PATH = "/api/v1/training/settings"
GOOD: dict[str, Any] = {"success": True, "data": {"time_zone": "UTC", "booking_clash": "warn"}}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_declares_its_permission_and_its_answers(route: Route[Any, Any]) -> None:
    assert route.permissions
    assert route.answers
    assert all(200 <= status < 300 for status in route.answers)


@pytest.mark.parametrize(
    "answer",
    [
        {"success": True, "data": {**GOOD["data"], "secret": 1}},
        {"success": True, "data": {}},
        {"success": True, "data": {**GOOD["data"], "time_zone": None}},
        {"data": GOOD["data"]},
    ],
)
def test_control_an_answer_that_differs_is_noticed(answer: dict[str, Any]) -> None:
    check_against_declaration("GET", PATH, 200, json.dumps(GOOD))
    with pytest.raises(ValidationError):
        check_against_declaration("GET", PATH, 200, json.dumps(answer))


def test_control_a_status_that_is_not_declared_is_noticed() -> None:
    with pytest.raises(AssertionError):
        check_against_declaration("GET", PATH, 202, json.dumps(GOOD))
