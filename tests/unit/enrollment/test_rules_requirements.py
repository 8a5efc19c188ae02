"""What may be asked of people, and what a change of it does: without a database."""

from collections.abc import Set
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.clearance import Held, Person, Requirement, applies, in_force, standing
from services.enrollment.clearance_preview import EVERYWHERE, Preview, change_at, moment_of, opens
from services.enrollment.errors import NamedByRequirement, TooManyRequirements
from services.enrollment.requirements import MOST_REQUIREMENTS, changed_fields, check_named, check_room, state_of
from services.enrollment.schemas_requirements import RequirementFields
from shared.errors import ValidationFailed
from shared.http.input import body_of
from shared.postgres.audit import differences

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {"name": "White card", "applies_to": {"all": True}, "needs": {"course_id": 1}}
FULL: dict[str, Any] = {
    "name": "White card",
    "applies_to": {
        "project_ids": [9, 3],
        "company_ids": [7],
        "person_types": ["staff", "employee"],
        "employee_ids": [5],
    },
    "needs": {"any_of": [{"label_id": 3}, {"course_id": 2}, {"course_id": 1}]},
    "grace_days": 14,
    "from": "2026-06-01",
    "until": "2026-06-01",
}


def fields(**changes: Any) -> RequirementFields:
    return body_of(RequirementFields, {**GOOD, **changes})


def reasons(**changes: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationFailed) as refused:
        fields(**changes)
    return dict(refused.value.details["errors"])


def test_lists_are_sets_in_the_order_of_their_ids() -> None:
    written = body_of(RequirementFields, FULL)
    assert written.model_dump() == {
        "name": "White card",
        "applies_to": {
            "project_ids": [3, 9],
            "company_ids": [7],
            "person_types": ["employee", "staff"],
            "employee_ids": [5],
        },
        "needs": {"any_of": [{"course_id": 1}, {"course_id": 2}, {"label_id": 3}]},
        "grace_days": 14,
        "from": date(2026, 6, 1),
        "until": date(2026, 6, 1),
    }
    assert (written.needs.course_ids, written.needs.label_ids) == ([1, 2], [3])


ALL_OR_SOME = "Either all is required, or at least one of the lists."
ONE_NEED = "Exactly one of course_id, label_id, any_of is required."


@pytest.mark.parametrize(
    ("changes", "place", "reason"),
    [
        ({"name": " "}, "name", "Must not be empty."),
        ({"applies_to": {}}, "applies_to", ALL_OR_SOME),
        ({"applies_to": {"all": None}}, "applies_to", ALL_OR_SOME),
        ({"applies_to": {"all": True, "company_ids": [1]}}, "applies_to", ALL_OR_SOME),
        ({"applies_to": {"all": False}}, "applies_to.all", "Must be true, or left out."),
        ({"applies_to": {"all": 1}}, "applies_to.all", "Input should be a valid boolean."),
        ({"applies_to": {"sites": [1]}}, "applies_to.sites", "Unknown field."),
        ({"applies_to": {"company_ids": []}}, "applies_to.company_ids", "List should have at least 1 item"),
        (
            {"applies_to": {"company_ids": [1, 1]}},
            "applies_to.company_ids",
            "Must not contain anything more than once.",
        ),
        (
            {"applies_to": {"company_ids": list(range(1, 502))}},
            "applies_to.company_ids",
            "List should have at most 500",
        ),
        ({"applies_to": {"person_types": ["robot"]}}, "applies_to.person_types.0", "Input should be"),
        ({"needs": {}}, "needs", ONE_NEED),
        ({"needs": {"course_id": 1, "label_id": 1}}, "needs", ONE_NEED),
        ({"needs": {"course_id": 1, "any_of": [{"course_id": 1}, {"course_id": 2}]}}, "needs", ONE_NEED),
        ({"needs": {"any_of": [{"course_id": 1}]}}, "needs.any_of", "List should have at least 2 items"),
        (
            {"needs": {"any_of": [{"course_id": n} for n in range(1, 22)]}},
            "needs.any_of",
            "List should have at most 20",
        ),
        (
            {"needs": {"any_of": [{"course_id": 1}, {"course_id": 1}]}},
            "needs.any_of",
            "Must not contain a course or a label more than once.",
        ),
        (
            {"needs": {"any_of": [{"course_id": 1}, {}]}},
            "needs.any_of.1",
            "Exactly one of course_id, label_id is required.",
        ),
        (
            {"needs": {"any_of": [{"any_of": [{"course_id": 1}, {"course_id": 2}]}, {"course_id": 3}]}},
            "needs.any_of.0.any_of",
            "Unknown field.",
        ),
        ({"needs": {"requirement_id": 1}}, "needs.requirement_id", "Unknown field."),
        ({"grace_days": 0}, "grace_days", "Input should be greater than or equal to 1"),
        ({"grace_days": 3661}, "grace_days", "Input should be less than or equal to 3660"),
        ({"from": "2026-06-02", "until": "2026-06-01"}, "until", "Must not be before from."),
        ({"from": "2026-6-2"}, "from", "Must be a date: YYYY-MM-DD."),
        ({"valid_from": "2026-06-01"}, "valid_from", "Unknown field."),
    ],
)
def test_what_asks_nothing_or_of_nobody_is_refused(changes: dict[str, Any], place: str, reason: str) -> None:
    found = reasons(**changes)
    assert place in found
    assert found[place][0].startswith(reason)


def test_a_course_and_a_label_may_have_the_same_id() -> None:
    needs = {"any_of": [{"label_id": 1}, {"course_id": 1}]}
    assert fields(needs=needs).model_dump()["needs"] == {"any_of": [{"course_id": 1}, {"label_id": 1}]}


def test_a_patch_is_merged_and_the_result_checked_as_a_whole() -> None:
    before = body_of(RequirementFields, FULL)
    assert changed_fields(before, {}) == before
    patch = {"needs": {"any_of": None, "label_id": 4}, "until": None, "applies_to": {"project_ids": None}}
    after = changed_fields(before, patch)
    assert after.model_dump()["needs"] == {"label_id": 4}
    assert (after.valid_from, after.valid_to, after.applies_to.project_ids) == (date(2026, 6, 1), None, None)
    with pytest.raises(ValidationFailed) as refused:
        changed_fields(before, {"needs": {"label_id": 4}})
    assert refused.value.details["errors"] == {"needs": [ONE_NEED]}
    with pytest.raises(ValidationFailed):
        changed_fields(before, {"from": "2026-06-02"})


def test_the_audit_trail_says_what_was_written() -> None:
    assert differences(fields(), fields(needs={"label_id": 3}, **{"from": "2026-06-01"})) == {
        "needs": {"from": {"course_id": 1}, "to": {"label_id": 3}},
        "from": {"from": None, "to": "2026-06-01"},
    }


def test_events_have_what_clients_write() -> None:
    state = state_of(3, 2, body_of(RequirementFields, FULL), NOW)
    assert state.model_dump(mode="json", exclude_none=True) == {
        "id": 3,
        "version": 2,
        **body_of(RequirementFields, FULL).model_dump(mode="json"),
        "created_at": "2026-05-15T12:00:00Z",
        "removed": False,
    }


KNOWN = SimpleNamespace(courses={1, 2}, labels={3}, people={5})


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({}, {}),
        ({"needs": {"course_id": 3}}, {"needs.course_id": "course"}),
        ({"needs": {"label_id": 1}}, {"needs.label_id": "label"}),
        (
            {"needs": {"any_of": [{"course_id": 1}, {"course_id": 3}, {"label_id": 3}, {"label_id": 4}]}},
            {"needs.any_of.1.course_id": "course", "needs.any_of.3.label_id": "label"},
        ),
        ({"applies_to": {"employee_ids": [4, 5, 6]}}, {f"applies_to.employee_ids.{n}": "employee" for n in (0, 2)}),
        ({"applies_to": {"project_ids": [4], "company_ids": [4]}}, {}),
    ],
)
def test_what_does_not_exist_is_named_at_its_place(changes: dict[str, Any], unknown: dict[str, str]) -> None:
    written = fields(**changes)
    if unknown:
        with pytest.raises(NamedByRequirement) as refused:
            check_named(written, None, KNOWN)
        assert refused.value.details["errors"] == {
            place: [f"The selected {kind} does not exist."] for place, kind in unknown.items()
        }
    else:
        check_named(written, None, KNOWN)


def test_what_it_named_before_may_be_gone() -> None:
    before = fields(needs={"course_id": 8}, applies_to={"employee_ids": [9]})
    check_named(before.model_copy(update={"name": "New"}), before, KNOWN)
    with pytest.raises(NamedByRequirement):
        check_named(fields(needs={"label_id": 8}), before, KNOWN)
    with pytest.raises(NamedByRequirement):
        check_named(fields(applies_to={"employee_ids": [8, 9]}), before, KNOWN)


def test_an_organisation_has_so_many_at_most() -> None:
    check_room(MOST_REQUIREMENTS - 1)
    with pytest.raises(TooManyRequirements):
        check_room(MOST_REQUIREMENTS)


PERSON = Person(5, "employee", 7, NOW - timedelta(days=9))
REQUIREMENT = Requirement(1, 1, "x", None, None, None, None, frozenset({1}), None, None, None, NOW - timedelta(days=50))


def test_the_moment_that_is_looked_at_is_now_or_its_beginning() -> None:
    assert moment_of(REQUIREMENT, NOW, UTC) == NOW
    assert moment_of(replace(REQUIREMENT, valid_from=date(2026, 5, 15)), NOW, UTC) == NOW
    later = replace(REQUIREMENT, valid_from=date(2026, 5, 17))
    assert moment_of(later, NOW, ZoneInfo("Australia/Sydney")) == datetime(2026, 5, 16, 14, tzinfo=UTC)


def test_what_is_not_in_force_then_is_asked_of_nobody() -> None:
    over = replace(REQUIREMENT, valid_to=date(2026, 5, 14))
    change = change_at(over, REQUIREMENT, [over, REQUIREMENT], NOW, UTC)
    assert (change.before, len(change.others)) == (None, 1)
    assert change.turns(PERSON, frozenset()) == (frozenset(), EVERYWHERE)
    assert change.turns(PERSON, frozenset({1})) == (frozenset(), frozenset())


def test_whoever_is_in_grace_lacks_nothing() -> None:
    change = change_at(None, replace(REQUIREMENT, grace_days=10), [], NOW, UTC)
    assert change.is_in_grace(PERSON, frozenset())
    assert not change.is_in_grace(PERSON, frozenset({1}))
    assert change.turns(PERSON, frozenset()) == (frozenset(), frozenset())
    over = change_at(None, replace(REQUIREMENT, grace_days=9), [], NOW, UTC)
    assert not over.is_in_grace(PERSON, frozenset())
    assert over.turns(PERSON, frozenset()) == (frozenset(), EVERYWHERE)


def test_it_touches_whom_it_applies_to_before_or_afterwards() -> None:
    staff = replace(REQUIREMENT, person_types=frozenset({"staff"}))
    assert change_at(staff, REQUIREMENT, [], NOW, UTC).touches(PERSON)
    assert change_at(REQUIREMENT, None, [], NOW, UTC).touches(PERSON)
    assert not change_at(staff, None, [], NOW, UTC).touches(PERSON)


PLACES = (frozenset[int](), frozenset({1}), frozenset({1, 2}), EVERYWHERE)
PROJECTS = (None, 1, 2, 3)


def lacks(places: Any, project_id: int | None) -> bool:
    return places == EVERYWHERE or project_id in places


@pytest.mark.parametrize(("closed", "opened", "beside"), list(product(PLACES, repeat=3)))
def test_clearance_is_gained_where_nothing_is_lacked_any_more(closed: Any, opened: Any, beside: Any) -> None:
    """By the definition: in one of the projects, or where none is named."""
    expected = any(lacks(closed, each) and not lacks(opened, each) and not lacks(beside, each) for each in PROJECTS)
    assert opens(closed, opened, beside) is expected


COURSES = (1, 2, 3)
IDS = st.frozensets(st.integers(1, 3), min_size=1)
ASKED = st.builds(
    Requirement,
    id=st.integers(1, 9),
    version=st.just(1),
    name=st.just("x"),
    project_ids=st.none() | IDS,
    company_ids=st.none() | IDS,
    person_types=st.none() | st.just(frozenset({"staff"})),
    employee_ids=st.none() | IDS,
    courses=st.frozensets(st.sampled_from(COURSES), min_size=1),
    grace_days=st.none() | st.integers(1, 40),
    valid_from=st.none() | st.dates(date(2026, 5, 10), date(2026, 5, 20)),
    valid_to=st.none() | st.dates(date(2026, 5, 10), date(2026, 5, 20)),
    created_at=st.just(NOW - timedelta(days=20)),
)
PEOPLE = st.builds(
    Person,
    id=st.integers(1, 4),
    type=st.sampled_from(["employee", "staff"]),
    company_id=st.none() | st.integers(1, 4),
    created_at=st.integers(0, 30).map(lambda days: NOW - timedelta(days=days)),
)


@given(st.none() | ASKED, ASKED, st.lists(ASKED, max_size=4), PEOPLE, st.frozensets(st.sampled_from(COURSES)))
def test_a_preview_counts_whoever_is_cleared_before_and_not_afterwards(
    before: Requirement | None, after: Requirement, others: list[Requirement], person: Person, courses: Set[int]
) -> None:
    """By the definition that clearance itself has."""
    holds = {course: Held(course, course, False, NOW - timedelta(days=1), None) for course in courses}

    def cleared(asked: list[Requirement], project_id: int | None) -> bool:
        relevant = [each for each in asked if in_force(each, NOW, UTC) and applies(each, person, project_id)]
        return all(standing(each, person, holds, NOW, UTC).state != "lacking" for each in relevant)

    both = [([] if before is None else [before]) + others, [after, *others]]
    was, will = ([cleared(asked, each) for each in PROJECTS] for asked in both)
    change, preview = change_at(before, after, others, NOW, UTC), Preview(NOW)
    preview.count(change.turns(person, courses), change.lacked_beside(person, courses))
    assert preview.would_lose == any(one and not other for one, other in zip(was, will, strict=True))
    assert preview.would_gain == any(other and not one for one, other in zip(was, will, strict=True))


def test_control_who_lacks_something_else_there_loses_nothing() -> None:
    """Without looking at the others, the property above is broken."""
    other = replace(REQUIREMENT, courses=frozenset({2}))
    change, preview, careless = change_at(None, REQUIREMENT, [other], NOW, UTC), Preview(NOW), Preview(NOW)
    turn = change.turns(PERSON, frozenset())
    preview.count(turn, change.lacked_beside(PERSON, frozenset()))
    careless.count(turn, frozenset())
    assert (preview.would_lose, careless.would_lose) == (0, 1)
