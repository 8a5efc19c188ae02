"""Refresh tokens: each is good once, and brings the next (contract, section 7)."""

import asyncio
import logging
from datetime import timedelta

import jwt
import pytest

from services.accounts import sessions
from services.accounts.sessions import Session
from services.accounts.store import refresh_tokens, sign_in
from services.accounts.use_cases import refresh as use_case
from services.accounts.use_cases.refresh import RefreshRefused
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.security_log import SecurityEvent
from tests.support import accounts
from tests.support.accounts import DESK, NewUser, accounts_pool, as_user, new_user, run_sql
from tests.support.races import hold_after, without_lock
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack


async def refresh(pool: Pool, token: str) -> Session | None:
    """None where it is refused."""
    try:
        return await use_case.refresh(pool, token, address=DESK)
    except RefreshRefused:
        return None


async def next_token(pool: Pool, token: str) -> str:
    session = await refresh(pool, token)
    assert session is not None
    assert session.refresh_token is not None
    return session.refresh_token


async def signed_in(stack: Stack, user: NewUser) -> str:
    answer = await accounts.sign_in(stack, user.email, refresh_token=True)
    assert answer.status == 200, answer.text
    token: str = answer.data["refresh_token"]
    return token


async def test_a_login_that_asks_for_one_gets_one(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    plain = await accounts.sign_in(stack, user.email)
    assert not plain.data.keys() & {"refresh_token", "refresh_expires_in"}
    asked = await accounts.sign_in(stack, user.email, refresh_token=True)
    assert len(asked.data["refresh_token"]) == 43
    assert asked.data["refresh_expires_in"] == 30 * 24 * 3600
    claims = [jwt.decode(each.data["token"], options={"verify_signature": False}) for each in (plain, asked)]
    assert ["sid" in each for each in claims] == [False, True]
    stored = "SELECT count(*) FROM refresh_tokens WHERE token_digest = sha256($1::text::bytea)"
    assert await run_sql(stack, stored, asked.data["refresh_token"]) == 1


async def test_each_use_brings_the_next(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await signed_in(stack, user)
    async with accounts_pool(stack) as pool:
        seen = {token}
        for _ in range(3):
            token = await next_token(pool, token)
            seen.add(token)
    assert len(seen) == 4
    assert await run_sql(stack, "SELECT count(DISTINCT family) FROM refresh_tokens WHERE user_id = $1", user.id) == 1


async def test_what_is_no_refresh_token_is_refused(stack: Stack, security_lines: SecurityLines) -> None:
    async with accounts_pool(stack) as pool:
        assert await refresh(pool, "not one") is None
        assert await refresh(pool, "") is None
    assert {line["reason"] for line in security_lines.of(SecurityEvent.REFRESH_REFUSED)} == {"unknown"}


async def test_of_two_at_once_one_gets_through_and_the_other_ends_nothing(stack: Stack, organisation: int) -> None:
    token = await signed_in(stack, await new_user(stack, organisation))
    async with accounts_pool(stack) as pool:
        outcomes = await asyncio.gather(*(refresh(pool, token) for _ in range(4)))
        [winner] = [outcome for outcome in outcomes if outcome is not None]
        assert winner.refresh_token is not None
        assert await next_token(pool, winner.refresh_token)


async def test_control_without_the_lock_both_get_through(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_lock(monkeypatch, sign_in, "locked")
    hold_after(monkeypatch, refresh_tokens, "find", 2)
    token = await signed_in(stack, await new_user(stack, organisation))
    async with accounts_pool(stack) as pool:
        outcomes = await asyncio.gather(*(refresh(pool, token) for _ in range(2)))
    assert None not in outcomes


async def test_a_used_one_that_comes_again_ends_the_family(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    user = await new_user(stack, organisation)
    stolen, other_device = await signed_in(stack, user), await signed_in(stack, user)
    async with accounts_pool(stack) as pool:
        second = await next_token(pool, stolen)
        third = await next_token(pool, second)
        assert await refresh(pool, stolen) is None
        assert await refresh(pool, third) is None
        assert await next_token(pool, other_device)
    line = security_lines.one(SecurityEvent.REFRESH_REFUSED, reason="reused")
    assert (line["subject"], line["organisation_id"], line["address"]) == (str(user.id), organisation, DESK)
    assert stolen not in security_lines.text


async def test_a_used_one_that_comes_again_late_ends_the_family_too(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await signed_in(stack, await new_user(stack, organisation))
    async with accounts_pool(stack) as pool:
        second = await next_token(pool, token)
        assert await refresh(pool, token) is None
        monkeypatch.setattr(sessions, "GRACE", timedelta(0))
        assert await refresh(pool, token) is None
        assert await refresh(pool, second) is None


async def test_one_that_has_expired_is_refused_and_deleted(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await signed_in(stack, user)
    await run_sql(stack, "UPDATE refresh_tokens SET expires_at = now() WHERE user_id = $1", user.id)
    async with accounts_pool(stack) as pool:
        assert await refresh(pool, token) is None
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await refresh_tokens.prune(connection)
    assert await run_sql(stack, "SELECT count(*) FROM refresh_tokens WHERE user_id = $1", user.id) == 0


async def test_each_refresh_reads_the_user_anew(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await signed_in(stack, user)
    await run_sql(stack, "UPDATE users SET role = 'Employee', name = 'Renamed' WHERE id = $1", user.id)
    async with accounts_pool(stack) as pool:
        session = await refresh(pool, token)
    assert session is not None
    assert (session.user.role, session.user.name) == ("Employee", "Renamed")


async def test_a_disabled_user_is_signed_out_and_stays_so(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await signed_in(stack, user)
    async with accounts_pool(stack) as pool:
        await run_sql(stack, "UPDATE users SET disabled_at = now() WHERE id = $1", user.id)
        assert await refresh(pool, token) is None
        await run_sql(stack, "UPDATE users SET disabled_at = NULL WHERE id = $1", user.id)
        assert await refresh(pool, token) is None


async def test_a_suspended_organisation_waits(stack: Stack, organisation: int) -> None:
    token = await signed_in(stack, await new_user(stack, organisation))
    suspend = "UPDATE organisations SET suspended_at = now() WHERE organisation_id = $1"
    async with accounts_pool(stack) as pool:
        await run_sql(stack, suspend, organisation)
        assert await refresh(pool, token) is None
        await run_sql(stack, suspend.replace("now()", "NULL"), organisation)
        assert await next_token(pool, token)


async def test_a_logout_ends_the_session_it_came_with_and_no_other(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    first, second = [await accounts.sign_in(stack, user.email, refresh_token=True) for _ in range(2)]
    answer = await as_user(stack, user, first.data["token"]).post("/api/v1/auth/logout", {})
    assert (answer.status, answer.json) == (200, {"success": True, "message": "Logged out successfully", "data": None})
    async with accounts_pool(stack) as pool:
        assert await refresh(pool, first.data["refresh_token"]) is None
        assert await next_token(pool, second.data["refresh_token"])


async def test_no_refresh_token_is_in_the_logs(
    stack: Stack, organisation: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = await signed_in(stack, await new_user(stack, organisation))
    async with accounts_pool(stack) as pool:
        following = await next_token(pool, token)
    assert token not in caplog.text
    assert following not in caplog.text
