"""Methods of imports of completions.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.arguments import Tag
from muster.exported import Export
from muster.listing import Listing
from muster.models.imports import ImportItem, RefusalItem
from muster.resource import Resource


class ImportsCompletionsResource(Resource):
    """`client.imports.completions`."""

    def list(
        self,
        *,
        status: Literal["receiving", "waiting", "running", "completed", "failed", "cancelled"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[ImportItem]:
        """List imports of completions.

        Needs the permission `training.manage`.
        """
        return self._list(
            ImportItem,
            "/api/v1/imports/completions",
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
        status: Literal["receiving", "waiting", "running", "completed", "failed", "cancelled"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List imports of completions, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/imports/completions",
            query={"status": status, "updated_since": updated_since},
            request_id=request_id,
        )

    def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> ImportItem:
        """Get import of completions.

        Needs the permission `training.manage`.
        """
        return self._one(
            ImportItem,
            "GET",
            "/api/v1/imports/completions/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def refusals(
        self,
        id: int,
        *,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[RefusalItem]:
        """List refusals of import of completions.

        The first 10,000 are kept, for 30 days. With `Accept: text/csv` they come as the lines that were refused,
        with the columns `#line`, `#field` and `#reason` in front, which an import leaves out: such a file can be
        repaired and sent again.

        Needs the permission `training.manage`.
        """
        return self._list(
            RefusalItem,
            "/api/v1/imports/completions/{id}/refusals",
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

    def export_refusals(
        self,
        id: int,
        media_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List refusals of import of completions, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/imports/completions/{id}/refusals",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )

    def cancel(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> ImportItem:
        """Cancel import of completions.

        What is done by then stays done.

        Needs the permission `training.manage`.
        """
        return self._one(
            ImportItem,
            "POST",
            "/api/v1/imports/completions/{id}/cancel",
            ids={"id": id},
            request_id=request_id,
        )
