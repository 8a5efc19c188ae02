"""What the gateway writes to the security log, event by event, and what never stands there."""

import asyncio
import json
import secrets
import time
from pathlib import Path
from typing import Any

import jwt

from shared.auth.jwk import new_private_keys
from shared.auth.watched_file import write_private
from shared.security_log import LINES_OF_ONE_SOURCE, SecurityEvent
from tests.integration.gateway.edge import Edge, StartGateway, new_token
from tests.support.client import client_claims
from tests.support.eventually import eventually
from tests.support.identity_provider import identity_provider
from tests.support.providers import (
    ENTRA_AUDIENCE,
    ENTRA_ISSUER,
    ENTRA_MAP,
    KEYCLOAK_AUDIENCE,
    KEYCLOAK_ISSUER,
    KEYCLOAK_MAP,
    entra_claims,
    keycloak_claims,
)
from tests.support.security_lines import SecurityLines

COURSES, LOGOUT = "/api/v1/training/courses", "/api/v1/auth/logout"
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


async def test_logouts_are_told(edge: Edge, organisation: int, security_lines: SecurityLines) -> None:
    token = new_token(organisation, sub="ada")
    who = {"subject": "ada", "organisation_id": organisation, **HERE}
    await edge.client(token).request("POST", LOGOUT)
    token_id = jwt.decode(token, options={"verify_signature": False})["jti"]
    security_lines.one(SecurityEvent.TOKEN_REVOKED, token_id=token_id, **who)
    assert (await edge.client(token).get(COURSES)).status == 401
    security_lines.one(SecurityEvent.TOKEN_REFUSED, reason="revoked", **who)
    assert token not in security_lines.text


async def test_every_rate_limit_is_told(
    start_gateway: StartGateway, organisation: int, security_lines: SecurityLines
) -> None:
    edge = await start_gateway(address_rate_limit=1, trusted_proxies=1)
    address = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    headers = {"X-Forwarded-For": address}
    statuses = [(await edge.client().request("GET", COURSES, headers=headers)).status for _ in range(2)]
    assert statuses == [401, 429]
    security_lines.one(SecurityEvent.TOKEN_REFUSED, address=address)
    security_lines.one(SecurityEvent.RATE_LIMITED, reason="address", address=address)
    token = new_token(organisation, sub="ada", rate_limit=1)
    for _ in range(2):
        await edge.client(token).request("GET", COURSES, headers=headers)
    security_lines.one(
        SecurityEvent.RATE_LIMITED, reason="user", subject="ada", organisation_id=organisation, address=address
    )


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


async def test_changes_of_a_providers_key_file_are_told(
    start_gateway: StartGateway, tmp_path: Path, organisation: int, security_lines: SecurityLines
) -> None:
    file, old, new = tmp_path / "keys.json", new_key(), new_key()
    write_private(file, published(old))
    provider = {
        "issuer": KEYCLOAK_ISSUER,
        "audience": KEYCLOAK_AUDIENCE,
        "key_set_file": file,
        "claims": KEYCLOAK_MAP | {"organisation": {"value": organisation}},
    }
    edge = await start_gateway(providers=[provider])
    token = jwt.encode(keycloak_claims(), jwt.PyJWK(new).key, "EdDSA", headers={"kid": new["kid"]})
    assert (await edge.client(token).get(COURSES)).status == 401
    write_private(file, published(new))
    assert (await edge.client(token).get(COURSES)).status == 200
    line = security_lines.one(SecurityEvent.KEY_SET_CHANGED, by="file")
    assert (line["added"], line["removed"], line["changed"]) == ([new["kid"]], [old["kid"]], [])


def published(key: dict[str, str]) -> str:
    return json.dumps({"keys": [{name: value for name, value in key.items() if name != "d"}]})


async def test_a_claim_of_a_provider_that_is_refused_is_named(
    start_gateway: StartGateway, tmp_path: Path, organisation: int, security_lines: SecurityLines
) -> None:
    file, key = tmp_path / "keys.json", new_key()
    write_private(file, published(key))
    provider = {"issuer": ENTRA_ISSUER, "audience": ENTRA_AUDIENCE, "key_set_file": file, "claims": ENTRA_MAP}
    edge = await start_gateway(providers=[provider])
    for changes, reason in (
        ({"tid": "another"}, "claim_organisation"),
        ({"oid": ...}, "claim_subject"),
        ({"ver": "1.0"}, "claim_required"),
        ({"aud": "another"}, "audience"),
        ({"iss": f"{ENTRA_ISSUER}/"}, "issuer"),
        ({"iat": 1_700_000_000}, "expired"),  # whoever was cut off since is not known any more
    ):
        token = jwt.encode(entra_claims(**changes), jwt.PyJWK(key).key, "EdDSA", headers={"kid": key["kid"]})
        assert (await edge.client(token).get(COURSES)).status == 401
        assert security_lines.of(SecurityEvent.TOKEN_REFUSED)[-1]["reason"] == reason


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
