"""Methods of calendars.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.calendars import CalendarWithAddress
from muster.models.shared import CalendarItem


class AsyncCalendarsResource(AsyncResource):
    """`client.calendars`."""

    def list(
        self,
        *,
        kind: Literal["facilitator", "person", "location"] | None = None,
        of_id: int | None = None,
        status: Literal["active", "revoked"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[CalendarItem]:
        """List calendars.

        Needs the permission `training.manage` or `training.view.self`.
        """
        return self._list(
            CalendarItem,
            "/api/v1/calendars",
            query={
                "kind": kind,
                "of_id": of_id,
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
        kind: Literal["facilitator", "person", "location"] | None = None,
        of_id: int | None = None,
        status: Literal["active", "revoked"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """List calendars, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/calendars",
            query={"kind": kind, "of_id": of_id, "status": status, "updated_since": updated_since},
            request_id=request_id,
        )

    async def create(
        self,
        *,
        kind: Literal["facilitator", "person", "location"],
        id: int | Omitted | None = OMIT,
        name: str | Omitted | None = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> CalendarWithAddress:
        """Create calendar.

        Whoever has the `address` can read the calendar, without a token, until it is revoked. It is in this
        response alone.

        Needs the permission `training.manage` or `training.view.self`.
        """
        return await self._one(
            CalendarWithAddress,
            "POST",
            "/api/v1/calendars",
            body={"kind": kind, "id": id, "name": name},
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    async def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> CalendarItem:
        """Get calendar.

        Needs the permission `training.manage` or `training.view.self`.
        """
        return await self._one(
            CalendarItem,
            "GET",
            "/api/v1/calendars/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    async def delete(
        self,
        id: int,
        *,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> None:
        """Revoke calendar.

        Its address opens nothing any more. The row stays, and says who revoked it.

        Needs the permission `training.manage` or `training.view.self`.
        """
        return await self._nothing(
            "DELETE",
            "/api/v1/calendars/{id}",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    async def read(
        self,
        secret: str,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> str:
        """Read calendar.

        Sessions as events of iCalendar (RFC 5545), for programs that subscribe to calendars. The `address` of a
        calendar leads here: whoever has it needs no token.
        """
        return await self._text(
            "text/calendar",
            "GET",
            "/calendars/{secret}.ics",
            ids={"secret": secret},
            if_none_match=if_none_match,
            request_id=request_id,
            is_public=True,
        )
