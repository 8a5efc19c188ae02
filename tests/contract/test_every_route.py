"""What holds for every route of every service, walked from their tables; each guard with a control without it."""

from collections.abc import Callable, Sequence

import pytest

from services.accounts import clients as client_rules
from services.accounts import user_rules
from shared.auth.internal_token import API_ACCESS, PLATFORM, Caller, InternalTokenVerifier
from shared.auth.trust import LIVE
from shared.http.routing import Call
from tests.support.client import ADMIN_PERMISSIONS, INTERNAL_PERMISSIONS, Client, client_token, new_organisation
from tests.support.routes import ALL, NO_ROWS, PUBLIC, Declared, Kept, rows_of_each_kind
from tests.support.stack import CLIENT_SECRET, Stack

WITH_PERMISSIONS = [declared for declared in ALL if declared.route.permissions]
WITH_BODY = [declared for declared in PUBLIC if declared.route.body is not None]
WITHOUT_BODY = [
    declared
    for declared in PUBLIC
    if declared.route.body is None and declared.route.method != "GET" and not declared.route.body_streamed
]
OF_SOMEONES_ROW = [
    declared
    for declared in ALL
    if declared.has_id and declared.route.method != "PUT" and not {PLATFORM, LIVE} & {*declared.route.permissions}
]
"""A PUT of a person whose id another organisation has too makes the own one: ids of people come from outside. Who
manages organisations does so with all of them, and the gateway follows sessions of each."""


async def statuses(
    stack: Stack, routes: Sequence[Declared], client_at: Callable[[Declared], Client], ids: dict[str, int]
) -> dict[str, int]:
    """What each route answers to this client, straight at its service."""
    answers = {}
    for declared in routes:
        answers[str(declared)] = (await declared.ask(client_at(declared), ids)).status
    return answers


@pytest.mark.parametrize("declared", ALL, ids=str)
async def test_a_service_reached_around_the_gateway_answers_401(stack: Stack, declared: Declared) -> None:
    client = Client(stack.http, stack.url_of(declared.service), None)
    answer = await declared.ask(client, NO_ROWS)
    assert (answer.status, answer.json["code"]) == (401, "token_missing")


@pytest.mark.parametrize("declared", ALL, ids=str)
async def test_a_service_refuses_the_clients_own_token(stack: Stack, organisation: int, declared: Declared) -> None:
    token = client_token(CLIENT_SECRET, organisation)
    answer = await declared.ask(Client(stack.http, stack.url_of(declared.service), token), NO_ROWS)
    assert (answer.status, answer.json["code"]) == (401, "token_invalid")


async def test_control_without_the_check_of_tokens_the_walk_notices(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    anyone = Caller(organisation, "anyone", "Anyone", "staff", frozenset({*ADMIN_PERMISSIONS, *INTERNAL_PERMISSIONS}))
    monkeypatch.setattr(InternalTokenVerifier, "verify", lambda *_: anyone)
    with_tokens = [declared for declared in ALL if not declared.route.is_public]  # others refuse credentials with 401
    answers = await statuses(
        stack, with_tokens, lambda declared: Client(stack.http, stack.url_of(declared.service), "not a token"), NO_ROWS
    )
    assert 401 not in answers.values()


@pytest.mark.parametrize("declared", WITH_PERMISSIONS, ids=str)
async def test_a_route_needs_its_permission_and_says_which(stack: Stack, organisation: int, declared: Declared) -> None:
    others = {*ADMIN_PERMISSIONS, "training.enroll.self"} - set(declared.route.permissions)
    client = stack.direct(declared.service, organisation, others)
    answer = await declared.ask(client, NO_ROWS)
    assert (answer.status, answer.json["code"]) == (403, "permission_denied")
    assert declared.route.permissions[0] in answer.json["message"]


@pytest.mark.parametrize("declared", PUBLIC, ids=str)
async def test_every_public_route_needs_api_access(stack: Stack, organisation: int, declared: Declared) -> None:
    client = stack.direct(declared.service, organisation, set(declared.permissions) - {API_ACCESS})
    answer = await declared.ask(client, NO_ROWS)
    assert (answer.status, answer.json["code"]) == (403, "permission_denied")
    assert API_ACCESS in answer.json["message"]


async def test_every_public_route_declares_a_permission() -> None:
    assert [str(declared) for declared in PUBLIC if not declared.route.permissions] == []


async def test_control_without_the_check_of_permissions_the_walk_notices(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Caller, "may", lambda *_: True)
    monkeypatch.setattr(user_rules, "check_may_manage", lambda *_: None)
    monkeypatch.setattr(client_rules, "check_may_grant", lambda *_: None)
    answers = await statuses(stack, ALL, lambda declared: stack.direct(declared.service, organisation, ()), NO_ROWS)
    assert 403 not in answers.values()


@pytest.mark.parametrize("declared", OF_SOMEONES_ROW, ids=str)
async def test_another_organisations_row_is_not_found(stack: Stack, kept: Kept, declared: Declared) -> None:
    stranger = stack.direct(declared.service, new_organisation(), declared.permissions)
    answer = await declared.ask(stranger, kept.ids)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_control_without_the_callers_organisation_the_walk_notices(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await rows_of_each_kind(admin)
    monkeypatch.setattr(Call, "organisation_id", property(lambda _: organisation))
    reads = [
        declared for declared in OF_SOMEONES_ROW if declared.route.method == "GET" and declared.service != "history"
    ]
    stranger = new_organisation()
    answers = await statuses(
        stack, reads, lambda declared: stack.direct(declared.service, stranger, declared.permissions), ids
    )
    assert 404 not in answers.values()


async def test_writing_at_another_organisations_person_leaves_it_as_it_is(stack: Stack, admin: Client) -> None:
    ids = await rows_of_each_kind(admin)
    path = f"/api/v1/employees/{ids['/api/v1/employees']}"
    before = await admin.get(path)
    stranger = stack.client(new_organisation())
    created = await stranger.put(path, {"employee_id": "X-1", "full_name": "Somebody Else"})
    assert created.status == 201
    assert (await admin.get(path)).json == before.json


@pytest.mark.parametrize("declared", PUBLIC, ids=str)
async def test_a_misspelled_filter_is_refused(admin: Client, declared: Declared) -> None:
    answer = await declared.ask(admin, NO_ROWS, params={"serach": "x", **declared.needed_query})
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert answer.json["errors"] == {"serach": ["Unknown field."]}


@pytest.mark.parametrize("declared", [d for d in PUBLIC if d.route.method == "GET"], ids=str)
async def test_a_filter_that_stands_twice_is_refused(admin: Client, declared: Declared) -> None:
    answer = await declared.ask(admin, NO_ROWS, params=[("page", "1"), ("page", "2")])
    assert answer.status == 422
    assert "page" in answer.json["errors"]


@pytest.mark.parametrize("declared", WITH_BODY + WITHOUT_BODY, ids=str)
async def test_a_misspelled_field_is_refused(kept: Kept, declared: Declared) -> None:
    answer = await kept.ask(declared, json={"titel": "x"})
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert answer.json["errors"]["titel"] == ["Unknown field."]


@pytest.mark.parametrize("declared", PUBLIC, ids=str)
async def test_an_answer_carries_the_request_id_that_was_sent(admin: Client, declared: Declared) -> None:
    answer = await declared.ask(admin, NO_ROWS, headers={"X-Request-Id": "test-request-0001"})
    assert answer.headers["X-Request-Id"] == "test-request-0001"


@pytest.mark.parametrize("sent", ["short", "has blanks in it", "x" * 129])
async def test_a_malformed_request_id_is_replaced(admin: Client, sent: str) -> None:
    answer = await admin.request("GET", "/api/v1/training/courses", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] != sent
    assert len(answer.headers["X-Request-Id"]) == 36


@pytest.mark.parametrize("declared", PUBLIC, ids=str)
async def test_an_unknown_method_names_those_that_are_allowed(admin: Client, declared: Declared) -> None:
    path = declared.path(NO_ROWS)
    answer = await admin.request("OPTIONS", path)
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert declared.route.method in answer.headers["Allow"].split(", ")
