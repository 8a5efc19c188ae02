"""What may become of webhooks: values in, values out (contract, section 9)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import ValidationError

from services.delivery.errors import TooManyWebhooks
from services.delivery.schemas_webhooks import WebhookFields
from shared.events.states import WebhookState
from shared.validation.known_members import invalid
from shared.validation.merge_patch import merge_patch, texts_of

MOST_WEBHOOKS: Final = 50
"""Of an organisation: each event is written once for every one that wants it."""
PREVIOUS_SECRET_SIGNS: Final = timedelta(hours=24)
"""After a rotation, so that a receiver can be given the new secret without a delivery that it refuses."""

DisabledReason = Literal["gone", "failing", "by_user"]
UrlCheck = Callable[[str], None]
"""Raises `ValidationFailed` for a URL that nothing would be sent to."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One that is not removed."""

    organisation_id: int
    id: int
    version: int
    fields: WebhookFields
    disabled_reason: DisabledReason | None
    previous_until: datetime | None
    created_at: datetime


def check_room(count: int) -> None:
    """Raises `TooManyWebhooks` where an organisation has so many already."""
    if count >= MOST_WEBHOOKS:
        raise TooManyWebhooks


def changed_fields(current: WebhookFields, patch: dict[str, Any]) -> WebhookFields:
    """The webhook after a change; raises `ValidationFailed`."""
    document = current.model_dump()
    try:
        return WebhookFields.model_validate(merge_patch(document, patch), context=set(texts_of(document)))
    except ValidationError as error:
        raise invalid(error) from None


def reason_after(webhook: Webhook, fields: WebhookFields) -> DisabledReason | None:
    """Why it is disabled with these fields. One that is disabled already keeps its reason."""
    return None if fields.status == "enabled" else webhook.disabled_reason or "by_user"


def state_of(webhook: Webhook, *, removed: bool = False) -> WebhookState:
    """What events say of it: the host alone, since paths and queries of such addresses are often secrets."""
    fields = webhook.fields
    return WebhookState(
        id=webhook.id,
        version=webhook.version,
        host=urlsplit(fields.url).hostname or "",
        types=tuple(fields.types),
        description=fields.description,
        thin=fields.thin,
        status=fields.status,
        disabled_reason=webhook.disabled_reason,
        created_at=webhook.created_at,
        removed=removed,
    )
