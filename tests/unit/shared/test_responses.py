import json
import logging
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from asyncpg import exceptions as postgres
from pydantic import BaseModel, ValidationError, field_validator

from shared.errors import ApiError, Conflict, NotFound, Overloaded, PermissionDenied, TokenMissing, ValidationFailed
from shared.http.errors import MethodNotAllowed
from shared.http.models import Body, IdAndName
from shared.http.responses import Answer, api_error, failure, success
from shared.http.server.response_bytes import serialize
from shared.postgres.errors import DatabaseUnavailable
from shared.validation.fields import Id
from shared.validation.known_members import invalid


def body_of(answer: Answer) -> Any:
    return json.loads(answer.text)


def test_success_wraps_json_text_as_it_is() -> None:
    response = success('{"score": 82.50}', message='Said "yes" – naïvely', meta={"total": 1}, links={"next": None})
    assert '"data": {"score": 82.50}' in response.text
    assert body_of(response) == {
        "success": True,
        "message": 'Said "yes" – naïvely',
        "data": {"score": 82.5},
        "meta": {"total": 1},
        "links": {"next": None},
    }


def test_success_leaves_out_what_was_not_given() -> None:
    response = success(None, status=201, headers={"Location": "/x/1"})
    assert body_of(response) == {"success": True, "data": None}
    assert (response.status, response.headers["Location"]) == (201, "/x/1")
    assert b"Content-Type: application/json; charset=utf-8\r\n" in serialize(response).lines


def test_failure_names_message_code_and_details() -> None:
    response = failure(ValidationFailed({"session_id": ["No."]}, code="session_full", details={"requested": 3}))
    assert response.status == 422
    assert body_of(response) == {
        "success": False,
        "message": "The given data was invalid.",
        "code": "session_full",
        "requested": 3,
        "errors": {"session_id": ["No."]},
    }


def test_failure_carries_the_error_s_headers() -> None:
    assert failure(TokenMissing()).headers["WWW-Authenticate"] == 'Bearer realm="muster"'
    assert failure(Overloaded()).headers["Retry-After"] == "1"


class _Enroll(Body):
    session_id: Id
    employee_ids: list[Id]
    company: IdAndName | None = None

    @field_validator("employee_ids")
    @classmethod
    def _different(cls, value: list[int]) -> list[int]:
        if len(set(value)) != len(value):
            raise ValueError("must be different")
        return value


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {"employee_ids": [1, "x"], "sesion_id": 1},
            {
                "session_id": ["This field is required."],
                "employee_ids.1": ["Must be a whole number."],
                "sesion_id": ["Unknown field."],
            },
        ),
        ({"session_id": 1, "employee_ids": [1, 1]}, {"employee_ids": ["Must be different."]}),
        ({"session_id": 1, "employee_ids": [], "company": {"id": 1}}, {"company.name": ["This field is required."]}),
        ([], {"body": ["Input should be a valid dictionary or instance of _Enroll."]}),
    ],
)
def test_a_refusal_names_every_wrong_field(body: Any, errors: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError) as raised:
        _Enroll.model_validate(body)
    assert invalid(raised.value).details["errors"] == errors


@pytest.mark.parametrize("name", ["Australia/Sydney.", "NUL", "RFC 3339: 2026-05-15T09:00:00Z", "é", ""])
def test_a_reason_keeps_the_capitals_of_what_it_names(name: str) -> None:
    class Named(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def _never(cls, value: str) -> str:
            raise ValueError(f"must be like {value}")

    with pytest.raises(ValidationError) as raised:
        Named.model_validate({"name": name})
    expected = f"Must be like {name}".rstrip(".") + "."
    assert invalid(raised.value).details["errors"] == {"name": [expected]}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Conflict(), 409, "conflict"),
        (NotFound("Gone."), 404, "not_found"),
        (PermissionDenied("training.view"), 403, "permission_denied"),
        (web.HTTPBadRequest(), 400, "bad_request"),
        (DatabaseUnavailable("secret"), 503, "upstream_unavailable"),
        (TimeoutError(), 500, "internal_error"),
        (FileNotFoundError("secret"), 500, "internal_error"),
        (asyncpg.InterfaceError("secret"), 500, "internal_error"),
        (postgres.UndefinedColumnError("SELECT secret FROM db.internal"), 500, "internal_error"),
        (web.HTTPInternalServerError(text="secret"), 500, "internal_error"),
        (KeyError("secret"), 500, "internal_error"),
    ],
)
def test_each_error_becomes_its_answer(error: Exception, status: int, code: str) -> None:
    response = failure(api_error(error))
    assert (response.status, body_of(response)["code"]) == (status, code)
    assert "secret" not in str(body_of(response))


@pytest.mark.parametrize(("needed", "scope"), [("training.manage", ', scope="training.manage"'), ("User is Staff", "")])
def test_who_may_not_is_told_which_scope_it_takes(needed: str, scope: str) -> None:
    challenge = failure(PermissionDenied(needed)).headers["WWW-Authenticate"]
    assert challenge == f'Bearer realm="muster", error="insufficient_scope"{scope}'


def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert MethodNotAllowed({"POST", "GET"}).headers["Allow"] == "GET, HEAD, POST"


def test_a_defect_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    error = KeyError("secret")
    assert type(api_error(error)) is ApiError
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_every_model_is_told_of_by_its_fields_and_never_by_its_input() -> None:
    class Secret(BaseModel):
        number: int

    with pytest.raises(ValidationError) as raised:
        Secret.model_validate({"number": "hunter2"})
    assert "hunter2" not in str(invalid(raised.value).details)
