"""Every route declares what it answers, and the check that holds all answers against it notices a difference."""

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from shared.errors import PreconditionFailed
from shared.http.routing import Route
from tests.support import declared
from tests.support.client import Client
from tests.support.declared import Declarations, check_against_declaration
from tests.support.services import ROUTES
from tests.support.world import COURSES, new_course

PATH = "/api/v1/training/settings"
SETTINGS = {"time_zone": "UTC", "booking_clash": "warn", "issuer_name": None, "language": "en"}
GOOD: dict[str, Any] = {"success": True, "data": SETTINGS}


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


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_says_what_it_does(route: Route[Any, Any]) -> None:
    assert re.fullmatch(r"[A-Z][a-z]+( [a-z-]+)*", route.summary)


def test_no_two_routes_are_called_the_same() -> None:
    """Two services may have the same route, of which the gateway chooses one."""
    routes = {(route.method, route.path, route.summary) for route in ROUTES}
    assert len({summary for _, _, summary in routes}) == len(routes)


FULL = {"success": False, "message": "x", "code": "session_full", "available_spots": 0, "requested": 1}
ENROLLMENTS = "/api/v1/training/enrollments"
TOKEN = "/oauth/token"


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("POST", ENROLLMENTS, 422, FULL),
        ("GET", f"{ENROLLMENTS}/x", 404, {"success": False, "message": "x", "code": "not_found"}),
        ("PUT", ENROLLMENTS, 405, {"success": False, "message": "x", "code": "method_not_allowed"}),
        ("GET", "/api/v1/nothing", 418, {"what": "ever"}),
        ("POST", TOKEN, 401, {"error": "invalid_client", "error_description": "x"}),
        ("POST", TOKEN, 429, {"success": False, "message": "x", "code": "rate_limited"}),
    ],
)
def test_a_refusal_that_is_declared_is_good(method: str, path: str, status: int, body: dict[str, Any]) -> None:
    check_against_declaration(method, path, status, json.dumps(body))


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", ENROLLMENTS, 422, FULL),
        ("POST", ENROLLMENTS, 409, FULL),
        ("POST", ENROLLMENTS, 422, {**FULL, "code": "attendance_refused"}),
        ("POST", ENROLLMENTS, 422, {**FULL, "secret": 1}),
        ("POST", ENROLLMENTS, 422, {**FULL, "requested": "one"}),
        ("POST", f"{ENROLLMENTS}/1", 404, {"success": False, "message": "x", "code": "email_taken"}),
        ("POST", TOKEN, 400, {"error": "invalid_client", "error_description": "x"}),
        ("POST", TOKEN, 422, {"success": False, "message": "x", "code": "validation_failed"}),
        ("POST", "/api/v1/auth/login", 403, {"success": False, "message": "x", "code": "permission_denied"}),
    ],
)
def test_control_a_refusal_that_is_not_declared_is_noticed(
    method: str, path: str, status: int, body: dict[str, Any]
) -> None:
    with pytest.raises((AssertionError, jsonschema.ValidationError)):
        check_against_declaration(method, path, status, json.dumps(body))


def test_a_service_itself_may_refuse_the_internal_token_of_a_public_route() -> None:
    text = json.dumps({"success": False, "message": "x", "code": "permission_denied"})
    check_against_declaration("POST", "/api/v1/auth/login", 403, text, by_gateway=False)


async def test_control_a_refusal_that_a_route_does_not_declare_turns_its_test_red(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every client of the suite asks through the check."""
    course_id = await new_course(admin)
    assert (await admin.patch(f"{COURSES}/{course_id}", {}, **{"If-Match": '"x"'})).status == 412
    [route] = [each for each in ROUTES if (each.method, each.path) == ("PATCH", f"{COURSES}/{{id}}")]
    others = replace(route, refusals=[kind for kind in route.refusals if kind is not PreconditionFailed])
    monkeypatch.setattr(declared, "_DECLARED", Declarations([others]))
    with pytest.raises(AssertionError, match="precondition_failed"):
        await admin.patch(f"{COURSES}/{course_id}", {}, **{"If-Match": '"x"'})
