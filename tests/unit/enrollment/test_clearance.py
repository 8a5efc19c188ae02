"""Whom a requirement applies to, when it is in force, who meets it, and when time alone changes that."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.clearance import (
    Held,
    Person,
    Requirement,
    Standing,
    applies,
    concerns,
    end_of_grace,
    first_moment,
    in_force,
    last_moment,
    next_change,
    standing,
)

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
SYDNEY = ZoneInfo("Australia/Sydney")
INSTANT = timedelta(microseconds=1)
ASKED = Requirement(
    id=1,
    version=1,
    name="White card",
    project_ids=None,
    company_ids=None,
    person_types=None,
    employee_ids=None,
    courses=frozenset({10, 11}),
    grace_days=None,
    valid_from=None,
    valid_to=None,
    created_at=NOW - timedelta(days=100),
)
WORKER = Person(id=456, type="employee", company_id=7, created_at=NOW - timedelta(days=50))


def held(*several: Held) -> Mapping[int, Held]:
    return {each.course_id: each for each in several}


def completion(course_id: int = 10, of: int = 1, ago: float = 10, left: float | None = 10) -> Held:
    """Completed so many days ago, and valid for so many more."""
    end = None if left is None else NOW + timedelta(days=left)
    return Held(course_id, of, False, NOW - timedelta(days=ago), end)


def state(requirement: Requirement, holds: Mapping[int, Held], moment: datetime = NOW) -> str:
    return standing(requirement, WORKER, holds, moment, UTC).state


@pytest.mark.parametrize(
    ("limits", "project_id", "expected"),
    [
        ({}, None, True),
        ({}, 3, True),
        ({"project_ids": {3, 4}}, 3, True),
        ({"project_ids": {3, 4}}, 5, False),
        ({"project_ids": {3, 4}}, None, False),
        ({"company_ids": {7, 8}}, None, True),
        ({"company_ids": {8}}, None, False),
        ({"person_types": {"employee"}}, None, True),
        ({"person_types": {"staff"}}, None, False),
        ({"employee_ids": {456}}, None, True),
        ({"employee_ids": {457}}, None, False),
        ({"company_ids": {7}, "person_types": {"staff"}}, None, False),
        ({"company_ids": {7}, "person_types": {"staff", "employee"}, "project_ids": {3}}, 3, True),
        ({"company_ids": {8}, "project_ids": {3}}, 3, False),
        ({"employee_ids": {457}, "company_ids": {7}}, None, False),
    ],
)
def test_it_applies_where_all_that_it_names_holds(
    limits: dict[str, Any], project_id: int | None, expected: bool
) -> None:
    given: dict[str, Any] = {name: frozenset(value) for name, value in limits.items()}
    requirement = replace(ASKED, **given)
    assert applies(requirement, WORKER, project_id) is expected


def test_somebody_without_a_company_is_of_none() -> None:
    nobodys = replace(WORKER, company_id=None)
    assert not concerns(replace(ASKED, company_ids=frozenset({7})), nobodys)
    assert concerns(ASKED, nobodys)


def test_one_of_a_project_concerns_people_wherever_they_are() -> None:
    requirement = replace(ASKED, project_ids=frozenset({3}))
    assert concerns(requirement, WORKER)
    assert not applies(requirement, WORKER, None)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-01T12:59:59.999999+00:00", False),
        ("2026-03-01T13:00:00+00:00", True),
        ("2026-04-05T13:59:59.999999+00:00", True),
        ("2026-04-05T14:00:00+00:00", False),
    ],
)
def test_it_is_in_force_on_days_of_the_organisation(moment: str, expected: bool) -> None:
    requirement = replace(ASKED, valid_from=date(2026, 3, 2), valid_to=date(2026, 4, 5))
    assert in_force(requirement, datetime.fromisoformat(moment), SYDNEY) is expected


def test_without_days_it_is_always_in_force() -> None:
    assert in_force(ASKED, datetime.min.replace(tzinfo=UTC), UTC)
    assert in_force(ASKED, datetime.max.replace(tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        (held(), "lacking"),
        (held(completion(12)), "lacking"),
        (held(completion(11)), "met"),
        (held(completion(left=None)), "met"),
        (held(completion(left=0)), "lacking"),
        (held(completion(ago=0)), "met"),
        (held(completion(ago=-1)), "lacking"),
        (held(completion(left=-1), completion(11)), "met"),
    ],
)
def test_one_valid_completion_of_what_it_needs_meets_it(holds: Mapping[int, Held], expected: str) -> None:
    assert state(ASKED, holds) == expected


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (completion(10, of=1, left=5), completion(11, of=2, left=6), 2),
        (completion(10, of=1, left=6), completion(11, of=2, left=5), 1),
        (completion(10, of=1, left=6), completion(11, of=2, left=None), 2),
        (completion(10, of=2, left=None), completion(11, of=1, left=None), 1),
        (completion(10, of=2, left=6), completion(11, of=1, left=6), 1),
    ],
)
def test_what_is_valid_longest_is_named(first: Held, second: Held, named: int) -> None:
    of_first, of_second = held(first, second), held(second, first)
    several = held(first, second, completion(20, of=3, left=None))
    for holds in (of_first, of_second, several):
        found = standing(ASKED, WORKER, holds, NOW, UTC)
        assert found.held is not None
        assert (found.held.of, found.until) == (named, found.held.valid_until)


def test_grace_begins_when_it_began_or_the_person_came() -> None:
    requirement = replace(ASKED, grace_days=60)
    assert end_of_grace(ASKED, WORKER, UTC) is None
    assert end_of_grace(requirement, WORKER, UTC) == WORKER.created_at + timedelta(days=60)
    earlier = replace(WORKER, created_at=ASKED.created_at - timedelta(days=1))
    assert end_of_grace(requirement, earlier, UTC) == ASKED.created_at + timedelta(days=60)
    from_today = replace(requirement, valid_from=NOW.date())
    assert end_of_grace(from_today, WORKER, UTC) == datetime(2026, 7, 14, tzinfo=UTC)
    long_ago = replace(requirement, valid_from=date(2020, 1, 1))
    assert end_of_grace(long_ago, WORKER, UTC) == WORKER.created_at + timedelta(days=60)


def test_days_of_grace_are_those_of_the_calendar() -> None:
    over_a_change_of_clocks = replace(ASKED, grace_days=14, valid_from=date(2026, 9, 28))
    assert end_of_grace(over_a_change_of_clocks, WORKER, SYDNEY) == datetime(2026, 10, 11, 13, tzinfo=UTC)


def test_in_grace_until_its_end_and_only_while_nothing_meets_it() -> None:
    requirement = replace(ASKED, grace_days=60)
    end = WORKER.created_at + timedelta(days=60)
    assert standing(requirement, WORKER, {}, end - INSTANT, UTC) == Standing(requirement, "grace", None, end)
    assert standing(requirement, WORKER, {}, end, UTC) == Standing(requirement, "lacking", None, None)
    assert state(requirement, held(completion())) == "met"
    assert state(requirement, held(completion(left=-1))) == "grace"
    assert state(replace(requirement, grace_days=0), {}, WORKER.created_at) == "lacking"


def test_the_end_of_what_meets_it_is_when_it_changes_next() -> None:
    assert next_change(ASKED, WORKER, held(completion(left=3)), NOW, UTC) == NOW + timedelta(days=3)
    assert next_change(ASKED, WORKER, held(completion(left=3), completion(11, left=4)), NOW, UTC) == NOW + timedelta(4)
    assert next_change(ASKED, WORKER, held(completion(left=None)), NOW, UTC) is None
    assert next_change(ASKED, WORKER, {}, NOW, UTC) is None
    assert next_change(replace(ASKED, grace_days=60), WORKER, {}, NOW, UTC) == NOW + timedelta(days=10)


def test_days_in_force_change_it_too() -> None:
    days = replace(ASKED, valid_from=date(2026, 6, 1), valid_to=date(2026, 6, 30))
    begin, end = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    assert next_change(days, WORKER, {}, NOW, UTC) == begin
    assert next_change(days, WORKER, {}, begin, UTC) == end
    assert next_change(days, WORKER, {}, end, UTC) is None


ZONES = st.sampled_from(
    [UTC, SYDNEY, *map(ZoneInfo, ["America/Havana", "Asia/Beirut", "America/Santiago", "Asia/Kolkata"])]
)
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(DAYS, ZONES)
def test_days_follow_one_another_without_a_gap(day: date, zone: Any) -> None:
    assert last_moment(day, zone) + INSTANT == first_moment(day + timedelta(days=1), zone)
    assert first_moment(day, zone).astimezone(zone).date() == day == last_moment(day, zone).astimezone(zone).date()


@st.composite
def completions(draw: st.DrawFn, course_id: int) -> Held:
    completed_at, end = draw(MOMENTS), draw(st.none() | MOMENTS)
    return Held(course_id, draw(st.integers(1, 9)), draw(st.booleans()), completed_at, end)


REQUIREMENTS = st.builds(
    lambda **values: replace(ASKED, **values),
    grace_days=st.none() | st.integers(0, 400),
    valid_from=st.none() | DAYS,
    valid_to=st.none() | DAYS,
    created_at=MOMENTS,
)
HOLDINGS = st.lists(st.sampled_from([10, 11, 12]), unique=True).flatmap(
    lambda courses: st.tuples(*map(completions, courses)).map(lambda several: held(*several))
)


@given(REQUIREMENTS, MOMENTS, HOLDINGS, MOMENTS, ZONES, st.data())
def test_nothing_changes_before_the_next_change_and_something_does_then(
    requirement: Requirement,
    came: datetime,
    holds: Mapping[int, Held],
    moment: datetime,
    zone: Any,
    data: st.DataObject,
) -> None:
    person = replace(WORKER, created_at=came)

    def situation(at: datetime) -> tuple[bool, str]:
        return in_force(requirement, at, zone), standing(requirement, person, holds, at, zone).state

    def shown(at: datetime) -> object:
        is_in_force, now = situation(at)
        return now if is_in_force else None

    change = next_change(requirement, person, holds, moment, zone)
    last = change - INSTANT if change is not None else datetime(2031, 1, 1, tzinfo=UTC)
    between = data.draw(st.datetimes(moment.replace(tzinfo=None), last.replace(tzinfo=None)))
    assert shown(between.replace(tzinfo=UTC)) == shown(moment) == shown(last)
    assert change is None or shown(change) != shown(moment)
