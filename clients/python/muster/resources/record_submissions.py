"""Methods of record submissions.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.exported import Export
from muster.listing import Listing
from muster.models.shared import RecordItem
from muster.resource import Resource


class RecordSubmissionsResource(Resource):
    """`client.record_submissions`."""

    def list(
        self,
        *,
        status: Literal["pending", "accepted", "rejected"] | None = None,
        employee_id: int | None = None,
        course_id: int | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[RecordItem]:
        """List submitted records.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            RecordItem,
            "/api/v1/training/record-submissions",
            query={
                "status": status,
                "employee_id": employee_id,
                "course_id": course_id,
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
        status: Literal["pending", "accepted", "rejected"] | None = None,
        employee_id: int | None = None,
        course_id: int | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List submitted records, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/record-submissions",
            query={
                "status": status,
                "employee_id": employee_id,
                "course_id": course_id,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )
