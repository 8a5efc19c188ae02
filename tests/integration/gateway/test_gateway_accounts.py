"""What the gateway passes on to accounts: requests that need no token, and what accounts learns of all others."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import jwt
import pytest
from aiohttp import web
from multidict import CIMultiDict

from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.jwk import new_private_keys
from tests.integration.gateway.edge import NOWHERE, Accounts, Edge, Received, StartGateway, Upstream, new_token
from tests.support.eventually import eventually
from tests.support.internal_keys import verifier

COURSES, ME = "/api/v1/training/courses", "/api/v1/auth/me"
LOGIN, LOGOUT, KEY_SET = "/api/v1/auth/login", "/api/v1/auth/logout", "/.well-known/jwks.json"
PUBLIC = [
    ("POST", LOGIN),
    ("POST", "/api/v1/auth/invitation"),
    ("POST", "/oauth/token"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/oauth-protected-resource"),
]
SPOOFED = {"X-Client-Address": "203.0.113.9", "X-Client-Authorization": "Basic c3Bvb2Y6ZWQ=", "x-client-address": "::1"}


def told(received: Received) -> CIMultiDict[str]:
    return CIMultiDict(received.headers)


def internal_token(received: Received) -> str:
    return told(received)["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize(("method", "path"), PUBLIC)
async def test_a_public_route_needs_no_token(edge: Edge, accounts: Accounts, method: str, path: str) -> None:
    answer = await edge.client().request(method, f"{path}?x=1", headers=SPOOFED)
    assert (answer.status, answer.headers["X-Content-Type-Options"]) == (200, "nosniff")
    assert "Vary" not in answer.headers
    (received,) = accounts.received
    assert (received.method, received.target) == (method, f"{path}?x=1")
    assert told(received).getall("X-Client-Address") == ["127.0.0.1"]
    assert "X-Client-Authorization" not in told(received)
    caller = verifier("accounts").verify(internal_token(received))
    assert (caller.organisation_id, caller.subject) == (EVERY_ORGANISATION, "anonymous")
    assert caller.permissions == {"internal.public"}


async def test_the_public_keys_are_those_of_accounts(edge: Edge, accounts: Accounts) -> None:
    accounts.keys = [{"kid": "one"}]
    assert (await edge.client().get(KEY_SET)).json == {"keys": [{"kid": "one"}]}


async def test_the_clients_own_credentials_reach_accounts_under_another_name(edge: Edge, accounts: Accounts) -> None:
    basic = "Basic " + base64.b64encode(b"client:secret").decode()
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": basic}
    body = b"grant_type=client_credentials&scope=training.view"
    await edge.client().request("POST", "/oauth/token", data=body, headers=form | SPOOFED)
    (received,) = accounts.received
    assert (received.body, told(received)["Content-Type"]) == (body, form["Content-Type"])
    assert told(received).getall("X-Client-Authorization") == [basic]


async def test_whom_to_believe_of_two_credentials_nobody_knows(edge: Edge, accounts: Accounts) -> None:
    status, _ = await edge.send("POST /oauth/token HTTP/1.1\r\nAuthorization: Basic eDp5\r\nAuthorization: Basic eDp6")
    assert status == 400
    status, _ = await edge.send("POST /oauth/token HTTP/1.1\r\nAuthorization: Basic \xe9")
    assert status == 400
    assert accounts.received == []


async def test_those_who_sign_in_are_not_counted_here(start_gateway: StartGateway) -> None:
    edge = await start_gateway(address_rate_limit=1)
    assert {(await edge.client().post(LOGIN, {})).status for _ in range(5)} == {200}


async def test_a_body_that_anybody_may_send_is_small(edge: Edge, accounts: Accounts) -> None:
    answer = await edge.client().post(LOGIN, {"email": "x" * 9000})
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")
    assert accounts.received == []


async def test_a_wrong_password_is_the_clients(edge: Edge, accounts: Accounts) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"code": "x"}, status=401, headers={"WWW-Authenticate": 'Basic realm="muster"'})

    accounts.answer = refuse
    answer = await edge.client().request("POST", "/oauth/token")
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="muster"')


async def test_an_internal_token_that_accounts_refuses_is_not_the_clients(edge: Edge, accounts: Accounts) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({}, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})

    accounts.answer = refuse
    assert (await edge.client().post(LOGIN, {})).status == 502


async def test_one_token_serves_all_of_them_for_half_its_life(edge: Edge, accounts: Accounts) -> None:
    for _ in range(3):
        await edge.client().post(LOGIN, {})
    assert len({internal_token(received) for received in accounts.received}) == 1
    assert len(set(accounts.asked)) == 2  # one for keys, one for revocations
    assert f"Bearer {internal_token(accounts.received[0])}" in accounts.asked


async def test_while_accounts_is_unavailable_nobody_signs_in_and_all_others_go_on(
    start_gateway: StartGateway, organisation: int
) -> None:
    edge = await start_gateway(accounts_url=NOWHERE)
    assert (await edge.client().post(LOGIN, {})).status == 503
    assert (await edge.client(new_token(organisation)).get(COURSES)).status == 200
    ready = await edge.client().get("/health/ready")
    assert ready.status == 503
    assert {name for name, works in ready.json["checks"].items() if not works} == {"key_set", "revocations", "accounts"}


async def test_accounts_learns_whose_token_it_is_and_no_other_service(
    edge: Edge, accounts: Accounts, upstream: Upstream, token: str
) -> None:
    for path in (ME, COURSES):
        assert (await edge.client(token).request("GET", path, headers=SPOOFED)).status == 200
    (received,) = accounts.received
    assert told(received).getall("X-Client-Address") == ["127.0.0.1"]
    assert told(received).getall("X-Client-Authorization") == [f"Bearer {token}"]
    assert not [name for name, _ in upstream.received[0].headers if name.lower().startswith("x-client")]


async def test_without_a_token_nothing_else_is_passed_on(edge: Edge, accounts: Accounts) -> None:
    for path in (ME, "/api/v1/users", "/api/v1/clients/5", "/api/v1/organisations/5/audit", "/api/v1/auth/password"):
        assert (await edge.client().get(path)).json["code"] == "token_missing"
    assert (await edge.client().request("POST", LOGOUT)).json["code"] == "token_missing"
    for path in ("/internal/revocations", "/oauth", "/oauth/token/x", "/.well-known/openid-configuration"):
        assert (await edge.client().get(path)).status == 404
    assert accounts.received == []


async def test_control_headers_of_a_client_would_reach_accounts(
    edge: Edge, accounts: Accounts, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(sent: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, value) for name, value in sent if name.lower().startswith("x-client")]

    monkeypatch.setattr("gateway.edge.forward_handler.forwarded", too_much)
    await edge.client(token).request("GET", ME, headers=SPOOFED)
    assert len(told(accounts.received[0]).getall("X-Client-Address")) > 1


async def test_a_token_is_refused_everywhere_after_logout(
    start_gateway: StartGateway, edge: Edge, accounts: Accounts, organisation: int
) -> None:
    elsewhere = await start_gateway()
    token, other = new_token(organisation), new_token(organisation)
    assert (await elsewhere.client(token).get(COURSES)).status == 200
    assert (await edge.client(token).request("POST", LOGOUT)).status == 200
    (received,) = accounts.received
    assert told(received)["X-Client-Authorization"] == f"Bearer {token}"
    for gateway in (edge, elsewhere):
        refused = await gateway.client(token).get(COURSES)
        assert (refused.status, refused.json["code"]) == (401, "token_invalid")
        assert (await gateway.client(other).get(COURSES)).status == 200


@pytest.mark.parametrize(("claims", "status"), [({}, 200), ({"sid": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"}, 503)])
async def test_a_logout_holds_while_accounts_is_away(
    start_gateway: StartGateway, organisation: int, claims: dict[str, Any], status: int
) -> None:
    """Of a session that goes on there, the client learns that it does."""
    edge = await start_gateway(accounts_url=NOWHERE)
    token = new_token(organisation, **claims)
    out = await edge.client(token).request("POST", LOGOUT)
    assert out.status == status
    if status == 200:
        assert out.json == {"success": True, "message": "Logged out successfully", "data": None}
    assert (await edge.client(token).get(COURSES)).json["code"] == "token_invalid"


async def test_tokens_of_accounts_are_verified_by_its_keys(edge: Edge, accounts: Accounts, organisation: int) -> None:
    """A new key is found as soon as it signs, and one that was withdrawn counts no more."""
    private = json.loads(new_private_keys())["keys"][0]
    claims = jwt.decode(new_token(organisation), options={"verify_signature": False})
    signed = jwt.encode(claims, jwt.PyJWK(private).key, "EdDSA", headers={"kid": private["kid"], "typ": "at+jwt"})
    assert (await edge.client(signed).get(COURSES)).status == 401
    accounts.keys = [{name: value for name, value in private.items() if name != "d"}]

    async def answered(status: int) -> bool:
        return (await edge.client(signed).get(COURSES)).status == status

    await eventually(lambda: answered(200))
    accounts.keys = []
    await eventually(lambda: answered(401))
