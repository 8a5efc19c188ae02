"""Methods of enrollments.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.async_resource import AsyncResource
from muster.exported import AsyncExport
from muster.listing import AsyncListing
from muster.models.enrollments import CompletedEnrollment, EnrolledPeople, EnrollmentDetail, EnrollmentItem
from muster.models.shared import AuditItem, CredentialAnswer


class AsyncEnrollmentsResource(AsyncResource):
    """`client.enrollments`."""

    def list(
        self,
        *,
        employee_id: int | None = None,
        session_id: int | None = None,
        course_id: int | None = None,
        status: Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"] | None = None,
        year: int | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncListing[EnrollmentItem]:
        """List enrollments.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            EnrollmentItem,
            "/api/v1/training/enrollments",
            query={
                "employee_id": employee_id,
                "session_id": session_id,
                "course_id": course_id,
                "status": status,
                "year": year,
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
        employee_id: int | None = None,
        session_id: int | None = None,
        course_id: int | None = None,
        status: Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"] | None = None,
        year: int | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> AsyncExport:
        """List enrollments, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/enrollments",
            query={
                "employee_id": employee_id,
                "session_id": session_id,
                "course_id": course_id,
                "status": status,
                "year": year,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    async def create(
        self,
        *,
        session_id: int,
        employee_ids: Sequence[int],
        waitlist: bool | Omitted = OMIT,
        partial: bool | Omitted = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> EnrolledPeople:
        """Enroll employees.

        Enrolls everyone or nobody. With `partial` those are enrolled who can be, and `refused` says why the others
        are not. With `waitlist` those who find no seat wait for one.

        Needs the permission `training.enroll`, `training.enroll.self` or `training.enroll.company`.
        """
        return await self._one(
            EnrolledPeople,
            "POST",
            "/api/v1/training/enrollments",
            body={"session_id": session_id, "employee_ids": employee_ids, "waitlist": waitlist, "partial": partial},
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    async def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Get enrollment.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return await self._one(
            EnrollmentDetail,
            "GET",
            "/api/v1/training/enrollments/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
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
        """Get audit trail of enrollment.

        Needs the permission `training.view`.
        """
        return self._list(
            AuditItem,
            "/api/v1/training/enrollments/{id}/audit",
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
        """Get audit trail of enrollment, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/enrollments/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )

    async def complete(
        self,
        id: int,
        *,
        score: Decimal | float | Omitted | None = OMIT,
        feedback: str | Omitted | None = OMIT,
        certificate_url: str | Omitted | None = OMIT,
        completed_at: dt.datetime | str | Omitted = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> CompletedEnrollment:
        """Complete enrollment.

        A score below the pass score makes it `failed`. Another request corrects the result, which is judged as it
        was the first time.

        Needs the permission `training.record`.
        """
        return await self._one(
            CompletedEnrollment,
            "PATCH",
            "/api/v1/training/enrollments/{id}/complete",
            ids={"id": id},
            body={
                "score": score,
                "feedback": feedback,
                "certificate_url": certificate_url,
                "completed_at": completed_at,
            },
            is_body_optional=True,
            if_match=if_match,
            request_id=request_id,
        )

    async def cancel(
        self,
        id: int,
        *,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Cancel enrollment.

        The seat goes to the first on the waitlist. Cancelling again changes nothing.

        Needs the permission `training.enroll`, `training.enroll.self` or `training.enroll.company`.
        """
        return await self._one(
            EnrollmentDetail,
            "PATCH",
            "/api/v1/training/enrollments/{id}/cancel",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    async def mark_absent(
        self,
        id: int,
        *,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Mark enrollment as absent.

        Before the session begins, the seat goes to the first on the waitlist. Nobody is absent who is checked in.

        Needs the permission `training.record`.
        """
        return await self._one(
            EnrollmentDetail,
            "PATCH",
            "/api/v1/training/enrollments/{id}/absent",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    async def promote(
        self,
        id: int,
        *,
        over_capacity: bool | Omitted = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Promote enrollment.

        From the waitlist to a seat, whoever else waits; with `over_capacity` also when no seat is free.

        Needs the permission `training.enroll`.
        """
        return await self._one(
            EnrollmentDetail,
            "PATCH",
            "/api/v1/training/enrollments/{id}/promote",
            ids={"id": id},
            body={"over_capacity": over_capacity},
            is_body_optional=True,
            if_match=if_match,
            request_id=request_id,
        )

    async def transfer(
        self,
        id: int,
        *,
        session_id: int,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Transfer enrollment.

        To a seat in another session of the same course. The old seat goes to the first on the waitlist, and a
        check-in stays behind.

        Needs the permission `training.enroll`, `training.enroll.self` or `training.enroll.company`.
        """
        return await self._one(
            EnrollmentDetail,
            "PATCH",
            "/api/v1/training/enrollments/{id}/transfer",
            ids={"id": id},
            body={"session_id": session_id},
            if_match=if_match,
            request_id=request_id,
        )

    async def check_in(
        self,
        id: int,
        *,
        method: Literal["manual", "qr_code", "kiosk"],
        checked_in_at: dt.datetime | str | Omitted | None = OMIT,
        meeting_id: int | Omitted | None = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Check in enrollment.

        In a session with meetings each has a check-in of its own, by `meeting_id`. Another check-in with a time
        corrects the first one.

        Needs the permission `training.record`.
        """
        return await self._one(
            EnrollmentDetail,
            "PATCH",
            "/api/v1/training/enrollments/{id}/check-in",
            ids={"id": id},
            body={"method": method, "checked_in_at": checked_in_at, "meeting_id": meeting_id},
            if_match=if_match,
            request_id=request_id,
        )

    async def remove_check_in(
        self,
        id: int,
        *,
        meeting_id: int | None = None,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Remove check-in.

        That of the meeting `meeting_id`, or all of them.

        Needs the permission `training.record`.
        """
        return await self._one(
            EnrollmentDetail,
            "DELETE",
            "/api/v1/training/enrollments/{id}/check-in",
            ids={"id": id},
            query={"meeting_id": meeting_id},
            if_match=if_match,
            request_id=request_id,
        )

    async def reopen(
        self,
        id: int,
        *,
        reason: str,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> EnrollmentDetail:
        """Reopen enrollment.

        Takes back a result or an absence: the person is enrolled again, without score and dates. A seat that was
        given back has to be free again.

        Needs the permission `training.record`.
        """
        return await self._one(
            EnrollmentDetail,
            "PATCH",
            "/api/v1/training/enrollments/{id}/reopen",
            ids={"id": id},
            body={"reason": reason},
            if_match=if_match,
            request_id=request_id,
        )

    async def credential(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> CredentialAnswer:
        """Get credential of enrollment.

        A credential that others can trust without asking: Open Badges 3.0 as a signed JWT, alone where `Accept` is
        `application/vc+jwt`, or a certificate to print where it is `application/pdf`.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return await self._one(
            CredentialAnswer,
            "GET",
            "/api/v1/training/enrollments/{id}/credential",
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
        """Get credential of enrollment, as a file."""
        return await self._file(
            media_type,
            "GET",
            "/api/v1/training/enrollments/{id}/credential",
            ids={"id": id},
            request_id=request_id,
        )
