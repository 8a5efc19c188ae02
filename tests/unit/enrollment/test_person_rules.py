"""Who may take which `employee_id`, and when a person is what is wanted: the pure rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.errors import PersonNotFound
from services.enrollment.person_rules import Holding, Wanted, check_may_come, is_new, says, taken_ids
from services.enrollment.schemas import EmployeeFields
from shared.events.states import EmployeeState
from tests.support.events import MOMENT

COMPANY = {"id": 77, "name": "ABC Contractors"}


def person(person_id: int = 42, employee_id: str = "E-42", **changes: Any) -> EmployeeState:
    state = {"type": "employee", "full_name": "John Doe", "company": COMPANY, "created_at": MOMENT, "removed": False}
    return EmployeeState.model_validate({"id": person_id, "version": 3, "employee_id": employee_id} | state | changes)


def wanted(person_id: int = 42, employee_id: str = "E-42", type_: str = "employee", **changes: Any) -> Wanted:
    fields = {"employee_id": employee_id, "full_name": "John Doe", "company": COMPANY} | changes
    return Wanted(person_id, type_, EmployeeFields.model_validate(fields))


def test_a_person_who_is_what_is_wanted_says_so() -> None:
    assert says(person(), wanted())


@pytest.mark.parametrize(
    "other",
    [
        wanted(type_="staff"),
        wanted(employee_id="E-43"),
        wanted(full_name="Jane Doe"),
        wanted(company=None),
        wanted(company={**COMPANY, "name": "ABC"}),
    ],
)
def test_whoever_differs_in_one_field_does_not(other: Wanted) -> None:
    assert not says(person(), other)


def test_nobody_and_somebody_removed_are_new() -> None:
    removed = person(removed=True)
    assert [is_new(each) for each in (None, removed, person())] == [True, True, False]
    assert not says(None, wanted())
    assert not says(removed, wanted())


def test_somebody_who_was_merged_does_not_come_back() -> None:
    for may_come in (None, person(), person(removed=True)):
        check_may_come(may_come)
    with pytest.raises(PersonNotFound) as refused:
        check_may_come(person(removed=True, merged_into=43))
    assert refused.value.details == {"merged_into": 43}


texts = st.sampled_from(["a", "A", " a", "b", "B ", "c"])
everyone = st.lists(
    st.builds(person, st.integers(1, 6), texts, removed=st.booleans()), max_size=6, unique_by=lambda each: each.id
)
wishes = st.lists(st.builds(wanted, st.integers(1, 8), texts), max_size=8, unique_by=lambda each: each.id)


@given(everyone, wishes)
def test_many_are_refused_as_if_they_were_changed_one_after_another(
    people: list[EmployeeState], wishes: list[Wanted]
) -> None:
    current = {each.id: each for each in people}
    refused = taken_ids(wishes, current, holdings(people, wishes))
    assert {each: error.details["person"] for each, error in refused.items()} == one_by_one(current, wishes)


def key(text: str) -> str:
    return text.strip().lower()


def holdings(people: Sequence[EmployeeState], wishes: Sequence[Wanted]) -> list[Holding]:
    """As the database says it of every `employee_id` that is wanted."""
    found = []
    for text in {each.fields.employee_id for each in wishes}:
        holders = [each.id for each in people if not each.removed and key(each.employee_id) == key(text)]
        found += [Holding(text, key(text), holder) for holder in holders] or [Holding(text, key(text), None)]
    return found


def one_by_one(current: Mapping[int, EmployeeState], wishes: Sequence[Wanted]) -> dict[int, int]:
    """The rule for a single person, said once more: who is refused, and who has the `employee_id`."""
    present = {each.id: each.employee_id for each in current.values() if not each.removed}
    refused: dict[int, int] = {}
    for wish in wishes:
        text = wish.fields.employee_id
        others = [each for each, held in present.items() if each != wish.id and key(held) == key(text)]
        if present.get(wish.id) != text and others:
            refused[wish.id] = min(others)
        else:
            present[wish.id] = text
    return refused
