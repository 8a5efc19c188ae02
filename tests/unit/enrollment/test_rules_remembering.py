"""What an enrollment remembers when it closes: the pure rule."""

import pytest

from services.enrollment.transitions import OPEN, preserved, remembering
from shared.events.states import EnrollmentState, EnrollmentStatus, Remembered
from tests.support.fields import filled

OTHERS: tuple[EnrollmentStatus, ...] = ("completed", "failed", "absent", "cancelled")
OLD, NEW = filled(Remembered), filled(Remembered, training_name="new")


def state(status: str, remembered: Remembered | None) -> EnrollmentState:
    return filled(EnrollmentState, status=status, remembered=remembered)


@pytest.mark.parametrize("before", OPEN)
@pytest.mark.parametrize("after", OTHERS)
def test_what_closes_remembers_what_is_true_now(before: str, after: str) -> None:
    assert remembering(state(before, None), state(after, None), NEW) == state(after, NEW)


@pytest.mark.parametrize("before", OTHERS)
@pytest.mark.parametrize("after", OTHERS)
@pytest.mark.parametrize("kept", [OLD, None])
def test_what_was_closed_keeps_what_it_remembers(before: str, after: str, kept: Remembered | None) -> None:
    assert remembering(state(before, kept), state(after, kept), NEW) == state(after, kept)


@pytest.mark.parametrize("before", [*OPEN, *OTHERS])
@pytest.mark.parametrize("after", OPEN)
def test_what_is_open_remembers_nothing(before: str, after: str) -> None:
    assert remembering(state(before, OLD), state(after, OLD), NEW) == state(after, None)


@pytest.mark.parametrize("status", OTHERS)
def test_a_record_that_remembers_nothing_is_completed_once(status: str) -> None:
    forgetful = state(status, None)
    assert preserved(forgetful, NEW) == state(status, NEW).model_copy(update={"version": forgetful.version + 1})
    assert preserved(forgetful, None) == forgetful
    assert preserved(state(status, OLD), NEW) == state(status, OLD)


@pytest.mark.parametrize("status", OPEN)
def test_an_open_record_is_not_completed(status: str) -> None:
    assert preserved(state(status, None), NEW) == state(status, None)
