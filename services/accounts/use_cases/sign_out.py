"""Signing out: one session, or all of a subject."""

from uuid import UUID

from services.accounts.store import refresh_tokens, revocations, sign_in
from services.accounts.store import users as user_store
from shared.errors import BadRequest
from shared.postgres.pool import Pool, transaction
from shared.security_log import SecurityEvent, record


async def end_family(pool: Pool, organisation_id: int, user_id: int, family: UUID) -> None:
    """Ends one session of the user: its refresh token is not accepted any more."""
    async with transaction(pool, [organisation_id]) as connection:
        await sign_in.locked(connection, organisation_id, user_id)
        await refresh_tokens.end(connection, organisation_id, user_id, family)


async def sign_out_everywhere(
    pool: Pool, organisation_id: int, subject: str, issuer: str, user_id: int | None, address: str
) -> None:
    """All tokens of the subject are refused that this issuer has issued until now.

    `user_id` is the subject's, where it is a user of ours: then all refresh tokens end too.
    """
    if not issuer:
        raise BadRequest("The token that the request came with was not passed on.")
    async with transaction(pool, [organisation_id]) as connection:
        found = None if user_id is None else await sign_in.locked(connection, organisation_id, user_id)
        if found is None:
            await revocations.refuse_tokens(connection, organisation_id, subject, issuer)
        else:
            await user_store.end_sessions(connection, organisation_id, found.user.id, issuer)
    record(
        SecurityEvent.TOKEN_REVOKED,
        reason="sign_out",
        subject=subject,
        organisation_id=organisation_id,
        address=address,
    )
