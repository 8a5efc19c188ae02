"""Login, logout and who am I (contract, section 7), through the gateway."""

import secrets
from typing import Any

import pytest

from services.accounts.schemas import Credentials
from tests.contract.conftest import Account
from tests.support.client import Answer, Client
from tests.support.examples import differences, exactly
from tests.support.extremes import body_with, extremes, fields_of
from tests.support.stack import Stack
from tests.support.world import COURSES

LOGIN = "/api/v1/auth/login"

USER = """{"id": 17, "name": "Hannah Reed", "email": "hannah@example.com", "role": "HR Manager",
    "created_at": "2026-01-05T08:30:00.000000Z"}"""


async def log_in(stack: Stack, **credentials: Any) -> Answer:
    address = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
    return await stack.anonymous().post(LOGIN, credentials, **{"X-Forwarded-For": address})


async def signed_in(stack: Stack, account: Account) -> Client:
    answer = await log_in(stack, email=account.email, password=account.password)
    assert answer.status == 200, answer.text
    return Client(stack.http, stack.gateway_url, answer.data["token"])


async def test_a_login_is_answered_as_documented(documented_stack: Stack, account: Account) -> None:
    answer = await log_in(documented_stack, email=account.email, password=account.password)
    expected = exactly(
        f"""{{"success": true, "message": "Login successful", "data": {{
            "token": "x", "token_type": "Bearer", "expires_in": 3600, "user": {USER}}}}}"""
    )
    assert answer.status == 200
    assert list(differences(exactly(answer.text), expected, shape_only=["data.token"])) == []
    assert answer.headers["Cache-Control"] == "no-store"


async def test_an_unknown_email_and_a_wrong_password_get_the_same_answer(
    documented_stack: Stack, account: Account
) -> None:
    wrong = await log_in(documented_stack, email=account.email, password="wrong")
    unknown = await log_in(documented_stack, email="nobody@example.com", password="wrong")
    assert wrong.status == unknown.status == 401
    assert wrong.text == unknown.text
    assert wrong.json["message"] == "Invalid credentials. Please check your email and password."
    assert wrong.json["success"] is False


@pytest.mark.parametrize("credentials", [{}, {"email": "a@b.example"}, {"email": "no address", "password": "x"}])
async def test_incomplete_credentials_are_refused(documented_stack: Stack, credentials: dict[str, str]) -> None:
    assert (await log_in(documented_stack, **credentials)).status == 422


async def test_the_token_opens_what_the_role_may_do(documented_stack: Stack, account: Account) -> None:
    client = await signed_in(documented_stack, account)
    assert (await client.get(f"{COURSES}/1")).status == 200
    answer = exactly((await client.get("/api/v1/auth/me")).text)
    permissions = answer["data"].pop("permissions")
    assert answer == exactly(f'{{"success": true, "data": {USER}}}')
    assert sorted(permissions) == [
        "api.access",
        "events.view",
        "training.enroll",
        "training.manage",
        "training.record",
        "training.view",
    ]


async def test_a_token_is_refused_after_logout(documented_stack: Stack, account: Account) -> None:
    client = await signed_in(documented_stack, account)
    answer = await client.request("POST", "/api/v1/auth/logout")
    assert (answer.status, answer.json) == (200, {"success": True, "message": "Logged out successfully", "data": None})
    refused = await client.get("/api/v1/auth/me")
    assert (refused.status, refused.json["code"]) == (401, "token_invalid")


async def test_logging_out_ends_one_token_and_no_other(documented_stack: Stack, account: Account) -> None:
    ended, other = [await signed_in(documented_stack, account) for _ in range(2)]
    await ended.request("POST", "/api/v1/auth/logout")
    assert (await other.get("/api/v1/auth/me")).status == 200


async def test_the_published_keys_hold_nothing_private(documented_stack: Stack) -> None:
    answer = await documented_stack.anonymous().get("/.well-known/jwks.json")
    [key] = answer.json["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


async def test_credentials_of_any_extreme_are_refused(documented_stack: Stack) -> None:
    searched = [(at, extreme) for at in fields_of(Credentials) for extreme in extremes(at.schema)]
    for at, extreme in searched:
        if at.place == ("email",) or not extreme.is_text:  # each text as a password is hashed, which takes its time
            address = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
            email = f"{secrets.token_hex(8)}@example.com"  # attempts are counted by it
            answer = await documented_stack.anonymous().request(
                "POST",
                LOGIN,
                data=body_with({"email": email, "password": "x"}, at, Credentials, extreme.written),
                headers={"Content-Type": "application/json", "X-Forwarded-For": address},
            )
            assert answer.status in (400, 401, 413, 422), f"{at} = {extreme.written[:80]}: {answer.text}"
