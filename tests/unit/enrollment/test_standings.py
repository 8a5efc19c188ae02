"""What is kept of how somebody stands to what is asked of them, when it is looked at again, and what has changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.clearance import Held, Person, Requirement, concerns, in_force, standing
from services.enrollment.standings import (
    NOTHING,
    SOON,
    Change,
    Facts,
    Standings,
    asked_at,
    changes,
    standings,
    standings_of,
)

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
SYDNEY = ZoneInfo("Australia/Sydney")
INSTANT = timedelta(microseconds=1)
WORKER = Person(id=456, type="employee", company_id=7, created_at=NOW - timedelta(days=50))

DAYS = st.none() | st.dates(date(2026, 3, 1), date(2026, 9, 30))
MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
REQUIREMENTS = st.builds(
    Requirement,
    id=st.integers(1, 1000),
    version=st.just(1),
    name=st.just("White card"),
    project_ids=st.none() | st.just(frozenset({3})),
    company_ids=st.none() | st.frozensets(st.sampled_from([7, 8]), min_size=1),
    person_types=st.none() | st.frozensets(st.sampled_from(["employee", "staff"]), min_size=1),
    employee_ids=st.none() | st.frozensets(st.sampled_from([456, 457]), min_size=1),
    courses=st.frozensets(st.integers(10, 13), min_size=1),
    grace_days=st.none() | st.integers(0, 120),
    valid_from=DAYS,
    valid_to=DAYS,
    created_at=MOMENTS,
)
ALL = st.lists(REQUIREMENTS, max_size=5, unique_by=lambda each: each.id)
HELD = st.lists(
    st.builds(
        Held,
        course_id=st.integers(10, 13),
        of=st.integers(1, 9),
        is_record=st.booleans(),
        completed_at=MOMENTS,
        valid_until=st.none() | MOMENTS,
    ),
    max_size=4,
    unique_by=lambda each: each.course_id,
).map(lambda held: {each.course_id: each for each in held})
ZONES = st.sampled_from([UTC, SYDNEY])


def asked(**changes_: object) -> Requirement:
    values = {
        "id": 1,
        "version": 1,
        "name": "White card",
        "project_ids": None,
        "company_ids": None,
        "person_types": None,
        "employee_ids": None,
        "courses": frozenset({10}),
        "grace_days": None,
        "valid_from": None,
        "valid_to": None,
        "created_at": NOW - timedelta(days=100),
    }
    return Requirement(**(values | changes_))  # type: ignore[arg-type]


def found(requirement: Requirement, *held: Held, moment: datetime = NOW) -> Standings:
    return standings(asked_at([requirement], moment, UTC), WORKER, {each.course_id: each for each in held}, moment, UTC)


def completion(left: timedelta | None) -> Held:
    return Held(10, 1, False, NOW - timedelta(days=10), None if left is None else NOW + left)


@given(requirements=ALL, held=HELD, moment=MOMENTS, zone=ZONES)
def test_it_is_what_the_rules_say_of_each_requirement(
    requirements: list[Requirement], held: dict[int, Held], moment: datetime, zone: ZoneInfo
) -> None:
    kept = standings(asked_at(requirements, moment, zone), WORKER, held, moment, zone)
    states = {
        each.id: standing(each, WORKER, held, moment, zone)
        for each in requirements
        if concerns(each, WORKER) and in_force(each, moment, zone)
    }
    assert set(kept.lacking) == {each for each, found in states.items() if found.state == "lacking"}
    assert set(kept.in_grace) == {each for each, found in states.items() if found.state == "grace"}
    soon = {
        each: found.until
        for each, found in states.items()
        if found.state == "met" and found.until is not None and found.until <= moment + SOON
    }
    assert dict(kept.ending) == soon
    assert list(kept.lacking) == sorted(kept.lacking)


@given(requirements=ALL, held=HELD, moment=MOMENTS, later=MOMENTS, zone=ZONES)
def test_nothing_changes_before_it_is_looked_at_again(
    requirements: list[Requirement], held: dict[int, Held], moment: datetime, later: datetime, zone: ZoneInfo
) -> None:
    kept = standings(asked_at(requirements, moment, zone), WORKER, held, moment, zone)
    assert kept.look_at is None or kept.look_at > moment
    before_look = later if kept.look_at is None else min(later, kept.look_at - INSTANT)
    then = max(moment, before_look)
    again = standings(asked_at(requirements, then, zone), WORKER, held, then, zone)
    assert again == kept


@pytest.mark.parametrize(
    ("left", "ending", "look_at"),
    [
        (None, False, None),
        (timedelta(days=91), False, timedelta(days=1)),
        (timedelta(days=90), True, timedelta(days=90)),
        (timedelta(days=5), True, timedelta(days=5)),
    ],
)
def test_an_end_is_kept_once_it_is_near(left: timedelta | None, ending: bool, look_at: timedelta | None) -> None:
    kept = found(asked(), completion(left))
    assert (bool(kept.ending), kept.look_at) == (ending, None if look_at is None else NOW + look_at)
    assert kept.lacking == ()


def test_who_lacks_it_is_looked_at_when_it_is_in_force_no_more() -> None:
    assert found(asked()) == Standings(lacking=(1,))
    kept = found(asked(valid_to=date(2026, 5, 20)))
    assert kept == Standings(lacking=(1,), look_at=datetime(2026, 5, 21, tzinfo=UTC))


def test_one_that_is_not_in_force_yet_is_looked_at_when_it_is() -> None:
    assert found(asked(valid_from=date(2026, 5, 20))) == Standings(look_at=datetime(2026, 5, 20, tzinfo=UTC))
    assert found(asked(valid_to=date(2026, 5, 14))) == NOTHING


def test_what_is_asked_of_others_alone_is_never_looked_at() -> None:
    assert found(asked(company_ids=frozenset({8}), valid_from=date(2026, 5, 20))) == NOTHING


def test_nothing_is_asked_of_who_is_not_there() -> None:
    facts = Facts({1: asked()}, {}, {456: WORKER}, {}, {}, NOW, UTC)
    assert standings_of(facts, [456, 457]) == {456: Standings(lacking=(1,)), 457: NOTHING}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((), (), []),
        ((1, 2), (1, 2), []),
        ((), (2, 1), [("lost", 1, (1,)), ("lost", 2, (1, 2))]),
        ((1, 2), (), [("gained", 1, (2,)), ("gained", 2, ())]),
        ((1, 2), (2, 3), [("lost", 3, (1, 2, 3)), ("gained", 1, (2, 3))]),
    ],
)
def test_requirements_are_lost_and_gained_one_by_one(
    before: tuple[int, ...], after: tuple[int, ...], expected: list[tuple[str, int, tuple[int, ...]]]
) -> None:
    assert changes(before, after) == [Change(*each) for each in expected]  # type: ignore[arg-type]


@given(before=st.frozensets(st.integers(1, 9)), after=st.frozensets(st.integers(1, 9)))
def test_the_last_change_leaves_what_is_lacking_now(before: frozenset[int], after: frozenset[int]) -> None:
    found_ = changes(sorted(before), sorted(after))
    assert len(found_) == len(before ^ after)
    assert not found_ or set(found_[-1].lacking) == after
