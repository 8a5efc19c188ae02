"""Methods of clearance.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from muster.arguments import OMIT, Omitted
from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.clearance import ClearanceOfMany, RosterItem


class AsyncClearanceResource(AsyncResource):
    """`client.clearance`."""

    async def check(
        self,
        *,
        employee_ids: Sequence[int],
        project_id: int | Omitted | None = OMIT,
        on: dt.date | str | Omitted | None = OMIT,
        request_id: str | None = None,
    ) -> ClearanceOfMany:
        """Check clearance.

        Of up to 500 people at once, such as a gate's list. It changes nothing.

        Needs the permission `training.view` or `training.view.company`.
        """
        return await self._one(
            ClearanceOfMany,
            "POST",
            "/api/v1/training/clearance",
            body={"employee_ids": employee_ids, "project_id": project_id, "on": on},
            request_id=request_id,
            is_safe=True,
        )

    def list(
        self,
        *,
        project_id: int | None = None,
        company_id: int | None = None,
        on: dt.date | str | None = None,
        cleared: bool | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[RosterItem]:
        """List clearance.

        All people, and what each is missing.

        Needs the permission `training.view` or `training.view.company`.
        """
        return self._list(
            RosterItem,
            "/api/v1/training/clearance",
            query={
                "project_id": project_id,
                "company_id": company_id,
                "on": on,
                "cleared": cleared,
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
        project_id: int | None = None,
        company_id: int | None = None,
        on: dt.date | str | None = None,
        cleared: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """List clearance, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/clearance",
            query={
                "project_id": project_id,
                "company_id": company_id,
                "on": on,
                "cleared": cleared,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )
