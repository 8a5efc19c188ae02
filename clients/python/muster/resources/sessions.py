"""Methods of sessions.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.sessions import (
    AttendanceRow,
    ChangedSession,
    Facilitator,
    FacilitatorPatch,
    LiveSeats,
    MeetingFields,
    RecordedAttendance,
    SessionDetail,
    SessionItem,
)
from muster.models.shared import AuditItem, IdAndName
from muster.resource import Resource
from muster.watching import Watching


class SessionsResource(Resource):
    """`client.sessions`."""

    def list(
        self,
        *,
        course_id: int | None = None,
        status: Literal["scheduled", "in_progress", "completed", "cancelled"] | None = None,
        date_from: dt.date | str | None = None,
        date_to: dt.date | str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[SessionItem]:
        """List sessions.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._list(
            SessionItem,
            "/api/v1/training/sessions",
            query={
                "course_id": course_id,
                "status": status,
                "date_from": date_from,
                "date_to": date_to,
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
        course_id: int | None = None,
        status: Literal["scheduled", "in_progress", "completed", "cancelled"] | None = None,
        date_from: dt.date | str | None = None,
        date_to: dt.date | str | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List sessions, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/sessions",
            query={
                "course_id": course_id,
                "status": status,
                "date_from": date_from,
                "date_to": date_to,
                "updated_since": updated_since,
            },
            request_id=request_id,
        )

    def create(
        self,
        *,
        course_id: int,
        session_name: str,
        max_participants: int,
        meetings: Sequence[MeetingFields | Mapping[str, Any]] | Omitted = OMIT,
        start_date: dt.datetime | str | Omitted = OMIT,
        end_date: dt.datetime | str | Omitted = OMIT,
        location: str | Omitted | None = OMIT,
        facilitator: Facilitator | Mapping[str, Any] | Omitted | None = OMIT,
        projects: Sequence[IdAndName | Mapping[str, Any]] | Omitted = OMIT,
        status: Literal["scheduled", "in_progress", "completed", "cancelled"] | Omitted = OMIT,
        enrollment_opens_at: dt.datetime | str | Omitted | None = OMIT,
        enrollment_closes_at: dt.datetime | str | Omitted | None = OMIT,
        external_id: str | Omitted | None = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> SessionDetail:
        """Create session.

        Needs the permission `training.manage`.
        """
        return self._one(
            SessionDetail,
            "POST",
            "/api/v1/training/sessions",
            body={
                "course_id": course_id,
                "session_name": session_name,
                "max_participants": max_participants,
                "meetings": meetings,
                "start_date": start_date,
                "end_date": end_date,
                "location": location,
                "facilitator": facilitator,
                "projects": projects,
                "status": status,
                "enrollment_opens_at": enrollment_opens_at,
                "enrollment_closes_at": enrollment_closes_at,
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
    ) -> SessionDetail:
        """Get session.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._one(
            SessionDetail,
            "GET",
            "/api/v1/training/sessions/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def update(
        self,
        id: int,
        *,
        course_id: int | Omitted = OMIT,
        session_name: str | Omitted = OMIT,
        meetings: Sequence[MeetingFields | Mapping[str, Any]] | Omitted | None = OMIT,
        start_date: dt.datetime | str | Omitted | None = OMIT,
        end_date: dt.datetime | str | Omitted | None = OMIT,
        location: str | Omitted | None = OMIT,
        facilitator: FacilitatorPatch | Mapping[str, Any] | Omitted | None = OMIT,
        max_participants: int | Omitted = OMIT,
        projects: Sequence[IdAndName | Mapping[str, Any]] | Omitted | None = OMIT,
        status: Literal["scheduled", "in_progress", "completed", "cancelled"] | Omitted | None = OMIT,
        enrollment_opens_at: dt.datetime | str | Omitted | None = OMIT,
        enrollment_closes_at: dt.datetime | str | Omitted | None = OMIT,
        external_id: str | Omitted | None = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> ChangedSession:
        """Change session.

        A session that is `scheduled` becomes `in_progress` and then `completed`, or is `cancelled` before; never
        back. Cancelling it cancels its enrollments.

        Needs the permission `training.manage`.
        """
        return self._one(
            ChangedSession,
            "PATCH",
            "/api/v1/training/sessions/{id}",
            ids={"id": id},
            body={
                "course_id": course_id,
                "session_name": session_name,
                "meetings": meetings,
                "start_date": start_date,
                "end_date": end_date,
                "location": location,
                "facilitator": facilitator,
                "max_participants": max_participants,
                "projects": projects,
                "status": status,
                "enrollment_opens_at": enrollment_opens_at,
                "enrollment_closes_at": enrollment_closes_at,
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
        """Delete session.

        Needs the permission `training.manage`.
        """
        return self._nothing(
            "DELETE",
            "/api/v1/training/sessions/{id}",
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
        """Get audit trail of session.

        Needs the permission `training.view`.
        """
        return self._list(
            AuditItem,
            "/api/v1/training/sessions/{id}/audit",
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
        """Get audit trail of session, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/training/sessions/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )

    def record_attendance(
        self,
        id: int,
        *,
        attendance: Sequence[AttendanceRow | Mapping[str, Any]],
        atomic: bool | Omitted = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> RecordedAttendance:
        """Record attendance.

        The rows are recorded in their order, each by the rules of the single change. With `atomic` all are recorded
        or none.

        Needs the permission `training.record`.
        """
        return self._one(
            RecordedAttendance,
            "POST",
            "/api/v1/training/sessions/{id}/attendance",
            ids={"id": id},
            body={"attendance": attendance, "atomic": atomic},
            idempotency_key=key_or_new(idempotency_key),
            request_id=request_id,
        )

    def watch(
        self,
        id: int,
        *,
        last_event_id: str | None = None,
        request_id: str | None = None,
    ) -> Watching[LiveSeats]:
        """Watch session.

        Server-sent events: the session's seats now, and whenever they change. `id` is the version; with `Last-
        Event-ID` the stream goes on from there.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._watch(
            LiveSeats,
            "/api/v1/training/sessions/{id}/live",
            ids={"id": id},
            last_event_id=last_event_id,
            request_id=request_id,
        )

    def watch_many(
        self,
        *,
        sessions: str,
        last_event_id: str | None = None,
        request_id: str | None = None,
    ) -> Watching[LiveSeats]:
        """Watch sessions.

        Server-sent events of up to 50 sessions. `id` has the version of each; with `Last-Event-ID` the stream goes
        on from there. A session that does not exist is an event `removed`.

        Needs the permission `training.view`, `training.view.self` or `training.view.company`.
        """
        return self._watch(
            LiveSeats,
            "/api/v1/training/sessions/live",
            query={"sessions": sessions},
            last_event_id=last_event_id,
            request_id=request_id,
        )
