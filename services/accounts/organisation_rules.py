"""What may become of organisations: values in, values out (contract, section 7)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from services.accounts.errors import OrganisationNotFound
from services.accounts.schemas_organisations import OWN_IDS, OrganisationDocument
from shared.validation.known_members import invalid
from shared.validation.merge_patch import merge_patch, texts_of


@dataclass(frozen=True, slots=True)
class Organisation:
    """Tokens of a suspended one are refused, whoever issued them."""

    id: int
    version: int
    name: str
    suspended_at: datetime | None


def document_of(organisation: Organisation) -> OrganisationDocument:
    """The organisation as the operator writes it."""
    return OrganisationDocument.model_construct(name=organisation.name, suspended=organisation.suspended_at is not None)


def changed_organisation(current: OrganisationDocument, patch: dict[str, Any]) -> OrganisationDocument:
    """The organisation after a change; raises `ValidationFailed`."""
    document = current.model_dump()
    try:
        return OrganisationDocument.model_validate(merge_patch(document, patch), context=set(texts_of(document)))
    except ValidationError as error:
        raise invalid(error) from None


def action_of(before: OrganisationDocument, after: OrganisationDocument) -> str:
    """What the audit trail calls the change."""
    if before.suspended == after.suspended:
        return "organisation.changed"
    return "organisation.suspended" if after.suspended else "organisation.resumed"


def check_may_be_known(organisation_id: int) -> None:
    """Whether a client may name this new id: raises `OrganisationNotFound` for one of those that are chosen here."""
    if organisation_id in OWN_IDS:
        raise OrganisationNotFound
