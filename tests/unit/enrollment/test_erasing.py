"""When a person may be erased, and what is kept of the reason."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.erasing import (
    check_in_sight,
    check_kept_long_enough,
    check_nothing_open,
    check_there,
    without_names,
)
from services.enrollment.errors import PersonErased, PersonNotFound, RecordsMustBeKept, TrainingUnderWay
from services.enrollment.person_rules import check_may_come
from shared.auth.sight import EVERYBODY, Sight
from shared.events.states import EmployeeState

NOW = datetime(2030, 5, 15, 9, tzinfo=UTC)


def person(**changes: object) -> EmployeeState:
    fields = {
        "id": 42,
        "version": 1,
        "type": "employee",
        "employee_id": "E-1",
        "full_name": "Ada Byron",
        "company": None,
        "created_at": NOW,
        "removed": False,
    }
    return EmployeeState.model_validate(fields | changes)


def test_somebody_who_is_there_may_be_erased_also_once_removed() -> None:
    assert check_there(person(), "employee") == person()
    assert check_there(person(removed=True), "employee").removed


def test_nobody_and_somebody_of_the_other_type_are_not_found() -> None:
    for each in (None, person(type="staff")):
        with pytest.raises(PersonNotFound) as refused:
            check_there(each, "employee")
        assert not refused.value.details


def test_whoever_was_merged_is_erased_with_the_other() -> None:
    merged = person(removed=True, merged_into=43)
    with pytest.raises(PersonNotFound) as refused:
        check_there(merged, "employee")
    assert refused.value.details == {"merged_into": 43}
    with pytest.raises(PersonNotFound) as refused:
        check_there(merged, "employee", say_whom=False)
    assert not refused.value.details


def test_whoever_was_erased_does_not_come_back() -> None:
    check_may_come(person(removed=True))
    with pytest.raises(PersonErased):
        check_may_come(person(removed=True, erased_at=NOW))


def test_open_training_keeps_a_person() -> None:
    check_nothing_open(0)
    with pytest.raises(TrainingUnderWay) as refused:
        check_nothing_open(2)
    assert refused.value.details == {"enrollments": 2}


def test_records_keep_a_person_until_the_very_moment() -> None:
    for possible_from in (None, NOW, NOW - timedelta(seconds=1)):
        check_kept_long_enough(possible_from, NOW)
    with pytest.raises(RecordsMustBeKept) as refused:
        check_kept_long_enough(NOW + timedelta(microseconds=1), NOW)
    assert refused.value.details == {"possible_from": "2030-05-15T09:00:00.000001Z"}
    assert "2030-05-15" in refused.value.message


def test_whose_data_somebody_may_have() -> None:
    check_in_sight(EVERYBODY, 42)
    check_in_sight(Sight(person=42), 42)
    for other in (Sight(person=43), Sight()):
        with pytest.raises(PersonNotFound):
            check_in_sight(other, 42)


def test_the_reason_has_no_name_of_the_person() -> None:
    names = {"Ada Byron", "E-1 (old)"}
    assert without_names("ADA BYRON asked; byron, E-1 (old) and Adam", names) == "… asked; …, … and Adam"
    assert without_names("Asked by the works council", names) == "Asked by the works council"
    assert without_names("a. b", {"a b"}) == "a. b"


@given(st.text(max_size=40), st.sets(st.text(min_size=2, max_size=12), max_size=3))
def test_no_name_is_left_as_a_word(reason: str, names: set[str]) -> None:
    left = without_names(reason, names)
    assert not {name for name in names if name.strip() and len(name.strip()) > 1} & set(left.split())
