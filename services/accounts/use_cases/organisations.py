"""Organisations, as the operator of the platform manages them: in the caller's transaction each."""

from dataclasses import dataclass
from typing import Any

from services.accounts import organisation_rules as rules
from services.accounts.errors import OrganisationNotFound, OwnOrganisation
from services.accounts.organisation_rules import Organisation
from services.accounts.roles import ROLES
from services.accounts.schemas_organisations import OrganisationDocument, OrganisationFields
from services.accounts.schemas_users import UserFields
from services.accounts.store import organisation_pages, revocations
from services.accounts.store import organisations as store
from services.accounts.store.invitations import NewLink
from services.accounts.use_cases import users
from services.accounts.use_cases.users import Manager
from shared.events.states import OrganisationState
from shared.events.types import OrganisationCreated
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.messaging import outbox
from shared.postgres import audit_trail
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection
from shared.postgres.row_security import EVERY_ORGANISATION, scope
from shared.security_log import SecurityEvent, record

SOURCE = "accounts"


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """With its first Admin, who is invited by the link."""

    organisation: Document
    admin: users.Saved
    link: NewLink


@dataclass(frozen=True, slots=True)
class Saved:
    """`action` is what the audit trail calls the change, empty where there was none; `is_new` says that the
    organisation was unknown until now."""

    organisation: Document
    action: str
    is_new: bool = False


async def create(connection: Connection, fields: OrganisationFields, actor: Actor, issuer: str) -> NewOrganisation:
    """The new organisation; raises `OrganisationExists` or `EmailTaken`.

    The transaction has to see all organisations, and does again at the end.
    """
    made = await store.insert(connection, fields.id, fields.name)
    settings = {"time_zone": fields.time_zone, "booking_clash": fields.booking_clash}
    state = OrganisationState(id=made.id, version=made.version, name=made.name, **settings)
    event = OrganisationCreated(made.id, state, actor.trace)
    await outbox.add(connection, SOURCE, [event], [_entry(made, event.type, differences(None, state), actor)])
    admin = UserFields(name=fields.admin.name, email=fields.admin.email, role="Admin")
    invited, link = await users.invite(connection, Manager(made.id, actor, ROLES["Admin"], issuer), admin)
    document = await _document(connection, made.id)
    await connection.execute(scope(EVERY_ORGANISATION))  # what was read has narrowed it
    return NewOrganisation(document, invited, link)


async def change(
    connection: Connection,
    organisation_id: int,
    patch: dict[str, Any],
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
    *,
    own: int | None = None,
) -> Saved:
    """`own` is the caller's organisation.

    Raises `OrganisationNotFound`, `PreconditionFailed`, `ValidationFailed` or `OwnOrganisation`.
    """
    current = await store.lock(connection, organisation_id)
    if current is None:
        raise OrganisationNotFound
    conditions.check(organisation_pages.organisation_row(organisation_id), current.version)
    action = await _save(connection, current, rules.changed_organisation(rules.document_of(current), patch), actor, own)
    return Saved(await _document(connection, organisation_id), action)


async def put(
    connection: Connection,
    organisation_id: int,
    wanted: OrganisationDocument,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
    *,
    own: int | None = None,
) -> Saved:
    """An organisation that an outside provider names becomes known so; it has no Admin here, and keeps its settings.

    Raises `OrganisationNotFound`, `PreconditionFailed` or `OwnOrganisation`.
    """
    current = await store.lock(connection, organisation_id)
    row = organisation_pages.organisation_row(organisation_id)
    conditions.check(row, 0 if current is None else current.version)
    is_new = current is None
    if current is None:
        current = await _make_known(connection, organisation_id, wanted.name, actor)
    action = await _save(connection, current, wanted, actor, own) or ("organisation.known" if is_new else "")
    return Saved(await _document(connection, organisation_id), action, is_new)


def record_created(made: NewOrganisation, by: str) -> None:
    """To be called after the commit, as `record_saved`."""
    organisation_id = made.organisation.row.id
    record(SecurityEvent.ORGANISATION_SAVED, reason="organisation.created", organisation_id=organisation_id, by=by)
    users.record_saved(made.admin, by)


def record_saved(saved: Saved, by: str) -> None:
    if saved.action:
        organisation_id = saved.organisation.row.id
        record(SecurityEvent.ORGANISATION_SAVED, reason=saved.action, organisation_id=organisation_id, by=by)


async def _make_known(connection: Connection, organisation_id: int, name: str, actor: Actor) -> Organisation:
    rules.check_may_be_known(organisation_id)
    made = await store.insert(connection, organisation_id, name)
    changes = differences(None, rules.document_of(made))
    await audit_trail.add(connection, [_entry(made, "organisation.known", changes, actor)])
    return made


async def _save(
    connection: Connection, current: Organisation, wanted: OrganisationDocument, actor: Actor, own: int | None
) -> str:
    before = rules.document_of(current)
    changes = differences(before, wanted)
    if not changes:
        return ""
    if wanted.suspended and current.id == own:
        raise OwnOrganisation
    saved, action = await store.update(connection, current.id, wanted), rules.action_of(before, wanted)
    await audit_trail.add(connection, [_entry(saved, action, changes, actor)])
    if wanted.suspended != before.suspended:
        await (revocations.suspend if wanted.suspended else revocations.resume)(connection, current.id)
    return action


def _entry(organisation: Organisation, action: str, changes: dict[str, dict[str, Any]], actor: Actor) -> AuditEntry:
    return AuditEntry("organisation", organisation.id, organisation.id, organisation.version, action, actor, changes)


async def _document(connection: Connection, organisation_id: int) -> Document:
    document = await organisation_pages.organisation_detail(connection, organisation_id)
    if document is None:
        raise OrganisationNotFound
    return document
