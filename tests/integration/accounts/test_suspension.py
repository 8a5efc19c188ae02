"""A suspended organisation: nobody of it signs in, and gateways learn that its tokens are refused."""

import asyncio
from typing import Any

import pytest

from services.accounts.store import organisations as organisation_store
from services.accounts.store import revocations
from shared.auth.trust import REVOCATIONS
from shared.security_log import SecurityEvent
from tests.support.accounts import PASSWORD, new_user, operating
from tests.support.client import Answer, new_organisation
from tests.support.races import hold_after, without_lock
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack
from tests.support.world import ORGANISATIONS


async def _told(stack: Stack, organisation: int) -> list[str]:
    """What gateways read about the organisation, in its order."""
    gateway, after, kinds = stack.direct("accounts", 0, [REVOCATIONS]), 0, []
    while True:
        page = (await gateway.get("/internal/revocations", after=after)).json
        kinds += [each["kind"] for each in page["revocations"] if each["organisation_id"] == organisation]
        if page["newest"] == after:
            return kinds
        after = page["newest"]


async def _suspend(stack: Stack, organisation: int, suspended: bool = True) -> None:
    answer = await operating(stack).patch(f"{ORGANISATIONS}/{organisation}", {"suspended": suspended})
    assert (answer.status, answer.data["status"]) == (200, "suspended" if suspended else "active")


async def _login(stack: Stack, email: str) -> Answer:
    return await stack.public().post(
        "/api/v1/auth/login", {"email": email, "password": PASSWORD, "refresh_token": True}
    )


async def test_nobody_signs_in_until_it_is_resumed(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    assert (await _login(stack, user.email)).status == 200
    await _suspend(stack, organisation)
    refused = await _login(stack, user.email)
    assert (refused.status, refused.json["code"]) == (401, "credentials_invalid")
    await _suspend(stack, organisation, False)
    assert (await _login(stack, user.email)).status == 200


async def test_it_is_told_once_for_each_change(stack: Stack, organisation: int) -> None:
    await new_user(stack, organisation)
    for suspended in (True, True, False, False, True):
        await _suspend(stack, organisation, suspended)
    assert await _told(stack, organisation) == ["suspended", "resumed", "suspended"]


async def test_a_rename_is_not_told(stack: Stack, organisation: int) -> None:
    await new_user(stack, organisation)
    await operating(stack).patch(f"{ORGANISATIONS}/{organisation}", {"name": "Umbrella"})
    assert await _told(stack, organisation) == []


async def test_one_that_is_not_known_yet_is_suspended_by_its_id(stack: Stack) -> None:
    organisation = new_organisation()
    answer = await operating(stack).put(f"{ORGANISATIONS}/{organisation}", {"name": "Theirs", "suspended": True})
    assert (answer.status, answer.data["status"]) == (201, "suspended")
    assert await _told(stack, organisation) == ["suspended"]


async def test_operators_do_not_suspend_their_own(stack: Stack, organisation: int) -> None:
    client, path = operating(stack, organisation), f"{ORGANISATIONS}/{organisation}"
    assert (await client.put(path, {"name": "Ours"})).status == 201
    for answer in (
        await client.patch(path, {"suspended": True}),
        await client.put(path, {"name": "Ours", "suspended": True}),
    ):
        assert (answer.status, answer.json["code"]) == (409, "own_organisation")
    assert (await client.get(path)).data["status"] == "active"
    assert await _told(stack, organisation) == []


async def test_it_is_in_the_security_log(stack: Stack, organisation: int, security_lines: SecurityLines) -> None:
    await new_user(stack, organisation)
    await _suspend(stack, organisation)
    line = security_lines.one(SecurityEvent.ORGANISATION_SAVED, organisation_id=organisation)
    assert (line["reason"], line["by"]) == ("organisation.suspended", "test")


async def test_control_a_suspension_that_is_not_listed_is_not_told(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> None:
        """Lists nothing."""

    monkeypatch.setattr(revocations, "suspend", nothing)
    await new_user(stack, organisation)
    await _suspend(stack, organisation)
    assert await _told(stack, organisation) == []


async def test_two_who_suspend_at_once_make_one_change(stack: Stack, organisation: int) -> None:
    assert await _told_of_two(stack, organisation) == ["suspended"]


async def test_control_without_the_lock_both_make_one(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_lock(monkeypatch, organisation_store, "lock")
    hold_after(monkeypatch, organisation_store, "lock", 2)
    with pytest.raises(AssertionError):  # the entries of the trail have one version
        assert await _told_of_two(stack, organisation) == ["suspended"]


async def _told_of_two(stack: Stack, organisation: int) -> list[str]:
    await new_user(stack, organisation)
    await asyncio.gather(*(_suspend(stack, organisation) for _ in range(2)))
    return await _told(stack, organisation)
