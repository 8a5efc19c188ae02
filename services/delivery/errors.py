"""What delivery refuses (contract, sections 8 and 9)."""

from shared.errors import ApiError, Conflict, NotFound


class CursorExpired(ApiError):
    status = 410
    code = "cursor_expired"
    message = "Events after this cursor are no longer kept."
    meaning = (
        "Events that follow the cursor are older than 30 days and were dropped, or the feed was restored from a backup"
        " that is older than the cursor. Events may have been missed."
    )
    remedy = "Read the lists that you copy anew, and follow the feed from there: ask without `after`."


class WebhookNotFound(NotFound):
    message = "The webhook does not exist."


class WebhookMessageNotFound(NotFound):
    message = "The message does not exist, or is kept no longer."


class WebhookDisabled(Conflict):
    code = "webhook_disabled"
    message = "The webhook is disabled. Enable it first."
    meaning = "Nothing is sent to a webhook that is disabled."
    remedy = "Enable it with `POST …/enable`, and send the request again."


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"
    message = "The organisation has as many webhooks as it can have."
    meaning = "An organisation can have 50 webhooks."
    remedy = "Delete one that is not needed. One webhook can get events of several types."
