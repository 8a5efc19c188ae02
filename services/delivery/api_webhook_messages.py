"""Routes of what is sent to webhooks (contract, section 9)."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from services.delivery.errors import WebhookDisabled, WebhookMessageNotFound, WebhookNotFound
from services.delivery.representations_webhooks import AttemptItem, MessageItem, Recovered
from services.delivery.schemas_webhooks import AttemptQuery, MessageQuery, Recovery
from services.delivery.store import webhook_messages as store
from services.delivery.use_cases import messages as use_cases
from shared.auth.internal_token import WEBHOOKS
from shared.http.models import Body, Query
from shared.http.pagination import PagedQuery
from shared.http.representation import Listed, Success
from shared.http.resource_responses import page
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor
from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import connected, transaction
from shared.service.chassis import POOL
from shared.service.exports import Handler, Listing, exports_of, of_read

ONE = "/api/v1/webhooks/{id}"

Q = TypeVar("Q", bound=PagedQuery)


async def list_messages(call: Call[MessageQuery, Body]) -> Answer:
    return await _page(call, store.page)


async def list_attempts(call: Call[AttemptQuery, Body]) -> Answer:
    return await _page(call, store.attempts)


def _exports(item: type[BaseModel], read: Callable[[int, int, Any], PageRead]) -> Mapping[str, Handler]:
    def read_step(call: Call[Any, Body], query: Any) -> PageRead:
        return read(call.organisation_id, call.id, query)

    return exports_of(Listing(item, of_read(read_step, WebhookNotFound)))


async def _page(call: Call[Q, Body], read: Callable[[int, int, Q], PageRead]) -> Answer:
    require_own_cursor(call)
    async with connected(call.app[POOL]) as connection:
        found, *rows = await read(call.organisation_id, call.id, call.query).alone_scoped(connection)
    if not found:
        raise WebhookNotFound
    return page(call, *rows)


async def test_webhook(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        message = await use_cases.send_test(connection, (call.organisation_id, call.id), call.actor.trace)
    return success(message, message="A test event is being sent")


async def recover(call: Call[Query, Recovery]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        recovered = await use_cases.recover(connection, (call.organisation_id, call.id), call.body.since)
    return success(json.dumps(recovered._asdict()), message="Missed events are being sent")


async def resend_message(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        message = await use_cases.resend(connection, call.organisation_id, call.id)
    return success(message, message="The message is being sent again")


ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        f"{ONE}/messages",
        list_messages,
        {200: Listed[MessageItem]},
        permissions=[WEBHOOKS],
        query=MessageQuery,
        exports=_exports(MessageItem, store.page),
        summary="List messages of webhook",
        description="What is and was sent to it, the newest first. Kept for 30 days.",
        refusals=[WebhookNotFound],
    ),
    Route(
        "GET",
        f"{ONE}/attempts",
        list_attempts,
        {200: Listed[AttemptItem]},
        permissions=[WEBHOOKS],
        query=AttemptQuery,
        exports=_exports(AttemptItem, store.attempts),
        summary="List attempts of webhook",
        description="Each request that was made to its address, the newest first. Kept for 30 days.",
        refusals=[WebhookNotFound],
    ),
    Route(
        "POST",
        f"{ONE}/test",
        test_webhook,
        {200: Success[MessageItem]},
        permissions=[WEBHOOKS],
        summary="Send test event to webhook",
        description="An event of the type `training.webhook.test.v1`. It is in no feed and goes to no other webhook.",
        refusals=[WebhookNotFound, WebhookDisabled],
    ),
    Route(
        "POST",
        f"{ONE}/recover",
        recover,
        {200: Success[Recovered]},
        permissions=[WEBHOOKS],
        body=Recovery,
        summary="Recover missed events of webhook",
        description=(
            "Sends the events of the time since then that it wants and was not sent, or did not take. At most 5,000 at"
            " once: repeat it while `has_more` is true."
        ),
        refusals=[WebhookNotFound, WebhookDisabled],
    ),
    Route(
        "POST",
        "/api/v1/webhook-messages/{id}/resend",
        resend_message,
        {200: Success[MessageItem]},
        permissions=[WEBHOOKS],
        summary="Resend message",
        description="It is sent now, whatever became of it before, and has all its tries again.",
        refusals=[WebhookMessageNotFound, WebhookDisabled],
    ),
]
