"""Why somebody cannot be enrolled, in the contract's words, and the response that names everybody it concerns.

Refusals are values as well as errors: the rules collect one for each person of a request.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

from shared.errors import MAX_REASON, ValidationFailed, shortened

_COUNT: Final[Mapping[str, Any]] = {"type": "integer", "minimum": 0}
_WAITING: Final[Mapping[str, Any]] = {"waiting": _COUNT}
_SPOTS: Final[Mapping[str, Any]] = {"available_spots": _COUNT, "requested": _COUNT}
_OF_MANY: Final[Mapping[str, Any]] = {**ValidationFailed.members, **_WAITING, **_SPOTS}
"""Of a refusal of one person: a request for many reports beside it why others have no seat."""


def counted(number: int, singular: str) -> str:
    """`1 spot`, `2 spots`."""
    return f"{number} {singular}" if number == 1 else f"{number} {singular}s"


class Refusal(ValidationFailed):
    """Why one person cannot be enrolled. A request for this person alone is refused by raising it.

    `of_employee`: the reasons are the person's. Those of the session are the same for everybody.
    """

    of_employee: ClassVar[bool] = False

    def __init__(
        self, *reasons: str, message: str | None = None, details: Mapping[str, Any] | None = None, listed: bool = True
    ) -> None:
        """`listed`: whether `errors` has the reasons if there is no other kind of refusal."""
        super().__init__({"session_id": reasons} if listed else None, message=message, details=details)
        self.reasons = reasons
        self.summary = message or type(self).message

    @property
    def text(self) -> str:
        """All reasons in one text."""
        return shortened(" ".join(self.reasons), MAX_REASON)


class EmployeeNotSelectable(Refusal):
    of_employee = True
    members: ClassVar[Mapping[str, Any]] = _OF_MANY

    def __init__(self) -> None:
        super().__init__("The selected employee does not exist.")


class SessionClosed(Refusal):
    code = "session_closed"
    meaning = "The session is completed or cancelled."
    remedy = "Choose another session."

    def __init__(self, status: str) -> None:
        reason = f"The session is {status}; nobody can be enrolled in it."
        super().__init__(reason, message=reason)


Window = Literal["early", "open", "late"]
"""Whether people may enroll themselves in a session: not yet, now, or no more."""


class EnrollmentNotOpen(Refusal):
    """People cannot enroll themselves in the session now; a coordinator may enroll them."""

    code = "enrollment_not_open"
    meaning = "People cannot enroll themselves in the session: enrollment has not opened yet, or has closed."
    remedy = "Wait until it opens, or ask who may enroll others."

    def __init__(self, window: Window) -> None:
        reason = f"Enrollment in this session {'has not opened yet' if window == 'early' else 'has closed'}."
        super().__init__(reason, message=reason)


class AlreadyEnrolled(Refusal):
    code = "already_enrolled"
    meaning = "The person is enrolled in the session already."
    remedy = "Leave the person out."
    members: ClassVar[Mapping[str, Any]] = _OF_MANY
    of_employee = True

    def __init__(self) -> None:
        super().__init__("The employee is already enrolled in this session.")


class PrerequisiteMissing(Refusal):
    """`titles` of the courses that the person lacks."""

    code = "prerequisite_missing"
    meaning = "The person has not completed a prerequisite of the course; `errors` names the courses."
    remedy = "Enroll the person in the missing courses first."
    members: ClassVar[Mapping[str, Any]] = _OF_MANY
    of_employee = True

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(*(f"The employee has not completed: {title}." for title in titles))


class Clash(Refusal):
    """`session_ids`: others at the same time in which the person is enrolled."""

    code = "booking_clash"
    meaning = "The person is enrolled in another session at that time, and the organisation refuses that."
    remedy = "Choose another session, or cancel the other enrollment."
    members: ClassVar[Mapping[str, Any]] = _OF_MANY
    of_employee = True

    def __init__(self, session_ids: Sequence[int]) -> None:
        super().__init__(*map(clash_reason, session_ids))


def clash_reason(session_id: int) -> str:
    return f"The employee is enrolled in another session at that time: session {session_id}."


class WaitlistAhead(Refusal):
    """A seat is free, and so many are `waiting` for it."""

    code = "waitlist_ahead"
    meaning = "A seat is free, but `waiting` others wait for it."
    remedy = "Enroll with `waitlist`, or promote those who wait first."
    members: ClassVar[Mapping[str, Any]] = {**ValidationFailed.members, **_WAITING}

    def __init__(self, waiting: int) -> None:
        reason = f"The session has a waitlist of {counted(waiting, 'employee')}, which comes first."
        super().__init__(reason, message=reason, details={"waiting": waiting})


class SessionFull(Refusal):
    """So many seats are `available`, and so many `requested`."""

    code = "session_full"
    meaning = "The session has `available_spots` free seats, and `requested` were asked for."
    remedy = "Ask for fewer, enroll with `waitlist` or `partial`, choose another session, or raise the capacity."
    members: ClassVar[Mapping[str, Any]] = {**ValidationFailed.members, **_SPOTS}

    def __init__(self, available: int, requested: int) -> None:
        reason = (
            f"Session is at capacity. Only {counted(available, 'spot')} remaining."
            f" You requested {counted(requested, 'enrollment')}."
        )
        details = {"available_spots": available, "requested": requested}
        super().__init__(reason, message=reason, details=details, listed=False)


KINDS: tuple[type[Refusal], ...] = (
    EmployeeNotSelectable,
    SessionClosed,
    EnrollmentNotOpen,
    AlreadyEnrolled,
    PrerequisiteMissing,
    Clash,
    WaitlistAhead,
    SessionFull,
)
"""In the order of the contract's table; the first that applies to a person is that person's refusal."""


class EnrollmentRefused(ValidationFailed):
    """Nobody is enrolled, since these people cannot be; `refusals` by position in `employee_ids`.

    The response reports every kind; the first one gives `code` and `message`.
    """

    def __init__(self, refusals: Mapping[int, Refusal]) -> None:
        positions = {kind: [place for place in refusals if type(refusals[place]) is kind] for kind in KINDS}
        heads = [refusals[places[0]] for places in positions.values() if places]
        first = heads[0]
        is_of_session_alone = len(heads) == 1 and not first.of_employee
        super().__init__(
            None if is_of_session_alone else _errors(refusals, list(positions.values())),
            message=first.summary,
            code=first.code,
            details={name: value for kind in heads for name, value in kind.details.items()},
        )
        self.refusals = refusals


def _errors(refusals: Mapping[int, Refusal], positions: Sequence[Sequence[int]]) -> dict[str, list[str]]:
    """By member of the request; `positions` are those of each kind.

    The first of each kind come first: a response lists at most `MAX_ERRORS` reasons, and so still has every kind.
    """
    heads = sorted((places[0] for places in positions if places), key=lambda place: len(refusals[place].reasons))
    errors: dict[str, list[str]] = {}
    for place in [*heads, *(place for places in positions for place in places[1:])]:
        refusal = refusals[place]
        reasons = errors.setdefault(f"employee_ids.{place}" if refusal.of_employee else "session_id", [])
        reasons += [reason for reason in refusal.reasons if reason not in reasons]
    return errors
