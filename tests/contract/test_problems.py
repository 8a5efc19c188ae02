"""Errors as problem details (RFC 9457) where `Accept` asks for them, whoever refuses; and never unasked."""

import pytest

from gateway.routes import LOGOUT
from shared.http.server import responder
from tests.support.client import Answer, Client
from tests.support.raw_http import exchange
from tests.support.routes import ALL, NO_ROWS, PUBLIC, Declared
from tests.support.stack import Stack
from tests.support.world import COURSES, ENROLLMENTS, new_course, new_employee, new_session

PROBLEM = "application/problem+json"
ASKING = {"Accept": PROBLEM}
UNASKED = ["*/*", "application/*", "application/json", f"{PROBLEM};q=0", f"{PROBLEM};q=0.5, application/json", ""]
STANDARD = {"TE": "trailers"}
"""A header that keeps a request off the fast path."""


def assert_same_in_both_forms(problem: Answer, envelope: Answer) -> None:
    assert problem.headers["Content-Type"] == PROBLEM
    assert envelope.headers["Content-Type"] == "application/json; charset=utf-8"
    told, plain = problem.json, envelope.json
    assert told.pop("type") == f"/docs/errors#{plain['code']}"
    assert told.pop("title")
    assert told.pop("status") == problem.status == envelope.status
    assert told.pop("detail") == plain.pop("message")
    assert plain.pop("success") is False
    assert told == plain


async def in_both_forms(client: Client, method: str, path: str, **options: object) -> tuple[Answer, Answer]:
    return (
        await client.request(method, path, headers=ASKING, **options),
        await client.request(method, path, headers={"Accept": "*/*"}, **options),
    )


@pytest.mark.parametrize("declared", PUBLIC, ids=str)
async def test_every_route_refuses_in_the_form_that_is_asked_for(
    stack: Stack, admin: Client, organisation: int, declared: Declared
) -> None:
    direct = stack.direct(declared.service, organisation, declared.permissions)
    places = [direct] if declared.route.path == LOGOUT else [admin, direct]  # which revokes the token in any case
    for client in places:
        path = f"{declared.path(NO_ROWS)}?serach=x"
        problem, envelope = await in_both_forms(client, declared.route.method, path)
        assert envelope.status == 422
        assert "serach" in envelope.json["errors"]
        assert_same_in_both_forms(problem, envelope)


@pytest.mark.parametrize("declared", [d for d in ALL if d.route.own_errors is None], ids=str)
async def test_every_service_refuses_strangers_in_the_form_that_is_asked_for(stack: Stack, declared: Declared) -> None:
    stranger = Client(stack.http, stack.url_of(declared.service), None)
    answers = await in_both_forms(stranger, declared.route.method, declared.path(NO_ROWS))
    assert answers[1].status == 401
    assert_same_in_both_forms(*answers)


@pytest.mark.parametrize("more", [{}, STANDARD], ids=["fast path", "standard path"])
async def test_the_gateway_itself_refuses_in_the_form_that_is_asked_for(
    stack: Stack, admin: Client, more: dict[str, str]
) -> None:
    stranger = Client(stack.http, stack.gateway_url, None, sends=more)
    known = Client(stack.http, stack.gateway_url, admin.token, sends=more)
    for client, method, path, status in (
        (stranger, "GET", COURSES, 401),
        (known, "GET", "/nothing", 404),
        (stranger, "PUT", "/api/v1/auth/login", 405),
        (known, "GET", "//", 400),
        (stranger, "POST", "/health/live", 405),
    ):
        answers = await in_both_forms(client, method, path)
        assert answers[1].status == status
        assert_same_in_both_forms(*answers)
        names = {name for name in answers[1].headers if not name.startswith(("X-RateLimit", "RateLimit"))}
        assert names <= set(answers[0].headers)


@pytest.mark.parametrize("accept", UNASKED)
async def test_nobody_gets_a_problem_unasked(stack: Stack, admin: Client, accept: str) -> None:
    for path in ("/nothing", f"{COURSES}?page=x"):
        answer = await admin.request("GET", path, headers={"Accept": accept})
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.json["success"] is False


async def test_a_problem_keeps_the_members_of_its_code(admin: Client) -> None:
    session = await new_session(admin, await new_course(admin), max_participants=1)
    people = [await new_employee(admin) for _ in range(2)]
    problem, envelope = await in_both_forms(
        admin, "POST", ENROLLMENTS, json={"session_id": session, "employee_ids": people}
    )
    assert (envelope.status, envelope.json["code"]) == (422, "session_full")
    assert problem.json["available_spots"] == 1
    assert_same_in_both_forms(problem, envelope)


async def test_a_good_answer_is_the_same_whatever_is_asked_for(admin: Client) -> None:
    problem, plain = await in_both_forms(admin, "GET", COURSES)
    assert problem.status == 200
    assert problem.text == plain.text
    assert problem.headers["Content-Type"] == plain.headers["Content-Type"]


async def test_oauth_keeps_its_own_form(stack: Stack) -> None:
    form = {"grant_type": "password"}
    answer = await stack.anonymous().request("POST", "/oauth/token", data=form, headers=ASKING)
    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_head_is_told_the_length_of_the_problem(stack: Stack) -> None:
    request = f"/nothing HTTP/1.1\r\nHost: x\r\nAccept: {PROBLEM}\r\n\r\n".encode()
    got = (await exchange(stack.gateway_url, b"GET " + request)).answers[0]
    asked = (await exchange(stack.gateway_url, b"HEAD " + request, to_head=True)).answers[0]
    assert asked.headers["content-type"] == got.headers["content-type"] == PROBLEM
    assert int(asked.headers["content-length"]) == len(got.body)


async def test_control_without_the_question_the_walk_notices(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "prefers_problem", lambda _: False)
    problem, envelope = await in_both_forms(admin, "GET", f"{COURSES}?serach=x")
    with pytest.raises(AssertionError):
        assert_same_in_both_forms(problem, envelope)
