"""What the gateway writes to the security log, event by event, and what never stands there."""

import asyncio
import json
import secrets
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway.auth.users import User, parse_users, put_user
from shared.auth.jwk import new_private_keys
from shared.auth.watched_file import write_private
from shared.security_log import LINES_OF_ONE_SOURCE, SecurityEvent
from tests.integration.gateway.edge import Edge, StartGateway, new_token
from tests.integration.gateway.test_gateway_issuer import LOGIN, LOGOUT, ME, PASSWORD, log_in, new_user
from tests.support.client import client_claims
from tests.support.eventually import eventually
from tests.support.identity_provider import identity_provider
from tests.support.security_lines import SecurityLines
from tests.support.service_process import REPOSITORY

COURSES = "/api/v1/training/courses"
HERE = {"address": "127.0.0.1"}
REQUEST = {"X-Request-Id": "request-0001"}


def tokens_by_reason(organisation: int) -> dict[str, str]:
    now = int(time.time())
    claims = client_claims(organisation)
    return {
        "malformed": "no.token",
        "signature": jwt.encode(claims, secrets.token_hex(32), "HS256"),
        "algorithm": jwt.encode(claims, secrets.token_hex(64), "HS512"),
        "unknown_key": jwt.encode(claims, jwt.PyJWK(new_key()).key, "EdDSA", headers={"kid": "nobody's"}),
        "claims": new_token(organisation, org="seven"),
        "issuer": new_token(organisation, iss="elsewhere"),
        "audience": new_token(organisation, aud="elsewhere"),
        "not_yet_valid": new_token(organisation, nbf=now + 600),
        "expired": new_token(organisation, iat=now - 1200, exp=now - 600),
    }


def new_key() -> dict[str, str]:
    key: dict[str, str] = json.loads(new_private_keys())["keys"][0]
    return key


@pytest.fixture
def users_file(tmp_path: Path, organisation: int) -> Path:
    put_user(tmp_path / "users.json", new_user(organisation))
    return tmp_path / "users.json"


@pytest.fixture
def user(users_file: Path) -> User:
    [user] = parse_users(users_file.read_text()).by_id.values()
    return user


@pytest.fixture
async def issuing(start_gateway: StartGateway, users_file: Path) -> Edge:
    keys_file = users_file.with_name("keys.json")
    keys_file.write_text(new_private_keys())
    return await start_gateway(issuer_keys_file=keys_file, issuer_users_file=users_file)


async def test_every_kind_of_refused_token_is_told(
    edge: Edge, organisation: int, security_lines: SecurityLines
) -> None:
    for reason, token in tokens_by_reason(organisation).items():
        headers = {"X-Request-Id": f"request-{reason}"}
        assert (await edge.client(token).request("GET", COURSES, headers=headers)).status == 401
        line = security_lines.of(SecurityEvent.TOKEN_REFUSED)[-1]
        assert (line["reason"], line["request_id"], line["address"]) == (reason, f"request-{reason}", "127.0.0.1")
        assert (line["subject"], line["organisation_id"]) == (None, None)  # nobody vouches for them
        assert token not in security_lines.text


async def test_a_missing_token_is_told(edge: Edge, security_lines: SecurityLines) -> None:
    await edge.client().request("GET", COURSES, headers=REQUEST)
    security_lines.one(SecurityEvent.TOKEN_REFUSED, reason="missing", request_id="request-0001", **HERE)


async def test_a_good_request_writes_nothing(edge: Edge, organisation: int, security_lines: SecurityLines) -> None:
    client = edge.client(new_token(organisation))
    for _ in range(3):
        assert (await client.get(COURSES)).status == 200
    assert security_lines.all == []


async def test_logins_and_logouts_are_told(issuing: Edge, user: User, security_lines: SecurityLines) -> None:
    who = {"subject": str(user.id), "organisation_id": user.organisation_id, **HERE}
    await log_in(issuing, user.email, "wrong horse")
    security_lines.one(SecurityEvent.LOGIN_FAILED, reason="wrong_password", **who)
    token = (await log_in(issuing, user.email)).data["token"]
    security_lines.one(SecurityEvent.LOGIN_SUCCEEDED, **who)
    await issuing.client(token).request("POST", LOGOUT)
    token_id = jwt.decode(token, options={"verify_signature": False})["jti"]
    security_lines.one(SecurityEvent.TOKEN_REVOKED, token_id=token_id, **who)
    assert (await issuing.client(token).get(COURSES)).status == 401
    security_lines.one(SecurityEvent.TOKEN_REFUSED, reason="revoked", **who)
    assert not [secret for secret in (token, PASSWORD, "wrong horse", user.email) if secret in security_lines.text]


async def test_nothing_is_told_of_an_account_that_nobody_has(issuing: Edge, security_lines: SecurityLines) -> None:
    typed = f"{secrets.token_hex(8)}@example.com"
    await log_in(issuing, typed, "their password")
    line = security_lines.one(SecurityEvent.LOGIN_FAILED, reason="unknown_user", **HERE)
    assert line["subject"] is None
    assert typed not in security_lines.text


async def test_every_rate_limit_is_told(
    start_gateway: StartGateway, users_file: Path, user: User, security_lines: SecurityLines
) -> None:
    keys_file = users_file.with_name("keys.json")
    keys_file.write_text(new_private_keys())
    edge = await start_gateway(
        issuer_keys_file=keys_file,
        issuer_users_file=users_file,
        address_rate_limit=1,
        login_rate_limit=2,
        trusted_proxies=1,
    )
    address = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    headers = {"X-Forwarded-For": address}
    statuses = [(await edge.client().request("GET", COURSES, headers=headers)).status for _ in range(2)]
    assert statuses == [401, 429]
    security_lines.one(SecurityEvent.TOKEN_REFUSED, address=address)
    security_lines.one(SecurityEvent.RATE_LIMITED, reason="address", address=address)
    token = new_token(user.organisation_id, sub="ada", rate_limit=1)
    for _ in range(2):
        await edge.client(token).request("GET", COURSES, headers=headers)
    security_lines.one(
        SecurityEvent.RATE_LIMITED,
        reason="user",
        subject="ada",
        organisation_id=user.organisation_id,
        address=address,
    )
    for _ in range(3):
        await attempt(edge, user.email, headers)
    security_lines.one(SecurityEvent.RATE_LIMITED, reason="login_address", address=address)
    await attempt(edge, user.email, {"X-Forwarded-For": "192.0.2.77"})
    security_lines.one(SecurityEvent.RATE_LIMITED, reason="login_user", address="192.0.2.77")
    assert user.email not in security_lines.text


async def attempt(edge: Edge, email: str, headers: dict[str, str]) -> None:
    await edge.client().request("POST", LOGIN, json={"email": email, "password": "wrong"}, headers=headers)


async def test_a_token_without_access_is_told(edge: Edge, organisation: int, security_lines: SecurityLines) -> None:
    token = new_token(organisation, sub="eve", permissions=["training.view"])
    assert (await edge.client(token).get(COURSES)).status == 403
    security_lines.one(
        SecurityEvent.PERMISSION_DENIED, permission="api.access", subject="eve", organisation_id=organisation, **HERE
    )


async def test_a_flood_is_counted_to_the_last_request(edge: Edge, security_lines: SecurityLines) -> None:
    client = edge.client()
    await asyncio.gather(*(client.get(COURSES) for _ in range(100)))
    assert len(security_lines.of(SecurityEvent.TOKEN_REFUSED)) == LINES_OF_ONE_SOURCE

    async def told() -> bool:
        assert security_lines.suppressed(SecurityEvent.TOKEN_REFUSED) == 100 - LINES_OF_ONE_SOURCE
        return True

    await eventually(told)


async def test_changes_of_the_users_file_are_told_user_by_user(
    issuing: Edge, users_file: Path, user: User, security_lines: SecurityLines
) -> None:
    newcomer = new_user(user.organisation_id)
    users = [user.model_copy(update={"role": "Admin"}), newcomer]
    write_private(users_file, json.dumps([each.model_dump(mode="json") for each in users]))
    await noticed(issuing, security_lines, SecurityEvent.USER_SAVED, 2)
    changed = security_lines.one(SecurityEvent.USER_SAVED, by="file", subject=str(user.id))
    assert (changed["reason"], changed["fields"], changed["role"]) == ("changed", ["role"], "Admin")
    security_lines.one(SecurityEvent.USER_SAVED, by="file", subject=str(newcomer.id), reason="added")
    write_private(users_file, json.dumps([newcomer.model_dump(mode="json")]))
    await noticed(issuing, security_lines, SecurityEvent.USER_REMOVED, 1)
    security_lines.one(
        SecurityEvent.USER_REMOVED, by="file", subject=str(user.id), organisation_id=user.organisation_id
    )
    assert not [secret for secret in (user.email, user.password_hash) if secret in security_lines.text]


async def test_the_operators_commands_are_told(tmp_path: Path, organisation: int) -> None:
    """On standard error, as all lines; the keys and the password stand in none of them."""
    keys_file, users_file = tmp_path / "keys.json", tmp_path / "users.json"
    [line] = await command("keys", str(keys_file))
    [key] = json.loads(keys_file.read_text())["keys"]
    assert (line["event"], line["by"], line["added"]) == ("key_set_changed", "command", [key["kid"]])
    options = ["--id", "7", "--organisation", str(organisation), "--role", "Trainer"]
    options += ["--name", "Tia", "--email", "tia@example.com"]
    for reason in ("added", "changed"):
        [line] = await command("users", str(users_file), "add", *options, typed=f"{reason} password\n")
        assert (line["event"], line["by"], line["reason"]) == ("user_saved", "command", reason)
        assert (line["subject"], line["organisation_id"], line["role"]) == ("7", organisation, "Trainer")
    assert line["fields"] == ["password_hash"]


async def command(*arguments: str, typed: str = "") -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *arguments, stdin=PIPE, stderr=PIPE, cwd=REPOSITORY
    )
    _, errors = await process.communicate(typed.encode())
    assert process.returncode == 0, errors
    return [json.loads(line) for line in errors.splitlines()]


async def test_changes_of_the_issuers_keys_are_told(
    issuing: Edge, users_file: Path, security_lines: SecurityLines
) -> None:
    keys_file = users_file.with_name("keys.json")
    [old] = json.loads(keys_file.read_text())["keys"]
    new = new_key()
    write_private(keys_file, json.dumps({"keys": [new]}))
    await noticed(issuing, security_lines, SecurityEvent.KEY_SET_CHANGED, 1)
    line = security_lines.one(SecurityEvent.KEY_SET_CHANGED, by="file")
    assert (line["added"], line["removed"], line["changed"]) == ([new["kid"]], [old["kid"]], [])
    assert new["d"] not in security_lines.text


async def noticed(edge: Edge, lines: SecurityLines, event: SecurityEvent, count: int) -> None:
    """The gateway looks at its files when somebody asks."""

    async def look() -> bool:
        await edge.client(new_token(1, sub="nobody")).get(ME)
        await edge.client().get("/.well-known/jwks.json")
        assert len(lines.of(event, by="file")) == count
        return True

    await eventually(look)


async def test_changes_of_a_providers_keys_are_told(
    start_gateway: StartGateway, organisation: int, security_lines: SecurityLines
) -> None:
    async with identity_provider() as provider:
        values: dict[str, Any] = {
            "client_token_secret": None,
            "key_set_url": f"{provider.url}/keys",
            "token_issuer": provider.url,
            "token_audience": "training",
            "key_set_cooldown": 0.01,
        }
        edge = await start_gateway(**values)
        assert (await edge.client(provider.token("first", organisation)).get(COURSES)).status == 200
        assert security_lines.of(SecurityEvent.KEY_SET_CHANGED) == []  # the first set is no change
        provider.add_key("second")

        async def told() -> bool:
            await edge.client(provider.token("second", organisation)).get(COURSES)
            assert security_lines.of(SecurityEvent.KEY_SET_CHANGED, by="identity provider")
            return True

        await eventually(told)
    line = security_lines.of(SecurityEvent.KEY_SET_CHANGED)[0]
    assert "second" in line["added"]
