"""Who may be enrolled: values in, values out (contract, section 4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.enrollment.errors import (
    AlreadyEnrolled,
    Clash,
    EmployeesNotSelectable,
    PrerequisiteMissing,
    SessionClosed,
    SessionFull,
    SessionUnknown,
)
from shared.auth.internal_token import ENROLL, ENROLL_SELF, Caller
from shared.errors import ApiError, PermissionDenied
from shared.events.types import BookingClash
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
        """Whether a freed seat goes to the first on the waitlist: never once the session has begun or was cancelled."""
        return self.status == "scheduled" and not self.started


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person who is to be enrolled in one session."""

    employee_id: int
    exists: bool
    enrolled_already: bool
    missing_prerequisites: tuple[str, ...]
    """Titles of the courses that the session's course asks for and the person lacks."""
    clashes: tuple[int, ...] = ()
    """Other sessions at the same time in which the person is enrolled, the first ones."""


@dataclass(frozen=True, slots=True)
class EnrollCommand:
    """A wish to enroll people in a session, all of them or nobody.

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

    @property
    def session_key(self) -> SessionKey:
        return self.organisation_id, self.session_id


@dataclass(frozen=True, slots=True)
class Granted:
    """So many of the people asked for get a seat, the first of them; the others wait. So many seats are left.

    `clashes`: those of whom the organisation wants to be told that they are enrolled elsewhere at the same time.
    """

    seats: int
    available_spots: int
    clashes: tuple[Candidate, ...] = ()


def check_may_enroll(caller: Caller, employee_ids: Sequence[int]) -> None:
    """`training.enroll.self` is for the caller's own person alone; raises `PermissionDenied`."""
    if caller.may(ENROLL):
        return
    if not caller.may(ENROLL_SELF) or any(employee_id != caller.employee_id for employee_id in employee_ids):
        raise PermissionDenied(ENROLL)


def check_enrollment(seats: Seats, candidates: Sequence[Candidate], *, waitlist: bool = False) -> None:
    """All of the candidates or none: raises the first refusal there is, for everyone it concerns."""
    unknown = [position for position, candidate in enumerate(candidates) if not candidate.exists]
    if unknown:
        raise EmployeesNotSelectable(unknown)
    if seats.is_closed:
        raise SessionClosed(seats.status)
    enrolled = [position for position, candidate in enumerate(candidates) if candidate.enrolled_already]
    if enrolled:
        raise AlreadyEnrolled(enrolled)
    missing = {
        position: candidate.missing_prerequisites
        for position, candidate in enumerate(candidates)
        if candidate.missing_prerequisites
    }
    if missing:
        raise PrerequisiteMissing(missing)
    clashes = {position: candidate.clashes for position, candidate in enumerate(candidates) if candidate.clashes}
    if clashes and seats.refuses_clashes:
        raise Clash(clashes)
    if len(candidates) > seats.available and not (waitlist and seats.promotes):
        raise SessionFull(seats.available, len(candidates))


def decide_in_order(
    commands: Sequence[EnrollCommand],
    sessions: Mapping[SessionKey, Seats],
    candidates: Mapping[CandidateKey, Candidate],
) -> list[Granted | Exception]:
    """Each command's outcome, those before it taken into account: who came first has the seat."""
    sessions, candidates = dict(sessions), dict(candidates)
    elsewhere: dict[tuple[int, int], list[CandidateKey]] = {}
    for key in candidates:
        elsewhere.setdefault((key[0], key[2]), []).append(key)
    outcomes: list[Granted | Exception] = []
    for command in commands:
        seats = sessions.get(command.session_key)
        if seats is None or seats.in_doubt:
            outcomes.append(SessionUnknown())
            continue
        keys = [(*command.session_key, employee_id) for employee_id in command.employee_ids]
        asked = [candidates[key] for key in keys]
        try:
            check_enrollment(seats, asked, waitlist=command.waitlist)
        except ApiError as refusal:
            outcomes.append(refusal)
            continue
        granted = min(len(keys), seats.available)
        sessions[command.session_key] = seats = replace(seats, taken=seats.taken + granted)
        candidates.update((key, replace(candidates[key], enrolled_already=True)) for key in keys)
        for key in keys[:granted]:
            candidates.update(_booked(key, sessions, candidates, elsewhere))
        outcomes.append(Granted(granted, seats.available, _clashes_to_tell(seats, asked)))
    return outcomes


def _clashes_to_tell(seats: Seats, asked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(candidate for candidate in asked if candidate.clashes) if seats.booking_clash == "warn" else ()


def _booked(
    key: CandidateKey,
    sessions: Mapping[SessionKey, Seats],
    candidates: Mapping[CandidateKey, Candidate],
    keys_of: Mapping[tuple[int, int], Sequence[CandidateKey]],
) -> Iterator[tuple[CandidateKey, Candidate]]:
    """The person as other sessions at the same time see them, now that they are enrolled in this one."""
    organisation_id, session_id, employee_id = key
    times = sessions[organisation_id, session_id].times
    for other in keys_of[organisation_id, employee_id]:
        if other != key and overlap(times, sessions[other[:2]].times):
            yield other, replace(candidates[other], clashes=(*candidates[other].clashes, session_id))


def overlap(some: Sequence[Span], others: Sequence[Span]) -> bool:
    return any(start < other_end and other_start < end for start, end in some for other_start, other_end in others)
