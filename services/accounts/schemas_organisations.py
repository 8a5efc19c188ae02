"""What the operator of the platform sends about organisations (contract, section 7)."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel

from services.accounts.schemas import Email
from shared.events.states import BookingClash
from shared.http.models import Body, MergePatch
from shared.http.pagination import PagedQuery
from shared.validation.fields import Id, Name, Search
from shared.validation.time_zones import TimeZone

OrganisationStatus = Literal["active", "suspended"]
OWN_IDS: Final = range(2_000_000_000_001, 3_000_000_000_000)
"""Ids that organisations get which are made here; the migration has their sequence."""


def _of_a_provider(organisation_id: int) -> int:
    if organisation_id in OWN_IDS:
        raise ValueError(f"must not be from {OWN_IDS[0]} to {OWN_IDS[-1]}, which are chosen here")
    return organisation_id


class OrganisationQuery(PagedQuery):
    search: Search | None = None
    status: OrganisationStatus | None = None


class FirstAdmin(Body):
    name: Name
    email: Email


class OrganisationFields(Body):
    """A new organisation with its first Admin, and the settings that it begins with.

    With an `id` it is one that tokens of an outside provider name already.
    """

    rules = (f"id is not from {OWN_IDS[0]} to {OWN_IDS[-1]}: such ids are chosen here.",)

    name: Name
    admin: FirstAdmin
    time_zone: TimeZone = "UTC"
    booking_clash: BookingClash = "warn"
    id: Annotated[Id, AfterValidator(_of_a_provider)] | None = None


class OrganisationDocument(Body):
    """An organisation as the operator writes it. Of a suspended one every token is refused."""

    name: Name
    suspended: bool = False


class OrganisationPatch(MergePatch):
    document: ClassVar[type[BaseModel]] = OrganisationDocument
