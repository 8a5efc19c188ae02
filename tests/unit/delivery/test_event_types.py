"""Which events are meant by the types that a client names (contract, section 8)."""

import pytest

from services.delivery.event_types import Wanted, is_known, wanted


@pytest.mark.parametrize(
    "name",
    [
        "training.enrollment.completed.v1",
        "training.enrollment.completed.*",
        "training.enrollment.*",
        "training.*",
        "training.settings.saved.v1",
    ],
)
def test_a_type_and_a_beginning_of_one_are_known(name: str) -> None:
    assert is_known(name)


@pytest.mark.parametrize(
    "name",
    [
        "training.enrollment.completed",
        "training.enrollment.completed.v2",
        "training.enrollment.vanished.*",
        "enrollment.completed.v1",
        "training.enrollment.completed.v1.*",
        "",
    ],
)
def test_others_are_not(name: str) -> None:
    assert not is_known(name)


def test_beginnings_are_told_from_types() -> None:
    names = ["training.course.saved.v1", "training.enrollment.*", "training.session.saved.v1"]
    assert wanted(names) == Wanted(["training.course.saved.v1", "training.session.saved.v1"], ["training.enrollment."])


def test_without_any_every_event_is_wanted() -> None:
    assert not any(wanted([]))
