"""Methods of requirements.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.requirements import AppliesTo, AppliesToPatch, Needs, NeedsPatch, RequirementItem, RequirementPreview
from muster.models.shared import AuditItem
from muster.resource import Resource


class RequirementsResource(Resource):
    """`client.requirements`."""

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
    ) -> Listing[RequirementItem]:
        """List requirements.

        Needs the permission `training.view`.
        """
        return self._list(
            RequirementItem,
            "/api/v1/training/requirements",
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
        """List requirements, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/requirements",
            query={"search": search, "updated_since": updated_since},
            request_id=request_id,
        )

    def create(
        self,
        *,
        name: str,
        applies_to: AppliesTo | Mapping[str, Any],
        needs: Needs | Mapping[str, Any],
        grace_days: int | Omitted | None = OMIT,
        from_: dt.date | str | Omitted | None = OMIT,
        until: dt.date | str | Omitted | None = OMIT,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> RequirementPreview | RequirementItem:
        """Create requirement.

        What is asked of people, in some projects or everywhere. 200 answers a dry run.

        Needs the permission `training.manage`.
        """
        answer: RequirementPreview | RequirementItem = self._either(
            RequirementPreview | RequirementItem,
            "POST",
            "/api/v1/training/requirements",
            query={"dry_run": dry_run},
            body={
                "name": name,
                "applies_to": applies_to,
                "needs": needs,
                "grace_days": grace_days,
                "from": from_,
                "until": until,
            },
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )
        return answer

    def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> RequirementItem:
        """Get requirement.

        Needs the permission `training.view`.
        """
        return self._one(
            RequirementItem,
            "GET",
            "/api/v1/training/requirements/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def update(
        self,
        id: int,
        *,
        name: str | Omitted = OMIT,
        applies_to: AppliesToPatch | Mapping[str, Any] | Omitted = OMIT,
        needs: NeedsPatch | Mapping[str, Any] | Omitted = OMIT,
        grace_days: int | Omitted | None = OMIT,
        from_: dt.date | str | Omitted | None = OMIT,
        until: dt.date | str | Omitted | None = OMIT,
        dry_run: bool | None = None,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> RequirementItem | RequirementPreview:
        """Change requirement.

        Needs the permission `training.manage`.
        """
        answer: RequirementItem | RequirementPreview = self._either(
            RequirementItem | RequirementPreview,
            "PATCH",
            "/api/v1/training/requirements/{id}",
            ids={"id": id},
            query={"dry_run": dry_run},
            body={
                "name": name,
                "applies_to": applies_to,
                "needs": needs,
                "grace_days": grace_days,
                "from": from_,
                "until": until,
            },
            content_type="application/merge-patch+json",
            if_match=if_match,
            request_id=request_id,
        )
        return answer

    def delete(
        self,
        id: int,
        *,
        dry_run: bool | None = None,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> RequirementPreview | None:
        """Delete requirement.

        It is asked of nobody any more. Its audit trail stays.

        Needs the permission `training.manage`.
        """
        answer: RequirementPreview | None = self._either(
            RequirementPreview | None,
            "DELETE",
            "/api/v1/training/requirements/{id}",
            ids={"id": id},
            query={"dry_run": dry_run},
            if_match=if_match,
            request_id=request_id,
        )
        return answer

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
        """Get audit trail of requirement.

        Needs the permission `training.view`.
        """
        return self._list(
            AuditItem,
            "/api/v1/training/requirements/{id}/audit",
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
        """Get audit trail of requirement, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/requirements/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )
