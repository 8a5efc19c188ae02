"""The gateway's own endpoints: login, logout, who am I, and the public keys (contract, section 2)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from yarl import URL

from gateway.admission.gate import Admission, Gate
from gateway.auth.client_token import ClientToken
from gateway.auth.issuer import Issuer
from gateway.auth.users import Email, User
from shared.errors import ApiError, MethodNotAllowed, NotFound, ValidationFailed
from shared.http.body import read_model
from shared.http.models import Body, BodyLimits
from shared.http.request import Request
from shared.http.responses import Answer, Caching, success
from shared.security_log import SecurityEvent, record
from shared.validation.fields import one_line, storable

LOGIN_LIMITS: Final = BodyLimits(max_bytes=8 * 1024, max_values=100)
"""Anybody may log in, or try to."""


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


class AuthEndpoints:
    """Without an issuer nobody can log in here, and there are no keys to publish."""

    def __init__(self, gate: Gate, issuer: Issuer | None, address: Callable[[Request], str]) -> None:
        self._gate = gate
        self._issuer = issuer
        self._address = address

    def handle(self, request: Request) -> Awaitable[Answer] | ApiError:
        """`NotFound` for any path but those of `ENDPOINTS`."""
        methods = ENDPOINTS.get(request.target.path)
        if methods is None:
            return NotFound()
        handler = methods.get(request.method)
        if handler is None:
            return MethodNotAllowed(methods)
        # None of these endpoints has a query.
        query = URL.build(path="/", query_string=request.target.query, encoded=True).query
        return ValidationFailed({name: ["Unknown parameter."] for name in query}) if query else handler(self, request)

    async def login(self, request: Request) -> Answer:
        issuer = self._required_issuer()
        address = self._address(request)
        request.is_counted = True
        await self._gate.admit_login_from(address)
        credentials = await read_model(request, Credentials, LOGIN_LIMITS)
        await self._gate.admit_login_as(credentials.email, address)
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
        return success(_json(data), message="Login successful", caching=Caching.NOT_STORED)

    async def logout(self, request: Request) -> Answer:
        token = await self._gate.require_logout(await self._admitted(request))
        await self._gate.revoke(token, self._address(request))
        return success(None, message="Logged out successfully")

    async def me(self, request: Request) -> Answer:
        token = (await self._admitted(request)).require()
        caller, issuer = token.caller, self._issuer
        user = issuer.user(caller.subject, caller.organisation_id) if issuer is not None else None
        described = user.described() if user is not None else _described_by_claims(token)
        return success(_json({**described, "permissions": sorted(caller.permissions)}))

    async def key_set(self, request: Request) -> Answer:
        return Answer(self._required_issuer().published_keys(), caching=Caching.PUBLIC)

    async def _admitted(self, request: Request) -> Admission:
        """The request, counted; from here on every answer carries the limit. Raises what `Gate.admit` raises."""
        request.is_counted = True
        admission = await self._gate.admit(request.headers.getall("Authorization", []), self._address(request))
        request.answer_lines = admission.decision.lines()
        return admission

    def _required_issuer(self) -> Issuer:
        if self._issuer is None:
            raise NotFound
        return self._issuer


Handler = Callable[[AuthEndpoints, Request], Awaitable[Answer]]
ENDPOINTS: Final[Mapping[str, Mapping[str, Handler]]] = {
    "/api/v1/auth/login": {"POST": AuthEndpoints.login},
    "/api/v1/auth/logout": {"POST": AuthEndpoints.logout},
    "/api/v1/auth/me": {"GET": AuthEndpoints.me},
    "/.well-known/jwks.json": {"GET": AuthEndpoints.key_set},
}


def _record_login(event: SecurityEvent, user: User | None, address: str) -> None:
    """Of an unknown user nothing is logged: what was typed may be a password in the wrong field."""
    if user is None:
        record(event, reason="unknown_user", address=address)
        return
    reason = "wrong_password" if event is SecurityEvent.LOGIN_FAILED else ""
    record(event, reason=reason, subject=str(user.id), organisation_id=user.organisation_id, address=address)


def _described_by_claims(token: ClientToken) -> dict[str, object]:
    """A user known by their token alone, without what it does not say."""
    caller = token.caller
    known: dict[str, object] = {"id": int(caller.subject)} if caller.subject.isdecimal() else {}
    if caller.name:
        known["name"] = caller.name
    return known | {"user_type": caller.user_type}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
