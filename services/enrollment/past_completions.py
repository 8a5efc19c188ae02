"""What an imported line makes of a past completion: values in, values out (contract, section 11)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.enrollment import external_records
from services.enrollment.errors import CompletedAtNotPossible, CourseNotSelectable, EmployeeNotThere
from services.enrollment.schemas_imports import CompletionLine
from shared.errors import ValidationFailed
from shared.events.states import Author, Judgement, NamedItem, RecordState, RememberedRecord


@dataclass(frozen=True, slots=True)
class Person:
    removed: bool
    merged_into: int | None
    company: NamedItem | None


@dataclass(frozen=True, slots=True)
class Course:
    """As it is now. An earlier release may have copied it without its delivery mode."""

    title: str
    delivery_mode: str | None
    labels: tuple[NamedItem, ...]
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Scene:
    """The people and the courses that lines name, and the database's clock; courses that are removed are left out."""

    people: Mapping[int, Person]
    courses: Mapping[int, Course]
    now: datetime


def refusals(line: CompletionLine, record: RecordState | None, scene: Scene) -> Iterator[ValidationFailed]:
    """All reasons why the line cannot be applied; `record` is the one that has its key."""
    if record is not None and record.status == "rejected":
        yield ValidationFailed({"key": ["The completion was rejected. Use another key for a new one."]})
    person = scene.people.get(line.employee_id)
    if person is not None and person.merged_into is not None:
        yield ValidationFailed({"employee_id": [f"This person was merged into person {person.merged_into}."]})
    elif person is None or person.removed:
        yield EmployeeNotThere()
    if line.course_id not in scene.courses:
        yield CourseNotSelectable()
    try:
        external_records.check_completed_at(line.completed_at, scene.now)
    except CompletedAtNotPossible as error:
        yield error


def completed(line: CompletionLine, scene: Scene, author: Author) -> dict[str, Any]:
    """The record of a line that is not refused, but for `id` and `version`.

    It counts at once, and its course judges it as training that was done elsewhere: who imports says that it was
    completed, and so it certifies without a score too.
    """
    person, course = scene.people[line.employee_id], scene.courses[line.course_id]
    result = external_records.judged(course.judgement, line.score, line.completed_at, line.valid_until)
    decided = {"decided_at": scene.now, "decided_by": author}
    return {
        **dict.fromkeys(("training_name", "provider", "evidence", "reason")),
        **line.model_dump(),
        **result,
        **decided,
        "source": "import",
        "status": "accepted",
        "certifies": result["passed"] is not False,
        "submitted_at": scene.now,
        "submitted_by": author,
        "remembered": RememberedRecord(
            training_name=course.title,
            labels=course.labels,
            company=person.company,
            delivery_mode=course.delivery_mode,
        ),
    }


def corrected(record: RecordState, values: Mapping[str, Any]) -> RecordState:
    """The record as `completed` says it, with the first who imported it; what it remembers stays for the same person
    and course."""
    kept = {name: getattr(record, name) for name in ("submitted_at", "submitted_by")}
    if (record.employee_id, record.course_id) == (values["employee_id"], values["course_id"]):
        kept["remembered"] = record.remembered
    return record.model_copy(update={**values, **kept, "version": record.version + 1})
