"""Signing in at accounts itself, as the gateway passes such requests on."""

import jwt

from shared.auth.trust import REVOCATIONS
from tests.support.accounts import PASSWORD, new_user
from tests.support.stack import Stack

LOGIN = "/api/v1/auth/login"


async def test_a_login_is_answered_with_a_token_of_a_published_key(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    answer = await stack.public().post(LOGIN, {"email": user.email.upper(), "password": PASSWORD})
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store"), answer.text
    assert answer.json["message"] == "Login successful"
    keys = (await stack.public().get("/.well-known/jwks.json")).json["keys"]
    token = answer.data["token"]
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == header["kid"]))
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="muster-api", issuer="muster")
    assert (header["typ"], claims["org"], claims["sub"]) == ("at+jwt", organisation, str(user.id))


async def test_a_wrong_password_and_an_unknown_address_look_alike(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    wrong = await stack.public().post(LOGIN, {"email": user.email, "password": "wrong"})
    unknown = await stack.public().post(LOGIN, {"email": "nobody@example.com", "password": PASSWORD})
    assert (wrong.status, wrong.json) == (unknown.status, unknown.json) == (401, wrong.json)
    assert wrong.json["code"] == "credentials_invalid"


async def test_who_one_is(stack: Stack, organisation: int) -> None:
    answer = await stack.direct("accounts", organisation).get("/api/v1/auth/me")
    assert answer.data["name"] == "Test"


async def test_nobody_asks_a_public_route_but_through_the_gateway(stack: Stack, organisation: int) -> None:
    body = {"email": "nobody@example.com", "password": PASSWORD}
    assert (await stack.direct("accounts", organisation).post(LOGIN, body)).status == 403


async def test_the_gateways_read_what_is_refused(stack: Stack) -> None:
    answer = await stack.direct("accounts", 0, [REVOCATIONS]).get("/internal/revocations")
    assert answer.status == 200
    assert answer.json["newest"] >= 0
