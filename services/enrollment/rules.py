"""Who may be enrolled: values in, values out (contract, section 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.enrollment.errors import EnrollmentNotFound, SessionUnknown
from services.enrollment.refusals import (
    AlreadyEnrolled,
    Clash,
    EmployeeNotSelectable,
    EnrollmentNotOpen,
    EnrollmentRefused,
    PrerequisiteMissing,
    Refusal,
    SessionClosed,
    SessionFull,
    WaitlistAhead,
    Window,
)
from shared.auth.internal_token import ENROLL, Caller
from shared.auth.sight import EVERYBODY, Sight, reach_of, sight_of
from shared.errors import PermissionDenied
from shared.events.states import BookingClash
from shared.http.idempotency_key import IdempotencyKey
from shared.postgres.audit import Actor

SessionKey = tuple[int, int]
"""Organisation and session."""
CandidateKey = tuple[int, int, int]
"""Organisation, session and person."""
Span = tuple[datetime, datetime]
"""From a moment to another, which is not part of it."""


@dataclass(frozen=True, slots=True)
class Seats:
    """A session as a decision about its seats sees it, its row locked."""

    session_id: int
    course_id: int
    status: str
    started: bool
    maximum: int
    taken: int
    awaits_commit: bool = False
    """Whether `status` was agreed with the catalog for a version that has not arrived yet."""
    in_doubt: bool = False
    """Whether that was so long ago that the catalog has to be asked what became of it."""
    booking_clash: BookingClash = "warn"
    """What the organisation wants of people who are enrolled in another session at the same time."""
    self_paced: bool = False
    """Whether it is a standing session, of a self-paced course."""
    ended: bool = False
    enrollment: Window = "open"
    """Whether people may enroll themselves now."""
    waiting: int = 0
    """How many wait for a seat."""
    times: tuple[Span, ...] = ()
    """When it occupies those who are enrolled: a standing session, and one that is over, never does."""

    @property
    def available(self) -> int:
        return max(self.maximum - self.taken, 0)

    @property
    def is_closed(self) -> bool:
        return self.status in ("completed", "cancelled")

    @property
    def refuses_clashes(self) -> bool:
        return self.booking_clash == "refuse"

    @property
    def promotes(self) -> bool:
        """Whether a freed seat goes to the first on the waitlist: until the start, of a standing session until the end.

        Whoever waits beside a free seat then is passed over, and keeps nobody from it.
        """
        if self.self_paced:
            return not self.is_closed and not self.ended
        return self.status == "scheduled" and not self.started

    @property
    def has_line(self) -> bool:
        """Whether those who wait come before everybody else."""
        return self.waiting > 0 and not self.promotes

    @property
    def for_newcomers(self) -> int:
        """Seats that somebody who does not wait may have."""
        return 0 if self.has_line else self.available


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person who is to be enrolled in one session.

    `enrolled_already`: by a record that is not cancelled, or in a session of a self-paced course by an open one alone.
    """

    employee_id: int
    exists: bool
    enrolled_already: bool
    missing_prerequisites: tuple[str, ...]
    """Titles of the courses that the session's course asks for and the person lacks."""
    has_open_record: bool = False
    """Whether the person is enrolled in the session, or waits for it, right now."""
    clashes: tuple[int, ...] = ()
    """Other sessions at the same time in which the person is enrolled, the first ones."""
    waiting: int = 0
    """How many wait for a seat of the session."""
    company_id: int | None = None


@dataclass(frozen=True, slots=True)
class EnrollCommand:
    """A wish to enroll people in a session, all of them or nobody; with `partial` those who can be.

    With `waitlist` those who do not fit are put on the session's list. `enrolled_at` is the database's now where
    it is not given.
    """

    organisation_id: int
    session_id: int
    employee_ids: tuple[int, ...]
    actor: Actor
    waitlist: bool = False
    idempotency_key: IdempotencyKey | None = None
    enrolled_at: datetime | None = None
    partial: bool = False
    reach: Sight = EVERYBODY
    """Whom the caller may enroll: others do not exist for them."""

    @property
    def session_key(self) -> SessionKey:
        return self.organisation_id, self.session_id


@dataclass(frozen=True, slots=True)
class Granted:
    """These people are enrolled: so many of them get a seat, the first ones; the others wait. So many seats are left.

    `refused` are those who are not, in the order asked. `clashes`: those of the enrolled of whom the organisation wants
    to be told that they are enrolled elsewhere at the same time. `waiting_before`: how many waited already.
    """

    employee_ids: tuple[int, ...]
    seats: int
    available_spots: int
    refused: tuple[tuple[int, Refusal], ...] = ()
    clashes: tuple[Candidate, ...] = ()
    waiting_before: int = 0


def check_may_enroll(caller: Caller, employee_ids: Sequence[int]) -> None:
    """`training.enroll.self` is for the caller's own person alone; raises `PermissionDenied`.

    Who belongs to a company is known later: `EnrollCommand.reach`.
    """
    reach = reach_of(caller)
    if reach.everybody or reach.companies:
        return
    if not all(reach.holds(employee_id, None) for employee_id in employee_ids):
        raise PermissionDenied(ENROLL)


def check_may_change(caller: Caller, employee_id: int, company_id: int | None) -> None:
    """Whether the caller may cancel or transfer an enrollment of this person, who belongs to this company.

    Raises `EnrollmentNotFound` for one that the caller may not even see, otherwise `PermissionDenied`.
    """
    if reach_of(caller).holds(employee_id, company_id):
        return
    if not sight_of(caller).holds(employee_id, company_id):
        raise EnrollmentNotFound
    raise PermissionDenied(ENROLL)


def refusals(
    seats: Seats, candidates: Sequence[Candidate], *, waitlist: bool = False, by_themselves: bool = False
) -> dict[int, Refusal]:
    """Why which of the candidates cannot be enrolled, by position. The seats go to the first of the others."""
    found = {position: _refusal(seats, each, by_themselves) for position, each in enumerate(candidates)}
    refused = {position: refusal for position, refusal in found.items() if refusal is not None}
    others = [position for position in found if position not in refused]
    if len(others) > seats.for_newcomers and not waitlist:
        refused |= dict.fromkeys(others[seats.for_newcomers :], no_seat(seats, len(others)))
    return dict(sorted(refused.items()))


def no_seat(seats: Seats, requested: int = 1) -> Refusal:
    """Why so many newcomers cannot all have a seat."""
    if seats.available and seats.has_line:
        return WaitlistAhead(seats.waiting)
    return SessionFull(seats.available, requested)


def _refusal(seats: Seats, candidate: Candidate, by_themselves: bool) -> Refusal | None:
    """The first reason there is in the order of the contract, wherever the seats may be."""
    if not candidate.exists:
        return EmployeeNotSelectable()
    if seats.is_closed:
        return SessionClosed(seats.status)
    if by_themselves and seats.enrollment != "open":
        return EnrollmentNotOpen(seats.enrollment)
    if candidate.enrolled_already:
        return AlreadyEnrolled()
    if candidate.missing_prerequisites:
        return PrerequisiteMissing(candidate.missing_prerequisites)
    if candidate.clashes and seats.refuses_clashes:
        return Clash(candidate.clashes)
    return None


def decide_in_order(
    commands: Sequence[EnrollCommand],
    sessions: Mapping[SessionKey, Seats],
    candidates: Mapping[CandidateKey, Candidate],
) -> list[Granted | Exception]:
    """Each command's outcome, those before it taken into account: who came first has the seat."""
    waiting = {key[:2]: candidate.waiting for key, candidate in candidates.items() if candidate.waiting}
    sessions = {**sessions, **{key: replace(sessions[key], waiting=number) for key, number in waiting.items()}}
    candidates = dict(candidates)
    asked_again = _asked_again(commands)
    outcomes: list[Granted | Exception] = []
    for command in commands:
        seats = sessions.get(command.session_key)
        if seats is None or seats.in_doubt:
            outcomes.append(SessionUnknown())
            continue
        asked = [candidates[*command.session_key, employee_id] for employee_id in command.employee_ids]
        outcome = _decide(command, seats, [_within(command.reach, candidate) for candidate in asked])
        outcomes.append(outcome)
        if isinstance(outcome, Granted):
            sessions[command.session_key] = _after(outcome, seats)
            for place, employee_id in enumerate(outcome.employee_ids):
                if elsewhere := asked_again.get((command.organisation_id, employee_id)):
                    key = (*command.session_key, employee_id)
                    candidates[key] = replace(candidates[key], enrolled_already=True)
                    if place < outcome.seats:
                        candidates.update(_booked(key, elsewhere, sessions, candidates))
    return outcomes


def _asked_again(commands: Sequence[EnrollCommand]) -> dict[tuple[int, int], list[CandidateKey]]:
    """By organisation and person what is asked for those who are asked for more than once: few have to be followed."""
    asked: dict[tuple[int, int], list[CandidateKey]] = {}
    for command in commands:
        for person in command.employee_ids:
            asked.setdefault((command.organisation_id, person), []).append((*command.session_key, person))
    return {who: keys for who, keys in asked.items() if len(keys) > 1}


def _decide(command: EnrollCommand, seats: Seats, asked: Sequence[Candidate]) -> Granted | EnrollmentRefused:
    """One command's outcome; `asked` are the people as its session and its caller see them."""
    by_themselves = not command.reach.everybody
    refused = refusals(seats, asked, waitlist=command.waitlist, by_themselves=by_themselves)
    enrolled = [candidate for position, candidate in enumerate(asked) if position not in refused]
    if refused and not (command.partial and enrolled):
        return EnrollmentRefused(refused)
    granted = min(len(enrolled), seats.for_newcomers)
    return Granted(
        employee_ids=tuple(candidate.employee_id for candidate in enrolled),
        seats=granted,
        available_spots=seats.available - granted,
        refused=tuple((command.employee_ids[position], refusal) for position, refusal in refused.items()),
        clashes=_clashes_to_tell(seats, enrolled),
        waiting_before=seats.waiting,
    )


def _after(granted: Granted, seats: Seats) -> Seats:
    waiting = seats.waiting + len(granted.employee_ids) - granted.seats
    return replace(seats, taken=seats.taken + granted.seats, waiting=waiting)


def _within(reach: Sight, candidate: Candidate) -> Candidate:
    """Somebody out of reach is like somebody unknown."""
    exists = candidate.exists and reach.holds(candidate.employee_id, candidate.company_id)
    return candidate if exists == candidate.exists else replace(candidate, exists=exists)


def _clashes_to_tell(seats: Seats, asked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(candidate for candidate in asked if candidate.clashes) if seats.booking_clash == "warn" else ()


def _booked(
    key: CandidateKey,
    elsewhere: Sequence[CandidateKey],
    sessions: Mapping[SessionKey, Seats],
    candidates: Mapping[CandidateKey, Candidate],
) -> dict[CandidateKey, Candidate]:
    """The person as other sessions at the same time see them, now that they are enrolled in this one."""
    times = sessions[key[:2]].times
    return {
        other: replace(candidates[other], clashes=(*candidates[other].clashes, key[1]))
        for other in elsewhere
        if other != key and other in candidates and overlap(times, sessions[other[:2]].times)
    }


def overlap(some: Sequence[Span], others: Sequence[Span]) -> bool:
    return any(start < other_end and other_start < end for start, end in some for other_start, other_end in others)
