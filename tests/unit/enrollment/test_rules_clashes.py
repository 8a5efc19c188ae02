"""Bookings that clash: who was enrolled a command before counts as well (contract, section 4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.enrollment.answers import Enrolled, enrolled_answer
from services.enrollment.refusals import Clash, EnrollmentRefused
from services.enrollment.rules import (
    Candidate,
    CandidateKey,
    Granted,
    Seats,
    Span,
    decide_in_order,
    overlap,
    refusals,
)
from services.enrollment.transitions import transferred
from shared.events.states import BookingClash
from tests.support.refusals import is_refused
from tests.unit.enrollment.test_rules_decisions import candidate, command, seats
from tests.unit.enrollment.test_rules_transitions import NEW_THERE, THERE, enrollment

NINE = datetime(2030, 5, 15, 9, tzinfo=UTC)


def span(start: float, end: float) -> Span:
    """From one hour after nine to another."""
    return NINE + timedelta(hours=start), NINE + timedelta(hours=end)


@pytest.mark.parametrize(
    ("some", "others", "expected"),
    [
        ([span(0, 2)], [span(1, 3)], True),
        ([span(0, 3)], [span(1, 2)], True),
        ([span(0, 1)], [span(1, 2)], False),
        ([span(0, 1), span(4, 5)], [span(2, 3), span(4.5, 6)], True),
        ([span(0, 1), span(4, 5)], [span(2, 3), span(5, 6)], False),
        ([], [span(0, 1)], False),
    ],
)
def test_times_overlap_where_they_have_a_moment_in_common(some: list[Span], others: list[Span], expected: bool) -> None:
    assert overlap(some, others) is overlap(others, some) is expected


def at(session_id: int, *times: Span, what: BookingClash = "warn", maximum: int = 5) -> Seats:
    return replace(seats(maximum, session_id=session_id), times=times, booking_clash=what)


def both(what: BookingClash, *, maximum: int = 5) -> list[Granted | Exception]:
    """Two people in one session and then in another at the same time, by commands decided together."""
    sessions = {
        (1, 1): at(1, span(0, 2), what=what, maximum=maximum),
        (1, 2): at(2, span(1, 3), what=what),
        (1, 3): at(3, span(2, 3), what=what),
    }
    candidates: dict[CandidateKey, Candidate] = {
        (1, session, person): candidate(person) for session in (1, 2, 3) for person in (1, 2)
    }
    commands = [command(1, 1, 2, waitlist=True), command(2, 2), command(3, 1)]
    return decide_in_order(commands, sessions, candidates)


def test_of_commands_decided_together_the_later_is_refused() -> None:
    first, second, third = both("refuse")
    assert isinstance(first, Granted)
    assert isinstance(second, EnrollmentRefused)
    assert is_refused(second, Clash)
    assert second.details["errors"] == {
        "employee_ids.0": ["The employee is enrolled in another session at that time: session 1."]
    }
    assert isinstance(third, Granted)


def test_of_commands_decided_together_the_later_is_told() -> None:
    told = [outcome.clashes if isinstance(outcome, Granted) else None for outcome in both("warn")]
    assert told == [(), (replace(candidate(2), clashes=(1,)),), ()]


def test_nobody_is_told_of_what_is_allowed() -> None:
    assert [outcome.clashes if isinstance(outcome, Granted) else None for outcome in both("allow")] == [(), (), ()]


def test_who_waits_is_not_enrolled_yet() -> None:
    assert all(isinstance(outcome, Granted) for outcome in both("refuse", maximum=1))


def test_all_who_clash_are_named_with_their_sessions() -> None:
    clashing = [candidate(1), replace(candidate(2), clashes=(7, 8)), replace(candidate(3), clashes=(9,))]
    assert refusals(seats(), clashing) == {}
    refused = refusals(replace(seats(), booking_clash="refuse"), clashing)
    assert {type(refusal) for refusal in refused.values()} == {Clash}
    reason = "The employee is enrolled in another session at that time: session {}."
    assert EnrollmentRefused(refused).details["errors"] == {
        "employee_ids.1": [reason.format(7), reason.format(8)],
        "employee_ids.2": [reason.format(9)],
    }


def test_a_warning_names_person_and_session() -> None:
    answer = enrolled_answer(Enrolled((enrollment(),), 0, 0, clashes=(replace(candidate(42), clashes=(7, 8)),)))
    assert answer.text.endswith(
        '"warnings": [{"code": "booking_clash", "employee_id": 42, "session_id": 7, "message": '
        '"The employee is enrolled in another session at that time: session 7."}, '
        '{"code": "booking_clash", "employee_id": 42, "session_id": 8, "message": '
        '"The employee is enrolled in another session at that time: session 8."}]}}'
    )


@pytest.mark.parametrize(("clashes", "refused"), [((8,), False), ((8, 9), True), ((), False)])
def test_a_transfer_does_not_clash_with_the_session_it_leaves(clashes: tuple[int, ...], refused: bool) -> None:
    busy = replace(NEW_THERE, clashes=clashes)
    transferred(enrollment(), THERE, busy)
    strict = replace(THERE, booking_clash="refuse")
    if not refused:
        assert transferred(enrollment(), strict, busy).session_id == THERE.session_id
        return
    with pytest.raises(Clash) as refusal:
        transferred(enrollment(), strict, busy)
    reason = "The employee is enrolled in another session at that time: session 9."
    assert refusal.value.details["errors"] == {"session_id": [reason]}


def test_with_partial_who_clashes_is_refused_and_the_others_are_enrolled() -> None:
    candidates = {(1, 1, 1): candidate(1), (1, 1, 2): replace(candidate(2), clashes=(9,))}
    [granted] = decide_in_order([command(1, 2, 1, partial=True)], {(1, 1): at(1, what="refuse")}, candidates)
    assert isinstance(granted, Granted)
    assert (granted.employee_ids, granted.clashes) == ((1,), ())
    assert [(person, type(refusal)) for person, refusal in granted.refused] == [(2, Clash)]


def test_nobody_is_told_of_those_who_are_refused_for_another_reason() -> None:
    candidates = {
        (1, 1, 1): replace(candidate(1, enrolled=True), clashes=(9,)),
        (1, 1, 2): replace(candidate(2), clashes=(8,)),
    }
    [granted] = decide_in_order([command(1, 1, 2, partial=True)], {(1, 1): at(1)}, candidates)
    assert isinstance(granted, Granted)
    assert [each.clashes for each in granted.clashes] == [(8,)]
