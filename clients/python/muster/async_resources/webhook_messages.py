"""Methods of webhook messages.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.async_resource import AsyncResource
from muster.models.webhooks import MessageItem


class AsyncWebhookMessagesResource(AsyncResource):
    """`client.webhook_messages`."""

    async def resend(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> MessageItem:
        """Resend message.

        It is sent now, whatever became of it before, and has all its tries again.

        Needs the permission `webhooks.manage`.
        """
        return await self._one(
            MessageItem,
            "POST",
            "/api/v1/webhook-messages/{id}/resend",
            ids={"id": id},
            request_id=request_id,
        )
