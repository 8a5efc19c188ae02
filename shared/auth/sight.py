"""Whose rows a caller may see (contract, section 2): decided here, from the permissions, and applied in SQL."""

from dataclasses import dataclass
from typing import Final

from shared.auth.internal_token import (
    ENROLL,
    ENROLL_COMPANY,
    ENROLL_SELF,
    VIEW,
    VIEW_COMPANY,
    VIEW_SELF,
    Caller,
)

VIEWS: Final = (VIEW, VIEW_SELF, VIEW_COMPANY)
"""Any of them opens what is about nobody, such as the catalog, and lists that show what the caller may see."""
ENROLLS: Final = (ENROLL, ENROLL_SELF, ENROLL_COMPANY)


@dataclass(frozen=True, slots=True)
class Sight:
    """Rows about everybody, or else about one person and about those who belong to some companies now.

    No company is named twice.
    """

    everybody: bool = False
    person: int | None = None
    companies: tuple[int, ...] = ()

    def holds(self, person_id: int, company_id: int | None) -> bool:
        """Whether rows about this person, who belongs to this company, are in it."""
        return self.everybody or person_id == self.person or company_id in self.companies


EVERYBODY: Final = Sight(everybody=True)


def sight_of(caller: Caller) -> Sight:
    """What the permissions to view show the caller."""
    return _sight(caller, VIEW, VIEW_SELF, VIEW_COMPANY)


def reach_of(caller: Caller) -> Sight:
    """Whom the permissions to enroll let the caller enroll, cancel and transfer."""
    return _sight(caller, ENROLL, ENROLL_SELF, ENROLL_COMPANY)


def _sight(caller: Caller, everybody: str, own: str, companies: str) -> Sight:
    if caller.may(everybody):
        return EVERYBODY
    return Sight(
        person=caller.employee_id if caller.may(own) else None,
        companies=tuple(sorted(set(caller.company_ids))) if caller.may(companies) else (),
    )
