"""Who is out of a caller's reach is not enrolled, cancelled nor transferred by them (contract, section 2)."""

import pytest

from services.enrollment.errors import EnrollmentNotFound
from services.enrollment.refusals import EmployeeNotSelectable, EnrollmentRefused
from services.enrollment.rules import (
    Candidate,
    EnrollCommand,
    Granted,
    Seats,
    check_may_change,
    check_may_enroll,
    decide_in_order,
)
from shared.auth.internal_token import Caller
from shared.auth.sight import EVERYBODY, Sight
from shared.errors import PermissionDenied
from shared.postgres.audit import Actor

MINE, OTHERS, OWN = 1, 2, 3
COMPANY_OF = {MINE: 7, OTHERS: 8, OWN: None}


def decided(reach: Sight, *employee_ids: int, partial: bool = False) -> Granted | Exception:
    command = EnrollCommand(1, 1, employee_ids, Actor("tester", "Tester"), partial=partial, reach=reach)
    candidates = {
        (1, 1, person): Candidate(
            person, exists=True, enrolled_already=False, missing_prerequisites=(), company_id=company
        )
        for person, company in COMPANY_OF.items()
    }
    [outcome] = decide_in_order([command], {(1, 1): Seats(1, 1, "scheduled", False, 5, 0)}, candidates)
    return outcome


def refused(outcome: Granted | Exception) -> set[int]:
    """Positions of those who do not exist for the caller; nobody is refused for anything else."""
    assert isinstance(outcome, EnrollmentRefused)
    assert {type(refusal) for refusal in outcome.refusals.values()} == {EmployeeNotSelectable}
    return set(outcome.refusals)


def test_people_of_other_companies_do_not_exist() -> None:
    reach = Sight(companies=(7,))
    assert isinstance(decided(reach, MINE), Granted)
    assert refused(decided(reach, MINE, OTHERS, OWN)) == {1, 2}
    assert refused(decided(Sight(person=OWN, companies=(7,)), MINE, OTHERS, OWN)) == {1}
    assert isinstance(decided(EVERYBODY, MINE, OTHERS, OWN), Granted)


def test_with_partial_those_in_reach_are_enrolled() -> None:
    outcome = decided(Sight(companies=(7,)), OTHERS, MINE, partial=True)
    assert isinstance(outcome, Granted)
    assert (outcome.employee_ids, [person for person, _ in outcome.refused]) == ((MINE,), [OTHERS])


def caller(*permissions: str) -> Caller:
    names = frozenset(f"training.{permission}" for permission in permissions)
    return Caller(1, "subject", "Name", "staff", names, OWN, (7,))


@pytest.mark.parametrize(
    ("permissions", "person", "error"),
    [
        (("enroll",), OTHERS, None),
        (("enroll.self",), OWN, None),
        (("enroll.company",), MINE, None),
        (("enroll.self", "view.self"), OTHERS, EnrollmentNotFound),
        (("enroll.company", "view.company"), OTHERS, EnrollmentNotFound),
        (("enroll.company", "view.company"), OWN, EnrollmentNotFound),
        (("enroll.self", "view"), OTHERS, PermissionDenied),
        (("enroll.self", "view.company"), MINE, PermissionDenied),
        (("enroll.self", "view.company"), OTHERS, EnrollmentNotFound),
    ],
)
def test_what_is_not_seen_is_not_there_and_what_is_seen_may_be_forbidden(
    permissions: tuple[str, ...], person: int, error: type[Exception] | None
) -> None:
    if error is None:
        check_may_change(caller(*permissions), person, COMPANY_OF[person])
    else:
        with pytest.raises(error):
            check_may_change(caller(*permissions), person, COMPANY_OF[person])


def test_who_has_no_company_enrolls_nobody_elses_people() -> None:
    nobody = Caller(1, "subject", "Name", "staff", frozenset({"training.enroll.company"}))
    with pytest.raises(PermissionDenied):
        check_may_enroll(nobody, [MINE])
