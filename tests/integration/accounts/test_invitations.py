"""The one-time link with which a user sets their password."""

import asyncio
import hashlib

import asyncpg
import pytest

from services.accounts.store import invitations
from services.accounts.store import users as user_store
from shared.security_log import SecurityEvent
from tests.support.accounts import PASSWORD, managing_users, new_user
from tests.support.client import Answer
from tests.support.guards import without
from tests.support.races import hold_after
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack

INVITATION, LOGIN = "/api/v1/auth/invitation", "/api/v1/auth/login"
NEW = "a long summer in Perth"


async def new_link(stack: Stack, organisation: int, user_id: int) -> str:
    answer = await managing_users(stack, organisation).post(f"/api/v1/users/{user_id}/invitation", {})
    assert answer.status == 200, answer.text
    token: str = answer.data["invitation"]["token"]
    return token


async def set_password(stack: Stack, token: str, password: str = NEW) -> Answer:
    return await stack.public().post(INVITATION, {"token": token, "password": password})


async def logs_in(stack: Stack, email: str, password: str) -> bool:
    return (await stack.public().post(LOGIN, {"email": email, "password": password})).status == 200


async def test_an_invited_user_sets_a_password_and_signs_in(stack: Stack, organisation: int) -> None:
    client = managing_users(stack, organisation)
    fields = {"name": "Ada", "email": f"ada-{organisation}@example.com", "role": "Trainer"}
    made = (await client.post("/api/v1/users", fields)).data
    assert not await logs_in(stack, made["email"], NEW)
    answer = await set_password(stack, made["invitation"]["token"])
    assert answer.status == 200, answer.text
    assert answer.data == {name: made[name] for name in ("id", "name", "email", "role", "created_at")}
    assert await logs_in(stack, made["email"], NEW)
    user = (await client.get(f"/api/v1/users/{made['id']}")).data
    assert (user["status"], user["invitation_expires_at"]) == ("active", None)
    trail = (await client.get(f"/api/v1/users/{made['id']}/audit")).data
    assert (trail[-1]["action"], trail[-1]["changed_by"]["name"], trail[-1]["changes"]) == (
        "user.password_set",
        "Ada",
        {},
    )


async def test_a_forgotten_password_is_good_until_there_is_another(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await new_link(stack, organisation, user.id)
    assert await logs_in(stack, user.email, PASSWORD)
    assert (await set_password(stack, token)).status == 200
    assert not await logs_in(stack, user.email, PASSWORD)
    assert await logs_in(stack, user.email, NEW)


async def test_the_same_password_in_another_normal_form(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await new_link(stack, organisation, user.id)
    assert (await set_password(stack, token, "cafe\u0301 au lait, s'il vous plai\u0302t")).status == 200
    assert await logs_in(stack, user.email, "caf\u00e9 au lait, s'il vous pla\u00eet")


async def test_a_link_is_good_once(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await new_link(stack, organisation, user.id)
    assert (await set_password(stack, token)).status == 200
    again = await set_password(stack, token, "another long summer")
    assert (again.status, again.json["code"]) == (409, "invitation_used")
    assert await logs_in(stack, user.email, NEW)


async def test_a_newer_link_ends_the_one_before(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    old, new = await new_link(stack, organisation, user.id), await new_link(stack, organisation, user.id)
    answer = await set_password(stack, old)
    assert (answer.status, answer.json["code"]) == (409, "invitation_replaced")
    assert (await set_password(stack, new)).status == 200


async def test_a_link_expires(stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await new_user(stack, organisation)
    monkeypatch.setattr(invitations, "DAYS", 0)
    token = await new_link(stack, organisation, user.id)
    answer = await set_password(stack, token)
    assert (answer.status, answer.json["code"]) == (409, "invitation_expired")
    assert await logs_in(stack, user.email, PASSWORD)


@pytest.mark.parametrize("token", ["inv_unknown", "\u00e9", " "])
async def test_an_unknown_link(stack: Stack, token: str) -> None:
    answer = await set_password(stack, token)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_a_bad_password_leaves_the_link_good(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    token = await new_link(stack, organisation, user.id)
    for password in ("short", "Password2026!", user.email, "x" * 1025):
        answer = await set_password(stack, token, password)
        assert (answer.status, list(answer.json["errors"])) == (422, ["password"])
    assert (await set_password(stack, token)).status == 200


async def test_a_disabled_user_gets_no_password(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation, "Trainer")
    client, path = managing_users(stack, organisation), f"/api/v1/users/{user.id}"
    token = await new_link(stack, organisation, user.id)
    await client.patch(path, {"disabled": True})
    assert (await set_password(stack, token)).json["message"] == "The user is disabled."
    assert (await client.post(f"{path}/invitation", {})).json["message"] == "The user is disabled."
    await client.delete(path)
    assert (await set_password(stack, token)).status == 404


async def test_a_token_is_stored_nowhere(stack: Stack, organisation: int, security_lines: SecurityLines) -> None:
    client, key = managing_users(stack, organisation), {"Idempotency-Key": "once"}
    fields = {"name": "Ada", "email": f"ada-{organisation}@example.com", "role": "Trainer"}
    token = (await client.post("/api/v1/users", fields, **key)).data["invitation"]["token"]
    assert (await set_password(stack, token)).status == 200
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for [table] in tables:
            text = await connection.fetchval(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
            assert token not in text, table
            assert NEW not in text, table
        digest = hashlib.sha256(token.encode()).digest()
        assert await connection.fetchval("SELECT true FROM invitations WHERE token_digest = $1", digest)
    finally:
        await connection.close(timeout=10)
    assert security_lines.one(SecurityEvent.PASSWORD_CHANGED)["reason"] == "invitation"
    assert token not in security_lines.text


async def test_links_of_a_user_do_not_pile_up(stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await new_user(stack, organisation)
    monkeypatch.setattr(invitations, "KEPT", 3)
    tokens = [await new_link(stack, organisation, user.id) for _ in range(4)]
    codes = [(await set_password(stack, token)).json.get("code") for token in tokens]
    assert codes == ["not_found", "invitation_replaced", "invitation_replaced", None]


async def test_of_two_who_use_a_link_at_once_one_sets_the_password(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _both_use_a_link(stack, organisation, monkeypatch) == [200, 409]


async def test_control_a_link_that_is_not_looked_at_again(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, invitations, "_FIND", "WHEN used_at IS NOT NULL THEN 'used'")
    assert await _both_use_a_link(stack, organisation, monkeypatch) == [200, 200]


async def _both_use_a_link(stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses of two who have both seen the link unused."""
    user = await new_user(stack, organisation)
    token = await new_link(stack, organisation, user.id)
    hold_after(monkeypatch, user_store, "with_id", 2)
    answers = await asyncio.gather(set_password(stack, token), set_password(stack, token, "another long summer"))
    return sorted(answer.status for answer in answers)
