"""Who gets a seat: the pure decision, command by command in the order of arrival (contract, section 4)."""

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.errors import SessionUnknown
from services.enrollment.refusals import (
    AlreadyEnrolled,
    EmployeeNotSelectable,
    EnrollmentRefused,
    PrerequisiteMissing,
    Refusal,
    SessionClosed,
    SessionFull,
)
from services.enrollment.rules import (
    Candidate,
    CandidateKey,
    EnrollCommand,
    Granted,
    Seats,
    SessionKey,
    check_may_enroll,
    decide_in_order,
    refusals,
)
from shared.auth.internal_token import Caller
from shared.errors import PermissionDenied
from shared.postgres.audit import Actor
from tests.support.refusals import is_refused

PEOPLE = range(1, 8)
SESSIONS = range(1, 4)
ACTOR = Actor("tester", "Tester")


def candidate(employee_id: int = 1, *, exists: bool = True, enrolled: bool = False, missing: str = "") -> Candidate:
    return Candidate(employee_id, exists, enrolled, (missing,) if missing else ())


def seats(
    maximum: int = 5, taken: int = 0, status: str = "scheduled", session_id: int = 1, *, started: bool = False
) -> Seats:
    return Seats(session_id, 1, status, started, maximum, taken)


def command(session_id: int, *employee_ids: int, waitlist: bool = False, partial: bool = False) -> EnrollCommand:
    return EnrollCommand(1, session_id, employee_ids, ACTOR, waitlist, partial=partial)


@dataclass(frozen=True)
class Rush:
    """Commands, and what the database says of their sessions and people."""

    commands: list[EnrollCommand]
    sessions: dict[SessionKey, Seats]
    candidates: dict[CandidateKey, Candidate]

    def decide(self) -> list[Granted | Exception]:
        return decide_in_order(self.commands, self.sessions, self.candidates)


@st.composite
def rushes(draw: st.DrawFn) -> Rush:
    """Seats, some taken before; people, some of them enrolled before; sessions that are closed, begun or unknown."""
    sessions: dict[SessionKey, Seats] = {}
    candidates: dict[CandidateKey, Candidate] = {}
    for session_id in draw(st.sets(st.sampled_from(SESSIONS), min_size=1)):
        enrolled = draw(st.sets(st.sampled_from(PEOPLE)))
        maximum = draw(st.integers(len(enrolled), 10))
        status = draw(st.sampled_from(["scheduled", "scheduled", "in_progress", "completed", "cancelled"]))
        sessions[1, session_id] = seats(maximum, len(enrolled), status, session_id, started=draw(st.booleans()))
        waiting = draw(st.integers(0, 2))
        for person in PEOPLE:
            exists = draw(st.booleans()) or person in enrolled
            known = candidate(person, exists=exists, enrolled=person in enrolled)
            candidates[1, session_id, person] = replace(known, waiting=waiting)
    people = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True)
    wish = st.tuples(st.sampled_from(SESSIONS), people, st.booleans(), st.booleans())
    commands = [
        command(session_id, *employee_ids, waitlist=waitlist, partial=partial)
        for session_id, employee_ids, waitlist, partial in draw(st.lists(wish, max_size=12))
    ]
    return Rush(commands, sessions, candidates)


@given(rushes())
def test_never_more_is_granted_than_there_are_seats(rush: Rush) -> None:
    granted = Counter[SessionKey]()
    for wish, outcome in zip(rush.commands, rush.decide(), strict=True):
        if isinstance(outcome, Granted):
            granted[wish.session_key] += outcome.seats
            assert 0 <= outcome.seats <= len(outcome.employee_ids)
            assert outcome.available_spots >= 0
    assert all(granted[key] <= rush.sessions[key].available for key in granted)


@given(rushes())
def test_nobody_is_granted_one_session_twice(rush: Rush) -> None:
    granted = [
        (wish.session_id, person)
        for wish, outcome in zip(rush.commands, rush.decide(), strict=True)
        if isinstance(outcome, Granted)
        for person in outcome.employee_ids
    ]
    assert len(granted) == len(set(granted))
    assert not any(rush.candidates[1, session_id, person].enrolled_already for session_id, person in granted)


@given(rushes())
def test_who_comes_later_changes_nothing_for_those_before(rush: Rush) -> None:
    outcomes = [repr(outcome) for outcome in rush.decide()]
    for count in range(len(rush.commands)):
        earlier = Rush(rush.commands[:count], rush.sessions, rush.candidates).decide()
        assert [repr(outcome) for outcome in earlier] == outcomes[:count]


@given(rushes())
def test_a_command_that_is_refused_takes_nothing(rush: Rush) -> None:
    outcomes = rush.decide()
    granted = [wish for wish, outcome in zip(rush.commands, outcomes, strict=True) if _is_granted(outcome)]
    alone = Rush(granted, rush.sessions, rush.candidates).decide()
    assert [repr(outcome) for outcome in alone] == [repr(outcome) for outcome in outcomes if _is_granted(outcome)]


@given(rushes())
def test_full_is_said_only_when_the_seats_do_not_suffice(rush: Rush) -> None:
    left = {key: session.available for key, session in rush.sessions.items()}
    for wish, outcome in zip(rush.commands, rush.decide(), strict=True):
        if isinstance(outcome, Granted):
            left[wish.session_key] -= outcome.seats
            assert outcome.available_spots == left[wish.session_key]
        if is_refused(outcome, SessionFull):
            assert left[wish.session_key] < len(wish.employee_ids)
            assert not wish.waitlist


@given(rushes())
def test_only_who_agreed_to_wait_has_to_and_only_where_no_seat_is_left_or_others_wait(rush: Rush) -> None:
    for wish, outcome in zip(rush.commands, rush.decide(), strict=True):
        if isinstance(outcome, Granted) and outcome.seats < len(outcome.employee_ids):
            assert wish.waitlist
            assert outcome.available_spots == 0 or outcome.waiting_before


@given(rushes())
def test_everybody_asked_for_is_either_enrolled_or_refused(rush: Rush) -> None:
    for wish, outcome in zip(rush.commands, rush.decide(), strict=True):
        if isinstance(outcome, Granted):
            refused = [person for person, _ in outcome.refused]
            assert sorted([*outcome.employee_ids, *refused]) == sorted(wish.employee_ids)
            assert outcome.employee_ids
            assert wish.partial or not refused
            for part in (outcome.employee_ids, refused):
                assert list(part) == [person for person in wish.employee_ids if person in part]


@given(rushes())
def test_who_is_enrolled_with_others_would_be_enrolled_alone(rush: Rush) -> None:
    """A partial command is what is left of it, asked for without those who are refused."""
    outcomes = rush.decide()
    granted = [
        replace(wish, employee_ids=outcome.employee_ids, partial=False)
        for wish, outcome in zip(rush.commands, outcomes, strict=True)
        if isinstance(outcome, Granted)
    ]
    alone = Rush(granted, rush.sessions, rush.candidates).decide()
    assert alone == [replace(outcome, refused=()) for outcome in outcomes if isinstance(outcome, Granted)]


def _is_granted(outcome: object) -> bool:
    return isinstance(outcome, Granted)


def test_who_came_first_has_the_seat() -> None:
    candidates = {(1, 1, person): candidate(person) for person in (1, 2)}
    for order in ((1, 2), (2, 1)):
        commands = [command(1, person) for person in order]
        first, second = decide_in_order(commands, {(1, 1): seats(maximum=1)}, candidates)
        assert first == Granted((order[0],), seats=1, available_spots=0)
        assert is_refused(second, SessionFull)


def test_a_smaller_wish_may_still_fit_behind_one_that_did_not() -> None:
    candidates = {(1, 1, person): candidate(person) for person in (1, 2, 3)}
    commands = [command(1, 1, 2), command(1, 3)]
    first, second = decide_in_order(commands, {(1, 1): seats(maximum=1)}, candidates)
    assert is_refused(first, SessionFull)
    assert second == Granted((3,), seats=1, available_spots=0)


def test_the_first_named_get_the_seats_and_the_others_wait() -> None:
    candidates = {(1, 1, person): candidate(person) for person in PEOPLE}
    commands = [command(1, 1, 2, 3, waitlist=True), command(1, 4, waitlist=True), command(1, 5)]
    first, second, third = decide_in_order(commands, {(1, 1): seats(maximum=2)}, candidates)
    assert (first, second) == (Granted((1, 2, 3), 2, 0), Granted((4,), 0, 0, waiting_before=1))
    assert is_refused(third, SessionFull)


def test_a_session_nobody_knows_is_unknown() -> None:
    [outcome] = decide_in_order([command(9, 1)], {}, {})
    assert isinstance(outcome, SessionUnknown)


def test_a_session_in_doubt_is_decided_when_the_catalog_was_asked() -> None:
    doubted = replace(seats(status="cancelled"), awaits_commit=True, in_doubt=True)
    [outcome] = decide_in_order([command(1, 1)], {(1, 1): doubted}, {(1, 1, 1): candidate()})
    assert isinstance(outcome, SessionUnknown)
    [outcome] = decide_in_order([command(1, 1)], {(1, 1): replace(doubted, in_doubt=False)}, {(1, 1, 1): candidate()})
    assert is_refused(outcome, SessionClosed)


@pytest.mark.parametrize(
    ("session", "people", "refusal"),
    [
        (seats(), [candidate(exists=False)], EmployeeNotSelectable),
        (seats(status="completed"), [candidate()], SessionClosed),
        (seats(status="cancelled"), [candidate()], SessionClosed),
        (seats(), [candidate(enrolled=True)], AlreadyEnrolled),
        (seats(), [candidate(missing="Basics")], PrerequisiteMissing),
        (seats(maximum=1), [candidate(1), candidate(2)], SessionFull),
        (seats(maximum=1, taken=5), [candidate()], SessionFull),
        (seats(maximum=0, status="cancelled"), [candidate(exists=False, enrolled=True)], EmployeeNotSelectable),
        (seats(maximum=0, status="cancelled"), [candidate(enrolled=True, missing="B")], SessionClosed),
        (seats(maximum=0), [candidate(enrolled=True, missing="B")], AlreadyEnrolled),
        (seats(maximum=0), [candidate(missing="B")], PrerequisiteMissing),
    ],
)
def test_of_each_person_the_first_refusal_there_is_counts(
    session: Seats, people: list[Candidate], refusal: type[Refusal]
) -> None:
    assert {type(told) for told in refusals(session, people).values()} == {refusal}


@pytest.mark.parametrize(
    ("session", "refusal"),
    [
        (seats(maximum=0), None),
        (seats(maximum=0, started=True), None),
        (seats(maximum=0, status="in_progress"), None),
        (seats(maximum=0, status="completed"), SessionClosed),
        (seats(maximum=0, status="cancelled"), SessionClosed),
    ],
)
def test_nobody_waits_for_a_session_that_is_closed(session: Seats, refusal: type[Refusal] | None) -> None:
    told = refusals(session, [candidate()], waitlist=True)
    assert [type(each) for each in told.values()] == ([refusal] if refusal else [])


@pytest.mark.parametrize("status", ["scheduled", "in_progress"])
def test_an_open_session_with_room_takes_everyone(status: str) -> None:
    assert not refusals(seats(maximum=2, status=status), [candidate(1), candidate(2)])


@pytest.mark.parametrize(
    ("maximum", "taken", "asked", "message"),
    [
        (5, 3, 3, "Session is at capacity. Only 2 spots remaining. You requested 3 enrollments."),
        (5, 4, 2, "Session is at capacity. Only 1 spot remaining. You requested 2 enrollments."),
        (5, 5, 1, "Session is at capacity. Only 0 spots remaining. You requested 1 enrollment."),
        (5, 7, 1, "Session is at capacity. Only 0 spots remaining. You requested 1 enrollment."),
    ],
)
def test_a_full_session_says_how_many_spots_remain(maximum: int, taken: int, asked: int, message: str) -> None:
    refused = EnrollmentRefused(refusals(seats(maximum, taken), [candidate(person) for person in range(asked)]))
    assert (refused.code, refused.message) == ("session_full", message)
    assert refused.details == {"available_spots": max(maximum - taken, 0), "requested": asked}


@pytest.mark.parametrize(
    ("permissions", "own", "asked", "allowed"),
    [
        ({"training.enroll"}, None, [1, 2], True),
        ({"training.enroll", "training.enroll.self"}, 1, [2], True),
        ({"training.enroll.self"}, 1, [1], True),
        ({"training.enroll.self"}, 1, [1, 2], False),
        ({"training.enroll.self"}, 1, [2], False),
        ({"training.enroll.self"}, None, [1], False),
        ({"training.view"}, 1, [1], False),
        ({"training.enroll.company"}, None, [1, 2], True),
    ],
)
def test_enroll_self_is_for_the_own_person(
    permissions: set[str], own: int | None, asked: list[int], allowed: bool
) -> None:
    caller = Caller(1, "subject", "Name", "staff", frozenset(permissions), own, (7,))
    if allowed:
        check_may_enroll(caller, asked)
    else:
        with pytest.raises(PermissionDenied):
            check_may_enroll(caller, asked)
