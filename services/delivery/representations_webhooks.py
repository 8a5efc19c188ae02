"""What answers about webhooks look like (contract, section 9)."""

from typing import Literal

from services.delivery.schemas_webhooks import MessageStatus, WebhookStatus
from shared.http.conditional import RowKey
from shared.http.representation import Representation, TrainingTimestamp


class WebhookItem(Representation):
    """`failing_since` is the first failure since the last success; until `previous_secret_until` the secret before the
    current one signs as well."""

    id: int
    url: str
    types: list[str]
    description: str | None
    thin: bool
    status: WebhookStatus
    disabled_reason: Literal["gone", "failing", "by_user"] | None
    public_key: str
    failing_since: TrainingTimestamp | None
    previous_secret_until: TrainingTimestamp | None
    created_at: TrainingTimestamp
    updated_at: TrainingTimestamp


class WebhookWithSecret(WebhookItem):
    """`secret` is null where the answer is repeated for an `Idempotency-Key`."""

    secret: str | None


class WebhookSecrets(Representation):
    """The previous ones are null once they sign no more."""

    secret: str
    previous_secret: str | None
    previous_secret_until: TrainingTimestamp | None


class MessageItem(Representation):
    """An event on its way to a webhook; `next_try_at` while it is `pending`, and `done_at` once it is not."""

    id: int
    webhook_id: int
    event_id: str
    type: str
    status: MessageStatus
    tries: int
    next_try_at: TrainingTimestamp | None
    created_at: TrainingTimestamp
    done_at: TrainingTimestamp | None


class AttemptItem(Representation):
    """One request: the status it was answered with, or the error in place of an answer."""

    id: int
    message_id: int
    at: TrainingTimestamp
    duration_ms: int
    status: int | None
    error: str | None


class Recovered(Representation):
    """How many messages are sent; with `has_more` the same request sends further ones."""

    messages: int
    has_more: bool


def webhook_row(organisation_id: int, row_id: int) -> RowKey:
    return RowKey("webhook", organisation_id, row_id)
