"""Methods of courses.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.courses import CourseDetail, CourseItem
from muster.models.shared import AuditItem, IdAndName
from muster.resource import Resource


class CoursesResource(Resource):
    """`client.courses`."""

    def list(
        self,
        *,
        search: str | None = None,
        category: Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"] | None = None,
        delivery_mode: Literal["in_person", "online", "hybrid", "self_paced"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[CourseItem]:
        """List courses.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            CourseItem,
            "/api/v1/training/courses",
            query={
                "search": search,
                "category": category,
                "delivery_mode": delivery_mode,
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
        category: Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"] | None = None,
        delivery_mode: Literal["in_person", "online", "hybrid", "self_paced"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List courses, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/courses",
            query={
                "search": search,
                "category": category,
                "delivery_mode": delivery_mode,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    def create(
        self,
        *,
        title: str,
        category: Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"],
        delivery_mode: Literal["in_person", "online", "hybrid", "self_paced"],
        duration_hours: Decimal | float,
        cost_per_participant: Decimal | float | Omitted = OMIT,
        provider: Literal["internal", "external"] | Omitted = OMIT,
        provider_name: str | Omitted | None = OMIT,
        description: str | Omitted | None = OMIT,
        pass_score: Decimal | float | Omitted | None = OMIT,
        validity_months: int | Omitted | None = OMIT,
        renewal_window_days: int | Omitted | None = OMIT,
        prerequisites: Sequence[int] | Omitted = OMIT,
        labels: Sequence[IdAndName | Mapping[str, Any]] | Omitted = OMIT,
        external_id: str | Omitted | None = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> CourseDetail:
        """Create course.

        Needs the permission `training.manage`.
        """
        return self._one(
            CourseDetail,
            "POST",
            "/api/v1/training/courses",
            body={
                "title": title,
                "category": category,
                "delivery_mode": delivery_mode,
                "duration_hours": duration_hours,
                "cost_per_participant": cost_per_participant,
                "provider": provider,
                "provider_name": provider_name,
                "description": description,
                "pass_score": pass_score,
                "validity_months": validity_months,
                "renewal_window_days": renewal_window_days,
                "prerequisites": prerequisites,
                "labels": labels,
                "external_id": external_id,
            },
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    def get(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> CourseDetail:
        """Get course.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._one(
            CourseDetail,
            "GET",
            "/api/v1/training/courses/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def update(
        self,
        id: int,
        *,
        title: str | Omitted = OMIT,
        category: Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"]
        | Omitted = OMIT,
        delivery_mode: Literal["in_person", "online", "hybrid", "self_paced"] | Omitted = OMIT,
        duration_hours: Decimal | float | Omitted = OMIT,
        cost_per_participant: Decimal | float | Omitted | None = OMIT,
        provider: Literal["internal", "external"] | Omitted | None = OMIT,
        provider_name: str | Omitted | None = OMIT,
        description: str | Omitted | None = OMIT,
        pass_score: Decimal | float | Omitted | None = OMIT,
        validity_months: int | Omitted | None = OMIT,
        renewal_window_days: int | Omitted | None = OMIT,
        prerequisites: Sequence[int] | Omitted | None = OMIT,
        labels: Sequence[IdAndName | Mapping[str, Any]] | Omitted | None = OMIT,
        external_id: str | Omitted | None = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> CourseDetail:
        """Change course.

        Needs the permission `training.manage`.
        """
        return self._one(
            CourseDetail,
            "PATCH",
            "/api/v1/training/courses/{id}",
            ids={"id": id},
            body={
                "title": title,
                "category": category,
                "delivery_mode": delivery_mode,
                "duration_hours": duration_hours,
                "cost_per_participant": cost_per_participant,
                "provider": provider,
                "provider_name": provider_name,
                "description": description,
                "pass_score": pass_score,
                "validity_months": validity_months,
                "renewal_window_days": renewal_window_days,
                "prerequisites": prerequisites,
                "labels": labels,
                "external_id": external_id,
            },
            content_type="application/merge-patch+json",
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
        """Delete course.

        Its sessions are deleted as well.

        Needs the permission `training.manage`.
        """
        return self._nothing(
            "DELETE",
            "/api/v1/training/courses/{id}",
            ids={"id": id},
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
        """Get audit trail of course.

        Needs the permission `training.view`.
        """
        return self._list(
            AuditItem,
            "/api/v1/training/courses/{id}/audit",
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
        """Get audit trail of course, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/courses/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )
