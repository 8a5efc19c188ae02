"""What clients are answered when people were enrolled (contract, section 4): values in, an answer out."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.enrollment.refusals import Clash, Refusal, clash_reason, counted
from services.enrollment.rules import Candidate
from shared.events.states import EnrollmentState
from shared.http.responses import Answer, success


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What was granted: the new enrollments in the order asked, and the seats that are left behind them.

    `waiting_before`: how many waited for the session already. `refused` are those who were not enrolled, or `None`
    where the request was for everyone or nobody. `clashes`: who is enrolled elsewhere at the same time.
    """

    enrollments: tuple[EnrollmentState, ...]
    available_spots: int
    waiting_before: int
    refused: tuple[tuple[int, Refusal], ...] | None = None
    clashes: tuple[Candidate, ...] = ()


def enrolled_answer(enrolled: Enrolled) -> Answer:
    """201; those on the waitlist get their position."""
    with_seat = sum(state.holds_seat for state in enrolled.enrollments)
    waitlisted = len(enrolled.enrollments) - with_seat
    message = f"{counted(with_seat, 'employee')} enrolled successfully"
    data: dict[str, Any] = {
        "enrolled_count": with_seat,
        "enrollments": _enrollments(enrolled),
        "session_available_spots": enrolled.available_spots,
    }
    if waitlisted:
        message += f", {waitlisted} put on the waitlist"
        data["waitlisted_count"] = waitlisted
    if enrolled.refused:
        message += f", {len(enrolled.refused)} refused"
    if enrolled.refused is not None:
        data["refused"] = [
            {"employee_id": employee_id, "code": refusal.code, "message": refusal.text}
            for employee_id, refusal in enrolled.refused
        ]
    if enrolled.clashes:
        data["warnings"] = list(_warnings(enrolled.clashes))
    return success(json.dumps(data), message=message, status=201)


def _warnings(clashes: Sequence[Candidate]) -> Iterator[dict[str, Any]]:
    for candidate in clashes:
        for session_id in candidate.clashes:
            yield {
                "code": Clash.code,
                "employee_id": candidate.employee_id,
                "session_id": session_id,
                "message": clash_reason(session_id),
            }


def _enrollments(enrolled: Enrolled) -> list[dict[str, Any]]:
    place = enrolled.waiting_before
    answered = []
    for state in enrolled.enrollments:
        entry: dict[str, Any] = {"id": state.id, "employee_id": state.employee_id, "status": state.status}
        if not state.holds_seat:
            place += 1
            entry["waitlist_position"] = place
        answered.append(entry)
    return answered
