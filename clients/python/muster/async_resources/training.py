"""Methods of training.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.training import Training


class AsyncTrainingResource(AsyncResource):
    """`client.training`."""

    def list(
        self,
        *,
        type: Literal["all", "online", "offline"] | None = None,
        status: Literal["proposed", "confirmed", "completed", "cancelled", "upcoming"] | None = None,
        project_id: int | None = None,
        label_id: int | None = None,
        date_from: dt.date | str | None = None,
        date_to: dt.date | str | None = None,
        person_id: int | None = None,
        entity_type: Literal["employee", "staff"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[Training]:
        """List trainings.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            Training,
            "/api/v1/training",
            query={
                "type": type,
                "status": status,
                "project_id": project_id,
                "label_id": label_id,
                "date_from": date_from,
                "date_to": date_to,
                "person_id": person_id,
                "entity_type": entity_type,
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
        type: Literal["all", "online", "offline"] | None = None,
        status: Literal["proposed", "confirmed", "completed", "cancelled", "upcoming"] | None = None,
        project_id: int | None = None,
        label_id: int | None = None,
        date_from: dt.date | str | None = None,
        date_to: dt.date | str | None = None,
        person_id: int | None = None,
        entity_type: Literal["employee", "staff"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """List trainings, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training",
            query={
                "type": type,
                "status": status,
                "project_id": project_id,
                "label_id": label_id,
                "date_from": date_from,
                "date_to": date_to,
                "person_id": person_id,
                "entity_type": entity_type,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )
