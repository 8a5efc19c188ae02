"""Routes of webhooks (contract, section 9)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from services.delivery.errors import TooManyWebhooks, WebhookNotFound
from services.delivery.representations_webhooks import WebhookItem, WebhookSecrets, WebhookWithSecret
from services.delivery.schemas_webhooks import SecretRotation, WebhookFields, WebhookPatch, WebhookQuery
from services.delivery.sealing import secret_of
from services.delivery.store import webhooks as store
from services.delivery.use_cases import webhooks as use_cases
from services.delivery.use_cases.security_lines import record_change
from services.delivery.use_cases.webhooks import Outcome
from services.delivery.webhook_context import WEBHOOKS as CONTEXT
from services.delivery.webhook_keys import new_secret, new_signing_key
from shared.auth.internal_token import WEBHOOKS
from shared.errors import PreconditionFailed
from shared.http.conditional import Document
from shared.http.models import Body, Query
from shared.http.representation import Done, Success
from shared.http.resource_responses import changed
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.postgres.pool import Connection, connected, transaction
from shared.service.chassis import POOL
from shared.service.idempotency import OF_IDEMPOTENCY, run_once
from shared.service.resource_routes import audit_route, detail_route, list_route

PATH = "/api/v1/webhooks"
ONE = PATH + "/{id}"


async def create_webhook(call: Call[Query, WebhookFields]) -> Answer:
    secret, signing_key, context = new_secret(), new_signing_key(), call.app[CONTEXT]

    async def work(connection: Connection) -> Outcome:
        return await use_cases.create(
            connection,
            call.organisation_id,
            call.body,
            secret,
            signing_key,
            context.sealer,
            context.check_url,
            call.actor,
        )

    return await _with_secret(call, secret, work, "Webhook created", status=201)


async def rotate_secret(call: Call[Query, SecretRotation]) -> Answer:
    secret = new_secret()

    async def work(connection: Connection) -> Outcome:
        return await use_cases.rotate(
            connection,
            (call.organisation_id, call.id),
            secret,
            call.app[CONTEXT].sealer,
            call.actor,
            at_once=call.body.at_once,
            conditions=call.conditions,
        )

    return await _with_secret(call, secret, work, "New secret made")


async def change_webhook(call: Call[Query, WebhookPatch]) -> Answer:
    place, check = (call.organisation_id, call.id), call.app[CONTEXT].check_url
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        outcome = await use_cases.change(connection, place, call.body.members, check, call.actor, call.conditions)
    record_change(outcome.entry)
    return changed(outcome.webhook, "Webhook updated")


async def enable_webhook(call: Call[Query, Body]) -> Answer:
    place = (call.organisation_id, call.id)
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        outcome = await use_cases.enable(connection, place, call.actor, call.conditions)
    record_change(outcome.entry)
    return changed(outcome.webhook, "Webhook enabled")


async def delete_webhook(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        entry = await use_cases.remove(connection, (call.organisation_id, call.id), call.actor, call.conditions)
    record_change(entry)
    return success(None, message="Webhook deleted")


async def get_secret(call: Call[Query, Body]) -> Answer:
    async with connected(call.app[POOL]) as connection:
        found = await store.secrets(connection, call.organisation_id, call.id)
    if found is None:
        raise WebhookNotFound
    sealer, about = call.app[CONTEXT].sealer, secret_of(call.organisation_id, call.id)
    previous = None if found.previous is None else sealer.open(found.previous, about)
    secrets = {"secret": sealer.open(found.secret, about), "previous_secret": previous}
    return success(json.dumps({**secrets, "previous_secret_until": found.previous_until}))


async def _with_secret(
    call: Call[Any, Any],
    secret: str,
    work: Callable[[Connection], Awaitable[Outcome]],
    message: str,
    status: int = 200,
) -> Answer:
    """What is kept for an `Idempotency-Key` has no secret, which is stored encrypted alone."""
    made: list[Outcome] = []

    async def kept(connection: Connection) -> Answer:
        made.append(await work(connection))
        return _answer(made[0].webhook, None, message, status)

    answer = await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, kept)
    if not made:
        return answer
    record_change(made[0].entry)
    return _answer(made[0].webhook, secret, message, status)


def _answer(webhook: Document, secret: str | None, message: str, status: int) -> Answer:
    data = json.dumps({**json.loads(webhook.text), "secret": secret}, ensure_ascii=False)
    location = {"Location": f"{PATH}/{webhook.row.id}"} if status == 201 else {}
    return success(data, message=message, status=status, headers={"ETag": webhook.etag, **location})


ROUTES: list[Route[Any, Any]] = [
    list_route(PATH, store.page, WebhookQuery, WebhookItem, [WEBHOOKS], summary="List webhooks"),
    detail_route(ONE, store.detail, WebhookNotFound, WebhookItem, [WEBHOOKS], summary="Get webhook"),
    Route(
        "POST",
        PATH,
        create_webhook,
        {201: Success[WebhookWithSecret]},
        permissions=[WEBHOOKS],
        body=WebhookFields,
        summary="Create webhook",
        description="It gets the events from now on, each as a signed POST to its address.",
        refusals=[TooManyWebhooks, *OF_IDEMPOTENCY],
        tagged=True,
    ),
    Route(
        "PATCH",
        ONE,
        change_webhook,
        {200: Success[WebhookItem]},
        permissions=[WEBHOOKS],
        body=WebhookPatch,
        summary="Change webhook",
        refusals=[WebhookNotFound, PreconditionFailed],
        tagged=True,
    ),
    Route(
        "DELETE",
        ONE,
        delete_webhook,
        {200: Done},
        permissions=[WEBHOOKS],
        summary="Delete webhook",
        description="Nothing is sent to it any more. Its audit trail stays.",
        refusals=[WebhookNotFound, PreconditionFailed],
    ),
    Route(
        "POST",
        f"{ONE}/enable",
        enable_webhook,
        {200: Success[WebhookItem]},
        permissions=[WEBHOOKS],
        summary="Enable webhook",
        description=(
            "What was pending when it was disabled is sent now. Events that came meanwhile are sent if they are"
            " recovered."
        ),
        refusals=[WebhookNotFound, PreconditionFailed],
        tagged=True,
    ),
    Route(
        "POST",
        f"{ONE}/rotate-secret",
        rotate_secret,
        {200: Success[WebhookWithSecret]},
        permissions=[WEBHOOKS],
        body=SecretRotation,
        body_optional=True,
        summary="Rotate secret of webhook",
        description="The secret before signs as well for another 24 hours; with `at_once` it does not.",
        refusals=[WebhookNotFound, PreconditionFailed, *OF_IDEMPOTENCY],
        tagged=True,
    ),
    Route(
        "GET",
        f"{ONE}/secret",
        get_secret,
        {200: Success[WebhookSecrets]},
        permissions=[WEBHOOKS],
        summary="Get secret of webhook",
        refusals=[WebhookNotFound],
    ),
    audit_route(ONE, store.TRAIL, WebhookNotFound, permissions=[WEBHOOKS], summary="Get audit trail of webhook"),
]
