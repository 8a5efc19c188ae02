"""Methods of staff.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.arguments import Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.people import Clearance, ErasedPerson, PersonData, PersonItem
from muster.models.shared import AuditItem, TrainingRecord
from muster.resource import Resource


class StaffResource(Resource):
    """`client.staff`."""

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
    ) -> Listing[PersonItem]:
        """List staff.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            PersonItem,
            "/api/v1/staff",
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
    ) -> Export:
        """List staff, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/staff",
            query={"search": search, "updated_since": updated_since},
            request_id=request_id,
        )

    def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> PersonItem:
        """Get staff member.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._one(
            PersonItem,
            "GET",
            "/api/v1/staff/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def put(
        self,
        id: int,
        *,
        employee_id: str,
        full_name: str,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> PersonItem:
        """Create or replace staff member.

        Ids of people come from your own system. With `If-None-Match: *` it creates and never replaces.

        Needs the permission `training.manage`.
        """
        return self._one(
            PersonItem,
            "PUT",
            "/api/v1/staff/{id}",
            ids={"id": id},
            body={"employee_id": employee_id, "full_name": full_name},
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
        """Remove staff member.

        Their records stay. Enrollments in sessions that have not begun are cancelled.

        Needs the permission `training.manage`.
        """
        return self._nothing(
            "DELETE",
            "/api/v1/staff/{id}",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    def merge(
        self,
        id: int,
        *,
        into: int,
        if_match: Tag,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> PersonItem:
        """Merge staff member.

        All that the person has goes to `into`, and the person is removed. It cannot be undone, so it needs `If-
        Match`.

        Needs the permission `training.manage`.
        """
        return self._one(
            PersonItem,
            "POST",
            "/api/v1/staff/{id}/merge",
            ids={"id": id},
            body={"into": into},
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
        """Get audit trail of staff member.

        Needs the permission `training.view`.
        """
        return self._list(
            AuditItem,
            "/api/v1/staff/{id}/audit",
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
        """Get audit trail of staff member, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/staff/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )

    def data(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> PersonData:
        """Get data of staff member.

        Everything that is known of one person, in one document; also of a person who was removed. It says who else
        has copies.

        Needs the permission `training.manage` or `training.view.self`.
        """
        return self._one(
            PersonData,
            "GET",
            "/api/v1/staff/{id}/data",
            ids={"id": id},
            request_id=request_id,
        )

    def erase(
        self,
        id: int,
        *,
        reason: str,
        request_id: str | None = None,
    ) -> ErasedPerson:
        """Erase staff member.

        What says who the staff member is becomes blank everywhere, for good, and they are removed. What happened
        stays, without them. It cannot be undone; again it changes nothing.

        Needs the permission `training.manage`.
        """
        return self._one(
            ErasedPerson,
            "POST",
            "/api/v1/staff/{id}/erase",
            ids={"id": id},
            body={"reason": reason},
            request_id=request_id,
        )

    def clearance(
        self,
        id: int,
        *,
        project_id: int | None = None,
        on: dt.date | str | None = None,
        request_id: str | None = None,
    ) -> Clearance:
        """Get clearance of staff member.

        Whether the person may work, and what meets each requirement or is missing. Of a day that is past, by what
        is known now and by what was known then.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._one(
            Clearance,
            "GET",
            "/api/v1/staff/{id}/clearance",
            ids={"id": id},
            query={"project_id": project_id, "on": on},
            request_id=request_id,
        )

    def training(
        self,
        id: int,
        *,
        type: Literal["all", "online", "offline"] | None = None,
        status: Literal["proposed", "confirmed", "completed", "cancelled", "upcoming"] | None = None,
        project_id: int | None = None,
        label_id: int | None = None,
        date_from: dt.date | str | None = None,
        date_to: dt.date | str | None = None,
        as_of: dt.datetime | str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[TrainingRecord]:
        """List training of staff member.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            TrainingRecord,
            "/api/v1/staff/{id}/training",
            ids={"id": id},
            query={
                "type": type,
                "status": status,
                "project_id": project_id,
                "label_id": label_id,
                "date_from": date_from,
                "date_to": date_to,
                "as_of": as_of,
                "page": page,
                "per_page": per_page,
                "cursor": cursor,
                "total": total,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    def export_training(
        self,
        id: int,
        media_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        type: Literal["all", "online", "offline"] | None = None,
        status: Literal["proposed", "confirmed", "completed", "cancelled", "upcoming"] | None = None,
        project_id: int | None = None,
        label_id: int | None = None,
        date_from: dt.date | str | None = None,
        date_to: dt.date | str | None = None,
        as_of: dt.datetime | str | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List training of staff member, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/staff/{id}/training",
            ids={"id": id},
            query={
                "type": type,
                "status": status,
                "project_id": project_id,
                "label_id": label_id,
                "date_from": date_from,
                "date_to": date_to,
                "as_of": as_of,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )
