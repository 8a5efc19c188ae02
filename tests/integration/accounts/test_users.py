"""Users, for those who manage them: invited, listed, changed, deleted (contract, section 7)."""

import secrets
from typing import Any

import pytest

from services.accounts import user_rules
from shared.auth.internal_token import ACCOUNTS, API_ACCESS
from tests.support.accounts import managing_users, new_user
from tests.support.client import new_organisation
from tests.support.stack import Stack

USERS = "/api/v1/users"


def fields(**changes: Any) -> dict[str, Any]:
    email = f"{secrets.token_hex(6)}@example.com"
    return {"name": "Zoë Müller", "email": email, "role": "Trainer", **changes}


async def test_an_invited_user(stack: Stack, organisation: int) -> None:
    client, wanted = managing_users(stack, organisation), fields(employee_id=12, user_type="contractor")
    answer = await client.post(USERS, wanted)
    assert answer.status == 201, answer.text
    invitation = answer.data["invitation"]
    user = {name: value for name, value in answer.data.items() if name != "invitation"}
    assert answer.headers["Location"] == f"{USERS}/{user['id']}"
    assert {name: user[name] for name in wanted} == wanted
    assert (user["company_ids"], user["status"]) == ([], "invited")
    assert user["invitation_expires_at"] == invitation["expires_at"]
    assert set(invitation) == {"token", "expires_at"}
    read = await client.get(f"{USERS}/{user['id']}")
    assert (read.data, read.headers["ETag"]) == (user, answer.headers["ETag"])
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "nobody"}, "email"),
        ({"role": "Owner"}, "role"),
        ({"user_type": "service"}, "user_type"),
        ({"employee_id": 0}, "employee_id"),
        ({"company_ids": [1]}, "company_ids"),
        ({"password": "correct horse battery"}, "password"),
    ],
)
async def test_what_a_user_cannot_be(stack: Stack, organisation: int, wrong: dict[str, Any], field: str) -> None:
    client = managing_users(stack, organisation)
    answer = await client.post(USERS, fields(**wrong))
    assert (answer.status, list(answer.json["errors"])) == (422, [field])
    assert (await client.get(USERS)).data == []


async def test_an_address_belongs_to_one_user_of_the_installation(stack: Stack, organisation: int) -> None:
    client, wanted = managing_users(stack, organisation), fields()
    assert (await client.post(USERS, wanted)).status == 201
    elsewhere = managing_users(stack, new_organisation())
    for asked in (client, elsewhere):
        answer = await asked.post(USERS, wanted | {"email": wanted["email"].upper()})
        assert (answer.status, answer.json["code"]) == (409, "email_taken")
    other = await client.post(USERS, fields())
    taken = await client.patch(f"{USERS}/{other.data['id']}", {"email": wanted["email"]})
    assert (taken.status, taken.json["code"]) == (409, "email_taken")


async def test_a_repeated_invitation_has_no_token(stack: Stack, organisation: int) -> None:
    client, wanted, key = managing_users(stack, organisation), fields(), {"Idempotency-Key": "once"}
    first = await client.post(USERS, wanted, **key)
    again = await client.post(USERS, wanted, **key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.data["id"] == first.data["id"]
    assert again.data["invitation"] == {"expires_at": first.data["invitation"]["expires_at"]}


async def test_lists(stack: Stack, organisation: int) -> None:
    client = managing_users(stack, organisation)
    made = [(await client.post(USERS, fields(name=name))).data["id"] for name in ("Zoë Müller", "Łukasz Nowak", "Ann")]
    admin = await new_user(stack, organisation)
    await client.patch(f"{USERS}/{made[2]}", {"disabled": True})

    async def found(**query: Any) -> list[int]:
        answer = await client.get(USERS, **query)
        assert answer.json["meta"]["total"] == len(answer.data)
        return [user["id"] for user in answer.data]

    assert await found() == [*made, admin.id]
    assert await found(search="muller ZOE") == made[:1]
    assert await found(search="lukasz") == made[1:2]
    assert await found(search=admin.email[:14].upper()) == [admin.id]
    assert await found(search="%") == []
    assert await found(role="Admin") == [admin.id]
    assert await found(status="invited") == made[:2]
    assert await found(status="disabled", role="Trainer", search="example") == made[2:]
    assert await found(status="active") == [admin.id]
    page = await client.get(USERS, per_page=1, page=2, role="Trainer")
    assert ([user["id"] for user in page.data], page.json["meta"]["total"]) == (made[1:2], 3)
    assert "role=Trainer" in page.json["links"]["next"]


async def test_a_change(stack: Stack, organisation: int) -> None:
    client = managing_users(stack, organisation)
    made = await client.post(USERS, fields())
    path = f"{USERS}/{made.data['id']}"
    changes = {"role": "Contractor Coordinator", "company_ids": [7, 3], "name": "Zoë", "disabled": True}
    answer = await client.patch(path, changes, **{"If-Match": made.headers["ETag"]})
    assert answer.status == 200, answer.text
    del changes["disabled"]
    assert {name: answer.data[name] for name in changes} == changes
    assert answer.data["status"] == "disabled"
    late = await client.patch(path, {"name": "Late"}, **{"If-Match": made.headers["ETag"]})
    assert (late.status, late.json["code"]) == (412, "precondition_failed")
    assert (await client.patch(path, {"disabled": False})).data["status"] == "invited"
    unchanged = await client.get(path)
    assert (await client.patch(path, {"name": "Zoë"})).headers["ETag"] == unchanged.headers["ETag"]


async def test_users_of_another_organisation_do_not_exist(stack: Stack, organisation: int) -> None:
    user, client = await new_user(stack, new_organisation()), managing_users(stack, organisation)
    path = f"{USERS}/{user.id}"
    for answer in (
        await client.get(path),
        await client.get(f"{path}/audit"),
        await client.patch(path, {"name": "Mine"}),
        await client.delete(path),
        await client.post(f"{path}/invitation", {}),
        await client.post(f"{path}/sign-out", {}),
    ):
        assert (answer.status, answer.json["message"]) == (404, "The user does not exist.")


async def test_nobody_else_manages_users(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    client = stack.direct("accounts", organisation, [API_ACCESS, "training.manage"])
    for answer in (await client.get(USERS), await client.post(USERS, fields()), await client.get(f"{USERS}/{user.id}")):
        assert (answer.status, answer.json["message"]) == (403, f"This needs the permission {ACCOUNTS}.")


async def test_nobody_gains_what_they_lack_by_managing_users(stack: Stack, organisation: int) -> None:
    admin = await new_user(stack, organisation)
    trainer = await new_user(stack, organisation, "Trainer")
    path, other = f"{USERS}/{admin.id}", f"{USERS}/{trainer.id}"
    program = stack.direct("accounts", organisation, [API_ACCESS, ACCOUNTS, "training.view", "training.record"])
    assert (await program.post(USERS, fields())).status == 201
    assert (await program.patch(other, {"name": "Tim"})).status == 200
    assert (await program.post(f"{other}/invitation", {})).status == 200
    for answer in (
        await program.post(USERS, fields(role="Admin")),
        await program.patch(other, {"role": "HR Manager"}),
        await program.patch(path, {"email": "mine@example.com"}),
        await program.delete(path),
        await program.post(f"{path}/invitation", {}),
        await program.post(f"{path}/sign-out", {}),
    ):
        assert (answer.status, answer.json["code"]) == (403, "permission_denied"), answer.text


async def test_control_without_the_check_a_program_gets_an_admin_s_password(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await new_user(stack, organisation)
    monkeypatch.setattr(user_rules, "check_may_manage", lambda *_: None)
    program = stack.direct("accounts", organisation, [API_ACCESS, ACCOUNTS])
    token = (await program.post(f"{USERS}/{admin.id}/invitation", {})).data["invitation"]["token"]
    body = {"token": token, "password": "a long summer in Perth"}
    assert (await stack.public().post("/api/v1/auth/invitation", body)).data["role"] == "Admin"


async def test_deleting(stack: Stack, organisation: int) -> None:
    client = managing_users(stack, organisation)
    made = await client.post(USERS, fields())
    path = f"{USERS}/{made.data['id']}"
    assert (await client.delete(path, **{"If-Match": '"user-1-1-1-00000000"'})).status == 412
    assert (await client.delete(path)).json == {"success": True, "message": "User deleted successfully", "data": None}
    assert (await client.get(path)).status == 404
    trail = (await client.get(f"{path}/audit")).data
    assert [entry["action"] for entry in trail] == ["user.created", "user.deleted"]
    assert (await client.post(USERS, {**fields(), "email": made.data["email"]})).status == 201


async def test_the_trail(stack: Stack, organisation: int) -> None:
    client = managing_users(stack, organisation)
    made = await client.post(USERS, fields())
    path = f"{USERS}/{made.data['id']}"
    await client.patch(path, {"role": "Employee"})
    await client.post(f"{path}/invitation", {})
    await client.post(f"{path}/sign-out", {})
    trail = await client.get(f"{path}/audit")
    assert [entry["action"] for entry in trail.data] == [
        "user.created",
        "user.changed",
        "user.invited",
        "user.signed_out",
    ]
    assert trail.data[1]["changes"] == {"role": {"from": "Trainer", "to": "Employee"}}
    assert {entry["changed_by"]["name"] for entry in trail.data} == {"Test"}
    assert "argon2" not in trail.text
