"""Methods of compliance.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.compliance import ComplianceItem, ComplianceMatrix


class AsyncComplianceResource(AsyncResource):
    """`client.compliance`."""

    def list(
        self,
        *,
        course_id: int | None = None,
        label_id: int | None = None,
        status: Literal["valid", "expiring", "missing"] | None = None,
        within_days: int | None = None,
        company_id: int | None = None,
        project_id: int | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[ComplianceItem]:
        """List compliance.

        Exactly one of `course_id` and `label_id` is required.

        Needs the permission `training.view` or `training.view.company`.
        """
        return self._list(
            ComplianceItem,
            "/api/v1/training/compliance",
            query={
                "course_id": course_id,
                "label_id": label_id,
                "status": status,
                "within_days": within_days,
                "company_id": company_id,
                "project_id": project_id,
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
        media_type: Literal[
            "text/csv", "application/x-ndjson", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        ] = "text/csv",
        *,
        course_id: int | None = None,
        label_id: int | None = None,
        status: Literal["valid", "expiring", "missing"] | None = None,
        within_days: int | None = None,
        company_id: int | None = None,
        project_id: int | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """List compliance, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/compliance",
            query={
                "course_id": course_id,
                "label_id": label_id,
                "status": status,
                "within_days": within_days,
                "company_id": company_id,
                "project_id": project_id,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    async def matrix(
        self,
        *,
        by: Literal["company", "project", "label"] | None = None,
        company_id: int | None = None,
        after: int | None = None,
        request_id: str | None = None,
    ) -> ComplianceMatrix:
        """Get compliance matrix.

        How many people meet each requirement, and how many lack it, by company, project or label.

        Needs the permission `training.view` or `training.view.company`.
        """
        return await self._one(
            ComplianceMatrix,
            "GET",
            "/api/v1/training/compliance/matrix",
            query={"by": by, "company_id": company_id, "after": after},
            request_id=request_id,
        )
