"""Methods of clients.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.clients import ClientItem, ClientWithSecret
from muster.models.shared import AuditItem
from muster.resource import Resource


class ClientsResource(Resource):
    """`client.clients`."""

    def list(
        self,
        *,
        status: Literal["active", "expired", "revoked"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[ClientItem]:
        """List clients.

        Needs the permission `accounts.manage`.
        """
        return self._list(
            ClientItem,
            "/api/v1/clients",
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
        status: Literal["active", "expired", "revoked"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List clients, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/clients",
            query={"status": status, "updated_since": updated_since},
            request_id=request_id,
        )

    def create(
        self,
        *,
        name: str,
        permissions: Sequence[
            Literal[
                "api.access",
                "training.view",
                "training.view.self",
                "training.view.company",
                "training.enroll",
                "training.enroll.self",
                "training.enroll.company",
                "training.record",
                "training.manage",
                "accounts.manage",
                "events.view",
                "webhooks.manage",
                "platform.manage",
            ]
        ],
        rate_limit: int | Omitted | None = OMIT,
        company_ids: Sequence[int] | Omitted = OMIT,
        expires_at: dt.datetime | str | Omitted | None = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> ClientWithSecret:
        """Create client.

        The secret is in this response alone.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            ClientWithSecret,
            "POST",
            "/api/v1/clients",
            body={
                "name": name,
                "permissions": permissions,
                "rate_limit": rate_limit,
                "company_ids": company_ids,
                "expires_at": expires_at,
            },
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> ClientItem:
        """Get client.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            ClientItem,
            "GET",
            "/api/v1/clients/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def update(
        self,
        id: int,
        *,
        name: str | Omitted = OMIT,
        permissions: Sequence[
            Literal[
                "api.access",
                "training.view",
                "training.view.self",
                "training.view.company",
                "training.enroll",
                "training.enroll.self",
                "training.enroll.company",
                "training.record",
                "training.manage",
                "accounts.manage",
                "events.view",
                "webhooks.manage",
                "platform.manage",
            ]
        ]
        | Omitted = OMIT,
        rate_limit: int | Omitted | None = OMIT,
        company_ids: Sequence[int] | Omitted | None = OMIT,
        expires_at: dt.datetime | str | Omitted | None = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> ClientItem:
        """Change client.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            ClientItem,
            "PATCH",
            "/api/v1/clients/{id}",
            ids={"id": id},
            body={
                "name": name,
                "permissions": permissions,
                "rate_limit": rate_limit,
                "company_ids": company_ids,
                "expires_at": expires_at,
            },
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
        """Revoke client.

        Its secrets and tokens are refused for ever. The row stays, and so does its audit trail.

        Needs the permission `accounts.manage`.
        """
        return self._nothing(
            "DELETE",
            "/api/v1/clients/{id}",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    def rotate(
        self,
        id: int,
        *,
        at_once: bool | Omitted = OMIT,
        if_match: Tag | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> ClientWithSecret:
        """Rotate secret of client.

        The new secret is in this response alone. The one before holds for another 24 hours; with `at_once` it and
        all tokens of the client are refused from now on.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            ClientWithSecret,
            "POST",
            "/api/v1/clients/{id}/rotate",
            ids={"id": id},
            body={"at_once": at_once},
            is_body_optional=True,
            if_match=if_match,
            idempotency_key=key_or_new(idempotency_key),
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
        """Get audit trail of client.

        Needs the permission `accounts.manage`.
        """
        return self._list(
            AuditItem,
            "/api/v1/clients/{id}/audit",
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
        """Get audit trail of client, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/clients/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )
