"""Who is answered problem details: those whose `Accept` names them, and prefers nothing else (RFC 9110, RFC 9457)."""

import json

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from services.accounts.oauth_errors import InvalidScope
from shared.errors import ApiError, Conflict, MalformedJson, TokenExpired, ValidationFailed
from shared.http import accept as accepted
from shared.http.errors import UriTooLong
from shared.http.problem import PROBLEM_TYPE, prefers_problem
from shared.http.responses import failure
from shared.http.server.response_bytes import serialize


@pytest.fixture(autouse=True)
def read_anew() -> None:
    """What is remembered from before would hide a mistake of now."""
    accepted._remembered.cache_clear()


def accepting(*values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("Accept", value) for value in values]))


@pytest.mark.parametrize(
    "accept",
    [
        "application/problem+json",
        "Application/Problem+JSON",
        "application/json, application/problem+json",
        "application/problem+json, application/json",
        "application/problem+json;q=0.5, application/json;q=0.5",
        "application/problem+json;q=0.001",
        "application/problem+json ; q=1.000 , */*;q=0.8",
        "application/problem+json;q=0.2, application/*;q=0.1, */*",
        "application/problem+json;q=0.5, application/json;q=0, */*",
        "application/problem+json;charset=utf-8",
        "application/problem+json;q=0.1, application/problem+json;q=0.9, application/json;q=0.5",
        "application/json;q=0.9;x=y, application/problem+json",
        "application/json;q=2, application/problem+json;q=0.1",
        'text/plain;x="a,application/json", application/problem+json',
        "text/html, application/problem+json;q=0.3",
        "," * 500 + "application/problem+json",
    ],
)
def test_who_names_problems_gets_them(accept: str) -> None:
    assert prefers_problem(accepting(accept))


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "application/json",
        "application/problem+xml",
        "application/problem+jsonx",
        "application/problem+json;q=0",
        "application/problem+json;q=0.000",
        "application/problem+json;q=0.4, application/json;q=0.5",
        "application/problem+json;q=0.9, application/*",
        "application/problem+json;q=0.9, */*",
        "application/problem+json;q=x",
        "application/problem+json;q=",
        "application/problem+json;q=1.1",
        "application/problem+json;q=-1",
        "application/problem+json;q=nan",
        'text/plain;x="application/problem+json"',
        'text/plain;x=",application/problem+json,"',
        "text/html",
        ";,;q=1,",
    ],
)
def test_anybody_else_gets_the_envelope(accept: str) -> None:
    assert not prefers_problem(accepting(accept))


def test_who_accepts_nothing_named_gets_the_envelope() -> None:
    assert not prefers_problem(accepting())


def test_several_headers_are_one() -> None:
    assert prefers_problem(accepting("application/json;q=0.5", "application/problem+json"))
    assert not prefers_problem(accepting("application/problem+json;q=0.5", "application/json"))


def test_a_problem_has_what_the_envelope_has() -> None:
    error = ValidationFailed({"session_id": ["No."]}, code="session_full", details={"available_spots": 3})
    answer = failure(error, as_problem=True)
    assert json.loads(answer.text) == {
        "type": "/docs/errors#session_full",
        "title": "Session full",
        "status": 422,
        "detail": "The given data was invalid.",
        "code": "session_full",
        "available_spots": 3,
        "errors": {"session_id": ["No."]},
    }
    assert answer.status == 422
    assert b"Content-Type: application/problem+json\r\n" in serialize(answer).lines


def test_a_problem_has_the_headers_of_the_error() -> None:
    assert failure(TokenExpired(), as_problem=True).headers == TokenExpired().headers


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (ApiError(), "Internal error"),
        (MalformedJson(), "Malformed JSON"),
        (UriTooLong(), "URI too long"),
        (Conflict(code="employee_id_taken"), "Employee ID taken"),
    ],
)
def test_the_title_is_the_code_in_words(error: ApiError, title: str) -> None:
    assert json.loads(failure(error, as_problem=True).text)["title"] == title


def test_oauth_has_no_problems() -> None:
    answer = failure(InvalidScope("No."), as_problem=True)
    assert json.loads(answer.text) == {"error": "invalid_scope", "error_description": "No."}
    assert answer.content_type != PROBLEM_TYPE


def test_no_member_of_an_error_hides_one_of_the_problem() -> None:
    own = set(ApiError().problem() or {}) | {"instance"}
    classes = [ApiError]
    for each in classes:
        classes += each.__subclasses__()
        assert not own & set(each.members), each
