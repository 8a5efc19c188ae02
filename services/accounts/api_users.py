"""The routes of people who sign in, for those who manage them (contract, section 7)."""

import json
from typing import Any

from services.accounts.context import ACCOUNTS_CONTEXT
from services.accounts.errors import (
    EmailTaken,
    InvitationExpired,
    InvitationReplaced,
    InvitationUnknown,
    InvitationUsed,
    LastAdmin,
    UserDisabled,
    UserNotFound,
)
from services.accounts.invited import with_invitation
from services.accounts.representations import InvitedUser, SignedInUser, UserItem
from services.accounts.schemas import SMALL_BODY
from services.accounts.schemas_users import PasswordOfInvitation, UserFields, UserPatch, UserQuery
from services.accounts.store import user_pages
from services.accounts.store.invitations import NewLink
from services.accounts.use_cases import invitations, users
from services.accounts.use_cases.users import Manager, Saved
from shared.auth.internal_token import ACCOUNTS
from shared.auth.trust import PUBLIC
from shared.errors import PreconditionFailed
from shared.http.models import Body, Query
from shared.http.representation import Done, Success
from shared.http.resource_responses import changed
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import Connection, transaction
from shared.security_log import SecurityEvent, record
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY, run_once
from shared.service.resource_routes import audit_route, detail_route, list_route

USERS = "/api/v1/users"
USER = USERS + "/{id}"
_INVITED = "User invited successfully"


async def invite_user(call: Call[Query, UserFields]) -> Answer:
    """The response stored for an `Idempotency-Key` has no token: only the first response shows it."""
    made: tuple[Saved, NewLink] | None = None

    async def work(connection: Connection) -> Answer:
        nonlocal made
        made = saved, link = await users.invite(connection, _manager(call), call.body)
        return _answer(call, saved, link, _INVITED, shows_token=False, status=201)

    kept = await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work)
    if made is None:
        return kept
    users.record_saved(made[0], call.caller.subject)
    return _answer(call, *made, _INVITED, shows_token=True, status=201)


async def change_user(call: Call[Query, UserPatch]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        saved = await users.change_user(connection, _manager(call), call.id, call.body.members, call.conditions)
    users.record_saved(saved, call.caller.subject)
    return changed(saved.document, "User updated successfully")


async def delete_user(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        await users.delete_user(connection, _manager(call), call.id, call.conditions)
    users.record_removed(call.organisation_id, call.id, call.caller.subject)
    return success(None, message="User deleted successfully")


async def renew_invitation(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        saved, link = await users.renew_invitation(connection, _manager(call), call.id)
    users.record_saved(saved, call.caller.subject)
    return _answer(call, saved, link, "Invitation created successfully", shows_token=True, status=200)


async def sign_out_user(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        saved = await users.sign_out(connection, _manager(call), call.id)
    users.record_saved(saved, call.caller.subject)
    return success(None, message="User signed out")


async def set_password(call: Call[Query, PasswordOfInvitation]) -> Answer:
    context = call.app[ACCOUNTS_CONTEXT]
    user = await invitations.set_password(
        call.app[POOL],
        context.passwords,
        context.settings.token_issuer,
        call.body.token,
        call.body.password,
        call.actor.trace,
    )
    record(
        SecurityEvent.PASSWORD_CHANGED,
        reason="invitation",
        subject=str(user.id),
        organisation_id=user.organisation_id,
        address=call.client_address,
    )
    return success(json.dumps(user.described(), ensure_ascii=False), message="Password set")


def _manager(call: Call[Any, Any]) -> Manager:
    issuer = call.app[ACCOUNTS_CONTEXT].settings.token_issuer
    return Manager(call.organisation_id, call.actor, call.caller.permissions, issuer)


def _answer(
    call: Call[Any, Any], saved: Saved, link: NewLink, message: str, *, shows_token: bool, status: int
) -> Answer:
    """The user with the invitation, and with the tag of the user alone."""
    page = call.app[ACCOUNTS_CONTEXT].settings.invitation_url
    text = with_invitation(saved.document, link, page, shows_token=shows_token)
    headers = {"ETag": saved.document.etag, **({"Location": f"{USERS}/{saved.user.id}"} if status == 201 else {})}
    return success(text, message=message, status=status, headers=headers)


ROUTES: list[Route[Any, Any]] = [
    list_route(USERS, user_pages.user_page, UserQuery, UserItem, [ACCOUNTS], summary="List users"),
    Route(
        "POST",
        USERS,
        invite_user,
        {201: Success[InvitedUser]},
        permissions=[ACCOUNTS],
        body=UserFields,
        summary="Invite user",
        description=(
            "The token of the invitation, with which the user sets a password within seven days, is in this"
            " response alone."
        ),
        refusals=[EmailTaken, *OF_IDEMPOTENCY],
        tagged=True,
    ),
    detail_route(USER, user_pages.user_detail, UserNotFound, UserItem, [ACCOUNTS], summary="Get user"),
    Route(
        "PATCH",
        USER,
        change_user,
        {200: Success[UserItem]},
        permissions=[ACCOUNTS],
        body=UserPatch,
        summary="Change user",
        refusals=[UserNotFound, PreconditionFailed, EmailTaken, LastAdmin],
        tagged=True,
    ),
    Route(
        "DELETE",
        USER,
        delete_user,
        {200: Done},
        permissions=[ACCOUNTS],
        summary="Delete user",
        description="Their tokens are refused from now on.",
        refusals=[UserNotFound, PreconditionFailed, LastAdmin],
    ),
    Route(
        "POST",
        f"{USER}/invitation",
        renew_invitation,
        {200: Success[InvitedUser]},
        permissions=[ACCOUNTS],
        summary="Renew invitation of user",
        description="The link before ends. A password that the user has stays valid until they set another.",
        refusals=[UserNotFound, UserDisabled],
        tagged=True,
    ),
    Route(
        "POST",
        f"{USER}/sign-out",
        sign_out_user,
        {200: Done},
        permissions=[ACCOUNTS],
        summary="Sign out user",
        description="All tokens of the user are refused that were issued until now.",
        refusals=[UserNotFound],
    ),
    audit_route(USER, user_pages.TRAIL, UserNotFound, permissions=[ACCOUNTS], summary="Get audit trail of user"),
    Route(
        "POST",
        "/api/v1/auth/invitation",
        set_password,
        {200: Success[SignedInUser]},
        permissions=[PUBLIC],
        body=PasswordOfInvitation,
        summary="Set password of invitation",
        refusals=[InvitationUnknown, InvitationUsed, InvitationExpired, InvitationReplaced, UserDisabled],
        limits=SMALL_BODY,
    ),
]
