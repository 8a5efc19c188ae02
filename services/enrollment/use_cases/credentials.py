"""Credentials are issued when somebody asks for one first, and read by whoever has their code."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.enrollment.credentials import Addresses, Credential, list_of
from services.enrollment.errors import ChangedMeanwhile
from services.enrollment.open_badge import TYP
from services.enrollment.sealing import about_key
from services.enrollment.store import credentials as store
from services.enrollment.store.credential_events import ISSUED
from services.enrollment.store.credentials import Found, SealedKey, Shown, Source
from services.enrollment.use_cases import SOURCE
from services.enrollment.use_cases.change_set import in_transaction
from shared.auth.credential_codes import digest, new_code
from shared.auth.jwk import PrivateKeySet, new_private_keys, parse_private_keys
from shared.auth.secrets_at_rest import Sealer, SecretWrong
from shared.auth.sight import Sight
from shared.errors import Unavailable
from shared.events.states import CredentialState
from shared.events.types import CredentialIssued
from shared.messaging import outbox
from shared.observability import Trace
from shared.postgres.pool import Connection, Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Issued:
    """A credential that is not revoked, and the key that signs it; `now` is the database's clock."""

    credential: Credential
    key: SealedKey
    now: datetime


async def credential_of(
    pool: Pool, sealer: Sealer, source: Source, place: tuple[int, int], sight: Sight, trace: Trace
) -> Issued | None:
    """The credential of an enrollment or a record, `place` being its organisation and id; None for what is not in
    sight.

    What it says is what is true now: another name, of the person or of the organisation, makes another one, and the
    one before stays. Raises `NotCertified`, `PersonErased`, `ChangedMeanwhile`.
    """
    async with connected(pool) as connection:
        found = await store.found(connection, source, place, sight)
    if found is None:
        return None
    issued = _issued(found)
    if issued is not None:
        return issued

    async def work(connection: Connection) -> Issued:
        return await _issue(connection, sealer, source, place, trace)

    return await in_transaction(pool, place[0], work)


def _issued(found: Found) -> Issued | None:
    """None where none says what is true now. Raises `NotCertified` or `PersonErased`."""
    content, credential, key = found.subject.certified(), found.credential, found.key
    if credential is None or key is None or credential.content != content:
        return None
    return Issued(credential, key, found.now)


async def _issue(
    connection: Connection, sealer: Sealer, source: Source, place: tuple[int, int], trace: Trace
) -> Issued:
    """Raises `ChangedMeanwhile`, `NotCertified` or `PersonErased`."""
    if not await store.lock(connection, source, place):
        raise ChangedMeanwhile
    found = await store.found(connection, source, place)
    if found is None:
        raise ChangedMeanwhile
    if (issued := _issued(found)) is not None:
        return issued
    number = list_of(await store.count(connection, place[0]))
    key = await store.signing_key(connection, place[0]) or await add_key(connection, sealer, place[0])
    content = found.subject.certified()
    if found.credential is not None and found.credential.content == content:
        return Issued(found.credential, key, found.now)
    free = await store.free_place(connection, place[0], number)
    credential = Credential(*place, new_code(), number, free, content, found.now)
    employee_id = found.subject.employee_id
    row_id = await store.insert(connection, credential, employee_id, digest(credential.code))
    await outbox.add(connection, SOURCE, [_event(credential, source, row_id, employee_id, trace)])
    return Issued(credential, key, found.now)


def _event(credential: Credential, source: Source, row_id: int, employee_id: int, trace: Trace) -> CredentialIssued:
    state = CredentialState(
        id=row_id,
        version=ISSUED,
        employee_id=employee_id,
        enrollment_id=credential.of_id if source == "enrollments" else None,
        record_id=None if source == "enrollments" else credential.of_id,
        issued_at=credential.issued_at,
        revoked_at=None,
    )
    return CredentialIssued(credential.organisation_id, state, trace)


async def add_key(connection: Connection, sealer: Sealer, organisation_id: int) -> SealedKey:
    """A new key, which signs from now on."""
    text = new_private_keys()
    keys = parse_private_keys(text)
    key = SealedKey(organisation_id, keys.key_id, sealer.seal(text, about_key(organisation_id, keys.key_id)))
    await store.add_key(connection, key, keys.keys[keys.key_id].jwk)
    return key


async def shown(pool: Pool, code_digest: str) -> Shown | None:
    """What is behind a code, of whichever organisation."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        return await store.of_digest(connection, code_digest)


def signed(payload: dict[str, Any], key: SealedKey, sealer: Sealer, addresses: Addresses) -> str:
    """A compact JWT. Raises `Unavailable` where the key was encrypted with another secret."""
    return replace(_opened(key, sealer), key_id=f"{addresses.did}#{key.id}").sign(payload, typ=TYP)


def _opened(key: SealedKey, sealer: Sealer) -> PrivateKeySet:
    try:
        return parse_private_keys(sealer.open(key.sealed, about_key(key.organisation_id, key.id)))
    except SecretWrong as error:
        log.error("a credential cannot be signed: %s", error)
        raise Unavailable from None
