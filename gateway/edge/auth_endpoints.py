"""The gateway's own endpoints: login, logout, who am I, and the public keys (contract, section 2)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, Field

from gateway.auth.client_token import ClientToken
from gateway.auth.users import Email, User
from gateway.edge.app_keys import GATE, ISSUER, client_address, with_token
from shared.errors import ApiError, MethodNotAllowed, NotFound, ValidationFailed
from shared.http.body import read_json
from shared.http.models import Body, BodyLimits
from shared.http.request import body_of
from shared.http.responses import Answer, Caching, success
from shared.http.server.unadmitted import COUNTED
from shared.security_log import SecurityEvent, record
from shared.validation.fields import one_line, storable

LOGIN_LIMITS: Final = BodyLimits(max_bytes=8 * 1024, max_values=100)
"""Anybody may log in, or try to."""

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Credentials(Body):
    email: Annotated[Email, AfterValidator(one_line)]
    password: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(storable)] = Field(repr=False)


class CredentialsRefused(ApiError):
    """RFC 9110 wants a challenge with every 401; logging in is what answers this one."""

    status = 401
    code = "credentials_invalid"
    message = "Invalid credentials. Please check your email and password."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="muster"'})


async def login(request: web.Request) -> web.Response:
    issuer = request.app[ISSUER]
    if issuer is None:
        raise NotFound
    address = client_address(request)
    request[COUNTED] = True
    await request.app[GATE].admit_login_from(address)
    credentials = await _credentials(request)
    await request.app[GATE].admit_login_as(credentials.email, address)
    user = await issuer.authenticate(credentials.email, credentials.password)
    if user is None:
        _record_login(SecurityEvent.LOGIN_FAILED, issuer.user_with(credentials.email), address)
        raise CredentialsRefused
    _record_login(SecurityEvent.LOGIN_SUCCEEDED, user, address)
    data = {
        "token": issuer.token_for(user),
        "token_type": "Bearer",
        "expires_in": issuer.ttl,
        "user": user.described(),
    }
    # A token must not stay in anybody's cache (RFC 6749, section 5.1).
    return success(_json(data), message="Login successful", caching=Caching.NOT_STORED).response()


async def logout(request: web.Request) -> web.Response:
    async def revoke(token: ClientToken) -> web.Response:
        await request.app[GATE].revoke(token, client_address(request))
        return success(None, message="Logged out successfully").response()

    return await with_token(request, revoke, logging_out=True)


async def me(request: web.Request) -> web.Response:
    async def describe(token: ClientToken) -> web.Response:
        caller, issuer = token.caller, request.app[ISSUER]
        user = issuer.user(caller.subject, caller.organisation_id) if issuer is not None else None
        described = user.described() if user is not None else _described_by_claims(token)
        return success(_json({**described, "permissions": sorted(caller.permissions)})).response()

    return await with_token(request, describe)


async def key_set(request: web.Request) -> web.Response:
    issuer = request.app[ISSUER]
    if issuer is None:
        raise NotFound
    return Answer(issuer.published_keys(), caching=Caching.PUBLIC).response()


ENDPOINTS: Mapping[str, Mapping[str, Handler]] = {
    "/api/v1/auth/login": {"POST": login},
    "/api/v1/auth/logout": {"POST": logout},
    "/api/v1/auth/me": {"GET": me},
    "/.well-known/jwks.json": {"GET": key_set},
}


async def answer(methods: Mapping[str, Handler], request: web.Request) -> web.Response:
    """Raises `MethodNotAllowed`, and `ValidationFailed` for any query: none of these endpoints has one."""
    handler = methods.get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        raise MethodNotAllowed(list(methods))
    if request.query:
        raise ValidationFailed({name: ["This parameter is not known."] for name in request.query})
    return await handler(request)


async def _credentials(request: web.Request) -> Credentials:
    return body_of(Credentials, await read_json(request, LOGIN_LIMITS))


def _record_login(event: SecurityEvent, user: User | None, address: str) -> None:
    """Of a user nobody knows nothing is told: what was typed may be a password in the wrong field."""
    if user is None:
        record(event, reason="unknown_user", address=address)
        return
    reason = "wrong_password" if event is SecurityEvent.LOGIN_FAILED else ""
    record(event, reason=reason, subject=str(user.id), organisation_id=user.organisation_id, address=address)


def _described_by_claims(token: ClientToken) -> dict[str, object]:
    """A user known by their token alone: what it does not say is left out."""
    caller = token.caller
    known: dict[str, object] = {"id": int(caller.subject)} if caller.subject.isdecimal() else {}
    if caller.name:
        known["name"] = caller.name
    return known | {"user_type": caller.user_type}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
