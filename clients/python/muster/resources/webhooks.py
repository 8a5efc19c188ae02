"""Methods of webhooks.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.shared import AuditItem
from muster.models.webhooks import AttemptItem, MessageItem, Recovered, WebhookItem, WebhookSecrets, WebhookWithSecret
from muster.resource import Resource


class WebhooksResource(Resource):
    """`client.webhooks`."""

    def list(
        self,
        *,
        status: Literal["enabled", "disabled"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[WebhookItem]:
        """List webhooks.

        Needs the permission `webhooks.manage`.
        """
        return self._list(
            WebhookItem,
            "/api/v1/webhooks",
            query={
                "status": status,
                "page": page,
                "per_page": per_page,
                "cursor": cursor,
                "total": total,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    def export(
        self,
        media_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        status: Literal["enabled", "disabled"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List webhooks, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/webhooks",
            query={"status": status, "updated_since": updated_since},
            request_id=request_id,
        )

    def create(
        self,
        *,
        url: str,
        types: Sequence[str] | Omitted = OMIT,
        description: str | Omitted | None = OMIT,
        thin: bool | Omitted = OMIT,
        status: Literal["enabled", "disabled"] | Omitted = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> WebhookWithSecret:
        """Create webhook.

        It gets the events from now on, each as a signed POST to its address.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            WebhookWithSecret,
            "POST",
            "/api/v1/webhooks",
            body={"url": url, "types": types, "description": description, "thin": thin, "status": status},
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> WebhookItem:
        """Get webhook.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            WebhookItem,
            "GET",
            "/api/v1/webhooks/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def update(
        self,
        id: int,
        *,
        url: str | Omitted = OMIT,
        types: Sequence[str] | Omitted | None = OMIT,
        description: str | Omitted | None = OMIT,
        thin: bool | Omitted | None = OMIT,
        status: Literal["enabled", "disabled"] | Omitted | None = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> WebhookItem:
        """Change webhook.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            WebhookItem,
            "PATCH",
            "/api/v1/webhooks/{id}",
            ids={"id": id},
            body={"url": url, "types": types, "description": description, "thin": thin, "status": status},
            content_type="application/merge-patch+json",
            if_match=if_match,
            request_id=request_id,
        )

    def delete(
        self,
        id: int,
        *,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> None:
        """Delete webhook.

        Nothing is sent to it any more. Its audit trail stays.

        Needs the permission `webhooks.manage`.
        """
        return self._nothing(
            "DELETE",
            "/api/v1/webhooks/{id}",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    def enable(
        self,
        id: int,
        *,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> WebhookItem:
        """Enable webhook.

        What was pending when it was disabled is sent now. Events that came meanwhile are sent if they are
        recovered.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            WebhookItem,
            "POST",
            "/api/v1/webhooks/{id}/enable",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    def rotate_secret(
        self,
        id: int,
        *,
        at_once: bool | Omitted = OMIT,
        if_match: Tag | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> WebhookWithSecret:
        """Rotate secret of webhook.

        The secret before signs as well for another 24 hours; with `at_once` it does not.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            WebhookWithSecret,
            "POST",
            "/api/v1/webhooks/{id}/rotate-secret",
            ids={"id": id},
            body={"at_once": at_once},
            is_body_optional=True,
            if_match=if_match,
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    def secret(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> WebhookSecrets:
        """Get secret of webhook.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            WebhookSecrets,
            "GET",
            "/api/v1/webhooks/{id}/secret",
            ids={"id": id},
            request_id=request_id,
        )

    def audit(
        self,
        id: int,
        *,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[AuditItem]:
        """Get audit trail of webhook.

        Needs the permission `webhooks.manage`.
        """
        return self._list(
            AuditItem,
            "/api/v1/webhooks/{id}/audit",
            ids={"id": id},
            query={
                "page": page,
                "per_page": per_page,
                "cursor": cursor,
                "total": total,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    def export_audit(
        self,
        id: int,
        media_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """Get audit trail of webhook, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/webhooks/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )

    def messages(
        self,
        id: int,
        *,
        status: Literal["pending", "delivered", "failed", "dropped"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[MessageItem]:
        """List messages of webhook.

        What is and was sent to it, the newest first. Kept for 30 days.

        Needs the permission `webhooks.manage`.
        """
        return self._list(
            MessageItem,
            "/api/v1/webhooks/{id}/messages",
            ids={"id": id},
            query={
                "status": status,
                "page": page,
                "per_page": per_page,
                "cursor": cursor,
                "total": total,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    def export_messages(
        self,
        id: int,
        media_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        status: Literal["pending", "delivered", "failed", "dropped"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List messages of webhook, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/webhooks/{id}/messages",
            ids={"id": id},
            query={"status": status, "updated_since": updated_since},
            request_id=request_id,
        )

    def attempts(
        self,
        id: int,
        *,
        message_id: int | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[AttemptItem]:
        """List attempts of webhook.

        Each request that was made to its address, the newest first. Kept for 30 days.

        Needs the permission `webhooks.manage`.
        """
        return self._list(
            AttemptItem,
            "/api/v1/webhooks/{id}/attempts",
            ids={"id": id},
            query={
                "message_id": message_id,
                "page": page,
                "per_page": per_page,
                "cursor": cursor,
                "total": total,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    def export_attempts(
        self,
        id: int,
        media_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        message_id: int | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List attempts of webhook, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/webhooks/{id}/attempts",
            ids={"id": id},
            query={"message_id": message_id, "updated_since": updated_since},
            request_id=request_id,
        )

    def test(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> MessageItem:
        """Send test event to webhook.

        An event of the type `training.webhook.test.v1`. It is in no feed and goes to no other webhook.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            MessageItem,
            "POST",
            "/api/v1/webhooks/{id}/test",
            ids={"id": id},
            request_id=request_id,
        )

    def recover(
        self,
        id: int,
        *,
        since: dt.datetime | str,
        request_id: str | None = None,
    ) -> Recovered:
        """Recover missed events of webhook.

        Sends the events of the time since then that it wants and was not sent, or did not take. At most 5,000 at
        once: repeat it while `has_more` is true.

        Needs the permission `webhooks.manage`.
        """
        return self._one(
            Recovered,
            "POST",
            "/api/v1/webhooks/{id}/recover",
            ids={"id": id},
            body={"since": since},
            request_id=request_id,
        )
