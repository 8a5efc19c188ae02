"""What history answers (contract, section 5)."""

from typing import Literal

from shared.http.representation import HistoryTimestamp, Representation


class PersonOfRecord(Representation):
    id: int
    type: Literal["employee", "staff"]
    name: str
    company: str | None


class SessionOfRecord(Representation):
    id: int
    name: str
    venue: str | None
    checked_in_at: HistoryTimestamp | None
    check_in_method: str | None


class TrainingRecord(Representation):
    id: int
    type: Literal["online", "offline"]
    training_name: str
    training_type: Literal["session", "course"]
    completed_at: HistoryTimestamp | None
    status: Literal["proposed", "confirmed", "completed", "cancelled"]
    result: Literal["passed", "failed", "attended", "absent"] | None
    valid_until: HistoryTimestamp | None
    person: PersonOfRecord
    projects: list[str]
    labels: list[str]
    session: SessionOfRecord
