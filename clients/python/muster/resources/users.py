"""Methods of users.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from muster.arguments import OMIT, Omitted, Tag, key_or_new
from muster.exported import Export
from muster.listing import Listing
from muster.models.shared import AuditItem, InvitedUser
from muster.models.users import UserItem
from muster.resource import Resource


class UsersResource(Resource):
    """`client.users`."""

    def list(
        self,
        *,
        search: str | None = None,
        role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"] | None = None,
        status: Literal["invited", "active", "disabled"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Listing[UserItem]:
        """List users.

        Needs the permission `accounts.manage`.
        """
        return self._list(
            UserItem,
            "/api/v1/users",
            query={
                "search": search,
                "role": role,
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
        role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"] | None = None,
        status: Literal["invited", "active", "disabled"] | None = None,
        updated_since: dt.datetime | str | None = None,
        request_id: str | None = None,
    ) -> Export:
        """List users, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/users",
            query={"search": search, "role": role, "status": status, "updated_since": updated_since},
            request_id=request_id,
        )

    def create(
        self,
        *,
        name: str,
        email: str,
        role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"],
        user_type: Literal["staff", "contractor"] | Omitted = OMIT,
        employee_id: int | Omitted | None = OMIT,
        company_ids: Sequence[int] | Omitted = OMIT,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> InvitedUser:
        """Invite user.

        The token of the invitation, with which the user sets a password within seven days, is in this response
        alone.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            InvitedUser,
            "POST",
            "/api/v1/users",
            body={
                "name": name,
                "email": email,
                "role": role,
                "user_type": user_type,
                "employee_id": employee_id,
                "company_ids": company_ids,
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
    ) -> UserItem:
        """Get user.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            UserItem,
            "GET",
            "/api/v1/users/{id}",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
        )

    def update(
        self,
        id: int,
        *,
        name: str | Omitted = OMIT,
        email: str | Omitted = OMIT,
        role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"] | Omitted = OMIT,
        user_type: Literal["staff", "contractor"] | Omitted | None = OMIT,
        employee_id: int | Omitted | None = OMIT,
        company_ids: Sequence[int] | Omitted | None = OMIT,
        disabled: bool | Omitted | None = OMIT,
        if_match: Tag | None = None,
        request_id: str | None = None,
    ) -> UserItem:
        """Change user.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            UserItem,
            "PATCH",
            "/api/v1/users/{id}",
            ids={"id": id},
            body={
                "name": name,
                "email": email,
                "role": role,
                "user_type": user_type,
                "employee_id": employee_id,
                "company_ids": company_ids,
                "disabled": disabled,
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
        """Delete user.

        Their tokens are refused from now on.

        Needs the permission `accounts.manage`.
        """
        return self._nothing(
            "DELETE",
            "/api/v1/users/{id}",
            ids={"id": id},
            if_match=if_match,
            request_id=request_id,
        )

    def renew_invitation(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> InvitedUser:
        """Renew invitation of user.

        The link before ends. A password that the user has stays valid until they set another.

        Needs the permission `accounts.manage`.
        """
        return self._one(
            InvitedUser,
            "POST",
            "/api/v1/users/{id}/invitation",
            ids={"id": id},
            request_id=request_id,
        )

    def sign_out(
        self,
        id: int,
        *,
        request_id: str | None = None,
    ) -> None:
        """Sign out user.

        All tokens of the user are refused that were issued until now.

        Needs the permission `accounts.manage`.
        """
        return self._nothing(
            "POST",
            "/api/v1/users/{id}/sign-out",
            ids={"id": id},
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
        """Get audit trail of user.

        Needs the permission `accounts.manage`.
        """
        return self._list(
            AuditItem,
            "/api/v1/users/{id}/audit",
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
        """Get audit trail of user, all rows of one moment in one stream."""
        return self._export(
            media_type,
            "/api/v1/users/{id}/audit",
            ids={"id": id},
            query={"updated_since": updated_since},
            request_id=request_id,
        )
