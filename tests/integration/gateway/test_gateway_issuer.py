"""The built-in issuer: login, logout, who am I, and keys that rotate."""

import asyncio
import json
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher

from gateway.auth.issuer import issue
from gateway.auth.passwords import WAITING, PasswordChecker
from gateway.auth.users import ROLES, User, put_user
from shared.auth.internal_token import Caller
from shared.auth.jwk import new_private_keys, parse_private_keys
from shared.errors import Overloaded
from tests.integration.gateway.edge import Edge, StartGateway, new_token
from tests.support.client import Answer
from tests.support.eventually import eventually

COURSES = "/api/v1/training/courses"
LOGIN, LOGOUT, ME = "/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/auth/me"
KEY_SET = "/.well-known/jwks.json"
PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def new_user(organisation: int, **changes: Any) -> User:
    values: dict[str, Any] = {
        "id": secrets.randbelow(2**40) + 1,
        "organisation_id": organisation,
        "name": "Ada Lovelace",
        "email": f"ada.{secrets.token_hex(6)}@example.com",
        "role": "Employee",
        "employee_id": 42,
        "password_hash": QUICK.hash(PASSWORD),
        "created_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return User(**(values | changes))


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_text(new_private_keys())
    return file


@pytest.fixture
def user(tmp_path: Path, organisation: int) -> User:
    user = new_user(organisation)
    put_user(tmp_path / "users.json", user)
    return user


@pytest.fixture
async def issuing(start_gateway: StartGateway, keys_file: Path, user: User) -> Edge:
    return await start_gateway(issuer_keys_file=keys_file, issuer_users_file=keys_file.with_name("users.json"))


async def log_in(edge: Edge, email: str, password: str = PASSWORD) -> Answer:
    return await edge.client().post(LOGIN, {"email": email, "password": password})


async def test_a_coordinator_gets_a_token_with_their_companies(
    issuing: Edge, organisation: int, keys_file: Path
) -> None:
    changes = {"role": "Contractor Coordinator", "employee_id": None, "company_ids": (7, 9)}
    coordinator = new_user(organisation, **changes)
    put_user(keys_file.with_name("users.json"), coordinator)

    async def token() -> str | None:
        answer = await log_in(issuing, coordinator.email)
        return answer.data["token"] if answer.status == 200 else None

    claims = jwt.decode(str(await eventually(token)), options={"verify_signature": False})
    assert claims["company_ids"] == [7, 9]
    assert claims["permissions"] == ["api.access", "training.enroll.company", "training.view.company"]


async def test_login_gives_a_token_that_opens(issuing: Edge, user: User) -> None:
    answer = await log_in(issuing, user.email.upper())
    assert answer.status == 200
    assert answer.json["success"] is True
    assert answer.json["message"] == "Login successful"
    token = answer.data["token"]
    described = {
        "id": user.id,
        "name": "Ada Lovelace",
        "email": user.email,
        "role": "Employee",
        "created_at": "2026-01-02T03:04:05.000000Z",
    }
    assert {name: answer.data[name] for name in answer.data if name != "token"} == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "user": described,
    }
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    assert (claims["org"], claims["employee_id"]) == (user.organisation_id, 42)
    assert (await issuing.client(token).get(COURSES)).status == 200
    me = await issuing.client(token).get(ME)
    permissions = ["api.access", "training.enroll.self", "training.view.self"]
    assert me.json == {"success": True, "data": {**described, "permissions": permissions}}


async def test_a_wrong_password_and_an_unknown_user_look_the_same(issuing: Edge, user: User) -> None:
    answers = [
        await log_in(issuing, user.email, "wrong"),
        await log_in(issuing, "nobody@example.com"),
        await log_in(issuing, "nobody@example.com", "the password of nobody"),
    ]
    for answer in answers:
        assert answer.status == 401
        assert answer.json == {
            "success": False,
            "message": "Invalid credentials. Please check your email and password.",
            "code": "credentials_invalid",
        }
    names = [{name for name in answer.headers if name != "Date"} for answer in answers]
    assert names[0] == names[1] == names[2]


async def test_an_unknown_user_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    checker = PasswordChecker(QUICK)

    def verify(_: PasswordHasher, password_hash: str, __: str) -> bool:
        verified.append(password_hash)
        return True

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    assert not await checker.is_right(PASSWORD, None)
    assert await checker.is_right(PASSWORD, QUICK.hash(PASSWORD))
    assert len(verified) == 2
    assert verified[0].split("$")[:4] == verified[1].split("$")[:4]  # the same algorithm and costs
    checker.close()


async def test_password_checks_have_a_bound() -> None:
    checker = PasswordChecker(QUICK)
    outcomes = await asyncio.gather(*(checker.is_right("x", None) for _ in range(WAITING + 5)), return_exceptions=True)
    assert sum(isinstance(outcome, Overloaded) for outcome in outcomes) == 5
    assert outcomes.count(False) == WAITING
    checker.close()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email", "password"}),
        ({"email": "ada@example.com"}, {"password"}),
        ({"email": "ada@example.com", "password": ""}, {"password"}),
        ({"email": "ada@example.com", "password": "x" * 1025}, {"password"}),
        ({"email": "ada@example.com", "password": "x\x00"}, {"password"}),
        ({"email": "ada", "password": "x"}, {"email"}),
        ({"email": 5, "password": "x"}, {"email"}),
        ({"email": "a@b" + "c" * 260, "password": "x"}, {"email"}),
        ({"email": "ada@example.com", "password": "x", "remember": True}, {"remember"}),
        ([], {"body"}),
    ],
)
async def test_a_wrong_login_names_what_is_wrong(issuing: Edge, body: Any, fields: set[str]) -> None:
    answer = await issuing.client().post(LOGIN, body)
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert set(answer.json["errors"]) == fields


async def test_a_login_is_json_alone(issuing: Edge) -> None:
    malformed = await issuing.client().request(
        "POST", LOGIN, data=b'{"email":', headers={"Content-Type": "application/json"}
    )
    assert (malformed.status, malformed.json["code"]) == (400, "malformed_json")
    form = await issuing.client().request("POST", LOGIN, data={"email": "a@b", "password": "x"})
    assert (form.status, form.json["code"]) == (415, "unsupported_media_type")
    query = await issuing.client().request("POST", f"{LOGIN}?x=1", json={})
    assert set(query.json["errors"]) == {"x"}


async def test_attempts_are_limited_by_user_and_by_address(
    start_gateway: StartGateway, keys_file: Path, user: User
) -> None:
    users_file = keys_file.with_name("users.json")
    edge = await start_gateway(
        issuer_keys_file=keys_file, issuer_users_file=users_file, login_rate_limit=3, trusted_proxies=1
    )

    async def attempt(email: str, address: str) -> int:
        body, headers = {"email": email, "password": "wrong"}, {"X-Forwarded-For": address}
        return (await edge.client().request("POST", LOGIN, json=body, headers=headers)).status

    addresses = [f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1" for _ in range(5)]
    assert [await attempt(user.email, address) for address in addresses[:4]] == [401, 401, 401, 429]
    others = [f"{secrets.token_hex(6)}@example.com" for _ in range(4)]
    assert [await attempt(email, addresses[4]) for email in others] == [401, 401, 401, 429]


async def test_a_token_is_refused_everywhere_after_logout(
    start_gateway: StartGateway, issuing: Edge, keys_file: Path, user: User
) -> None:
    elsewhere = await start_gateway(issuer_keys_file=keys_file)
    token = (await log_in(issuing, user.email)).data["token"]
    other = (await log_in(issuing, user.email)).data["token"]
    assert (await elsewhere.client(token).get(COURSES)).status == 200
    out = await issuing.client(token).request("POST", LOGOUT)
    assert (out.status, out.json) == (200, {"success": True, "message": "Logged out successfully"})
    for edge in (issuing, elsewhere):
        refused = await edge.client(token).get(COURSES)
        assert (refused.status, refused.json["code"]) == (401, "token_invalid")
        assert (await edge.client(other).get(COURSES)).status == 200


async def test_who_am_i_from_the_token_alone(edge: Edge, organisation: int) -> None:
    known = await edge.client(new_token(organisation, sub="12", name="Bob", user_type="service")).get(ME)
    assert known.data["id"] == 12
    assert (known.data["name"], known.data["user_type"]) == ("Bob", "service")
    unnamed = await edge.client(new_token(organisation, sub="bob", name=None, permissions=["api.access"])).get(ME)
    assert unnamed.data == {"user_type": "staff", "permissions": ["api.access"]}


async def test_another_organisations_user_is_not_shown(issuing: Edge, user: User) -> None:
    token = new_token(user.organisation_id + 1, sub=str(user.id))
    assert "email" not in (await issuing.client(token).get(ME)).data


async def test_without_an_issuer_there_is_no_login_and_no_key_set(edge: Edge) -> None:
    assert (await log_in(edge, "ada@example.com")).status == 404
    assert (await edge.client().get(KEY_SET)).status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("GET", LOGIN, "POST"), ("GET", LOGOUT, "POST"), ("POST", ME, "GET, HEAD")]
)
async def test_a_wrong_method_names_the_right_one(edge: Edge, method: str, path: str, allowed: str) -> None:
    answer = await edge.client().request(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


async def test_who_am_i_and_logout_need_a_token(edge: Edge) -> None:
    assert (await edge.client().get(ME)).json["code"] == "token_missing"
    assert (await edge.client().request("POST", LOGOUT)).json["code"] == "token_missing"


async def test_the_key_set_is_public_and_holds_nothing_private(issuing: Edge, keys_file: Path) -> None:
    text = (await issuing.client().get(KEY_SET)).text
    private = first_key(keys_file)
    assert private["d"] not in text
    (published,) = json.loads(text)["keys"]
    assert (published["kid"], published["x"]) == (private["kid"], private["x"])
    assert "d" not in published


async def test_keys_rotate_without_a_restart(issuing: Edge, keys_file: Path, organisation: int) -> None:
    old, new = (json.loads(new_private_keys())["keys"][0] for _ in range(2))
    first = first_key(keys_file)

    def token_of(key: dict[str, str]) -> str:
        caller = Caller(organisation, "1", "", "staff", ROLES["Admin"])
        signing = parse_private_keys(json.dumps({"keys": [key]}))
        return issue(signing, caller, issuer="muster", audience="muster-api", ttl=600)

    assert (await issuing.client(token_of(new)).get(COURSES)).status == 401
    replace(keys_file, {"keys": [new, first]})

    async def accepted() -> bool:
        return (await issuing.client(token_of(new)).get(COURSES)).status == 200

    await eventually(accepted)
    assert (await issuing.client(token_of(first)).get(COURSES)).status == 200
    assert (await issuing.client(token_of(old)).get(COURSES)).status == 401


async def test_a_damaged_key_file_leaves_the_last_keys(issuing: Edge, keys_file: Path, user: User) -> None:
    token = (await log_in(issuing, user.email)).data["token"]
    keys_file.with_name("new").write_text("damaged")
    os.replace(keys_file.with_name("new"), keys_file)
    newcomer = new_user(user.organisation_id)
    put_user(keys_file.with_name("users.json"), newcomer)

    async def newcomer_may_log_in() -> bool:
        return (await log_in(issuing, newcomer.email)).status == 200

    await eventually(newcomer_may_log_in)  # by then the files were looked at again
    assert (await issuing.client(token).get(COURSES)).status == 200


def first_key(file: Path) -> dict[str, str]:
    key: dict[str, str] = json.loads(file.read_text())["keys"][0]
    return key


def replace(file: Path, contents: object) -> None:
    new = file.with_name("new")
    new.write_text(json.dumps(contents))
    os.replace(new, file)


def test_the_password_and_its_hash_are_in_no_repr(organisation: int) -> None:
    user = new_user(organisation)
    assert not re.search(r"argon2id", repr(user))
