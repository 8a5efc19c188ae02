"""Methods of organisations.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.organisations import FirstAdmin, NewOrganisation, OrganisationItem
from muster.models.shared import AuditItem
from muster.resource import Resource


class OrganisationsResource(Resource):
    """`client.organisations`."""

    def list(
        self,
        *,
        search: str | None = None,
        status: Literal["active", "suspended"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[OrganisationItem]:
        """List organisations.

        Needs the permission `platform.manage`.
        """
        return self._list(
            OrganisationItem,
            "/api/v1/organisations",
            query={
                "search": search,
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
        search: str | None = None,
        status: Literal["active", "suspended"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List organisations, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/organisations",
            query={"search": search, "status": status, "updated_since": updated_since},
            request_id=request_id,
        )

    def create(
        self,
        *,
        name: str,
        admin: FirstAdmin | Mapping[str, Any],
        time_zone: str | Omitted = OMIT,
        booking_clash: Literal["allow", "warn", "refuse"] | Omitted = OMIT,
        id: int | Omitted | None = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> NewOrganisation:
        """Create organisation.

        With its first Admin, who is invited. The token of the invitation is in this response alone.

        Needs the permission `platform.manage`.
        """
        return self._one(
            NewOrganisation,
            "POST",
            "/api/v1/organisations",
            body={"name": name, "admin": admin, "time_zone": time_zone, "booking_clash": booking_clash, "id": id},
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> OrganisationItem:
        """Get organisation.

        Needs the permission `platform.manage`.
        """
        return self._one(
            OrganisationItem,
            "GET",
            "/api/v1/organisations/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def put(
        self,
        id: int,
        *,
        name: str,
        suspended: bool | Omitted = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> OrganisationItem:
        """Create or replace organisation.

        Makes an organisation known whose users sign in at an outside identity provider. Its id is the one that
        their tokens name.

        Needs the permission `platform.manage`.
        """
        return self._one(
            OrganisationItem,
            "PUT",
            "/api/v1/organisations/{id}",
            ids={"id": id},
            body={"name": name, "suspended": suspended},
            if_match=if_match,
            request_id=request_id,
        )

    def update(
        self,
        id: int,
        *,
        name: str | Omitted = OMIT,
        suspended: bool | Omitted | None = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> OrganisationItem:
        """Change organisation.

        Needs the permission `platform.manage`.
        """
        return self._one(
            OrganisationItem,
            "PATCH",
            "/api/v1/organisations/{id}",
            ids={"id": id},
            body={"name": name, "suspended": suspended},
            content_type="application/merge-patch+json",
            if_match=if_match,
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
        """Get audit trail of organisation.

        Needs the permission `platform.manage`.
        """
        return self._list(
            AuditItem,
            "/api/v1/organisations/{id}/audit",
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
        """Get audit trail of organisation, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/organisations/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )
