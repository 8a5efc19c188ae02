"""Internal tokens as the version before has them: HS256 with one secret that every process holds.

They are taken while `INTERNAL_TOKEN_SECRET` is set, and signed while `INTERNAL_KEYS_FILE` is not, so that processes of
both versions understand each other during an update (docs/operations.md). Whoever holds the secret can speak as
anybody: take it away once the update is over. This module goes with the next version.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import field_validator

from shared.auth.claims import InternalClaims
from shared.auth.trust import FETCH_SESSION, SEATS, STATES, is_internal

ALGORITHM = "HS256"
CALL = "internal.call"
"""Opens everything that services ask of each other, beside `api.access`."""


class PreviousClaims(InternalClaims):
    """Its one permission for services stands for all of today's."""

    iss: Literal["muster-gateway"]
    aud: Literal["internal"]
    jti: str = ""

    @field_validator("permissions")
    @classmethod
    def _todays(cls, permissions: list[str]) -> list[str]:
        kept = [permission for permission in permissions if not is_internal(permission)]
        return [*kept, FETCH_SESSION, SEATS, STATES] if CALL in permissions else kept


def previous_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of a token as the version before reads them."""
    kept = [permission for permission in claims["permissions"] if not is_internal(permission)]
    calls = [] if len(kept) == len(claims["permissions"]) else ["api.access", CALL]
    return {**claims, "iss": "muster-gateway", "aud": "internal", "permissions": [*kept, *calls]}
