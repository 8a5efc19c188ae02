"""Requests for tokens that are wrong, each in OAuth's own form (RFC 6749, section 5.2), and what has none there."""

import base64
import json
from typing import Any

import pytest

from shared.http.routing import Endpoint
from tests.support.client import Answer
from tests.support.programs import FORM, TOKEN, Program, ask, basic, claims_of, maker, new_program, token_of
from tests.support.stack import Stack

GRANT = "grant_type=client_credentials"


@pytest.fixture
async def program(stack: Stack, organisation: int) -> Program:
    return await new_program(maker(stack, organisation))


def check(answer: Answer, status: int, error: str) -> None:
    """The answer has OAuth's form and nothing of the envelope."""
    assert (answer.status, answer.json["error"]) == (status, error), answer.text
    assert answer.json.keys() == {"error", "error_description"}
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)
    assert all(character.isascii() and character.isprintable() for character in answer.json["error_description"])
    assert not set(answer.json["error_description"]) & set('"\\')


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("scope=training.view", "invalid_request"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
        ("grant_type=CLIENT_CREDENTIALS", "unsupported_grant_type"),
        ("grant_type=refresh_token", "invalid_request"),
        (f"{GRANT}&{GRANT}", "invalid_request"),
        (f"{GRANT}&grant_type=", "invalid_request"),
        (f"{GRANT}&scope=a&scope=b", "invalid_request"),
        (f"{GRANT}&unknown=1&unknown=2", "invalid_request"),
        (f"{GRANT}&%22%5C%C3%A9=1&%22%5C%C3%A9=2", "invalid_request"),
        (f"{GRANT}&scope=%00", "invalid_request"),
        (f"{GRANT}&scope=%0Atraining.view", "invalid_request"),
        (f"{GRANT}&scope=%C3%A9", "invalid_request"),
        (f"{GRANT}&scope=%FF", "invalid_request"),
        (f"{GRANT}&scope=\xff".encode("latin-1"), "invalid_request"),
        (f"{GRANT}&scope={'x' * 5000}", "invalid_request"),
        (GRANT + "&a=" * 200, "invalid_request"),
        (json.dumps({"grant_type": "client_credentials"}), "invalid_request"),
    ],
)
async def test_a_form_that_is_wrong(stack: Stack, program: Program, body: Any, error: str) -> None:
    check(await ask(stack, body, basic(program.client_id, program.secret)), 400, error)


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded; charset=latin-1"],
)
async def test_another_content_type(stack: Stack, program: Program, content_type: str) -> None:
    answer = await ask(
        stack, GRANT.encode(), basic(program.client_id, program.secret), **{"Content-Type": content_type}
    )
    check(answer, 400, "invalid_request")


async def test_a_compressed_form(stack: Stack, program: Program) -> None:
    answer = await ask(stack, GRANT, basic(program.client_id, program.secret), **{"Content-Encoding": "gzip"})
    check(answer, 400, "invalid_request")


@pytest.mark.parametrize("size", [8 * 1024, 8 * 1024 + 1])
async def test_a_form_of_at_most_eight_kib(stack: Stack, program: Program, size: int) -> None:
    body = f"{GRANT}&padding={'x' * (size - len(GRANT) - len('&padding='))}"
    answer = await ask(stack, body, basic(program.client_id, program.secret))
    if size > 8 * 1024:
        assert (answer.status, answer.json["code"], answer.json["success"]) == (413, "payload_too_large", False)
    else:
        assert answer.status == 200


async def test_parameters_in_the_address(stack: Stack, program: Program) -> None:
    for query in (
        f"client_id={program.client_id}&client_secret={program.secret}",
        "grant_type=client_credentials",
        "a=1",
    ):
        answer = await stack.public().request("POST", f"{TOKEN}?{query}", data=GRANT, headers=FORM)
        check(answer, 400, "invalid_request")
        assert program.secret not in answer.text


async def test_two_ways_of_authentication_at_once(stack: Stack, program: Program) -> None:
    right = basic(program.client_id, program.secret)
    assertion = "client_assertion_type=urn%3Aietf&client_assertion=x"
    in_form = f"client_id={program.client_id}&client_secret={program.secret}"
    check(await ask(stack, f"{GRANT}&{in_form}", right), 400, "invalid_request")
    check(await ask(stack, f"{GRANT}&client_secret={program.secret}", right), 400, "invalid_request")
    check(await ask(stack, f"{GRANT}&{assertion}", right), 400, "invalid_request")
    check(await ask(stack, f"{GRANT}&{in_form}&{assertion}"), 400, "invalid_request")
    check(await ask(stack, f"{GRANT}&client_id=other", right), 400, "invalid_request")
    check(await ask(stack, f"{GRANT}&{assertion}"), 401, "invalid_client")


def encoded(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YTpi=",
        "Basic YTpi YTpi",
        "Bearer abc",
        "Digest username=x",
        encoded(b"no-colon"),
        encoded(b"id:\xff\xfe"),
        encoded(b"id:%FF"),
        encoded(b"id:se\x00cret"),
        encoded(b"id:se%0Acret"),
        encoded("id:geheimnüs".encode()),
        encoded(b":"),
        encoded(b"id:" + b"x" * 5000),
    ],
)
async def test_credentials_that_are_none(stack: Stack, authorization: str | None) -> None:
    check(await ask(stack, GRANT, authorization), 401, "invalid_client")


@pytest.mark.parametrize(
    "form", ["client_id=x", "client_secret=x", "client_id=x&client_secret=", "client_id=x&client_secret=y"]
)
async def test_credentials_in_the_form_that_are_none(stack: Stack, form: str) -> None:
    check(await ask(stack, f"{GRANT}&{form}"), 401, "invalid_client")


async def test_a_colon_belongs_to_the_secret(stack: Stack, program: Program) -> None:
    check(await ask(stack, GRANT, basic(program.client_id, f"x:{program.secret}")), 401, "invalid_client")
    check(await ask(stack, GRANT, basic(program.client_id, f"{program.secret}:")), 401, "invalid_client")


async def test_parameters_of_redirects_are_ignored(stack: Stack, program: Program) -> None:
    """RFC 6749, section 3.2: what is not known is ignored. Nobody is redirected here."""
    answer = await token_of(
        stack,
        program,
        redirect_uri="https://evil.example",
        response_type="token",
        state="1",
        code="x",
        audience="other",
    )
    claims = claims_of(answer)
    assert claims["aud"] == "muster-api"
    assert "Location" not in answer.headers
    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "scope"}


async def test_a_parameter_without_a_value_counts_as_left_out(stack: Stack, program: Program) -> None:
    answer = await token_of(stack, program, scope="", client_secret="", client_id="")
    assert answer.status == 200


async def test_another_method_is_not_there(stack: Stack) -> None:
    answer = await stack.public().get(TOKEN)
    assert (answer.status, answer.headers["Allow"], answer.json["code"]) == (405, "POST", "method_not_allowed")


async def test_nobody_asks_but_through_the_gateway(stack: Stack, organisation: int) -> None:
    answer = await stack.direct("accounts", organisation).request("POST", TOKEN, data=GRANT, headers=FORM)
    assert (answer.status, answer.json["code"]) == (403, "permission_denied")


async def test_control_without_their_own_form_errors_come_in_the_envelope(
    stack: Stack, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.routing._WithOwnErrors.answer", Endpoint.answer)
    with pytest.raises(AssertionError, match=r"422 .* which its route does not declare"):
        await ask(stack, f"{GRANT}&{GRANT}", basic(program.client_id, program.secret))
