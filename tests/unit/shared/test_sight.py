"""Whose rows a caller may see, and whom they may enroll, by their permissions (contract, section 2)."""

from collections.abc import Callable

import pytest

from shared.auth.internal_token import Caller
from shared.auth.sight import EVERYBODY, Sight, reach_of, sight_of


def caller(*permissions: str) -> Caller:
    return Caller(1, "subject", "Name", "staff", frozenset(permissions), 42, (9, 7, 9))


@pytest.mark.parametrize(("kind", "read"), [("view", sight_of), ("enroll", reach_of)])
def test_each_permission_opens_what_it_names(kind: str, read: Callable[[Caller], Sight]) -> None:
    every, own, company = f"training.{kind}", f"training.{kind}.self", f"training.{kind}.company"
    assert read(caller(every)) == read(caller(every, own, company)) == EVERYBODY
    assert read(caller(own)) == Sight(person=42)
    assert read(caller(company)) == Sight(companies=(7, 9))
    assert read(caller(own, company)) == Sight(person=42, companies=(7, 9))
    assert read(caller("api.access", "training.record", "training.manage")) == Sight()


def test_one_kind_of_permission_does_not_open_the_other() -> None:
    assert sight_of(caller("training.enroll", "training.enroll.self", "training.enroll.company")) == Sight()
    assert reach_of(caller("training.view", "training.view.self", "training.view.company")) == Sight()


@pytest.mark.parametrize(
    ("sight", "held"),
    [
        (EVERYBODY, {(42, None), (42, 7), (43, None), (43, 7), (43, 8)}),
        (Sight(person=42), {(42, None), (42, 7)}),
        (Sight(companies=(7,)), {(42, 7), (43, 7)}),
        (Sight(person=42, companies=(8, 9)), {(42, None), (42, 7), (43, 8)}),
        (Sight(), set()),
    ],
)
def test_rows_are_about_a_person_who_may_belong_to_a_company(sight: Sight, held: set[tuple[int, int | None]]) -> None:
    asked = [(42, None), (42, 7), (43, None), (43, 7), (43, 8)]
    assert {each for each in asked if sight.holds(*each)} == held


def test_who_is_no_person_sees_nobody_of_their_own() -> None:
    nobody = Caller(1, "subject", "Name", "staff", frozenset({"training.view.self", "training.view.company"}))
    assert sight_of(nobody) == Sight()
    assert not sight_of(nobody).holds(42, None)
