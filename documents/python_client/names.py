"""What an operation is called in Python: a resource of the client, and a method of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from documents.writing import DocumentError

RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "auth": ("/api/v1/auth",),
    "calendars": ("/api/v1/calendars", "/calendars"),
    "clearance": ("/api/v1/training/clearance",),
    "clients": ("/api/v1/clients",),
    "companies": ("/api/v1/companies",),
    "compliance": ("/api/v1/training/compliance",),
    "courses": ("/api/v1/training/courses",),
    "credentials": ("/verify", "/credentials"),
    "employees": ("/api/v1/employees",),
    "enrollments": ("/api/v1/training/enrollments",),
    "events": ("/api/v1/events",),
    "health": ("/health",),
    "imports": ("/api/v1/imports",),
    "imports.completions": ("/api/v1/imports/completions",),
    "imports.courses": ("/api/v1/imports/courses",),
    "imports.people": ("/api/v1/imports/people",),
    "imports.sessions": ("/api/v1/imports/sessions",),
    "labels": ("/api/v1/training/labels",),
    "oauth": ("/oauth", "/.well-known"),
    "organisations": ("/api/v1/organisations",),
    "projects": ("/api/v1/training/projects",),
    "record_submissions": ("/api/v1/training/record-submissions",),
    "records": ("/api/v1/training/records",),
    "requirements": ("/api/v1/training/requirements",),
    "sessions": ("/api/v1/training/sessions",),
    "settings": ("/api/v1/training/settings",),
    "staff": ("/api/v1/staff",),
    "training": (),
    "users": ("/api/v1/users",),
    "webhook_messages": ("/api/v1/webhook-messages",),
    "webhooks": ("/api/v1/webhooks",),
}
"""Attributes of the client, and the paths whose operations they have."""

_NAMES: Final[Mapping[str, str]] = {
    "changePassword": "auth.change_password",
    "checkClearance": "clearance.check",
    "getKeySet": "oauth.key_set",
    "getMetadataOfAuthorizationServer": "oauth.authorization_server",
    "getMetadataOfProtectedResource": "oauth.protected_resource",
    "listTrainings": "training.list",
    "markEnrollmentAsAbsent": "enrollments.mark_absent",
    "readCalendar": "calendars.read",
    "readIssuerOfCredentials": "credentials.issuer",
    "readStatusList": "credentials.status_list",
    "recordAttendance": "sessions.record_attendance",
    "renewInvitationOfUser": "users.renew_invitation",
    "setPasswordOfInvitation": "auth.accept_invitation",
    "verifyCredential": "credentials.verify",
    "watchSession": "sessions.watch",
    "watchSessions": "sessions.watch_many",
}
"""By operation, where neither method nor path says what a reader would guess."""

_OF_ROW: Final = {"GET": "get", "PATCH": "update", "PUT": "put", "DELETE": "delete"}
_OF_COLLECTION: Final = {"GET": "list", "POST": "create"}
_OF_SINGLE: Final = {"GET": "get", "PUT": "replace"}
_BEFORE_PART: Final = {"DELETE": "remove_", "PUT": "replace_"}


def names_of(document: Mapping[str, Any]) -> dict[str, str]:
    """`courses.list`, by operation. Raises `DocumentError` for a path of no resource, and for two with one name."""
    names: dict[str, str] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = _NAMES.get(operation["operationId"]) or _name(method.upper(), path, item)
            if name in names.values():
                raise DocumentError(f"two operations would be called {name}: name one in {__name__}")
            names[operation["operationId"]] = name
    return names


def _name(method: str, path: str, item: Mapping[str, Any]) -> str:
    resource, root = _resource_of(path)
    rest = path.removeprefix(root).strip("/")
    if not rest:
        found = (_OF_COLLECTION if "post" in item or _is_list(item) else _OF_SINGLE).get(method)
    elif rest == "{id}":
        found = _OF_ROW.get(method)
    else:
        found = _BEFORE_PART.get(method, "") + snake(rest.removeprefix("{id}/"))
    if found is None or not found.isidentifier():
        raise DocumentError(f"{method} {path} has no name in the client: say one in {__name__}")
    return f"{resource}.{found}"


def _is_list(item: Mapping[str, Any]) -> bool:
    return any(each.get("name") in ("cursor", "limit") for each in item["get"].get("parameters", []))


def _resource_of(path: str) -> tuple[str, str]:
    """The resource, and the beginning of the path that is its."""
    found = [
        (root, resource)
        for resource, roots in RESOURCES.items()
        for root in roots
        if path == root or path.startswith(f"{root}/")
    ]
    if not found:
        raise DocumentError(f"{path} is of no resource of the client: add one in {__name__}")
    root, resource = max(found)
    return resource, root


def class_of(resource: str) -> str:
    """`imports.people` is `ImportsPeopleResource`."""
    return "".join(word.capitalize() for word in re.split(r"[._]", resource)) + "Resource"


def module_of(resource: str) -> str:
    return resource.replace(".", "_")


def snake(name: str) -> str:
    """`checkIn`, `check-in` and `Idempotency-Key` as names of Python."""
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
