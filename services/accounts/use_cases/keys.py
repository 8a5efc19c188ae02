"""Changing the keys that sign tokens, without refusing a valid token in between."""

import json

from services.accounts.errors import CommandRefused
from services.accounts.signing_keys import KeyStanding, found, require_promotable, require_retirable, standing
from services.accounts.store import keys as key_store
from shared.auth.jwk import MAX_KEYS, Algorithm, KeyInvalid, new_private_key, parse_private_keys
from shared.auth.secrets_at_rest import Sealer
from shared.postgres.pool import Connection
from shared.security_log import SecurityEvent, record


async def list_keys(connection: Connection) -> list[KeyStanding]:
    """All there have been; the one that signs first."""
    return standing(await key_store.list_keys(connection))


async def add_key(connection: Connection, sealer: Sealer, algorithm: Algorithm) -> str:
    """Publishes a new key and returns its `kid`; it signs once it is promoted. Raises `CommandRefused`."""
    await key_store.lock(connection)
    published = [each for each in await list_keys(connection) if each.state != "retired"]
    if len(published) >= MAX_KEYS:
        raise CommandRefused(f"there are {MAX_KEYS} published keys, and a key set has room for no more: retire one")
    jwk = new_private_key(algorithm)
    await key_store.add(connection, sealer, jwk["kid"], algorithm, json.dumps(jwk))
    if not published:
        await key_store.promote(connection, jwk["kid"])
    record(SecurityEvent.KEY_SET_CHANGED, by="command", added=[jwk["kid"]])
    return jwk["kid"]


async def promote_key(connection: Connection, sealer: Sealer, key_id: str, *, at_once: bool) -> None:
    """From now on this key signs. `at_once`: whether or not everybody has had time to read it.

    Raises `CommandRefused` or `SecretWrong`.
    """
    await key_store.lock(connection)
    chosen = found(await key_store.list_keys(connection), key_id)
    if chosen.state == "signs":
        raise CommandRefused(f"key {key_id} signs already")
    if not at_once:
        require_promotable(chosen, await key_store.now(connection))
    try:
        parse_private_keys(json.dumps({"keys": [json.loads(await key_store.private_key(connection, sealer, key_id))]}))
    except KeyInvalid as error:
        raise CommandRefused(f"key {key_id} cannot sign: {error}") from None
    await key_store.promote(connection, key_id)
    record(SecurityEvent.KEY_SET_CHANGED, by="command", promoted=key_id)


async def retire_key(connection: Connection, key_id: str, *, at_once: bool) -> None:
    """Takes the key out of the key set, and deletes its private half.

    `at_once`: although tokens that it has signed may be valid. Raises `CommandRefused`.
    """
    await key_store.lock(connection)
    chosen = found(await key_store.list_keys(connection), key_id)
    require_retirable(chosen, await key_store.now(connection), at_once=at_once)
    await key_store.retire(connection, key_id)
    record(SecurityEvent.KEY_SET_CHANGED, by="command", removed=[key_id])


async def reencrypt_keys(connection: Connection, sealer: Sealer) -> int:
    """Encrypts the private halves with the current secret; how many. Raises `SecretWrong`."""
    await key_store.lock(connection)
    return await key_store.reseal(connection, sealer)
