"""Whoever cannot sign in hears the same in the same time, whatever the reason (contract, section 7)."""

import asyncio
from typing import Any

import pytest
from argon2 import PasswordHasher

from services.accounts import passwords, sessions
from services.accounts.use_cases import guessing, login
from shared.security_log import SecurityEvent
from tests.integration.accounts.test_guessing import somewhere
from tests.support.accounts import PASSWORD, NewUser, new_user, run_sql, sign_in
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack

DISABLE = "UPDATE users SET disabled_at = now() WHERE id = $1"
SUSPEND = """
UPDATE organisations SET suspended_at = now() WHERE organisation_id = (SELECT organisation_id FROM users WHERE id = $1)
"""
INVITE = "UPDATE users SET password_hash = NULL WHERE id = $1"
OTHER_PASSWORD = "UPDATE users SET password_hash = 'another', version = version + 1 WHERE id = $1"
REASONS = {
    "wrong_password": "",
    "unknown_user": "UPDATE users SET email_key = 'gone-' || id WHERE id = $1",
    "no_password": INVITE,
    "disabled_user": DISABLE,
    "suspended_organisation": SUSPEND,
}

NEW_HASHES = passwords.HASHER.hash("x").rsplit("$", 2)[0]
"""Their algorithm and parameters."""


async def _user(stack: Stack, organisation: int, change: str) -> NewUser:
    user = await new_user(stack, organisation)
    if change:
        await run_sql(stack, change, user.id)
    return user


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parameters of all hashes that passwords are compared with."""
    compared: list[str] = []
    verify = PasswordHasher.verify

    def noted(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
        compared.append(password_hash.rsplit("$", 2)[0])
        return verify(hasher, password_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    return compared


@pytest.mark.parametrize("reason", REASONS)
async def test_whoever_cannot_sign_in_hears_the_same(
    stack: Stack, organisation: int, reason: str, hashed: list[str], security_lines: SecurityLines
) -> None:
    user, address = await _user(stack, organisation, REASONS[reason]), somewhere()
    typed = "wrong" if reason == "wrong_password" else PASSWORD
    answer = await sign_in(stack, user.email, typed, address)
    assert (answer.status, answer.json) == (
        401,
        {
            "success": False,
            "message": "Invalid credentials. Please check your email and password.",
            "code": "credentials_invalid",
        },
    )
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="muster"'
    assert hashed == [NEW_HASHES]
    line = security_lines.one(SecurityEvent.LOGIN_FAILED, reason=reason)
    known = (None, None) if reason == "unknown_user" else (str(user.id), organisation)
    assert (line["subject"], line["organisation_id"], line["address"]) == (*known, address)
    assert user.email not in security_lines.text
    assert await _failures(stack, user, address) == 1


async def _failures(stack: Stack, user: NewUser, address: str) -> int:
    account = guessing.of_user(user.email, address).account
    count: int = await run_sql(stack, "SELECT count(*) FROM failed_attempts WHERE account = $1", account)
    return count


async def test_a_login_that_succeeds_counts_for_nothing(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    assert (await sign_in(stack, user.email, address=address)).status == 200
    assert await _failures(stack, user, address) == 0
    line = security_lines.one(SecurityEvent.LOGIN_SUCCEEDED)
    assert (line["subject"], line["organisation_id"], line["address"]) == (str(user.id), organisation, address)


def _meanwhile(monkeypatch: pytest.MonkeyPatch, stack: Stack, change: str, user: NewUser) -> None:
    """Somebody changes the user after the password was found to be right."""
    verified = login._verified

    async def changing(*arguments: Any) -> Any:
        result = await verified(*arguments)
        await run_sql(stack, change, user.id)
        return result

    monkeypatch.setattr(login, "_verified", changing)


@pytest.mark.parametrize(
    "change", [DISABLE, SUSPEND, OTHER_PASSWORD], ids=["disabled", "suspended", "another password"]
)
async def test_a_user_who_is_stopped_while_their_password_is_checked_gets_no_token(
    stack: Stack, organisation: int, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    _meanwhile(monkeypatch, stack, change, user)
    assert (await sign_in(stack, user.email, address=address)).status == 401
    known = "SELECT count(*) FROM known_addresses WHERE account = $1"
    assert await run_sql(stack, known, guessing.of_user(user.email, address).account) == 0


async def test_control_without_a_second_look_they_get_one(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await new_user(stack, organisation)
    _meanwhile(monkeypatch, stack, DISABLE, user)
    monkeypatch.setattr(sessions.SignIn, "hindrance", "")
    assert (await sign_in(stack, user.email)).status == 200


async def test_a_hash_with_older_parameters_is_made_anew(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    older = PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    await run_sql(stack, "UPDATE users SET password_hash = $2 WHERE id = $1", user.id, older)
    assert (await sign_in(stack, user.email, "wrong", somewhere())).status == 401
    stored = "SELECT version || ' ' || password_hash FROM users WHERE id = $1"
    assert await run_sql(stack, stored, user.id) == f"1 {older}"
    assert (await sign_in(stack, user.email)).status == 200
    assert (await run_sql(stack, stored, user.id)).startswith(f"1 {NEW_HASHES}$")
    assert (await sign_in(stack, user.email)).status == 200


async def test_a_hash_that_another_login_makes_anew_meanwhile_is_no_other_password(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await new_user(stack, organisation)
    _meanwhile(monkeypatch, stack, "UPDATE users SET password_hash = 'renewed' WHERE id = $1", user)
    assert (await sign_in(stack, user.email)).status == 200


async def test_of_too_many_at_once_those_who_wait_too_long_are_told_when_to_come_again(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "LONGEST_WAIT", 0.0)
    user = await new_user(stack, organisation)
    slow = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1).hash(PASSWORD)
    await run_sql(stack, "UPDATE users SET password_hash = $2 WHERE id = $1", user.id, slow)
    answers = await asyncio.gather(*(sign_in(stack, user.email) for _ in range(8)))
    assert {answer.status for answer in answers} == {200, 503}
    refused = next(answer for answer in answers if answer.status == 503)
    assert refused.headers["Retry-After"] == str(passwords.RETRY_AFTER)
    assert refused.json["message"] == "Very many users are signing in right now. Try again soon."


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email", "password"}),
        ({"email": "ada@example.com", "password": ""}, {"password"}),
        ({"email": "ada@example.com", "password": "x" * 1025}, {"password"}),
        ({"email": "ada@example.com", "password": "x\x00"}, {"password"}),
        ({"email": "ada", "password": "x"}, {"email"}),
        ({"email": "a@b" + "c" * 260, "password": "x"}, {"email"}),
        ({"email": "ada@example.com", "password": "x", "remember": True}, {"remember"}),
        ({"email": "ada@example.com", "password": "x", "refresh_token": "yes"}, {"refresh_token"}),
        ([], {"body"}),
    ],
)
async def test_a_wrong_login_names_what_is_wrong(stack: Stack, body: Any, fields: set[str]) -> None:
    answer = await stack.public().post("/api/v1/auth/login", body)
    assert (answer.status, set(answer.json["errors"])) == (422, fields)
