"""Takes over the users and keys of an installation that kept them in files, and makes the first administrator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.accounts import user_rules
from services.accounts.earlier_files import EarlierKey, EarlierUser, FileBroken
from services.accounts.roles import ROLES
from services.accounts.schemas_users import UserFields
from services.accounts.signing_keys import LONGEST_TOKEN
from services.accounts.store import earlier_users as user_store
from services.accounts.store import keys as key_store
from services.accounts.use_cases import users
from services.accounts.use_cases.users import Manager
from services.accounts.users import User, email_key
from shared.auth.jwk import MAX_KEYS
from shared.auth.secrets_at_rest import Sealer
from shared.postgres import audit_trail
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection
from shared.security_log import SecurityEvent, record

FIRST_ORGANISATION = 1
_OPERATOR = Actor("operator", "Operator")


@dataclass(frozen=True, slots=True)
class TakenOver:
    """How many rows are new, and how many were there already and stay as they are."""

    new: int
    there: int
    organisations: int = 0
    """Organisations made for the new ones."""


async def take_over_users(connection: Connection, entries: Sequence[EarlierUser]) -> TakenOver:
    """Adds those who are missing, with their organisations; a user who is there stays as they are.

    Raises `FileBroken` where somebody else has the id or the address.
    """
    taken = await user_store.with_ids_or_addresses(connection, entries)
    missing = [user for number, user in enumerate(entries, 1) if _is_missing(number, user, taken)]
    organisations = await _add_organisations(connection, {user.organisation_id for user in missing})
    await user_store.add(connection, missing)
    await audit_trail.add(connection, [_entry(user) for user in map(_user_of, missing)])
    for user in missing:
        record(
            SecurityEvent.USER_SAVED,
            reason="added",
            subject=str(user.id),
            organisation_id=user.organisation_id,
            role=user.role,
            by="import",
        )
    return TakenOver(len(missing), len(entries) - len(missing), organisations)


async def _add_organisations(connection: Connection, organisations: Iterable[int]) -> int:
    """Those that are missing, under their numbers; how many."""
    made = await user_store.add_organisations(connection, sorted(organisations))
    await audit_trail.add(
        connection,
        [
            AuditEntry(
                "organisation", each, each, 1, "organisation.known", _OPERATOR, {"name": {"from": None, "to": name}}
            )
            for each, name in made.items()
        ],
    )
    return len(made)


def _user_of(user: EarlierUser) -> User:
    """As they are now; all were staff."""
    kept = user.model_dump(exclude={"company_ids"})
    return User(
        **kept,
        company_ids=user.company_ids,
        version=1,
        user_type="staff",
        disabled_at=None,
        cut_off_at=None,
    )


def _entry(user: User) -> AuditEntry:
    changes = differences(None, user_rules.document_of(user))
    return AuditEntry("user", user.organisation_id, user.id, user.version, "user.imported", _OPERATOR, changes)


def _is_missing(number: int, user: EarlierUser, taken: user_store.Taken) -> bool:
    holder = taken.by_id.get(user.id)
    if holder == (user.organisation_id, user.id):
        return False
    if holder is not None:
        raise FileBroken(f"entry {number} (id {user.id}): a user of organisation {holder[0]} has this id already")
    holder = taken.by_address.get(email_key(user.email))
    if holder is not None:
        other = f"user {holder[1]} of organisation {holder[0]}"
        raise FileBroken(f"entry {number} (id {user.id}): {other} has this email address already")
    return True


async def take_over_keys(connection: Connection, sealer: Sealer, keys: Sequence[EarlierKey]) -> TakenOver:
    """Publishes those that are missing, in their order; if the first is among them, it signs from now on.

    Raises `FileBroken` where a key set has no room for them.
    """
    await key_store.lock(connection)
    known = await key_store.list_keys(connection)
    missing = [each for each in keys if each.key.id not in {key.key_id for key in known}]
    if len(missing) + sum(key.retired_at is None for key in known) > MAX_KEYS:
        raise FileBroken(f"with these keys there would be more than {MAX_KEYS} published ones; retire some")
    # Their tokens may have a day to live, whoever signs from now on.
    tokens_until = await key_store.now(connection) + LONGEST_TOKEN + timedelta(seconds=1)
    for each in missing:
        await key_store.add(connection, sealer, each.key.id, each.key.algorithm, each.jwk, tokens_until)
    if missing and missing[0] is keys[0]:
        await key_store.promote(connection, keys[0].key.id)
    if missing:
        record(SecurityEvent.KEY_SET_CHANGED, by="import", added=[each.key.id for each in missing][:20])
    return TakenOver(len(missing), len(keys) - len(missing))


async def make_administrator(connection: Connection, fields: UserFields, hashed: str, issuer: str) -> None:
    """The first user: an Admin of the first organisation."""
    await _add_organisations(connection, [FIRST_ORGANISATION])
    manager = Manager(FIRST_ORGANISATION, _OPERATOR, ROLES["Admin"], issuer)
    saved, _ = await users.invite(connection, manager, fields)
    await users.give_password(connection, manager, saved.user, hashed)
    users.record_saved(saved, "command")
