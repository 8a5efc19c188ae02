"""Who one is, signing out everywhere, and changing one's own password (contract, section 7)."""

import asyncio
import time
from typing import Any

import jwt
import pytest

from services.accounts import budgets
from services.accounts.schemas import PasswordChange
from services.accounts.store import revocations
from services.accounts.store import users as user_store
from services.accounts.use_cases import guessing
from shared.auth.trust import REVOCATIONS
from shared.security_log import SecurityEvent
from tests.integration.accounts.test_guessing import fail, somewhere
from tests.integration.accounts.test_refresh import refresh
from tests.support.accounts import (
    DESK,
    PASSWORD,
    NewUser,
    accounts_pool,
    as_user,
    managing_users,
    new_user,
    run_sql,
    sign_in,
)
from tests.support.client import Answer
from tests.support.extremes import body_with, extremes, fields_of
from tests.support.guards import without
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack

NEW = "a long summer in Perth"
PATH = "/api/v1/auth/password"


def claims_of(answer: Answer) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(answer.data["token"], options={"verify_signature": False})
    return claims


async def cut_offs(stack: Stack, subject: str) -> list[dict[str, Any]]:
    """What the gateways read about the subject."""
    gateway, after, found = stack.direct("accounts", 0, [REVOCATIONS]), 0, []
    while (page := (await gateway.get("/internal/revocations", after=after)).json)["revocations"]:
        found += [each for each in page["revocations"] if each["subject"] == subject]
        after = page["newest"]
    return found


def outsiders_token(subject: str) -> str:
    """Of a provider whose subjects look like ours; the gateway has verified it."""
    claims = {"iss": "https://id.example.com", "sub": subject, "sid": "no uuid"}
    return jwt.encode(claims, "x" * 32, algorithm="HS256")


async def test_who_one_is(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    login = await sign_in(stack, user.email)
    answer = await as_user(stack, user, login.data["token"]).get("/api/v1/auth/me")
    assert answer.data == {**login.data["user"], "permissions": answer.data["permissions"]}
    assert "training.manage" in answer.data["permissions"]


async def test_a_subject_of_an_outside_provider_is_no_user_of_ours(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    outsider = as_user(stack, user, outsiders_token(str(user.id)))
    me = await outsider.get("/api/v1/auth/me")
    assert "email" not in me.data
    change = await outsider.put(PATH, {"current_password": PASSWORD, "new_password": NEW})
    assert (change.status, change.json["code"]) == (409, "no_password")
    assert (await outsider.post("/api/v1/auth/logout", {})).status == 200
    assert (await outsider.post("/api/v1/auth/sign-out", {})).status == 200
    assert [each["issuer"] for each in await cut_offs(stack, str(user.id))] == ["https://id.example.com"]
    assert await run_sql(stack, "SELECT cut_off_at FROM users WHERE id = $1", user.id) is None


async def test_without_the_clients_token_nobody_is_signed_out(stack: Stack, organisation: int) -> None:
    answer = await managing_users(stack, organisation).post("/api/v1/auth/sign-out", {})
    assert (answer.status, answer.json["code"]) == (400, "bad_request")


async def test_signing_out_everywhere_ends_all_tokens_and_sessions(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    user = await new_user(stack, organisation)
    here, there = [await sign_in(stack, user.email, refresh_token=True) for _ in range(2)]
    answer = await as_user(stack, user, here.data["token"]).post("/api/v1/auth/sign-out", {})
    assert (answer.status, answer.json["message"]) == (200, "Signed out everywhere")
    [cut_off] = await cut_offs(stack, str(user.id))
    assert (cut_off["kind"], cut_off["issuer"], cut_off["organisation_id"]) == ("subject", "muster", organisation)
    assert cut_off["before"] >= max(claims_of(here)["iat"], claims_of(there)["iat"])
    async with accounts_pool(stack) as pool:
        for each in (here, there):
            assert await refresh(pool, each.data["refresh_token"]) is None
    line = security_lines.one(SecurityEvent.TOKEN_REVOKED, reason="sign_out")
    assert (line["subject"], line["organisation_id"], line["address"]) == (str(user.id), organisation, DESK)


async def _sign_out_and_in(stack: Stack, user: NewUser, times: int = 3) -> tuple[list[int], list[int]]:
    """The seconds that were cut off, and those of the tokens after them."""
    issued = []
    for _ in range(times):
        login = await sign_in(stack, user.email)
        await as_user(stack, user, login.data["token"]).post("/api/v1/auth/sign-out", {})
        issued.append(claims_of(await sign_in(stack, user.email))["iat"])
    return [each["before"] for each in await cut_offs(stack, str(user.id))], issued


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is cut off in the same second, a little later than now."""
    without(monkeypatch, revocations, "_ADD", "clock_timestamp()", f"to_timestamp({int(time.time()) + 60})")


@pytest.mark.usefixtures("one_second")
async def test_within_one_second_each_sign_out_reaches_the_tokens_before_it_and_none_after(
    stack: Stack, organisation: int
) -> None:
    before, issued = await _sign_out_and_in(stack, await new_user(stack, organisation))
    assert all(second < token for second, token in zip(before, issued, strict=True))
    assert all(second >= token for second, token in zip(before[1:], issued, strict=False))


@pytest.mark.usefixtures("one_second")
async def test_control_a_cut_off_that_forgets_the_last_one_misses_a_token(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, revocations, "_ADD", "1 + (", "(")
    before, issued = await _sign_out_and_in(stack, await new_user(stack, organisation))
    assert all(second < token for second, token in zip(before[1:], issued, strict=False))


async def test_a_changed_password_replaces_the_old_one_and_ends_all_sessions(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    user = await new_user(stack, organisation)
    login = await sign_in(stack, user.email, refresh_token=True)
    body = {"current_password": PASSWORD, "new_password": NEW, "refresh_token": True}
    answer = await as_user(stack, user, login.data["token"]).put(PATH, body)
    assert (answer.status, answer.json["message"], answer.headers["Cache-Control"]) == (
        200,
        "Password changed",
        "no-store",
    )
    [cut_off] = await cut_offs(stack, str(user.id))
    assert claims_of(login)["iat"] <= cut_off["before"] < claims_of(answer)["iat"]
    async with accounts_pool(stack) as pool:
        assert await refresh(pool, login.data["refresh_token"]) is None
        assert await refresh(pool, answer.data["refresh_token"]) is not None
    assert (await sign_in(stack, user.email)).status == 401
    assert (await sign_in(stack, user.email, NEW)).status == 200
    assert security_lines.one(SecurityEvent.PASSWORD_CHANGED)["subject"] == str(user.id)
    trail = await managing_users(stack, organisation).get(f"/api/v1/users/{user.id}/audit")
    assert [(each["action"], each["changes"]) for each in trail.data] == [("user.password_changed", {})]
    assert NEW not in security_lines.text


async def test_control_without_the_cut_off_old_tokens_stay(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(user_store, "end_sessions", nothing)
    user = await new_user(stack, organisation)
    login = await sign_in(stack, user.email)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await as_user(stack, user, login.data["token"]).put(PATH, body)).status == 200
    assert await cut_offs(stack, str(user.id)) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"current_password": "wrong", "new_password": NEW}, "current_password"),
        ({"current_password": PASSWORD, "new_password": "short"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "password2026!"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": PASSWORD}, "new_password"),
        ({"current_password": PASSWORD}, "new_password"),
        ({"current_password": PASSWORD, "new_password": NEW, "email": "x@example.com"}, "email"),
    ],
    ids=["wrong", "short", "common", "the same", "missing", "unknown field"],
)
async def test_a_password_that_cannot_be_changed_stays(
    stack: Stack, organisation: int, body: dict[str, Any], field: str
) -> None:
    user = await new_user(stack, organisation)
    login = await sign_in(stack, user.email)
    answer = await as_user(stack, user, login.data["token"]).put(PATH, body)
    assert (answer.status, list(answer.json["errors"])) == (422, [field])
    assert await cut_offs(stack, str(user.id)) == []
    assert (await sign_in(stack, user.email)).status == 200


async def test_passwords_of_any_extreme_are_refused(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = (await sign_in(stack, user.email)).data["token"]
    example = {"current_password": "wrong", "new_password": NEW}
    for at in fields_of(PasswordChange):
        for extreme in extremes(at.schema):
            client = as_user(stack, user, token, somewhere())  # wrong ones are counted
            body = body_with(example, at, PasswordChange, extreme.written)
            answer = await client.request("PUT", PATH, data=body, headers={"Content-Type": "application/json"})
            assert answer.status in (400, 413, 422), f"{at} = {extreme.written[:80]}: {answer.text}"


async def test_guessing_the_current_password_counts_as_guessing_at_the_login(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    login = await sign_in(stack, user.email)
    thief = as_user(stack, user, login.data["token"], address)
    await fail(stack, guessing.of_user(user.email, address), budgets.FREE - 1)
    assert (await thief.put(PATH, {"current_password": "wrong", "new_password": NEW})).status == 422
    assert security_lines.one(SecurityEvent.LOGIN_FAILED, reason="wrong_password")["address"] == address
    assert (await thief.put(PATH, {"current_password": PASSWORD, "new_password": NEW})).status == 429
    assert (await sign_in(stack, user.email, address=address)).status == 429
    assert (await sign_in(stack, user.email)).status == 200


async def test_of_two_changes_at_once_one_counts(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    client = as_user(stack, user, (await sign_in(stack, user.email)).data["token"])
    passwords = [f"{NEW} {number}" for number in range(2)]
    bodies = [{"current_password": PASSWORD, "new_password": password} for password in passwords]
    answers = await asyncio.gather(*(client.put(PATH, body) for body in bodies))
    assert sorted(answer.status for answer in answers) == [200, 409]
    [changed] = [password for password, answer in zip(passwords, answers, strict=True) if answer.status == 200]
    assert (await sign_in(stack, user.email, changed)).status == 200
