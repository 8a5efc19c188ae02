"""The table of errors (contract, section 1), row by row; those of bodies are in test_bodies.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.app import create_gateway
from tests.support.client import Answer, Client, client_claims, client_token, new_organisation
from tests.support.examples import fields
from tests.support.stack import CLIENT_SECRET, Stack, gateway_settings, serving
from tests.support.world import COURSES, ENROLLMENTS, new_course, new_enrollment

HISTORY = "/api/v1/employees/1/training"
PATHS = [COURSES, f"{COURSES}/1", ENROLLMENTS, HISTORY, "/api/v1/staff/1/training", "/api/v1/employees"]


def assert_is_error(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    assert answer.json["success"] is False
    assert answer.json["message"]
    assert fields(answer.json) <= {"success", "message", "code", "errors"}
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", PATHS)
async def test_a_request_without_a_token_is_told_to_bring_one(stack: Stack, path: str) -> None:
    answer = await stack.anonymous().get(path)
    assert_is_error(answer, 401, "token_missing")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="muster"'


@pytest.mark.parametrize("authorization", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "token"])
async def test_another_scheme_is_no_token(stack: Stack, authorization: str) -> None:
    answer = await stack.anonymous().request("GET", COURSES, headers={"Authorization": authorization})
    assert_is_error(answer, 401, "token_missing")


def _invalid_tokens() -> dict[str, str]:
    organisation = new_organisation()
    good = client_token(CLIENT_SECRET, organisation)
    header, payload, signature = good.split(".")
    return {
        "malformed": "abc",
        "two parts": f"{header}.{payload}",
        "not signed": f"{header}.{payload}.",
        "wrongly signed": f"{header}.{payload}.{signature[::-1]}",
        "signed with another secret": client_token("another secret that is long enough", organisation),
        "wrong issuer": client_token(CLIENT_SECRET, organisation, iss="somebody"),
        "wrong audience": client_token(CLIENT_SECRET, organisation, aud="internal"),
        "without expiry": client_token(CLIENT_SECRET, organisation, exp=None),
        "without organisation": client_token(CLIENT_SECRET, organisation, org=None),
        "organisation as text": client_token(CLIENT_SECRET, organisation, org="1"),
        "without subject": client_token(CLIENT_SECRET, organisation, sub=None),
    }


@pytest.mark.parametrize("kind", _invalid_tokens())
async def test_a_token_that_is_not_valid_is_refused(stack: Stack, kind: str) -> None:
    answer = await Client(stack.http, stack.gateway_url, _invalid_tokens()[kind]).get(COURSES)
    assert_is_error(answer, 401, "token_invalid")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", PATHS)
async def test_an_invalid_token_is_refused_everywhere(stack: Stack, path: str) -> None:
    assert_is_error(await Client(stack.http, stack.gateway_url, "abc").get(path), 401, "token_invalid")


@pytest.mark.parametrize("path", PATHS)
async def test_an_expired_token_is_told_so(stack: Stack, organisation: int, path: str) -> None:
    now = client_claims(organisation)["iat"]
    answer = await stack.client(organisation, iat=now - 7200, exp=now - 3600).get(path)
    assert_is_error(answer, 401, "token_expired")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", [HISTORY, "/api/v1/staff/1/training"])
async def test_histories_of_others_are_not_for_contractors(stack: Stack, organisation: int, path: str) -> None:
    answer = await stack.client(organisation, user_type="contractor").get(path)
    assert_is_error(answer, 403, "permission_denied")
    assert "User is Staff" in answer.json["message"]


@pytest.mark.parametrize(
    ("permissions", "named"), [(["api.access"], "training.view"), (["training.view"], "api.access"), ([], "api.access")]
)
@pytest.mark.parametrize("path", PATHS)
async def test_a_missing_permission_is_named(
    stack: Stack, organisation: int, path: str, permissions: list[str], named: str
) -> None:
    answer = await stack.client(organisation, permissions=permissions).get(path)
    assert_is_error(answer, 403, "permission_denied")
    assert named in answer.json["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/v1",
        "/api/v1/training/",
        "/api/v1/training/nothing",
        f"{COURSES}/1/nothing",
        "/internal/sessions/1",
    ],
)
async def test_a_path_that_nobody_answers_is_not_found(admin: Client, path: str) -> None:
    assert_is_error(await admin.get(path), 404, "not_found")


async def test_a_row_that_is_not_there_is_not_found(admin: Client) -> None:
    assert_is_error(await admin.get(f"{COURSES}/{2**62}"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", COURSES, {"GET", "POST"}),
        ("PUT", ENROLLMENTS, {"GET", "POST"}),
        ("POST", HISTORY, {"GET"}),
        ("GET", "/api/v1/auth/login", {"POST"}),
    ],
)
async def test_a_method_that_a_path_lacks_is_not_allowed(
    admin: Client, method: str, path: str, allowed: set[str]
) -> None:
    answer = await admin.request(method, path)
    assert_is_error(answer, 405, "method_not_allowed")
    assert allowed <= set(answer.headers["Allow"].split(", "))


async def test_a_state_that_forbids_a_change_is_a_conflict(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/cancel")
    assert_is_error(await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {}), 409, "conflict")


async def test_wrong_values_are_named_with_their_reasons(admin: Client) -> None:
    answer = await admin.post(COURSES, {"category": "cooking", "duration_hours": -1})
    assert_is_error(answer, 422, "validation_failed")
    assert set(answer.json["errors"]) == {"title", "category", "delivery_mode", "duration_hours"}
    assert all(isinstance(reason, str) for reasons in answer.json["errors"].values() for reason in reasons)


async def test_a_list_items_field_is_dotted(admin: Client) -> None:
    answer = await admin.post(ENROLLMENTS, {"session_id": 1, "employee_ids": [1, "2"]})
    assert list(answer.json["errors"]) == ["employee_ids.1"]


async def test_a_defect_tells_nothing_of_the_inside(
    stack: Stack, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("SELECT secret FROM host-17")

    monkeypatch.setattr("shared.service.resource_routes.connected", broken)
    answer = await admin.get(f"{COURSES}/1")
    assert_is_error(answer, 500, "internal_error")
    assert not any(word in answer.text for word in ("SELECT", "Traceback", "ZeroDivision", "host-17"))


@asynccontextmanager
async def gateway_before(stack: Stack, catalog_url: str, **changes: Any) -> AsyncIterator[Client]:
    """A client of a gateway whose catalog is somewhere else."""
    urls = {**stack.urls, "catalog": catalog_url}
    async with serving(create_gateway(gateway_settings(urls, **changes))) as url:
        yield Client(stack.http, url, client_token(CLIENT_SECRET, new_organisation()))


@asynccontextmanager
async def broken_server(*, answers: bytes | None) -> AsyncIterator[str]:
    """Takes a request, then sends these bytes and hangs up, or, without any, never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answers is None:
            await reader.read()
        else:
            writer.write(answers)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_service_that_is_not_there_is_unavailable(stack: Stack) -> None:
    async with broken_server(answers=b"") as url:
        pass
    async with gateway_before(stack, url) as client:
        answer = await client.get(COURSES)
    assert_is_error(answer, 503, "upstream_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("answers", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"not HTTP\r\n\r\n"])
async def test_a_service_that_breaks_off_has_failed(stack: Stack, answers: bytes) -> None:
    async with broken_server(answers=answers) as url, gateway_before(stack, url) as client:
        assert_is_error(await client.get(COURSES), 502, "upstream_failed")


async def test_a_service_that_does_not_answer_is_too_slow(stack: Stack) -> None:
    async with broken_server(answers=None) as url, gateway_before(stack, url, upstream_timeout=0.1) as client:
        assert_is_error(await client.get(COURSES), 504, "upstream_timeout")


async def test_the_other_services_answer_while_one_is_away(stack: Stack) -> None:
    async with broken_server(answers=b"") as url:
        pass
    async with gateway_before(stack, url) as client:
        assert (await client.get(ENROLLMENTS)).status == 200


async def test_a_refused_request_changes_nothing(admin: Client) -> None:
    course_id = await new_course(admin)
    before = await admin.get(f"{COURSES}/{course_id}")
    await admin.patch(f"{COURSES}/{course_id}", {"title": "Another", "category": "cooking"})
    assert (await admin.get(f"{COURSES}/{course_id}")).text == before.text
