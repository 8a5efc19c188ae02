"""Counts of the compliance matrix: how many people each requirement applies to, and how they stand to it. Values in,
values out (contract, section 4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final, Literal

from services.enrollment.clearance import Person, Requirement, concerns

By = Literal["company", "project", "label"]
ENDS_WITHIN: Final = (30, 60, 90)
"""Days; what is kept of the ends of what people hold reaches as far."""
ANY_COMPANY: Final = 0
"""No company has this id."""


@dataclass(slots=True)
class Standing:
    """How many people of a company stand how to a requirement; `ending` within so many days, and not fewer."""

    lacking: int = 0
    grace: int = 0
    ending: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class People:
    """How many there are of each type, by company or under `ANY_COMPANY`; and who is named by any requirement."""

    types: Mapping[int | None, Mapping[str, int]]
    named: Sequence[Person]

    def count(self, requirement: Requirement, company_id: int) -> int:
        """To how many of the company it applies somewhere."""
        if requirement.employee_ids is not None:
            return sum(
                concerns(requirement, person) for person in self.named if company_id in (ANY_COMPANY, person.company_id)
            )
        companies: Iterable[int | None] = [company_id]
        if requirement.company_ids is not None:
            asked = requirement.company_ids
            companies = asked if company_id == ANY_COMPANY else asked & {company_id}
        return sum(
            total
            for company in companies
            for type_, total in self.types.get(company, {}).items()
            if requirement.person_types is None or type_ in requirement.person_types
        )


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the matrix: what is asked of the people of a company, or in a project, or for courses with a label."""

    id: int | None
    name: str | None
    requirements: Sequence[Requirement]


Standings = Mapping[tuple[int, int], Standing]
"""By company, or `ANY_COMPANY`, and requirement."""


def shown(groups: Sequence[Group], by: By | None, people: People, standings: Standings) -> list[dict[str, Any]]:
    """The rows as clients see them; a requirement that applies to nobody of a company is not in its row."""
    return [
        {
            "id": group.id,
            "name": group.name,
            "requirements": _cells(group, group.id if by == "company" and group.id else ANY_COMPANY, people, standings),
        }
        for group in groups
    ]


def _cells(group: Group, company_id: int, people: People, standings: Standings) -> list[dict[str, Any]]:
    counted = [(each, people.count(each, company_id)) for each in group.requirements]
    return [
        _cell(requirement, applies, standings.get((company_id, requirement.id), Standing()))
        for requirement, applies in counted
        if applies
    ]


def _cell(requirement: Requirement, applies: int, standing: Standing) -> dict[str, Any]:
    ending = accumulate(standing.ending.get(days, 0) for days in ENDS_WITHIN)
    return {
        "requirement": {"id": requirement.id, "name": requirement.name},
        "applies": applies,
        # Somebody who came or left within the last second may be in one count, and not in the other.
        "met": max(0, applies - standing.lacking - standing.grace),
        "grace": standing.grace,
        "lacking": standing.lacking,
        **{f"ends_in_{days}_days": total for days, total in zip(ENDS_WITHIN, ending, strict=True)},
    }


def of_everything(requirements: Sequence[Requirement]) -> list[Group]:
    """One row of all that is asked."""
    return [Group(None, None, requirements)]


def of_companies(requirements: Sequence[Requirement], companies: Mapping[int, str]) -> list[Group]:
    """A row for each company."""
    return [
        Group(company_id, name, [each for each in requirements if _is_in(company_id, each.company_ids)])
        for company_id, name in companies.items()
    ]


def of_projects(requirements: Sequence[Requirement], projects: Mapping[int, str | None]) -> list[Group]:
    """A row for each project that a requirement names, with those that count everywhere."""
    return [
        Group(project_id, name, [each for each in requirements if _is_in(project_id, each.project_ids)])
        for project_id, name in projects.items()
    ]


def of_labels(
    requirements: Sequence[Requirement], labels: Mapping[int, str | None], needing: Mapping[int, frozenset[int]]
) -> list[Group]:
    """A row for each label; `needing` has the ids of the requirements that a course with the label may meet."""
    return [
        Group(label_id, name, [each for each in requirements if each.id in needing[label_id]])
        for label_id, name in labels.items()
    ]


def _is_in(id_: int, named: frozenset[int] | None) -> bool:
    return named is None or id_ in named
