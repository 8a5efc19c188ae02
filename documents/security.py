"""How a client shows who it is: a bearer token, and where programs get one."""

from typing import Any, Final

from shared.auth.internal_token import (
    ACCOUNTS,
    API_ACCESS,
    ENROLL,
    ENROLL_COMPANY,
    ENROLL_SELF,
    MANAGE,
    PLATFORM,
    RECORD,
    VIEW,
    VIEW_COMPANY,
    VIEW_SELF,
)
from shared.http.routing import Route

Schema = dict[str, Any]

BEARER, CLIENT = "bearer", "client"
PERMISSIONS: Final = {
    API_ACCESS: "Everything needs it.",
    VIEW: "See all rows of the organisation.",
    VIEW_SELF: "See the catalog, and what is about the person of the token.",
    VIEW_COMPANY: "See the catalog, and what is about the people of the token's companies.",
    ENROLL: "Enroll, cancel, transfer and promote anybody.",
    ENROLL_SELF: "Enroll, cancel and transfer the person of the token.",
    ENROLL_COMPANY: "Enroll, cancel and transfer the people of the token's companies.",
    RECORD: "Record attendance and results.",
    MANAGE: "Create, change and delete courses, sessions and people, and change the settings.",
    ACCOUNTS: "Manage the organisation's users and clients.",
    PLATFORM: "Manage organisations themselves.",
}
"""What each opens, in a sentence; the contract has the whole."""

SCHEMES: Final[dict[str, Schema]] = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token from login, from `/oauth/token`, or from an identity provider that the installation"
        " trusts.",
    },
    CLIENT: {
        "type": "oauth2",
        "description": "A program with a client id and a secret of its own.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": PERMISSIONS}},
    },
}


def security(route: Route[Any, Any]) -> list[Schema]:
    """Any one of them is enough: the caller needs one of the route's permissions, beside that of the API."""
    if route.is_public:
        return []
    scopes = [sorted({API_ACCESS, permission}) for permission in route.permissions]
    return [{BEARER: []}, *({CLIENT: each} for each in scopes)]
