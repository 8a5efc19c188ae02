"""Changes of users after which their tokens are refused."""

import time
from typing import Any

import asyncpg
import pytest

from services.accounts.store import users as user_store
from shared.auth.trust import REVOCATIONS
from shared.security_log import SecurityEvent
from tests.support.accounts import NewUser, managing_users, new_user
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack

ENDS_TOKENS = [
    {"disabled": True},
    {"role": "Employee"},
    {"user_type": "contractor"},
    {"employee_id": 5},
    {"role": "Contractor Coordinator", "company_ids": [4]},
    "delete",
    "sign-out",
    "password",
]
ENDS_NONE: list[dict[str, Any]] = [{"name": "Other Name"}, {"email": "renamed-{}@example.com"}, {"role": "Trainer"}]


async def _change(stack: Stack, user: NewUser, change: Any) -> None:
    client, path = managing_users(stack, user.organisation), f"/api/v1/users/{user.id}"
    match change:
        case "delete":
            answer = await client.delete(path)
        case "sign-out":
            answer = await client.post(f"{path}/sign-out", {})
        case "password":
            token = (await client.post(f"{path}/invitation", {})).data["invitation"]["token"]
            body = {"token": token, "password": "a long summer in Perth"}
            answer = await stack.public().post("/api/v1/auth/invitation", body)
        case _:
            named = {name: value.format(user.id) if name == "email" else value for name, value in change.items()}
            answer = await client.patch(path, named)
    assert answer.status == 200, answer.text


async def _refused(stack: Stack, user: NewUser) -> list[dict[str, Any]]:
    """The revocations about the user."""
    gateway, after, found = stack.direct("accounts", 0, [REVOCATIONS]), 0, []
    while True:
        page = (await gateway.get("/internal/revocations", after=after)).json
        found += [each for each in page["revocations"] if each["subject"] == str(user.id)]
        if page["newest"] == after:
            return found
        after = page["newest"]


async def _open_families(stack: Stack, user: NewUser, *, add: bool = False) -> int:
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)
    try:
        if add:
            await connection.execute(
                "INSERT INTO refresh_tokens (organisation_id, user_id, family, token_digest, expires_at)"
                " VALUES ($1, $2, gen_random_uuid(), sha256($3), now() + interval '1 day')",
                user.organisation,
                user.id,
                str(user.id).encode(),
            )
        count: int = await connection.fetchval(
            "SELECT count(*) FROM refresh_tokens WHERE user_id = $1 AND ended_at IS NULL", user.id
        )
    finally:
        await connection.close(timeout=10)
    return count


@pytest.mark.parametrize("change", ENDS_TOKENS, ids=str)
async def test_tokens_end_with_what_they_say(stack: Stack, organisation: int, change: Any) -> None:
    user = await new_user(stack, organisation, "Trainer")
    assert await _open_families(stack, user, add=True) == 1
    before = int(time.time())
    await _change(stack, user, change)
    [refused] = await _refused(stack, user)
    assert (refused["kind"], refused["issuer"], refused["organisation_id"]) == ("subject", "muster", organisation)
    assert before <= refused["before"] <= time.time()
    assert await _open_families(stack, user) == 0


@pytest.mark.parametrize("change", ENDS_NONE, ids=str)
async def test_tokens_outlast_other_changes(stack: Stack, organisation: int, change: Any) -> None:
    user = await new_user(stack, organisation, "Trainer")
    await _open_families(stack, user, add=True)
    await _change(stack, user, change)
    assert await _refused(stack, user) == []
    assert await _open_families(stack, user) == 1


async def test_a_refused_change_ends_no_tokens(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await new_user(stack, organisation, "Trainer")
    monkeypatch.setattr(user_store, "_END_FAMILIES", "SELECT 1 / 0, $1::bigint, $2::bigint")
    answer = await managing_users(stack, organisation).patch(f"/api/v1/users/{user.id}", {"disabled": True})
    assert answer.status == 500
    assert await _refused(stack, user) == []


async def test_the_security_log_names_who_and_what(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    client = managing_users(stack, organisation)
    fields = {"name": "Ada", "email": f"ada-{organisation}@example.com", "role": "Trainer"}
    user_id = (await client.post("/api/v1/users", fields)).data["id"]
    await client.patch(f"/api/v1/users/{user_id}", {"role": "Employee"})
    await client.delete(f"/api/v1/users/{user_id}")
    added, changed = security_lines.of(SecurityEvent.USER_SAVED)
    assert (added["reason"], added["subject"], added["organisation_id"]) == ("added", str(user_id), organisation)
    assert (changed["reason"], changed["role"], changed["fields"]) == ("changed", "Employee", ["role"])
    removed = security_lines.one(SecurityEvent.USER_REMOVED)
    assert (removed["subject"], removed["by"]) == (str(user_id), "test")
    assert fields["email"] not in security_lines.text
