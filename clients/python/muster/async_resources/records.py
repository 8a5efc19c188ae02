"""Methods of records.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from decimal import Decimal
from typing import Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.shared import AuditItem, CredentialAnswer, RecordItem, TrainingRecord


class AsyncRecordsResource(AsyncResource):
    """`client.records`."""

    async def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> RecordItem:
        """Get submitted record.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return await self._one(
            RecordItem,
            "GET",
            "/api/v1/training/records/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    async def create(
        self,
        *,
        employee_id: int,
        provider: str,
        completed_at: dt.datetime | str,
        course_id: int | Omitted | None = OMIT,
        training_name: str | Omitted | None = OMIT,
        valid_until: dt.datetime | str | Omitted | None = OMIT,
        score: Decimal | float | Omitted | None = OMIT,
        certificate_url: str | Omitted | None = OMIT,
        evidence: str | Omitted | None = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> RecordItem:
        """Submit record.

        Training that somebody did elsewhere. It counts once somebody else has accepted it.

        Needs the permission `training.record`, `training.manage`, `training.enroll`, `training.enroll.self` or
        `training.enroll.company`.
        """
        return await self._one(
            RecordItem,
            "POST",
            "/api/v1/training/records",
            body={
                "employee_id": employee_id,
                "provider": provider,
                "completed_at": completed_at,
                "course_id": course_id,
                "training_name": training_name,
                "valid_until": valid_until,
                "score": score,
                "certificate_url": certificate_url,
                "evidence": evidence,
            },
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    def list(
        self,
        *,
        type: Literal["all", "online", "offline"] | None = None,
        status: Literal["proposed", "confirmed", "completed", "cancelled", "upcoming"] | None = None,
        project_id: int | None = None,
        label_id: int | None = None,
        date_from: dt.date | str | None = None,
        date_to: dt.date | str | None = None,
        company_id: int | None = None,
        entity_type: Literal["employee", "staff"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[TrainingRecord]:
        """List training records.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            TrainingRecord,
            "/api/v1/training/records",
            query={
                "type": type,
                "status": status,
                "project_id": project_id,
                "label_id": label_id,
                "date_from": date_from,
                "date_to": date_to,
                "company_id": company_id,
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
        company_id: int | None = None,
        entity_type: Literal["employee", "staff"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """List training records, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/records",
            query={
                "type": type,
                "status": status,
                "project_id": project_id,
                "label_id": label_id,
                "date_from": date_from,
                "date_to": date_to,
                "company_id": company_id,
                "entity_type": entity_type,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    async def accept(
        self,
        id: int,
        *,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> RecordItem:
        """Accept record.

        Whoever submitted the record, or is trained by it, cannot accept it.

        Needs the permission `training.record`.
        """
        return await self._one(
            RecordItem,
            "POST",
            "/api/v1/training/records/{id}/accept",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    async def reject(
        self,
        id: int,
        *,
        reason: str,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> RecordItem:
        """Reject record.

        Also one that was accepted: it counts no more, and what it certified is revoked.

        Needs the permission `training.record`.
        """
        return await self._one(
            RecordItem,
            "POST",
            "/api/v1/training/records/{id}/reject",
            ids={"id": id},
            body={"reason": reason},
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
    ) -> AsyncListing[AuditItem]:
        """Get audit trail of submitted record.

        Needs the permission `training.view`.
        """
        return self._list(
            AuditItem,
            "/api/v1/training/records/{id}/audit",
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
    ) -> AsyncExport:
        """Get audit trail of submitted record, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/records/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )

    async def credential(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> CredentialAnswer:
        """Get credential of record.

        A credential that others can trust without asking: Open Badges 3.0 as a signed JWT, alone where `Accept` is
        `application/vc+jwt`, or a certificate to print where it is `application/pdf`.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return await self._one(
            CredentialAnswer,
            "GET",
            "/api/v1/training/records/{id}/credential",
            ids={"id": id},
            request_id=request_id,
        )

    async def credential_file(
        self,
        id: int,
        media_type: Literal["application/vc+jwt", "application/pdf"] = "application/vc+jwt",
        *,
        request_id: str | None = None,
    ) -> bytes:
        """Get credential of record, as a file."""
        return await self._file(
            media_type,
            "GET",
            "/api/v1/training/records/{id}/credential",
            ids={"id": id},
            request_id=request_id,
        )
