"""What history answers (contract, section 5)."""

from typing import Annotated, Generic, Literal

from pydantic import Field, RootModel

from shared.http.representation import Data, Representation, WalkLinks, WalkMeta, may_be_missing

HistoryTimestamp = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$")]
"""`2025-07-01T07:30:00+00:00`"""


class PersonOfRecord(Representation):
    id: int
    type: Literal["employee", "staff"]
    name: str
    company: str | None


class AttendanceOfRecord(Representation):
    """A meeting of the session, and the check-in there."""

    meeting_id: int
    start_date: HistoryTimestamp
    end_date: HistoryTimestamp
    venue: str | None
    checked_in_at: HistoryTimestamp | None
    check_in_method: str | None


class SessionOfRecord(Representation):
    """`attendance` is present only if the session has meetings, one entry for each in the order of their times."""

    id: int
    name: str
    venue: str | None
    checked_in_at: HistoryTimestamp | None
    check_in_method: str | None
    attendance: Annotated[list[AttendanceOfRecord], Field(min_length=1)] = may_be_missing()


class TrainingRecord(Representation):
    """`session` is `null` for training done elsewhere and past completions, and `provider` is there for the former
    alone."""

    id: int
    type: Literal["online", "offline"]
    training_name: str
    training_type: Literal["session", "course", "external"]
    completed_at: HistoryTimestamp | None
    status: Literal["proposed", "confirmed", "completed", "cancelled"]
    result: Literal["passed", "failed", "attended", "absent"] | None
    valid_until: HistoryTimestamp | None
    person: PersonOfRecord
    projects: list[str]
    labels: list[str]
    provider: str = may_be_missing()
    session: SessionOfRecord | None


class Training(Representation):
    """`S` and the id of a session, or `C` and the id of a course that is taught online."""

    id: Annotated[str, Field(pattern=r"^[SC][1-9][0-9]{0,18}$")]
    type: Literal["online", "offline"]
    name: str
    description: str | None
    status: Literal["confirmed", "completed", "cancelled"]
    date: HistoryTimestamp | None
    venue: str | None
    total_seats: int
    occupied_seats: int
    self_register: bool
    projects: list[str]
    labels: list[str]


class HistoryMeta(Representation):
    current_page: int
    per_page: int
    total: int
    total_pages: int


class HistoryPage(Representation, Generic[Data]):
    """A page of a history, which has no `success`."""

    data: list[Data]
    meta: HistoryMeta


class HistoryWalk(Representation, Generic[Data]):
    """A step of a walk through a history, which `cursor` asks for."""

    data: list[Data]
    meta: WalkMeta
    links: WalkLinks


class HistoryListed(RootModel[HistoryPage[Data] | HistoryWalk[Data]], Generic[Data]):
    """A history, as it was asked for."""
