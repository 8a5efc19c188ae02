"""Routes of programs that ask for tokens of their own (contract, section 7)."""

import json
from dataclasses import replace
from typing import Any

from services.accounts.client_secrets import new_secret
from services.accounts.context import ACCOUNTS_CONTEXT
from services.accounts.errors import ClientNotFound
from services.accounts.representations_clients import ClientItem, ClientWithSecret
from services.accounts.schemas_clients import ClientFields, ClientPatch, ClientQuery, Rotation
from services.accounts.store import clients as store
from services.accounts.use_cases import clients as use_cases
from shared.auth.internal_token import ACCOUNTS
from shared.http.conditional import Document
from shared.http.models import Body, Query
from shared.http.representation import Done, Success
from shared.http.resource_responses import changed
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import Connection, transaction
from shared.service.chassis import POOL
from shared.service.idempotency import REPLAYED, run_once
from shared.service.resource_routes import audit_route, detail_route, list_route

CLIENTS = "/api/v1/clients"
_SECRET = "client_secret"  # noqa: S105 - the name of a member


async def create_client(call: Call[Query, ClientFields]) -> Answer:
    secret = new_secret()

    async def work(connection: Connection) -> Answer:
        row_id, client = await use_cases.create(
            connection, call.organisation_id, call.body, secret, call.caller, call.actor
        )
        answer = _without_secret(client, "Client created. The secret is not shown again.")
        return replace(answer, status=201, headers={**answer.headers, "Location": f"{CLIENTS}/{row_id}"})

    return _with_secret(await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work), secret)


async def rotate_client(call: Call[Query, Rotation]) -> Answer:
    secret = new_secret()

    async def work(connection: Connection) -> Answer:
        client = await use_cases.rotate(
            connection,
            (call.organisation_id, call.id),
            secret,
            call.caller,
            call.actor,
            _issuer(call),
            at_once=call.body.at_once,
            conditions=call.conditions,
        )
        return _without_secret(client, "New secret made. It is not shown again.")

    return _with_secret(await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work), secret)


async def change_client(call: Call[Query, ClientPatch]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        client = await use_cases.change(
            connection,
            (call.organisation_id, call.id),
            call.body.members,
            call.caller,
            call.actor,
            _issuer(call),
            call.conditions,
        )
    return changed(client, "Client updated")


async def revoke_client(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        place = (call.organisation_id, call.id)
        await use_cases.revoke(connection, place, call.actor, _issuer(call), call.conditions)
    return success(None, message="Client revoked")


def _issuer(call: Call[Any, Any]) -> str:
    return call.app[ACCOUNTS_CONTEXT].settings.token_issuer


def _without_secret(client: Document, message: str) -> Answer:
    """What is kept for an Idempotency-Key: a secret is stored nowhere, not even there."""
    data = json.dumps({**json.loads(client.text), _SECRET: None}, ensure_ascii=False)
    return success(data, message=message, headers={"ETag": client.etag})


def _with_secret(answer: Answer, secret: str) -> Answer:
    """The first answer alone has the secret."""
    if answer.headers.keys() >= REPLAYED.keys():
        return answer
    body = json.loads(answer.text)
    body["data"][_SECRET] = secret
    return replace(answer, text=json.dumps(body, ensure_ascii=False))


_ONE = CLIENTS + "/{id}"

ROUTES: list[Route[Any, Any]] = [
    list_route(CLIENTS, store.page, ClientQuery, ClientItem, [ACCOUNTS]),
    detail_route(_ONE, store.detail, ClientNotFound, ClientItem, [ACCOUNTS]),
    Route("POST", CLIENTS, create_client, {201: Success[ClientWithSecret]}, permissions=[ACCOUNTS], body=ClientFields),
    Route("PATCH", _ONE, change_client, {200: Success[ClientItem]}, permissions=[ACCOUNTS], body=ClientPatch),
    Route("DELETE", _ONE, revoke_client, {200: Done}, permissions=[ACCOUNTS]),
    Route(
        "POST",
        f"{_ONE}/rotate",
        rotate_client,
        {200: Success[ClientWithSecret]},
        permissions=[ACCOUNTS],
        body=Rotation,
        body_optional=True,
    ),
    audit_route(_ONE, store.TRAIL, ClientNotFound, permissions=[ACCOUNTS]),
]
