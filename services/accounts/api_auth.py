"""Signing in and out, and who one is (contract, section 7)."""

import json
from typing import Any

from services.accounts.client_token import ClientToken, client_token
from services.accounts.context import ACCOUNTS_CONTEXT
from services.accounts.errors import CredentialsRefused, NoPassword
from services.accounts.representations import KeySet, LoggedIn, Me
from services.accounts.schemas import SMALL_BODY, Credentials, PasswordChange
from services.accounts.sessions import REFRESH_LIFETIME, Session, session_claims
from services.accounts.store import users as user_store
from services.accounts.use_cases.login import log_in
from services.accounts.use_cases.password import change_password
from services.accounts.use_cases.sign_out import end_family, sign_out_everywhere
from services.accounts.users import User
from shared.auth.internal_token import API_ACCESS, Caller
from shared.auth.trust import PUBLIC
from shared.errors import Conflict
from shared.http.models import Body, Query
from shared.http.representation import Done, Success
from shared.http.responses import Answer, Caching, success
from shared.http.routing import Call, Route
from shared.postgres.pool import transaction
from shared.service.chassis import POOL
from shared.validation.fields import MAX_ID


async def login(call: Call[Query, Credentials]) -> Answer:
    credentials, passwords = call.body, call.app[ACCOUNTS_CONTEXT].passwords
    session = await log_in(
        call.app[POOL],
        passwords,
        credentials.email,
        credentials.password,
        call.client_address,
        with_refresh_token=credentials.refresh_token,
    )
    return _signed_in(call, session, "Login successful")


async def me(call: Call[Query, Body]) -> Answer:
    user = await _own_user(call)
    described = _described_by_claims(call.caller) if user is None else user.described()
    return success(_json({**described, "permissions": sorted(call.caller.permissions)}))


async def logout(call: Call[Query, Body]) -> Answer:
    """The gateway has revoked the token itself."""
    token, user_id = _token(call), _own_user_id(call)
    if user_id is not None and token.family is not None:
        await end_family(call.app[POOL], call.organisation_id, user_id, token.family)
    return success(None, message="Logged out successfully")


async def sign_out(call: Call[Query, Body]) -> Answer:
    await sign_out_everywhere(
        call.app[POOL],
        call.organisation_id,
        call.caller.subject,
        _token(call).issuer,
        _own_user_id(call),
        call.client_address,
    )
    return success(None, message="Signed out everywhere")


async def put_password(call: Call[Query, PasswordChange]) -> Answer:
    context, user = call.app[ACCOUNTS_CONTEXT], await _own_user(call)
    session = await change_password(
        call.app[POOL],
        context.passwords,
        user,
        call.body,
        issuer=context.settings.token_issuer,
        address=call.client_address,
        actor=call.actor,
    )
    return _signed_in(call, session, "Password changed")


async def key_set(call: Call[Query, Body]) -> Answer:
    return Answer(call.app[ACCOUNTS_CONTEXT].key_ring.published(), caching=Caching.PUBLIC)


def _signed_in(call: Call[Any, Any], session: Session, message: str) -> Answer:
    context = call.app[ACCOUNTS_CONTEXT]
    data: dict[str, object] = {
        "token": context.key_ring.sign(session_claims(session, context.settings)),
        "token_type": "Bearer",
        "expires_in": context.settings.login_token_ttl,
        "user": session.user.described(),
    }
    if session.refresh_token is not None:
        lifetime = int(REFRESH_LIFETIME.total_seconds())
        data |= {"refresh_token": session.refresh_token, "refresh_expires_in": lifetime}
    # A token must not stay in anybody's cache (RFC 6749, section 5.1).
    return success(_json(data), message=message, caching=Caching.NOT_STORED)


def _token(call: Call[Any, Any]) -> ClientToken:
    return client_token(call.authorization)


def _own_user_id(call: Call[Any, Any]) -> int | None:
    """Of the user that a token of ours speaks for; an outside provider's subjects may look the same."""
    subject = call.caller.subject
    if _token(call).issuer != call.app[ACCOUNTS_CONTEXT].settings.token_issuer:
        return None
    is_id = subject.isascii() and subject.isdigit() and int(subject) <= MAX_ID
    return int(subject) if is_id else None


async def _own_user(call: Call[Any, Any]) -> User | None:
    user_id = _own_user_id(call)
    if user_id is None:
        return None
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        return await user_store.with_id(connection, call.organisation_id, user_id)


def _described_by_claims(caller: Caller) -> dict[str, object]:
    """A user known by their token alone, without what it does not say."""
    known: dict[str, object] = {"id": int(caller.subject)} if caller.subject.isdecimal() else {}
    if caller.name:
        known["name"] = caller.name
    return known | {"user_type": caller.user_type}


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
        summary="Log in",
        description="With `refresh_token` the response also has a refresh token, for `/oauth/token`.",
        refusals=[CredentialsRefused],
        limits=SMALL_BODY,
    ),
    Route("GET", "/api/v1/auth/me", me, {200: Success[Me]}, permissions=[API_ACCESS], summary="Get own user"),
    Route(
        "POST",
        "/api/v1/auth/logout",
        logout,
        {200: Done},
        permissions=[API_ACCESS],
        summary="Log out",
        description="The token is refused from now on, and so is the refresh token that it came with.",
    ),
    Route(
        "POST",
        "/api/v1/auth/sign-out",
        sign_out,
        {200: Done},
        permissions=[API_ACCESS],
        summary="Sign out everywhere",
        description="All tokens of the caller are refused that were issued until now.",
    ),
    Route(
        "PUT",
        "/api/v1/auth/password",
        put_password,
        {200: Success[LoggedIn]},
        permissions=[API_ACCESS],
        body=PasswordChange,
        summary="Change password",
        description="Signs the user out everywhere, and in again with the token of the response.",
        refusals=[NoPassword, Conflict],
        limits=SMALL_BODY,
    ),
    Route(
        "GET",
        "/.well-known/jwks.json",
        key_set,
        {200: KeySet},
        permissions=[PUBLIC],
        summary="Get key set",
        description="The public keys of the tokens that are issued here (RFC 7517).",
    ),
]
