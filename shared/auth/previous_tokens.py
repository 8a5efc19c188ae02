"""Internal tokens of the previous version: HS256 with one secret shared by all processes.

They are accepted while `INTERNAL_TOKEN_SECRET` is set, and issued while `INTERNAL_KEYS_FILE` is not set, so that
processes of both versions work together during an update (docs/operations.md). Whoever has the secret can act as any
caller: remove it after the update. The next version removes this module.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import field_validator

from shared.auth.claims import InternalClaims
from shared.auth.trust import FETCH_SESSION, SEATS, STATES, is_internal

ALGORITHM = "HS256"
CALL = "internal.call"
"""The one permission for all requests between services, besides `api.access`."""


class PreviousClaims(InternalClaims):
    """Its single service permission is read as all of the current ones."""

    iss: Literal["muster-gateway"]
    aud: Literal["internal"]
    jti: str = ""

    @field_validator("permissions")
    @classmethod
    def _todays(cls, permissions: list[str]) -> list[str]:
        kept = [permission for permission in permissions if not is_internal(permission)]
        return [*kept, FETCH_SESSION, SEATS, STATES] if CALL in permissions else kept


def previous_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims in the form that the previous version reads."""
    kept = [permission for permission in claims["permissions"] if not is_internal(permission)]
    calls = [] if len(kept) == len(claims["permissions"]) else ["api.access", CALL]
    return {**claims, "iss": "muster-gateway", "aud": "internal", "permissions": [*kept, *calls]}
