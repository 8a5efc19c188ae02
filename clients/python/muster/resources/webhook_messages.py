"""Methods of webhook messages.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.models.webhooks import MessageItem
from muster.resource import Resource


class WebhookMessagesResource(Resource):
    """`client.webhook_messages`."""

    def resend(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> MessageItem:
        """Resend message.

        It is sent now, whatever became of it before, and has all its tries again.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            MessageItem,
            "POST",
            "/api/v1/webhook-messages/{id}/resend",
            ids={"id": id},
            request_id=request_id,
        )
