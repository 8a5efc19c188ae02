"""The clearance of many people at once is that of each of them, whatever makes it fast."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.clearance import Held, Person, Requirement, applies, in_force, last_moment, standing
from services.enrollment.roster import Asked, Needs, day_asked, has_turned, is_cleared, longest

NOW = datetime(2026, 5, 15, 20, tzinfo=UTC)
SYDNEY = ZoneInfo("Australia/Sydney")
DAYS = st.none() | st.integers(-40, 40).map(lambda days: date(2026, 5, 15) + timedelta(days=days))
MOMENTS = st.integers(-40, 40).map(lambda days: NOW + timedelta(days=days, hours=days % 7))


def some(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[frozenset[Any] | None]:
    return st.none() | st.frozensets(numbers, min_size=1, max_size=2)


SMALL = st.integers(1, 4)
REQUIREMENTS = st.lists(
    st.builds(
        Requirement,
        id=st.integers(1, 9),
        version=st.just(1),
        name=st.just("White card"),
        project_ids=some(SMALL),
        company_ids=some(SMALL),
        person_types=some(st.sampled_from(["employee", "staff"])),
        employee_ids=some(SMALL),
        courses=st.frozensets(SMALL, min_size=1, max_size=3),
        grace_days=st.none() | st.integers(0, 40),
        valid_from=DAYS,
        valid_to=DAYS,
        created_at=MOMENTS,
    ),
    max_size=6,
    unique_by=lambda each: each.id,
).map(lambda listed: sorted(listed, key=lambda each: each.id))
PEOPLE = st.lists(
    st.builds(Person, SMALL, st.sampled_from(["employee", "staff"]), st.none() | SMALL, MOMENTS), min_size=1, max_size=5
)
HELD = st.lists(
    st.builds(
        Held,
        course_id=SMALL,
        of=st.integers(1, 100),
        is_record=st.booleans(),
        completed_at=MOMENTS.map(lambda moment: moment - timedelta(days=100)),  # nobody asks for a day before it
        valid_until=st.none() | MOMENTS,
    ),
    max_size=6,
    unique_by=lambda each: each.of,
)


@given(REQUIREMENTS, PEOPLE, HELD, st.none() | SMALL, MOMENTS)
def test_many_at_once_miss_what_each_of_them_misses(
    requirements: list[Requirement], people: list[Person], held: list[Held], project_id: int | None, moment: datetime
) -> None:
    counting = longest(held)
    courses = [each.course_id for each in counting.values() if each.valid_until is None or each.valid_until > moment]
    asked = Asked(requirements, project_id, moment, SYDNEY)
    for person in people:
        found = [
            standing(each, person, counting, moment, SYDNEY)
            for each in requirements
            if in_force(each, moment, SYDNEY) and applies(each, person, project_id)
        ]
        assert [each.requirement for each in found] == asked.of(person)
        assert [each for each in found if each.state != "met"] == asked.missing(person, courses)
        assert is_cleared(found) is is_cleared(asked.missing(person, courses))


@given(HELD, MOMENTS)
def test_what_counts_of_a_course_is_valid_whenever_anything_of_it_is(held: list[Held], moment: datetime) -> None:
    counting = longest(held)
    assert set(counting) == {each.course_id for each in held}
    for each in held:
        if each.valid_until is None or each.valid_until > moment:
            best = counting[each.course_id].valid_until
            assert best is None or best > moment


def test_of_two_that_are_valid_as_long_the_first_counts() -> None:
    end = NOW + timedelta(days=1)
    first, second = (Held(1, of, False, NOW, end) for of in (3, 4))
    assert longest([second, first]) == {1: first}


@pytest.mark.parametrize(
    ("on", "moment", "is_past"),
    [
        (None, NOW, False),
        (date(2026, 5, 16), NOW, False),  # today, in Sydney
        (date(2026, 5, 17), datetime(2026, 5, 17, 13, 59, 59, 999999, tzinfo=UTC), False),
        (date(2026, 5, 15), datetime(2026, 5, 15, 13, 59, 59, 999999, tzinfo=UTC), True),
        (date(2026, 10, 4), datetime(2026, 10, 4, 12, 59, 59, 999999, tzinfo=UTC), False),  # has 23 hours
    ],
)
def test_a_day_counts_to_its_end_and_today_as_it_is_now(on: date | None, moment: datetime, is_past: bool) -> None:
    day = day_asked(on, NOW, SYDNEY)
    assert (day.moment, day.is_past) == (moment, is_past)
    assert day.date == (on or date(2026, 5, 16))


REQUIREMENT = Requirement(1, 1, "White card", None, None, None, None, frozenset({1}), None, None, None, NOW)


@pytest.mark.parametrize(
    ("labels", "courses"),
    [({}, {1}), ({7: [5]}, {1, 7}), ({7: [6]}, {1}), ({7: [6, 5], 8: [], 9: [5]}, {1, 7, 9})],
)
def test_courses_that_carry_a_label_count_with_those_named(labels: Mapping[int, list[int]], courses: set[int]) -> None:
    assert Needs(REQUIREMENT, frozenset({5})).with_courses_of(labels).courses == courses
    assert Needs(REQUIREMENT, frozenset()).with_courses_of(labels).courses == {1}


@given(REQUIREMENTS, MOMENTS, st.integers(0, 20))
def test_time_alone_changes_nothing_for_those_of_old_unless_it_has_turned(
    requirements: list[Requirement], since: datetime, days: int
) -> None:
    now = since + timedelta(days=days)
    of_old = Person(1, "employee", 1, NOW - timedelta(days=5000))
    nobody_else = [
        Requirement(**{**{name: getattr(each, name) for name in Requirement.__slots__}, "employee_ids": None})
        for each in requirements
    ]

    def missed(moment: datetime) -> list[tuple[int, str]]:
        missing = Asked(nobody_else, 1, moment, SYDNEY).missing(of_old, [])
        return [(each.requirement.id, each.state) for each in missing]

    if not has_turned(nobody_else, since, now, SYDNEY):
        assert missed(since) == missed(now)


def test_it_turns_at_the_ends_of_days() -> None:
    until = Requirement(1, 1, "White card", None, None, None, None, frozenset({1}), None, None, date(2026, 5, 16), NOW)
    end = last_moment(date(2026, 5, 16), SYDNEY)
    assert not has_turned([until], NOW, end, SYDNEY)
    assert has_turned([until], NOW, end + timedelta(microseconds=1), SYDNEY)
    assert not has_turned([until], end + timedelta(microseconds=1), end + timedelta(days=9), SYDNEY)
