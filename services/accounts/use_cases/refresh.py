"""Refresh tokens: each is good once, and brings the next one (RFC 6749, section 6; RFC 9700, section 4.14.2)."""

from dataclasses import dataclass
from typing import Any

from services.accounts.sessions import Session, SignIn, StoredToken
from services.accounts.store import refresh_tokens, sign_in
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.security_log import SecurityEvent, record


class RefreshRefused(Exception):
    """The refresh token is not accepted; why is nobody's business but the security log's."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why, for the security log, and whether the family ends with it."""

    reason: str
    ends_family: bool = False


async def refresh(pool: Pool, presented: str, *, address: str) -> Session:
    """The user of this refresh token as they are now, with the next token of its family; raises `RefreshRefused`.

    Of two requests with the same token one gets through. The other is refused and changes nothing, as long as it comes
    within the grace and nobody has used the next token: a client with two tabs is no thief. Later two hold the token,
    of whom one may have stolen it: the family ends.
    """
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        outcome, current = await _rotated(connection, presented)
    if isinstance(outcome, Session):
        return outcome
    _record_refusal(outcome, current, address)
    raise RefreshRefused


async def _rotated(connection: Connection, presented: str) -> tuple[Session | Refused, SignIn | None]:
    owner = await refresh_tokens.owner(connection, presented)
    current = None if owner is None else await sign_in.locked(connection, *owner)
    stored = None if current is None else await refresh_tokens.find(connection, presented)
    if current is None or stored is None:
        return Refused("unknown"), None
    user = current.user
    refused = refusal(stored, current)
    if refused is None:
        await refresh_tokens.use(connection, presented)
        token = await refresh_tokens.add(connection, user.organisation_id, user.id, stored.family)
        return Session(user, current.now, token, stored.family), current
    if refused.ends_family:
        await refresh_tokens.end(connection, user.organisation_id, user.id, stored.family)
    return refused, current


def _record_refusal(refused: Refused, current: SignIn | None, address: str) -> None:
    user: dict[str, Any] = {}
    if current is not None:
        user = {"subject": str(current.user.id), "organisation_id": current.user.organisation_id}
    record(SecurityEvent.REFRESH_REFUSED, reason=refused.reason, address=address, **user)


def refusal(stored: StoredToken, current: SignIn) -> Refused | None:
    """Why a refresh token is not accepted, if it is not."""
    if stored.is_stolen:
        return Refused("reused", ends_family=True)
    if not stored.is_good:
        return Refused("used" if stored.used_at is not None else "ended" if stored.ended_at is not None else "expired")
    # An organisation may be resumed, and its people go on; a disabled user starts anew.
    is_over = current.user.status != "active"
    return Refused(current.hindrance, ends_family=is_over) if current.hindrance else None
