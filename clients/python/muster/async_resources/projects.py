"""Methods of projects.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.courses import NamedTotal


class AsyncProjectsResource(AsyncResource):
    """`client.projects`."""

    def list(
        self,
        *,
        search: str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[NamedTotal]:
        """List projects.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            NamedTotal,
            "/api/v1/training/projects",
            query={
                "search": search,
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
        search: str | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """List projects, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/projects",
            query={"search": search, "updated_since": updated_since},
            request_id=request_id,
        )
