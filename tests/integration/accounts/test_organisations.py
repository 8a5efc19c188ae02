"""Organisations, for the operator of the platform: made, listed, renamed (contract, section 7)."""

import secrets
from typing import Any

import pytest

from services.accounts.schemas_organisations import OWN_IDS
from services.accounts.use_cases import organisations
from shared.auth.internal_token import PLATFORM
from tests.support.accounts import managing_users, new_user, operating
from tests.support.client import new_organisation
from tests.support.stack import Stack
from tests.support.world import ORGANISATIONS


def fields(**changes: Any) -> dict[str, Any]:
    admin = {"name": "Zoë Müller", "email": f"{secrets.token_hex(6)}@example.com"}
    return {"name": "Acme", "admin": admin, **changes}


def new_key() -> dict[str, str]:
    """The operator's organisation is that of all tests."""
    return {"Idempotency-Key": secrets.token_hex(8)}


async def test_a_new_organisation_has_an_invited_admin(stack: Stack) -> None:
    client, wanted = operating(stack), fields(time_zone="Australia/Sydney", booking_clash="refuse")
    answer = await client.post(ORGANISATIONS, wanted)
    assert answer.status == 201, answer.text
    admin, organisation = answer.data["admin"], {k: v for k, v in answer.data.items() if k != "admin"}
    assert organisation["id"] in OWN_IDS
    assert (organisation["name"], organisation["status"], organisation["suspended_at"]) == ("Acme", "active", None)
    assert answer.headers["Location"] == f"{ORGANISATIONS}/{organisation['id']}"
    assert answer.headers["Cache-Control"] == "private, no-store"
    read = await client.get(answer.headers["Location"])
    assert (read.data, read.headers["ETag"]) == (organisation, answer.headers["ETag"])
    assert {name: admin[name] for name in ("name", "email", "role", "status")} == {
        **wanted["admin"],
        "role": "Admin",
        "status": "invited",
    }
    [listed] = (await managing_users(stack, organisation["id"]).get("/api/v1/users")).data
    assert listed["id"] == admin["id"]
    password = {"token": admin["invitation"]["token"], "password": "staple battery horse"}
    assert (await stack.public().post("/api/v1/auth/invitation", password)).status == 200
    credentials = {"email": admin["email"], "password": password["password"]}
    assert (await stack.public().post("/api/v1/auth/login", credentials)).status == 200


async def test_ids_are_never_given_twice(stack: Stack) -> None:
    client = operating(stack)
    made = [(await client.post(ORGANISATIONS, fields())).data["id"] for _ in range(3)]
    assert len(set(made)) == 3


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"booking_clash": "shrug"}, "booking_clash"),
        ({"admin": {"name": "Ann"}}, "admin.email"),
        ({"admin": {"name": "Ann", "email": "nobody"}}, "admin.email"),
        ({"admin": {"name": "Ann", "email": "a@example.com", "role": "Trainer"}}, "admin.role"),
        ({"id": OWN_IDS[0]}, "id"),
        ({"id": OWN_IDS[-1]}, "id"),
        ({"id": 0}, "id"),
        ({"suspended": True}, "suspended"),
    ],
)
async def test_what_an_organisation_cannot_be(stack: Stack, wrong: dict[str, Any], field: str) -> None:
    name = secrets.token_hex(8)
    answer = await operating(stack).post(ORGANISATIONS, fields(name=name) | wrong)
    assert (answer.status, list(answer.json["errors"])) == (422, [field])
    assert (await operating(stack).get(ORGANISATIONS, search=name)).data == []


async def test_an_admin_whose_address_is_taken_makes_no_organisation(stack: Stack, organisation: int) -> None:
    client, name = operating(stack), secrets.token_hex(8)
    user = await new_user(stack, organisation)
    answer = await client.post(ORGANISATIONS, fields(name=name, admin={"name": "Ann", "email": user.email}))
    assert (answer.status, answer.json["code"]) == (409, "email_taken")
    assert (await client.get(ORGANISATIONS, search=name)).data == []


async def test_a_repeated_request_makes_one_and_tells_no_token(stack: Stack) -> None:
    client, wanted, key = operating(stack), fields(name=secrets.token_hex(8)), new_key()
    first = await client.post(ORGANISATIONS, wanted, **key)
    again = await client.post(ORGANISATIONS, wanted, **key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.data["id"] == first.data["id"]
    assert set(first.data["admin"]["invitation"]) - set(again.data["admin"]["invitation"]) == {"token"}
    assert len((await client.get(ORGANISATIONS, search=wanted["name"])).data) == 1
    other = await client.post(ORGANISATIONS, fields(), **key)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")


async def test_control_with_the_scope_of_what_was_made_no_response_could_be_kept(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organisations, "scope", lambda _: "SELECT")
    answer = await operating(stack).post(ORGANISATIONS, fields(), **new_key())
    assert answer.status == 500


async def test_lists(stack: Stack) -> None:
    client, word = operating(stack), secrets.token_hex(8)
    names = (f"Société {word}", f"Acme {word}", f"Żółw {word}")
    made = [(await client.post(ORGANISATIONS, fields(name=name))).data["id"] for name in names]
    await client.patch(f"{ORGANISATIONS}/{made[1]}", {"suspended": True})

    async def found(**query: Any) -> list[int]:
        answer = await client.get(ORGANISATIONS, **query)
        assert answer.json["meta"]["total"] == len(answer.data)
        return [organisation["id"] for organisation in answer.data]

    assert await found(search=word) == made
    assert await found(search=f"{word} SOCIETE") == made[:1]
    assert await found(search=word, status="suspended") == made[1:2]
    assert await found(search=word, status="active") == [made[0], made[2]]
    assert await found(search=f"%{word}") == []
    page = await client.get(ORGANISATIONS, search=word, per_page=1, page=2)
    assert ([each["id"] for each in page.data], page.json["meta"]["total"]) == (made[1:2], 3)


async def test_a_change_and_its_trail(stack: Stack) -> None:
    client = operating(stack)
    made = await client.post(ORGANISATIONS, fields())
    path = made.headers["Location"]
    renamed = await client.patch(path, {"name": "Umbrella"}, **{"If-Match": made.headers["ETag"]})
    assert (renamed.status, renamed.data["name"]) == (200, "Umbrella")
    late = await client.patch(path, {"name": "Late"}, **{"If-Match": made.headers["ETag"]})
    assert (late.status, late.json["code"]) == (412, "precondition_failed")
    same = await client.patch(path, {"name": "Umbrella"})
    assert same.headers["ETag"] == renamed.headers["ETag"]
    wrong = await client.patch(path, {"name": None})
    assert (wrong.status, list(wrong.json["errors"])) == (422, ["name"])
    await client.patch(path, {"suspended": True})
    await client.patch(path, {"suspended": False})
    trail = (await client.get(f"{path}/audit")).data
    assert [(entry["version"], entry["action"]) for entry in trail] == [
        (1, "organisation.created"),
        (2, "organisation.changed"),
        (3, "organisation.suspended"),
        (4, "organisation.resumed"),
    ]
    assert trail[1]["changes"] == {"name": {"from": "Acme", "to": "Umbrella"}}
    assert trail[0]["changed_by"]["subject"] == "test"


async def test_one_of_an_outside_provider_becomes_known_by_its_id(stack: Stack) -> None:
    client, path = operating(stack), f"{ORGANISATIONS}/{new_organisation()}"
    assert (await client.get(path)).status == 404
    assert (await client.patch(path, {"suspended": True})).status == 404
    made = await client.put(path, {"name": "Theirs"})
    assert (made.status, made.data["status"], made.headers["Location"]) == (201, "active", path)
    again = await client.put(path, {"name": "Theirs", "suspended": True})
    assert (again.status, again.data["status"]) == (200, "suspended")
    trail = (await client.get(f"{path}/audit")).data
    assert [entry["action"] for entry in trail] == ["organisation.known", "organisation.suspended"]
    taken = await client.post(ORGANISATIONS, fields(id=made.data["id"]))
    assert (taken.status, taken.json["code"]) == (409, "organisation_exists")


async def test_one_of_an_outside_provider_is_taken_over_with_an_admin(stack: Stack) -> None:
    organisation = new_organisation()
    answer = await operating(stack).post(ORGANISATIONS, fields(id=organisation))
    assert (answer.status, answer.data["id"]) == (201, organisation)
    [admin] = (await managing_users(stack, organisation).get("/api/v1/users")).data
    assert admin["role"] == "Admin"


async def test_an_id_that_is_chosen_here_is_not_told_by_anybody(stack: Stack) -> None:
    path = f"{ORGANISATIONS}/{OWN_IDS[-1]}"
    assert (await operating(stack).put(path, {"name": "Mine"})).status == 404
    assert (await operating(stack).get(path)).status == 404


async def test_no_role_of_an_organisation_manages_organisations(stack: Stack, organisation: int) -> None:
    path = f"{ORGANISATIONS}/{organisation}"
    await operating(stack).put(path, {"name": "Theirs"})
    client = managing_users(stack, organisation)
    for answer in (
        await client.get(ORGANISATIONS),
        await client.post(ORGANISATIONS, fields()),
        await client.get(path),
        await client.put(path, {"name": "Mine"}),
        await client.patch(path, {"name": "Mine"}),
        await client.get(f"{path}/audit"),
    ):
        assert (answer.status, answer.json["message"]) == (403, f"This needs the permission {PLATFORM}.")
