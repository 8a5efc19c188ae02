"""A state is taken back to the version before a change; SQL says to which (tests/integration/test_as_of.py)."""

import json
from typing import Any

from shared.events.states import EnrollmentState, SessionState
from shared.postgres.known_then import as_known
from tests.support.fields import filled


def undone(version: int | None, **members: Any) -> dict[str, Any]:
    return {"undone": version, "members": json.dumps(members) if members else None}


def test_without_a_later_change_it_is_what_it_is() -> None:
    state = filled(EnrollmentState)
    assert as_known(state, undone(None)) is state


def test_what_changed_is_what_it_was_and_all_else_stays() -> None:
    state = filled(EnrollmentState).model_copy(update={"version": 9, "status": "completed"})
    then = as_known(state, undone(5, status="enrolled", completed_at=None, remembered=None, score=70.5))
    changed = {"version": 4, "status": "enrolled", "completed_at": None, "remembered": None, "score": then.score}
    assert then == state.model_copy(update=changed)
    assert str(then.score) == "70.5"


def test_a_change_that_says_nothing_of_the_state_is_one_of_its_version_alone() -> None:
    state = filled(EnrollmentState).model_copy(update={"version": 9})
    assert as_known(state, undone(9)) == state.model_copy(update={"version": 8})
    assert as_known(state, undone(9, reason=None)) == state.model_copy(update={"version": 8})


def test_a_deleted_row_was_there_before() -> None:
    state = filled(SessionState).model_copy(update={"removed": True, "version": 3})
    assert as_known(state, undone(None), {"removed": False}).removed
    assert not as_known(state, undone(3), {"removed": False}).removed
