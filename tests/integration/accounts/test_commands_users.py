"""An operator's commands for users."""

import io
import sys
from typing import Any

import pytest

from services.accounts.app import SERVICE
from services.accounts.commands_users import USERS
from services.accounts.settings import AccountsSettings
from shared.service.chassis import command_line
from tests.support.accounts import PASSWORD, managing_users, new_user
from tests.support.commands import Outcome, run_here
from tests.support.stack import Stack

NEW = "a long summer in Perth"


async def users(stack: Stack, *arguments: str) -> Outcome:
    parsed = command_line(SERVICE).parse_args(["users", *arguments])
    settings = stack.settings["accounts"]
    assert isinstance(settings, AccountsSettings)
    return await run_here(lambda: USERS.run(settings, parsed))


def adding(organisation: int, **changes: str) -> list[str]:
    values = {"org": str(organisation), "name": "Ada", "email": f"ada-{organisation}@example.com", **changes}
    values.setdefault("role", "Admin")
    return ["add", *(each for name, value in values.items() for each in (f"--{name}", value))]


async def logs_in(stack: Stack, email: str, password: str) -> bool:
    answer = await stack.public().post("/api/v1/auth/login", {"email": email, "password": password})
    return answer.status == 200


async def test_an_added_user_sets_a_password_with_the_token(stack: Stack, organisation: int) -> None:
    added = await users(stack, *adding(organisation), "--employee-id", "7", "--user-type", "contractor")
    assert added.status == 0, added.errors
    shown = dict(line.split(": ") for line in added.output.splitlines())
    assert list(shown) == ["user", "token", "expires_at"]
    token = shown["token"]
    answer = await stack.public().post("/api/v1/auth/invitation", {"token": token, "password": NEW})
    assert answer.status == 200, answer.text
    user = (await managing_users(stack, organisation).get(f"/api/v1/users/{shown['user']}")).data
    assert (user["role"], user["employee_id"], user["user_type"]) == ("Admin", 7, "contractor")
    trail = (await managing_users(stack, organisation).get(f"/api/v1/users/{user['id']}/audit")).data
    assert trail[0]["changed_by"] == {"subject": "operator", "name": "Operator"}


async def test_with_a_password_on_standard_input_there_is_no_link(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{NEW}\n"))
    added = await users(stack, *adding(organisation), "--password-stdin")
    assert (added.status, added.output.partition(" ")[0]) == (0, "user:"), added.errors
    [user] = (await managing_users(stack, organisation).get("/api/v1/users")).data
    assert added.output == f"user: {user['id']}\n"
    assert await logs_in(stack, user["email"], NEW)
    assert (user["status"], user["invitation_expires_at"]) == ("active", None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"email": "nobody"}, "email: Must be an email address."),
        ({"name": " "}, "name: Must not be empty."),
        ({"company": "7"}, "company_ids: Must be empty unless the role is Contractor Coordinator."),
    ],
)
async def test_what_is_refused_is_named(stack: Stack, organisation: int, changes: dict[str, Any], said: str) -> None:
    refused = await users(stack, *adding(organisation, **changes))
    assert (refused.status, refused.output, refused.errors) == (1, "", f"users add: {said}\n")


async def test_a_common_password_is_refused(stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Password2026!\n"))
    refused = await users(stack, *adding(organisation), "--password-stdin")
    assert (refused.status, "password: Is too common." in refused.errors) == (1, True)
    assert (await managing_users(stack, organisation).get("/api/v1/users")).data == []


async def test_the_list(stack: Stack, organisation: int) -> None:
    first, second = await new_user(stack, organisation), await new_user(stack, organisation + 1, "Trainer")
    listed = await users(stack, "list", "--org", str(organisation))
    head, line = listed.output.splitlines()
    assert head.split() == ["ORGANISATION", "ID", "STATUS", "ROLE", "EMAIL", "NAME"]
    assert line.split() == [str(organisation), str(first.id), "active", "Admin", first.email, "Test", "User"]
    everybody = (await users(stack, "list")).output
    assert first.email in everybody
    assert second.email in everybody


async def test_a_new_link_and_an_end(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation, "Trainer")
    invited = await users(stack, "invite", user.email.upper())
    assert "\ntoken: inv_" in invited.output
    assert await logs_in(stack, user.email, PASSWORD)
    disabled = await users(stack, "disable", user.email)
    assert (disabled.status, disabled.output) == (0, f"user {user.id} is disabled\n")
    assert not await logs_in(stack, user.email, PASSWORD)
    unknown = await users(stack, "disable", f"x{user.email}")
    assert (unknown.status, unknown.errors) == (1, "users disable: The user does not exist.\n")


async def test_the_last_admin_stays(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    refused = await users(stack, "disable", user.email)
    assert (refused.status, "no other active Admin" in refused.errors) == (1, True)
