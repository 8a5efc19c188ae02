"""Models of webhooks.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model


class AttemptItem(Model):
    """One request: the status it was answered with, or the error in place of an answer."""

    id: int
    message_id: int
    at: dt.datetime
    duration_ms: int
    status: int | None
    error: str | None


class MessageItem(Model):
    """An event on its way to a webhook; `next_try_at` while it is `pending`, and `done_at` once it is not."""

    id: int
    webhook_id: int
    event_id: str
    type: str
    status: Literal["pending", "delivered", "failed", "dropped"] | str
    tries: int
    next_try_at: dt.datetime | None
    created_at: dt.datetime
    done_at: dt.datetime | None


class Recovered(Model):
    """How many messages are sent; with `has_more` the same request sends further ones."""

    messages: int
    has_more: bool


class WebhookItem(Model):
    """`failing_since` is the first failure since the last success; until `previous_secret_until` the secret before the
    current one signs as well.
    """

    id: int
    url: str
    types: list[str]
    description: str | None
    thin: bool
    status: Literal["enabled", "disabled"] | str
    disabled_reason: Literal["gone", "failing", "by_user"] | str | None
    public_key: str
    failing_since: dt.datetime | None
    previous_secret_until: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime


class WebhookSecrets(Model):
    """The previous ones are null once they sign no more."""

    secret: str
    previous_secret: str | None
    previous_secret_until: dt.datetime | None


class WebhookWithSecret(Model):
    """`secret` is null where the answer is repeated for an `Idempotency-Key`."""

    id: int
    url: str
    types: list[str]
    description: str | None
    thin: bool
    status: Literal["enabled", "disabled"] | str
    disabled_reason: Literal["gone", "failing", "by_user"] | str | None
    public_key: str
    failing_since: dt.datetime | None
    previous_secret_until: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    secret: str | None
