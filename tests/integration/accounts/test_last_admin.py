"""An organisation keeps an active Admin, whatever happens at the same time."""

import asyncio
from typing import Any

import pytest

from services.accounts.store import users as user_store
from tests.support.accounts import managing_users, new_user
from tests.support.guards import without
from tests.support.races import hold_after
from tests.support.stack import Stack


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "HR Manager"}, None])
async def test_the_last_active_admin_stays(stack: Stack, organisation: int, change: dict[str, Any] | None) -> None:
    admin, client = await new_user(stack, organisation), managing_users(stack, organisation)
    await new_user(stack, organisation, password=False)
    await client.patch(f"/api/v1/users/{(await new_user(stack, organisation)).id}", {"disabled": True})
    path = f"/api/v1/users/{admin.id}"
    refused = await client.delete(path) if change is None else await client.patch(path, change)
    assert (refused.status, refused.json["code"]) == (409, "last_admin")
    assert (await client.get(path)).data["status"] == "active"
    assert (await client.patch(path, {"name": "New Name"})).status == 200
    await new_user(stack, organisation)
    accepted = await client.delete(path) if change is None else await client.patch(path, change)
    assert accepted.status == 200


async def test_one_who_is_not_active_may_go(stack: Stack, organisation: int) -> None:
    invited, client = await new_user(stack, organisation, password=False), managing_users(stack, organisation)
    assert (await client.delete(f"/api/v1/users/{invited.id}")).status == 200


async def test_two_who_demote_each_other_do_not_both(stack: Stack, organisation: int) -> None:
    assert await _both_demoted(stack, organisation) == [200, 409]


async def test_control_without_the_lock_both_are_demoted(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, user_store, "_LOCK_ADMINS", "pg_advisory_xact_lock(", "(")
    hold_after(monkeypatch, user_store, "has_other_admin", 2)
    assert await _both_demoted(stack, organisation) == [200, 200]


async def _both_demoted(stack: Stack, organisation: int) -> list[int]:
    client = managing_users(stack, organisation)
    admins = [await new_user(stack, organisation) for _ in range(2)]
    answers = await asyncio.gather(
        *(client.patch(f"/api/v1/users/{admin.id}", {"role": "Trainer"}) for admin in admins)
    )
    return sorted(answer.status for answer in answers)
