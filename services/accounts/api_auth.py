"""Signing in, and who one is (contract, section 7)."""

import json
import time
from typing import Any

from services.accounts.context import ACCOUNTS_CONTEXT
from services.accounts.errors import CredentialsRefused
from services.accounts.representations import KeySet, LoggedIn, Me
from services.accounts.schemas import SMALL_BODY, Credentials
from services.accounts.store import users as user_store
from services.accounts.tokens import access_token, caller_of_user
from services.accounts.use_cases.login import authenticate
from services.accounts.users import User
from shared.auth.internal_token import Caller
from shared.auth.trust import PUBLIC
from shared.http.models import Body, Query
from shared.http.representation import Success
from shared.http.responses import Answer, Caching, success
from shared.http.routing import Call, Route
from shared.postgres.pool import transaction
from shared.security_log import SecurityEvent, record
from shared.service.chassis import POOL


async def login(call: Call[Query, Credentials]) -> Answer:
    context = call.app[ACCOUNTS_CONTEXT]
    user = await authenticate(call.app[POOL], context.passwords, call.body.email, call.body.password)
    if user is None:
        record(SecurityEvent.LOGIN_FAILED, reason="credentials", address=call.client_address)
        raise CredentialsRefused
    record(
        SecurityEvent.LOGIN_SUCCEEDED,
        subject=str(user.id),
        organisation_id=user.organisation_id,
        address=call.client_address,
    )
    settings = context.settings
    claims = access_token(
        caller_of_user(user),
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        now=int(time.time()),
        ttl=settings.login_token_ttl,
        not_before=user.cut_off_at,
    )
    data = {
        "token": context.key_ring.sign(claims),
        "token_type": "Bearer",
        "expires_in": settings.login_token_ttl,
        "user": user.described(),
    }
    # A token must not stay in anybody's cache (RFC 6749, section 5.1).
    return success(_json(data), message="Login successful", caching=Caching.NOT_STORED)


async def me(call: Call[Query, Body]) -> Answer:
    user = await _user_of(call)
    described = _described_by_claims(call.caller) if user is None else user.described()
    return success(_json({**described, "permissions": sorted(call.caller.permissions)}))


async def _user_of(call: Call[Any, Any]) -> User | None:
    """The user a token speaks for, if it is one of ours."""
    subject = call.caller.subject
    if not (subject.isascii() and subject.isdigit()):
        return None
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        return await user_store.with_id(connection, call.organisation_id, int(subject))


def _described_by_claims(caller: Caller) -> dict[str, object]:
    """A user known by their token alone, without what it does not say."""
    known: dict[str, object] = {"id": int(caller.subject)} if caller.subject.isdecimal() else {}
    if caller.name:
        known["name"] = caller.name
    return known | {"user_type": caller.user_type}


async def key_set(call: Call[Query, Body]) -> Answer:
    return Answer(call.app[ACCOUNTS_CONTEXT].key_ring.published(), caching=Caching.PUBLIC)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


ROUTES: list[Route[Any, Any]] = [
    Route(
        "POST",
        "/api/v1/auth/login",
        login,
        {200: Success[LoggedIn]},
        permissions=[PUBLIC],
        body=Credentials,
        limits=SMALL_BODY,
    ),
    Route("GET", "/api/v1/auth/me", me, {200: Success[Me]}),
    Route("GET", "/.well-known/jwks.json", key_set, {200: KeySet}, permissions=[PUBLIC]),
]
