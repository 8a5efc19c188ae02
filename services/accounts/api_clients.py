"""Routes of programs that ask for tokens of their own (contract, section 7)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from services.accounts.client_secrets import new_secret
from services.accounts.context import ACCOUNTS_CONTEXT
from services.accounts.errors import ClientNotFound, ClientRevoked
from services.accounts.representations_clients import ClientItem, ClientWithSecret
from services.accounts.schemas_clients import ClientFields, ClientPatch, ClientQuery, Rotation
from services.accounts.store import clients as store
from services.accounts.use_cases import clients as use_cases
from services.accounts.use_cases.clients import Outcome
from shared.auth.internal_token import ACCOUNTS
from shared.errors import PreconditionFailed
from shared.http.conditional import Document
from shared.http.models import Body, Query
from shared.http.representation import Done, Success
from shared.http.resource_responses import changed
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import Connection, transaction
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY, run_once
from shared.service.resource_routes import audit_route, detail_route, list_route

CLIENTS = "/api/v1/clients"


async def create_client(call: Call[Query, ClientFields]) -> Answer:
    secret = new_secret()

    async def work(connection: Connection) -> Outcome:
        return await use_cases.create(connection, call.organisation_id, call.body, secret, call.caller, call.actor)

    return await _with_secret_once(call, secret, work, "Client created. The secret is not shown again.", status=201)


async def rotate_client(call: Call[Query, Rotation]) -> Answer:
    secret = new_secret()

    async def work(connection: Connection) -> Outcome:
        return await use_cases.rotate(
            connection,
            (call.organisation_id, call.id),
            secret,
            call.caller,
            call.actor,
            _issuer(call),
            at_once=call.body.at_once,
            conditions=call.conditions,
        )

    return await _with_secret_once(call, secret, work, "New secret made. It is not shown again.")


async def change_client(call: Call[Query, ClientPatch]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        outcome = await use_cases.change(
            connection,
            (call.organisation_id, call.id),
            call.body.members,
            call.caller,
            call.actor,
            _issuer(call),
            call.conditions,
        )
    use_cases.record_change(outcome.entry)
    return changed(outcome.client, "Client updated")


async def revoke_client(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        place = (call.organisation_id, call.id)
        outcome = await use_cases.revoke(connection, place, call.actor, _issuer(call), call.conditions)
    use_cases.record_change(outcome.entry)
    return success(None, message="Client revoked")


async def _with_secret_once(
    call: Call[Any, Any],
    secret: str,
    work: Callable[[Connection], Awaitable[Outcome]],
    message: str,
    status: int = 200,
) -> Answer:
    """What is kept for an `Idempotency-Key` has no secret, which is stored nowhere: the first answer alone has it."""
    made: list[Outcome] = []

    async def kept(connection: Connection) -> Answer:
        made.append(await work(connection))
        return _answer(made[0].client, None, message, status)

    answer = await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, kept)
    if not made:
        return answer
    use_cases.record_change(made[0].entry)
    return _answer(made[0].client, secret, message, status)


def _answer(client: Document, secret: str | None, message: str, status: int) -> Answer:
    data = json.dumps({**json.loads(client.text), "client_secret": secret}, ensure_ascii=False)
    location = {"Location": f"{CLIENTS}/{client.row.id}"} if status == 201 else {}
    return success(data, message=message, status=status, headers={"ETag": client.etag, **location})


def _issuer(call: Call[Any, Any]) -> str:
    return call.app[ACCOUNTS_CONTEXT].settings.token_issuer


_ONE = CLIENTS + "/{id}"

ROUTES: list[Route[Any, Any]] = [
    list_route(CLIENTS, store.page, ClientQuery, ClientItem, [ACCOUNTS], summary="List clients"),
    detail_route(_ONE, store.detail, ClientNotFound, ClientItem, [ACCOUNTS], summary="Get client"),
    Route(
        "POST",
        CLIENTS,
        create_client,
        {201: Success[ClientWithSecret]},
        permissions=[ACCOUNTS],
        body=ClientFields,
        summary="Create client",
        description="The secret is in this response alone.",
        refusals=OF_IDEMPOTENCY,
        tagged=True,
    ),
    Route(
        "PATCH",
        _ONE,
        change_client,
        {200: Success[ClientItem]},
        permissions=[ACCOUNTS],
        body=ClientPatch,
        summary="Change client",
        refusals=[ClientNotFound, PreconditionFailed, ClientRevoked],
        tagged=True,
    ),
    Route(
        "DELETE",
        _ONE,
        revoke_client,
        {200: Done},
        permissions=[ACCOUNTS],
        summary="Revoke client",
        description="Its secrets and tokens are refused for ever. The row stays, and so does its audit trail.",
        refusals=[ClientNotFound, PreconditionFailed],
    ),
    Route(
        "POST",
        f"{_ONE}/rotate",
        rotate_client,
        {200: Success[ClientWithSecret]},
        permissions=[ACCOUNTS],
        body=Rotation,
        body_optional=True,
        summary="Rotate secret of client",
        description=(
            "The new secret is in this response alone. The one before holds for another 24 hours; with `at_once` it"
            " and all tokens of the client are refused from now on."
        ),
        refusals=[ClientNotFound, PreconditionFailed, ClientRevoked, *OF_IDEMPOTENCY],
        tagged=True,
    ),
    audit_route(_ONE, store.TRAIL, ClientNotFound, permissions=[ACCOUNTS], summary="Get audit trail of client"),
]
