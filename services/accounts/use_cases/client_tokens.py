"""Tokens for programs: the grant `client_credentials` (RFC 6749, section 4.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.accounts.client_authentication import Credentials
from services.accounts.client_secrets import is_secret_of
from services.accounts.clients import Client, granted, permissions_of
from services.accounts.key_ring import KeyRing
from services.accounts.oauth_errors import ClientRefused, InvalidScope
from services.accounts.settings import AccountsSettings
from services.accounts.store import clients as store
from services.accounts.store.clients import Found
from services.accounts.tokens import access_token
from services.accounts.use_cases import guessing
from shared.auth.internal_token import Caller
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.security_log import SecurityEvent, record

LIFETIME: Final = 3600
"""Seconds of a token, unless its client expires before."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""Of the uses of a client, those are noted: no request waits for the disk but one a minute."""
_OF_NOBODY: Final = (None, None)
"""No digest: comparing with it takes as long as with any."""


@dataclass(frozen=True, slots=True)
class Issued:
    """`expires_in` is in seconds, `scope` a list separated by spaces."""

    access_token: str
    expires_in: int
    scope: str


async def issue(
    pool: Pool, key_ring: KeyRing, settings: AccountsSettings, credentials: Credentials, scope: str | None, address: str
) -> Issued:
    """A token of the client; raises `ClientRefused`, `InvalidScope`, `RateLimited` or `NoSigningKey`.

    An unknown client and a wrong secret look the same and take as long.
    """
    guess = guessing.of_client(credentials.client_id, address)
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await guessing.check(connection, guess)
        found = await store.lock_to_issue(connection, credentials.client_id)
        is_right = _is_right(found, credentials)
        if found is not None and is_right:
            await guessing.succeeded(connection, guess)
            return await _issued(connection, key_ring, settings, found, scope)
        await guessing.failed(connection, guess)  # which is kept, though the request is refused
    record(SecurityEvent.CLIENT_REFUSED, reason="credentials", address=address)
    raise ClientRefused


def _is_right(found: Found | None, credentials: Credentials) -> bool:
    digests = _OF_NOBODY if found is None else found.client.digests(found.now)
    return is_secret_of(credentials.client_secret, *digests) and found is not None


async def _issued(
    connection: Connection, key_ring: KeyRing, settings: AccountsSettings, found: Found, scope: str | None
) -> Issued:
    client = found.client
    _check_usable(found)
    names = granted(scope, client.fields.permissions)
    if names is None:
        raise InvalidScope(f"The client may ask for: {' '.join(client.fields.permissions)}.")
    if client.last_used_at is None or found.now - client.last_used_at >= NOTED_EVERY:
        await store.note_use(connection, client)
    now = int(found.now.timestamp())
    ttl, asked = _time_to_live(client, now), " ".join(names)
    claims = access_token(
        _caller(client, names),
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        now=now,
        ttl=ttl,
        not_before=client.cut_off_at,
        rate_limit=client.fields.rate_limit,
        client_id=client.client_id,
        scope=asked,
    )
    return Issued(key_ring.sign(claims), ttl, asked)


def _check_usable(found: Found) -> None:
    """Who has the secret learns why it is of no use; raises `ClientRefused`."""
    if found.client.revoked_at is not None:
        raise ClientRefused("The client is revoked.")
    if found.client.is_expired(found.now):
        raise ClientRefused("The client has expired.")
    if found.is_suspended:
        raise ClientRefused("The organisation of the client is suspended.")


def _time_to_live(client: Client, now: int) -> int:
    expires_at = client.fields.expires_at
    return LIFETIME if expires_at is None else min(LIFETIME, int(expires_at.timestamp()) - now)


def _caller(client: Client, scope: Sequence[str]) -> Caller:
    """Whom the token speaks for: the subject of a program is its client id (RFC 9068, section 2.2)."""
    return Caller(
        client.organisation_id,
        client.client_id,
        client.fields.name,
        "service",
        permissions_of(scope),
        company_ids=tuple(client.fields.company_ids),
    )
