"""What states say of people in words: each text of theirs either becomes blank, or is named here with why it stays."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from shared.events.personal import BLANK, KINDS, blanked, kind_of, person_of
from shared.events.states import EmployeeState, EnrollmentState, RecordState, State
from shared.events.types import STATE_OF, EmployeeErased
from tests.support.fields import filled

STATES: dict[str, type[State]] = {"employee": EmployeeState, "enrollment": EnrollmentState, "record": RecordState}
STAYS = {
    "check_in_method": "one of a few",
    "judged_by": "the course's",
    "remembered": "the course, the session and the company, as it was in figures",
    "attendance": "when the person was there",
    "decided_by": "another person",
}


def has_text(annotation: Any) -> bool:
    """Whether a field of this type can hold words."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return annotation is str or any(has_text(each) for each in get_args(annotation))


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_is_blank_or_stays_for_a_reason(kind: str) -> None:
    texts = {name for name, field in STATES[kind].model_fields.items() if has_text(field.annotation)}
    assert texts - set(STAYS) == set(BLANK[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_blank_is_a_state_and_stays_the_same(kind: str) -> None:
    state = filled(STATES[kind]).model_dump(mode="json")
    blank = blanked(kind, state)
    assert STATES[kind].model_validate(blank)
    assert blanked(kind, blank) == blank
    assert list(blank) == list(state)
    assert {name for name in state if state[name] != blank[name]} >= set(BLANK[kind])


def test_what_a_record_remembers_of_a_text_is_blank_too() -> None:
    remembered = {"training_name": "Zebra Card", "labels": []}
    own = blanked("record", {"training_name": "Zebra Card", "remembered": remembered})
    assert own == {"training_name": "", "remembered": {"training_name": "", "labels": []}}
    of_a_course = {"training_name": None, "remembered": remembered}
    assert blanked("record", of_a_course) == of_a_course


def test_events_say_whom_they_are_about() -> None:
    assert kind_of("training.employee.saved.v1") == "employee"
    assert kind_of("training.enrollment.check_in_removed.v1") == "enrollment"
    assert kind_of("nothing") == ""
    assert person_of("employee", {"id": 7}) == 7
    assert person_of("enrollment", {"id": 7, "employee_id": 8}) == 8
    assert person_of("record", {"id": 7, "employee_id": "8"}) is None
    assert person_of("record", {"employee_id": True}) is None
    assert person_of("course", {"id": 7}) is None


def test_what_is_erased_is_of_a_kind_that_is_known() -> None:
    kinds = {each.type.partition(".")[0] for each, state in STATE_OF.items() if state in STATES.values()}
    assert kinds == set(KINDS)
    assert EmployeeErased.type.partition(".")[0] == "employee"


def test_other_states_about_a_person_have_no_words() -> None:
    """Of an event of theirs nothing has to become blank."""
    others = {state for state in STATE_OF.values() if "employee_id" in state.model_fields} - set(STATES.values())
    texts = {
        (state.__name__, name)
        for state in others
        for name, field in state.model_fields.items()
        if has_text(field.annotation)
    }
    assert {state.__name__ for state in others} == {"CertificationState", "ClearanceState", "CredentialState"}
    assert texts == {("ClearanceState", "requirement")}  # what is asked, of whomever
