"""Counts of the compliance matrix: to how many people each requirement applies, by company, project and label."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.enrollment.clearance import Person, Requirement
from services.enrollment.matrix import (
    ANY_COMPANY,
    People,
    Standing,
    of_companies,
    of_everything,
    of_labels,
    of_projects,
    shown,
)

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
ASKED = Requirement(
    id=1,
    version=1,
    name="White card",
    project_ids=None,
    company_ids=None,
    person_types=None,
    employee_ids=None,
    courses=frozenset({10}),
    grace_days=None,
    valid_from=None,
    valid_to=None,
    created_at=NOW,
)
PEOPLE = People(
    {
        ANY_COMPANY: {"employee": 9, "staff": 4},
        None: {"employee": 2, "staff": 4},
        7: {"employee": 4},
        8: {"employee": 3},
    },
    [Person(456, "employee", 7, NOW), Person(457, "employee", 8, NOW), Person(458, "staff", None, NOW)],
)


def asked(**limits: Any) -> Requirement:
    named: dict[str, Any] = {name: frozenset(value) for name, value in limits.items()}
    return replace(ASKED, **named)


@pytest.mark.parametrize(
    ("limits", "everywhere", "in_seven"),
    [
        ({}, 13, 4),
        ({"person_types": {"staff"}}, 4, 0),
        ({"person_types": {"staff", "employee"}}, 13, 4),
        ({"company_ids": {7}}, 4, 4),
        ({"company_ids": {7, 8}}, 7, 4),
        ({"company_ids": {8, 9}}, 3, 0),
        ({"company_ids": {7}, "person_types": {"staff"}}, 0, 0),
        ({"employee_ids": {456, 457, 458}}, 3, 1),
        ({"employee_ids": {456, 457}, "company_ids": {8}}, 1, 0),
        ({"project_ids": {3}}, 13, 4),
    ],
)
def test_it_applies_to_so_many(limits: dict[str, Any], everywhere: int, in_seven: int) -> None:
    assert PEOPLE.count(asked(**limits), ANY_COMPANY) == everywhere
    assert PEOPLE.count(asked(**limits), 7) == in_seven


def test_who_neither_lacks_it_nor_is_in_grace_meets_it() -> None:
    standings = {(ANY_COMPANY, 1): Standing(lacking=3, grace=1, ending={30: 2, 90: 4})}
    [row] = shown(of_everything([ASKED]), None, PEOPLE, standings)
    assert row == {
        "id": None,
        "name": None,
        "requirements": [
            {
                "requirement": {"id": 1, "name": "White card"},
                "applies": 13,
                "met": 9,
                "grace": 1,
                "lacking": 3,
                "ends_in_30_days": 2,
                "ends_in_60_days": 2,
                "ends_in_90_days": 6,
            }
        ],
    }


def test_somebody_who_left_a_moment_ago_makes_no_count_negative() -> None:
    [row] = shown(of_everything([asked(employee_ids={456})]), None, PEOPLE, {(ANY_COMPANY, 1): Standing(lacking=2)})
    assert row["requirements"][0]["met"] == 0


def test_a_company_has_its_own_counts_of_what_applies_to_anybody_there() -> None:
    of_seven, of_staff = asked(company_ids={7}), replace(asked(person_types={"staff"}), id=2)
    groups = of_companies([of_seven, of_staff], {7: "Northwind", 8: "Southwind"})
    rows = shown(groups, "company", PEOPLE, {(7, 1): Standing(lacking=1), (ANY_COMPANY, 1): Standing(lacking=9)})
    assert [(row["id"], row["name"], len(row["requirements"])) for row in rows] == [
        (7, "Northwind", 1),
        (8, "Southwind", 0),
    ]
    [cell] = rows[0]["requirements"]
    assert (cell["applies"], cell["met"], cell["lacking"]) == (4, 3, 1)


def test_a_project_has_what_names_it_and_what_counts_everywhere() -> None:
    of_three, of_four = asked(project_ids={3}), replace(asked(project_ids={4}), id=2)
    groups = of_projects([of_three, of_four, replace(ASKED, id=5)], {3: "Metro", 4: None})
    assert [[each.id for each in group.requirements] for group in groups] == [[1, 5], [2, 5]]


def test_a_label_has_the_requirements_that_its_courses_meet() -> None:
    needing = {6: frozenset({1, 2}), 7: frozenset({2})}
    groups = of_labels([ASKED, replace(ASKED, id=2)], {6: "Heights", 7: None}, needing)
    assert [(group.id, [each.id for each in group.requirements]) for group in groups] == [(6, [1, 2]), (7, [2])]
