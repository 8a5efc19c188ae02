"""Methods of settings.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.arguments import OMIT, Omitted, Tag
from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.settings import Settings
from muster.models.shared import AuditItem


class AsyncSettingsResource(AsyncResource):
    """`client.settings`."""

    async def get(
        self,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> Settings:
        """Get settings.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return await self._one(
            Settings,
            "GET",
            "/api/v1/training/settings",
            if_none_match=if_none_match,
            request_id=request_id,
        )

    async def replace(
        self,
        *,
        time_zone: str,
        booking_clash: Literal["allow", "warn", "refuse"] | Omitted = OMIT,
        issuer_name: str | Omitted | None = OMIT,
        language: Literal["en", "de", "es", "fr", "pl"] | Omitted = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> Settings:
        """Replace settings.

        Needs the permission `training.manage`.
        """
        return await self._one(
            Settings,
            "PUT",
            "/api/v1/training/settings",
            body={
                "time_zone": time_zone,
                "booking_clash": booking_clash,
                "issuer_name": issuer_name,
                "language": language,
            },
            if_match=if_match,
            request_id=request_id,
        )

    def audit(
        self,
        *,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[AuditItem]:
        """Get audit trail of settings.

        Needs the permission `training.view`.
        """
        return self._list(
            AuditItem,
            "/api/v1/training/settings/audit",
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
        media_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """Get audit trail of settings, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/settings/audit",
            query={"updated_since": updated_since},
            request_id=request_id,
        )
